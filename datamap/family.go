package datamap

import "strings"

// family is what columns of like types have in common.
type family string

const (
	familyAny     family = "any" // SQLite's column without a type, and types that only their database knows
	familyInteger family = "integer"
	familyDecimal family = "decimal"
	familyText    family = "text"
	familyUUID    family = "uuid"
	familyBoolean family = "boolean"
	familyJSON    family = "json"
	familyTime    family = "time"
	familyBytes   family = "bytes"
	familyArray   family = "array"
)

// familyOf reads a type as either database writes it. The order matters:
// "timestamp" before "int" has to be looked for by the start of the word.
func familyOf(typ string) family {
	t := strings.ToLower(strings.TrimSpace(typ))
	if strings.HasSuffix(t, "[]") {
		return familyArray
	}
	if i := strings.IndexByte(t, '('); i >= 0 {
		t = strings.TrimSpace(t[:i])
	}
	starts := []struct {
		family family
		words  string
	}{
		{familyJSON, "json"},
		{familyTime, "timestamp date time"},
		{familyAny, "interval"},
		{familyInteger, "int bigint smallint tinyint mediumint bigserial smallserial serial unsigned"},
		{familyDecimal, "numeric decimal real double float money"},
		{familyText, "text char varchar nchar nvarchar citext clob bpchar name native varying"},
		{familyUUID, "uuid"},
		{familyBoolean, "bool"},
		{familyBytes, "bytea blob varbinary binary"},
	}
	for _, s := range starts {
		for _, w := range strings.Fields(s.words) {
			if strings.HasPrefix(t, w) {
				return s.family
			}
		}
	}
	return familyAny
}

func holdsJSON(f family) bool { return f == familyJSON || f == familyText || f == familyAny }

// joinable tells whether the databases compare two columns as they are.
func joinable(a, b family) bool {
	number := func(f family) bool { return f == familyInteger || f == familyDecimal }
	return a == b || a == familyAny || b == familyAny || number(a) && number(b)
}

func fits(format Format, f family) bool {
	switch format {
	case FormatJSON:
		return holdsJSON(f)
	case FormatUnixSeconds, FormatUnixMillis, FormatUnixMicros:
		return f == familyInteger || f == familyDecimal || f == familyAny
	case FormatBoolean:
		return f == familyInteger || f == familyBoolean || f == familyDecimal || f == familyAny
	default:
		return true
	}
}
