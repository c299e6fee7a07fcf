package sqlsource

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/privacyd/privacyd/datamap"
)

// errMalformed is a value that is not PostgreSQL's binary form of its type.
var errMalformed = errors.New("a value is not in the binary form of its type")

// decoder writes values in PostgreSQL's binary form as JSON.
type decoder struct {
	compactor compactor
}

// append writes value, which is not NULL.
func (d *decoder) append(dst, value []byte, k, elem kind, format datamap.Format) ([]byte, error) {
	switch k {
	case kindText, kindAny, kindBlob:
		if format == datamap.FormatJSON {
			return d.compactor.appendJSON(dst, value), nil
		}
		return appendString(dst, value), nil
	case kindJSON:
		return d.compactor.appendJSON(dst, value), nil
	case kindJSONB:
		if len(value) == 0 || value[0] != 1 {
			return dst, errMalformed
		}
		return d.compactor.appendJSON(dst, value[1:]), nil
	case kindBytes:
		return appendBase64(dst, value), nil
	case kindNumeric:
		return appendNumeric(dst, value, format)
	case kindInterval:
		return appendInterval(dst, value)
	case kindInet:
		return appendInet(dst, value)
	case kindArray:
		return d.appendArray(dst, value, elem)
	case kindUUID:
		return appendUUID(dst, value)
	case kindBool, kindInt2, kindInt4, kindInt8, kindFloat4, kindFloat8,
		kindTimestamp, kindTimestampTZ, kindDate, kindTime:
	}
	return appendFixed(dst, value, k, format)
}

// appendFixed writes the types that are one number of a fixed width.
func appendFixed(dst, value []byte, k kind, format datamap.Format) ([]byte, error) {
	n, width := fixed(value)
	if width == 0 || width != k.width() {
		return dst, errMalformed
	}
	switch k {
	case kindBool:
		return strconv.AppendBool(dst, n != 0), nil
	case kindInt2, kindInt4, kindInt8:
		if format == datamap.FormatPlain {
			return strconv.AppendInt(dst, n, 10), nil
		}
		return appendUnix(dst, n, format), nil
	case kindFloat4:
		return appendRealUnix(dst, float64(math.Float32frombits(uint32(n))), 32, format), nil //nolint:gosec // its bits
	case kindFloat8:
		return appendRealUnix(dst, math.Float64frombits(uint64(n)), 64, format), nil //nolint:gosec // its bits
	case kindTimestamp:
		return appendTimestamp(dst, n, ""), nil
	case kindTimestampTZ:
		return appendTimestamp(dst, n, "Z"), nil
	case kindDate:
		return appendPGDate(dst, n), nil
	default: // kindTime
		if n < 0 || n > microsPerDay {
			return dst, errMalformed
		}
		return append(appendClock(append(dst, '"'), n), '"'), nil
	}
}

func (k kind) width() int {
	switch k {
	case kindBool:
		return 1
	case kindInt2:
		return 2
	case kindInt4, kindFloat4, kindDate:
		return 4
	default:
		return 8
	}
}

func fixed(b []byte) (n int64, width int) {
	switch len(b) {
	case 1:
		return int64(b[0]), 1
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b))), 2 //nolint:gosec // two's complement
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))), 4 //nolint:gosec // two's complement
	case 8:
		return int64(binary.BigEndian.Uint64(b)), 8 //nolint:gosec // two's complement
	}
	return 0, 0
}

const (
	infinity         = `"infinity"`
	negativeInfinity = `"-infinity"`
)

// appendTimestamp writes microseconds since 2000.
func appendTimestamp(dst []byte, micros int64, zone string) []byte {
	switch micros {
	case math.MaxInt64:
		return append(dst, infinity...)
	case math.MinInt64:
		return append(dst, negativeInfinity...)
	}
	day := floorDiv(micros, microsPerDay)
	return appendMoment(dst, day+pgEpochDays, micros-day*microsPerDay, zone)
}

func appendPGDate(dst []byte, day int64) []byte {
	switch day {
	case math.MaxInt32:
		return append(dst, infinity...)
	case math.MinInt32:
		return append(dst, negativeInfinity...)
	}
	return appendDate(dst, day+pgEpochDays)
}

func appendUUID(dst, value []byte) ([]byte, error) {
	const hex = "0123456789abcdef"
	if len(value) != 16 {
		return dst, errMalformed
	}
	dst = append(dst, '"')
	for i, c := range value {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hex[c>>4], hex[c&15])
	}
	return append(dst, '"'), nil
}

// appendArray writes an array of any number of dimensions. Their lower bounds
// are left out, as PostgreSQL's own JSON does.
func (d *decoder) appendArray(dst, value []byte, elem kind) ([]byte, error) {
	if len(value) < 12 {
		return dst, errMalformed
	}
	dimensions := int(binary.BigEndian.Uint32(value))
	body := value[12:]
	if dimensions == 0 {
		return append(dst, '[', ']'), nil
	}
	if dimensions > 6 || len(body) < 8*dimensions {
		return dst, errMalformed
	}
	a := arrayReader{decoder: d, elem: elem, sizes: body[:8*dimensions], rest: body[8*dimensions:]}
	dst, err := a.level(dst, 0)
	if err == nil && len(a.rest) > 0 {
		err = errMalformed
	}
	return dst, err
}

type arrayReader struct {
	decoder *decoder
	elem    kind
	sizes   []byte // size and lower bound of each dimension
	rest    []byte // elements, each behind its length
}

func (a *arrayReader) level(dst []byte, depth int) ([]byte, error) {
	size := int(binary.BigEndian.Uint32(a.sizes[8*depth:]))
	innermost := 8*(depth+1) == len(a.sizes)
	if size > len(a.rest)/4 { // each element has a length
		return dst, errMalformed
	}
	dst = append(dst, '[')
	for i := range size {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if innermost {
			dst, err = a.element(dst)
		} else {
			dst, err = a.level(dst, depth+1)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (a *arrayReader) element(dst []byte) ([]byte, error) {
	value, rest, ok := cutValue(a.rest)
	if !ok {
		return dst, errMalformed
	}
	a.rest = rest
	if value == nil {
		return append(dst, "null"...), nil
	}
	return a.decoder.append(dst, value, a.elem, kindText, datamap.FormatPlain)
}

// cutValue takes a value behind its length; nil is NULL.
func cutValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int32(binary.BigEndian.Uint32(b)) //nolint:gosec // two's complement
	b = b[4:]
	if n == -1 {
		return nil, b, true
	}
	if n < 0 || int(n) > len(b) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}
