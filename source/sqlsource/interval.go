package sqlsource

import (
	"encoding/binary"
	"math"
	"strconv"
)

// appendInterval writes months, days and microseconds as ISO 8601 in the way
// of IntervalStyle=iso_8601: each part with its own sign.
func appendInterval(dst, value []byte) ([]byte, error) {
	if len(value) != 16 {
		return dst, errMalformed
	}
	micros := int64(binary.BigEndian.Uint64(value))             //nolint:gosec // two's complement
	days := int64(int32(binary.BigEndian.Uint32(value[8:])))    //nolint:gosec // two's complement
	months := int64(int32(binary.BigEndian.Uint32(value[12:]))) //nolint:gosec // two's complement
	if micros == math.MaxInt64 && days == math.MaxInt32 && months == math.MaxInt32 {
		return append(dst, infinity...), nil
	}
	if micros == math.MinInt64 && days == math.MinInt32 && months == math.MinInt32 {
		return append(dst, negativeInfinity...), nil
	}
	dst = append(dst, '"', 'P')
	if micros == 0 && days == 0 && months == 0 {
		return append(dst, 'T', '0', 'S', '"'), nil
	}
	dst = appendPart(dst, months/12, 'Y')
	dst = appendPart(dst, months%12, 'M')
	dst = appendPart(dst, days, 'D')
	return append(appendIntervalTime(dst, micros), '"'), nil
}

func appendPart(dst []byte, n int64, unit byte) []byte {
	if n == 0 {
		return dst
	}
	return append(strconv.AppendInt(dst, n, 10), unit)
}

func appendIntervalTime(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	dst = append(dst, 'T')
	dst = appendPart(dst, micros/(3600*microsPerSecond), 'H')
	micros %= 3600 * microsPerSecond
	dst = appendPart(dst, micros/(60*microsPerSecond), 'M')
	if micros %= 60 * microsPerSecond; micros == 0 {
		return dst
	}
	if micros < 0 {
		dst = append(dst, '-')
		micros = -micros
	}
	dst = strconv.AppendInt(dst, micros/microsPerSecond, 10)
	dst = appendFraction(dst, micros%microsPerSecond)
	return append(dst, 'S')
}
