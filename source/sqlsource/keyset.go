package sqlsource

import (
	"strconv"
	"strings"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// keySet is true of the rows of alias whose columns are in a set. The values
// go as one array or document, not as one expression each: a set may have many
// thousands.
func (b *builder) keySet(c *datamap.Collection, alias string, set datamap.KeySet) (string, error) {
	columns := make([]column, len(set.Columns))
	for i, name := range set.Columns {
		var err error
		if columns[i], err = b.column(c.Table, name); err != nil {
			return "", err
		}
	}
	rows := b.possible(columns, set.Values)
	if len(rows) == 0 {
		return "FALSE", nil
	}
	list := b.sqliteList
	if b.dialect == sqldb.Postgres {
		list = b.postgresList
	}
	query, err := list(columns, rows)
	return tuple(namedAll(alias, set.Columns)) + " IN (" + query + ")", err
}

// possible leaves out what a column could only hold in another spelling.
func (b *builder) possible(columns []column, values [][]string) [][]string {
	var rows [][]string
	for _, row := range values {
		fits := len(row) == len(columns)
		for i := range min(len(row), len(columns)) {
			fits = fits && columns[i].canHold(row[i])
		}
		if fits {
			rows = append(rows, row)
		}
	}
	return rows
}

func (b *builder) postgresList(columns []column, rows [][]string) (string, error) {
	k := b.alias("k")
	var arrays, names []string
	for i, c := range columns {
		values := make([]string, len(rows))
		for j := range rows {
			values[j] = rows[j][i]
		}
		array, err := pgArray(values, c.base)
		if err != nil {
			return "", err
		}
		arrays = append(arrays, array)
		names = append(names, "c"+strconv.Itoa(i))
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM unnest(" + strings.Join(arrays, ", ") + ") AS " + k +
		"(" + strings.Join(names, ", ") + ")", nil
}

// pgArray is an array of a type as one literal.
func pgArray(values []string, typ string) (string, error) {
	var text strings.Builder
	text.WriteByte('{')
	for i, v := range values {
		if i > 0 {
			text.WriteByte(',')
		}
		if canonicalInt(v) {
			text.WriteString(v)
			continue
		}
		text.WriteString(`"` + arrayEscapes.Replace(v) + `"`)
	}
	text.WriteByte('}')
	quoted, err := pgLiteral(text.String())
	return quoted + "::" + typ + "[]", err
}

var arrayEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// sqliteList gives a column without affinity the number, too, that a text
// looks like.
func (b *builder) sqliteList(columns []column, rows [][]string) (string, error) {
	document := []byte{'['}
	for _, row := range rows {
		for _, spelt := range spellings(columns, row) {
			if len(document) > 1 {
				document = append(document, ',')
			}
			document = append(append(append(document, '['), strings.Join(spelt, ",")...), ']')
		}
	}
	quoted, err := sqliteLiteral(string(append(document, ']')))
	if err != nil {
		return "", err
	}
	k := b.alias("k")
	var parts []string
	for i := range columns {
		parts = append(parts, k+".value ->> "+strconv.Itoa(i))
	}
	return "SELECT " + strings.Join(parts, ", ") + " FROM json_each(" + quoted + ") AS " + k, nil
}

// spellings are the JSON values that a key may be in a row.
func spellings(columns []column, row []string) [][]string {
	all := [][]string{nil}
	for i, value := range row {
		forms := []string{string(appendString(nil, []byte(value)))}
		if columns[i].class == classAny && canonicalInt(value) {
			forms = append(forms, value)
		}
		var longer [][]string
		for _, head := range all {
			for _, form := range forms {
				longer = append(longer, append(head[:len(head):len(head)], form))
			}
		}
		all = longer
	}
	return all
}
