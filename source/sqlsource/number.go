package sqlsource

import (
	"math"
	"strconv"
)

// appendFloat writes the shortest decimal that reads back as f, with an
// exponent where PostgreSQL has one, so that a float is the same from both
// databases.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	digits := 15
	if bits == 32 {
		digits = 6
	}
	mark := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	if e := exponent(dst[mark:]); e < -4 || e >= digits {
		return dst
	}
	return strconv.AppendFloat(dst[:mark], f, 'f', -1, bits)
}

// exponent reads the last digits of 1.5e-07.
func exponent(text []byte) int {
	e, scale := 0, 1
	for i := len(text) - 1; i >= 0; i-- {
		switch c := text[i]; c {
		case 'e', '+':
			return e
		case '-':
			return -e
		default:
			e += scale * int(c-'0')
			scale *= 10
		}
	}
	return e
}
