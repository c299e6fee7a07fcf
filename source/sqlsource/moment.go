package sqlsource

import (
	"math"
	"strconv"

	"github.com/privacyd/privacyd/datamap"
)

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86_400 * microsPerSecond
	pgEpochDays     = 10_957 // 2000-01-01, where PostgreSQL counts from, in days since 1970
)

// appendMoment writes a day since 1970 and a time of that day as an RFC 3339
// string; zone is "Z" or empty.
func appendMoment(dst []byte, day, micros int64, zone string) []byte {
	dst = append(dst, '"')
	dst, bc := appendDay(dst, day)
	dst = append(dst, 'T')
	dst = appendClock(dst, micros)
	dst = append(dst, zone...)
	return endYear(dst, bc)
}

func appendDate(dst []byte, day int64) []byte {
	dst = append(dst, '"')
	dst, bc := appendDay(dst, day)
	return endYear(dst, bc)
}

func endYear(dst []byte, bc bool) []byte {
	if bc {
		dst = append(dst, " BC"...)
	}
	return append(dst, '"')
}

// appendDay turns days into a date of the Gregorian calendar carried back, by
// counting in eras of 400 years that begin on 1 March of year 0.
func appendDay(dst []byte, day int64) (_ []byte, bc bool) {
	const perEra = 146_097
	day += 719_468
	era := floorDiv(day, perEra)
	ofEra := day - era*perEra
	yearOfEra := (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*ofYear + 2) / 153
	dayOfMonth := ofYear - (153*shifted+2)/5 + 1
	year, month := yearOfEra+era*400, shifted+3
	if month > 12 {
		month -= 12
		year++
	}
	if bc = year <= 0; bc {
		year = 1 - year
	}
	dst = appendPadded(dst, year, 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, month, 2)
	dst = append(dst, '-')
	return appendPadded(dst, dayOfMonth, 2), bc
}

func appendClock(dst []byte, micros int64) []byte {
	seconds := micros / microsPerSecond
	dst = appendPadded(dst, seconds/3600, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds/60%60, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds%60, 2)
	return appendFraction(dst, micros%microsPerSecond)
}

// appendFraction writes microseconds without trailing zeros, nothing for 0.
func appendFraction(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = appendPadded(dst, micros, 6)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func appendPadded(dst []byte, n int64, width int) []byte {
	scale := int64(1)
	for range width - 1 {
		scale *= 10
	}
	for ; scale > 1 && n < scale; scale /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, n, 10)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// appendUnix writes a count since 1970 as its format says; what is no time in
// that format stays the number that it is.
func appendUnix(dst []byte, n int64, format datamap.Format) []byte {
	scale := int64(1)
	switch format {
	case datamap.FormatUnixSeconds:
		scale = microsPerSecond
	case datamap.FormatUnixMillis:
		scale = 1000
	case datamap.FormatBoolean:
		return appendBoolean(dst, n)
	case datamap.FormatPlain, datamap.FormatJSON:
		return strconv.AppendInt(dst, n, 10)
	case datamap.FormatUnixMicros:
	}
	if n > math.MaxInt64/scale || n < math.MinInt64/scale {
		return strconv.AppendInt(dst, n, 10)
	}
	micros := n * scale
	day := floorDiv(micros, microsPerDay)
	return appendMoment(dst, day, micros-day*microsPerDay, "Z")
}

func appendBoolean(dst []byte, n int64) []byte {
	switch n {
	case 0:
		return append(dst, "false"...)
	case 1:
		return append(dst, "true"...)
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendRealUnix is appendUnix for a column of floating point numbers.
func appendRealUnix(dst []byte, f float64, bits int, format datamap.Format) []byte {
	scale := map[datamap.Format]float64{
		datamap.FormatUnixSeconds: microsPerSecond, datamap.FormatUnixMillis: 1000, datamap.FormatUnixMicros: 1, datamap.FormatBoolean: 1,
	}[format]
	micros := math.Round(f * scale)
	if scale == 0 || math.IsNaN(micros) || math.Abs(micros) >= 1<<62 {
		return appendFloat(dst, f, bits)
	}
	if format == datamap.FormatBoolean {
		if f != 0 && f != 1 {
			return appendFloat(dst, f, bits)
		}
		return appendBoolean(dst, int64(f))
	}
	return appendUnix(dst, int64(micros), datamap.FormatUnixMicros)
}
