package store

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd/store/sqldb"
)

// column is one column of a rows value. Its values have as many elements as
// those of its neighbours: []int64, []string or [][]byte.
type column struct {
	name   string
	values any
}

// rowsAs writes columns as a table that a statement can select from, so that
// any number of rows takes one round trip: on PostgreSQL arrays, whose text is
// the same for each number of rows; on SQLite a list of values. Its parameters
// begin at $first.
func (s *Store) rowsAs(name string, first int, columns ...column) (table string, args []any) {
	if s.db.Dialect == sqldb.Postgres {
		return arraysAs(name, first, columns)
	}
	return valuesAs(name, first, columns)
}

func arraysAs(name string, first int, columns []column) (string, []any) {
	var arrays, names []string
	var args []any
	for i, c := range columns {
		var kind string
		switch c.values.(type) {
		case []int64:
			kind = "bigint"
		case [][]byte:
			kind = "bytea"
		default:
			kind = "text"
		}
		arrays = append(arrays, "$"+strconv.Itoa(first+i)+"::"+kind+"[]")
		names = append(names, c.name)
		args = append(args, c.values)
	}
	return "unnest(" + strings.Join(arrays, ", ") + ") AS " + name + " (" + strings.Join(names, ", ") + ")", args
}

func valuesAs(name string, first int, columns []column) (string, []any) {
	var names []string
	for i, c := range columns {
		names = append(names, "column"+strconv.Itoa(i+1)+" AS "+c.name)
	}
	var b strings.Builder
	b.WriteString("(SELECT " + strings.Join(names, ", ") + " FROM (VALUES ")
	var args []any
	for row := range length(columns[0].values) {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + parameters(first+len(args), len(columns)) + ")")
		for _, c := range columns {
			args = append(args, element(c.values, row))
		}
	}
	b.WriteString(")) AS " + name)
	return b.String(), args
}

func length(values any) int {
	switch v := values.(type) {
	case []int64:
		return len(v)
	case [][]byte:
		return len(v)
	case []string:
		return len(v)
	}
	return 0
}

func element(values any, i int) any {
	switch v := values.(type) {
	case []int64:
		return v[i]
	case [][]byte:
		return v[i]
	case []string:
		return v[i]
	}
	return nil
}

// listAs makes a list of numbers or texts the parameter $n of a statement, and
// writes it as what IN takes: on PostgreSQL an array, on SQLite JSON, which takes
// a third of the time of as many parameters.
func (s *Store) listAs(n int, list any) (arg any, in string) {
	at := "$" + strconv.Itoa(n)
	if s.db.Dialect == sqldb.Postgres {
		kind := "text"
		if _, numbers := list.([]int64); numbers {
			kind = "bigint"
		}
		return list, "(SELECT unnest(" + at + "::" + kind + "[]))"
	}
	text, _ := json.Marshal(list) // numbers and texts can be written
	return string(text), "(SELECT value FROM json_each(" + at + "))"
}
