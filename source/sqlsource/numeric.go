package sqlsource

import (
	"encoding/binary"
	"strconv"

	"github.com/privacyd/privacyd/datamap"
)

const (
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericInfinity = 0xD000
	numericMinusInf = 0xF000
	maxScale        = 16_383
)

// numeric is PostgreSQL's binary form: digits to the base 10,000.
type numeric struct {
	digits []byte // two bytes each
	weight int    // of the first digit, as a power of 10,000
	scale  int    // decimal digits to show behind the point
}

// digit is the one of a weight; beyond those that are stored it is 0.
func (n numeric) digit(weight int) int64 {
	i := 2 * (n.weight - weight)
	if i < 0 || i >= len(n.digits) {
		return 0
	}
	return int64(binary.BigEndian.Uint16(n.digits[i:]))
}

func (n numeric) valid() bool {
	for i := 0; i < len(n.digits); i += 2 {
		if binary.BigEndian.Uint16(n.digits[i:]) > 9999 {
			return false
		}
	}
	return n.scale <= maxScale
}

// appendNumeric writes every digit that the database holds.
func appendNumeric(dst, value []byte, format datamap.Format) ([]byte, error) {
	if len(value) < 8 {
		return dst, errMalformed
	}
	sign := binary.BigEndian.Uint16(value[4:])
	n := numeric{
		digits: value[8:],
		weight: int(int16(binary.BigEndian.Uint16(value[2:]))), //nolint:gosec // two's complement
		scale:  int(binary.BigEndian.Uint16(value[6:])),
	}
	if len(n.digits) != 2*int(binary.BigEndian.Uint16(value)) || !n.valid() {
		return dst, errMalformed
	}
	mark := len(dst)
	switch sign {
	case 0:
	case numericNegative:
		dst = append(dst, '-')
	case numericNaN:
		return append(dst, `"NaN"`...), nil
	case numericInfinity:
		return append(dst, `"Infinity"`...), nil
	case numericMinusInf:
		return append(dst, `"-Infinity"`...), nil
	default:
		return dst, errMalformed
	}
	dst = n.appendFraction(n.appendWhole(dst))
	if format == datamap.FormatPlain || format == datamap.FormatJSON {
		return dst, nil
	}
	return numericUnix(dst, mark, format), nil
}

func (n numeric) appendWhole(dst []byte) []byte {
	weight := n.weight
	for weight > 0 && n.digit(weight) == 0 {
		weight--
	}
	if weight < 0 {
		return append(dst, '0')
	}
	dst = strconv.AppendInt(dst, n.digit(weight), 10)
	for weight--; weight >= 0; weight-- {
		dst = appendPadded(dst, n.digit(weight), 4)
	}
	return dst
}

func (n numeric) appendFraction(dst []byte) []byte {
	if n.scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	end := len(dst) + n.scale
	for weight := -1; len(dst) < end; weight-- {
		dst = appendPadded(dst, n.digit(weight), 4)
	}
	return dst[:end]
}

// numericUnix rewrites the number behind mark as a time, when it is whole;
// else through a float, whose precision is finer than a microsecond for
// centuries of seconds.
func numericUnix(dst []byte, mark int, format datamap.Format) []byte {
	text := string(dst[mark:])
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return appendUnix(dst[:mark], n, format)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return dst
	}
	if out := appendRealUnix(nil, f, 64, format); out[0] == '"' {
		return append(dst[:mark], out...)
	}
	return dst
}
