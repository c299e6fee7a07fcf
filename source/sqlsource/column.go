package sqlsource

import (
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// kind is how a column's values are written as JSON.
type kind int

const (
	kindText        kind = iota // text, or any other type in the database's own words
	kindBool                    // PostgreSQL's kinds, in its binary form
	kindInt2                    //
	kindInt4                    //
	kindInt8                    //
	kindFloat4                  //
	kindFloat8                  //
	kindNumeric                 //
	kindUUID                    //
	kindTimestamp               //
	kindTimestampTZ             //
	kindDate                    //
	kindTime                    //
	kindInterval                //
	kindJSON                    //
	kindJSONB                   //
	kindBytes                   //
	kindInet                    //
	kindArray                   // of elem
	kindAny                     // SQLite: by the value
	kindBlob                    // SQLite: bytes, also where a value is a text
)

// class tells which types compare with each other as they are.
type class string

const (
	classText    class = "text"
	classInteger class = "integer"
	classNumber  class = "number"
	classUUID    class = "uuid"
	classAny     class = "any" // SQLite: no affinity, values compare by their own type
)

func comparable(a, b class) bool {
	numeric := func(c class) bool { return c == classInteger || c == classNumber }
	return a == b || numeric(a) && numeric(b)
}

// column is what a source knows of a table's column.
type column struct {
	name     string
	declared string // the type as the database writes it
	base     string // PostgreSQL: the type below any domain, without a length
	kind     kind
	elem     kind // of kindArray
	cast     bool // PostgreSQL: read through a cast to text
	class    class
	equals   bool // PostgreSQL: the type has an operator for it
	texts    bool // its values may hold what people write
	computed bool // by the database alone: it cannot be set
}

// columns are a table's columns by name.
type columns map[string]column

func (b *builder) column(table, name string) (column, error) {
	all, err := b.columns(table)
	if err != nil {
		return column{}, err
	}
	return all.find(table, name)
}

func (c columns) find(table, name string) (column, error) {
	found, ok := c[name]
	if !ok {
		// SQLite's names are the same in any case.
		for n, other := range c {
			if other.isSQLite() && strings.EqualFold(n, name) {
				return other, nil
			}
		}
		return column{}, privacyd.Errorf(privacyd.ClassRefused, "map_mismatch",
			"The data map names column %q of table %q, which the database does not have. Run `privacyd map check`.", name, table)
	}
	return found, nil
}

func (c column) isSQLite() bool {
	return c.kind == kindAny || c.kind == kindBlob || c.class == classAny
}

func tableMissing(table string) error {
	return privacyd.Errorf(privacyd.ClassRefused, "map_mismatch",
		"The data map names table %q, which the database does not have or does not let privacyd see. Run `privacyd map check`.", table)
}

// encoding is what a reader of the JSON finds.
func (c column) encoding(f datamap.Format) datamap.Encoding {
	if c.kind == kindArray {
		return datamap.ArrayOf(kindEncoding(c.elem))
	}
	switch f {
	case datamap.FormatJSON:
		return datamap.EncodingJSON
	case datamap.FormatUnixSeconds, datamap.FormatUnixMillis, datamap.FormatUnixMicros:
		if c.number() {
			return datamap.EncodingDateTime
		}
	case datamap.FormatBoolean:
		if c.number() {
			return datamap.EncodingBoolean
		}
	case datamap.FormatPlain:
	}
	if c.kind == kindAny {
		return sqliteEncoding(c.class)
	}
	return kindEncoding(c.kind)
}

func (c column) number() bool {
	return c.class == classInteger || c.class == classNumber || c.class == classAny
}

func kindEncoding(k kind) datamap.Encoding {
	switch k {
	case kindBool:
		return datamap.EncodingBoolean
	case kindInt2, kindInt4, kindInt8, kindFloat4, kindFloat8, kindNumeric:
		return datamap.EncodingNumber
	case kindTimestamp:
		return datamap.EncodingLocalDateTime
	case kindTimestampTZ:
		return datamap.EncodingDateTime
	case kindDate:
		return datamap.EncodingDate
	case kindTime:
		return datamap.EncodingLocalTime
	case kindInterval:
		return datamap.EncodingDuration
	case kindJSON, kindJSONB:
		return datamap.EncodingJSON
	case kindBytes, kindBlob:
		return datamap.EncodingBase64
	case kindAny:
		return datamap.EncodingAny
	case kindText, kindUUID, kindInet, kindArray:
	}
	return datamap.EncodingString
}

// sqliteEncoding goes by the column's affinity: what an ordinary value of it is.
func sqliteEncoding(c class) datamap.Encoding {
	switch c {
	case classText:
		return datamap.EncodingString
	case classInteger, classNumber:
		return datamap.EncodingNumber
	}
	return datamap.EncodingAny
}
