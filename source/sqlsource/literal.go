package sqlsource

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/privacyd/privacyd"
)

// literal quotes a value for SQL text. COPY and the cheapest way to run a
// statement on SQLite take no parameters, so values must stand in the text.
func literal(value string) (string, error) {
	if strings.IndexByte(value, 0) >= 0 || !utf8.ValidString(value) {
		return "", privacyd.Errorf(privacyd.ClassInvalid, "value_invalid",
			"A key or name holds U+0000 or is not UTF-8, which no database key can be. Give it without.")
	}
	return "'" + strings.ReplaceAll(value, "'", "''") + "'", nil
}

// pgLiteral is literal for PostgreSQL, where a backslash is an escape if the
// server has standard_conforming_strings off; E” reads the same either way.
func pgLiteral(value string) (string, error) {
	quoted, err := literal(value)
	if err != nil || !strings.Contains(value, `\`) {
		return quoted, err
	}
	return " E" + strings.ReplaceAll(quoted, `\`, `\\`), nil
}

// sqliteLiteral is literal for SQLite. It keeps $ and a digit apart, in which
// privacyd's own database sees a parameter.
func sqliteLiteral(value string) (string, error) {
	quoted, err := literal(value)
	if err != nil || !parameterLike.MatchString(quoted) {
		return quoted, err
	}
	return "(" + parameterLike.ReplaceAllString(quoted, "$$'||'$1") + ")", nil
}

var parameterLike = regexp.MustCompile(`\$([0-9])`)

// identifier quotes a name.
func identifier(name string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(name, "\x00", ""), `"`, `""`) + `"`
}

// tableName quotes "table" or "schema.table".
func tableName(table string) string {
	schema, name, ok := strings.Cut(table, ".")
	if !ok {
		return identifier(table)
	}
	return identifier(schema) + "." + identifier(name)
}

// named puts an alias and a dot before a quoted column.
func named(alias, column string) string { return alias + "." + identifier(column) }

// tuple is one expression as it is, or several in brackets.
func tuple(expressions []string) string {
	if len(expressions) == 1 {
		return expressions[0]
	}
	return "(" + strings.Join(expressions, ", ") + ")"
}
