package sqlsource

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// equals compares a column with a value that is given as text. It keeps the
// column bare, so that an index serves, and is false for a text that the
// column's type could only hold in another spelling: "042" is not row 42.
func (b *builder) equals(c *datamap.Collection, alias, name, value string) (string, error) {
	column, err := b.column(c.Table, name)
	if err != nil {
		return "", err
	}
	if !column.canHold(value) {
		return "FALSE", nil
	}
	expr := named(alias, name)
	if b.dialect == sqldb.Postgres {
		quoted, err := pgLiteral(value)
		return expr + " = " + quoted, err
	}
	quoted, err := sqliteLiteral(value)
	if err == nil && column.class == classAny && canonicalInt(value) {
		return expr + " IN (" + quoted + ", " + value + ")", nil
	}
	return expr + " = " + quoted, err
}

// equalsTyped is equals for what people typed: neither case nor space around it
// counts.
func (b *builder) equalsTyped(c *datamap.Collection, alias, name, value string) (string, error) {
	columns, err := b.textOf(c, alias, []string{name})
	if err != nil {
		return "", err
	}
	quote := sqliteLiteral
	if b.dialect == sqldb.Postgres {
		quote = pgLiteral
	}
	quoted, err := quote(strings.ToLower(strings.TrimSpace(value)))
	return "lower(trim(" + columns[0] + ")) = " + quoted, err
}

func (c column) canHold(value string) bool {
	switch c.class {
	case classInteger:
		return canonicalInt(value) && fits(value, c.kind)
	case classUUID:
		return len(value) == 36 && uuid.Validate(value) == nil
	}
	return true
}

func canonicalInt(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == value
}

func fits(value string, k kind) bool {
	bits := map[kind]int{kindInt2: 16, kindInt4: 32}[k]
	if bits == 0 {
		bits = 64
	}
	_, err := strconv.ParseInt(value, 10, bits)
	return err == nil
}
