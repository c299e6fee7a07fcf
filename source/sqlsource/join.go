package sqlsource

import (
	"fmt"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// join is a link as SQL: left and right are equal pair by pair where the rows
// are linked.
type join struct {
	when  []string                    // the type columns of a polymorphic link
	from  []string                    // arrays inside JSON, to stand beside the linking row
	left  []string                    // of the linking row
	right func(alias string) []string // of the row linked to
}

func (b *builder) join(c *datamap.Collection, alias string, link *datamap.Link, to *datamap.Collection) (join, error) {
	var j join
	for _, match := range link.When {
		text, err := b.equals(c, alias, match.Column, match.Value)
		if err != nil {
			return join{}, err
		}
		j.when = append(j.when, text)
	}
	casts := make([]bool, len(link.On))
	for i, pair := range link.On {
		left, cast, err := b.left(&j, c, alias, pair, to)
		if err != nil {
			return join{}, err
		}
		j.left = append(j.left, left)
		casts[i] = cast
	}
	j.right = func(alias string) []string {
		right := make([]string, len(link.On))
		for i, pair := range link.On {
			right[i] = asText(named(alias, pair.Target), casts[i])
		}
		return right
	}
	return j, nil
}

// left is the linking side of a pair; cast tells that both sides are compared
// as text.
func (b *builder) left(j *join, c *datamap.Collection, alias string, pair datamap.ColumnPair, to *datamap.Collection) (expr string, cast bool, err error) {
	from, err := b.column(c.Table, pair.Column)
	if err != nil {
		return "", false, err
	}
	target, err := b.column(to.Table, pair.Target)
	if err != nil {
		return "", false, err
	}
	expr = named(alias, pair.Column)
	if pair.JSONPath != "" {
		expr, err = b.inJSON(j, expr, from, pair.JSONPath)
		return expr, target.class != classText, err
	}
	// SQLite compares an integer and a text by their columns' affinities.
	cast = b.dialect == sqldb.Postgres && !comparable(from.class, target.class)
	return asText(expr, cast), cast, nil
}

func asText(expr string, cast bool) string {
	if !cast {
		return expr
	}
	return "CAST(" + expr + " AS text)"
}

// inJSON is the text at a path inside a JSON column. Each [*] becomes a table
// beside the row.
func (b *builder) inJSON(j *join, expr string, column column, path string) (string, error) {
	steps, err := parsePath(path)
	if err != nil {
		return "", err
	}
	arrays, last := splitEach(steps)
	read := b.sqliteJSON
	if b.dialect == sqldb.Postgres {
		read = b.postgresJSON
	}
	return read(j, expr, column, arrays, last)
}

// postgresJSON uses strict paths, in which [*] alone enters an array, and
// makes their errors silent, one level at a time so that one odd element does
// not hide the others.
func (b *builder) postgresJSON(j *join, expr string, column column, arrays [][]step, last []step) (string, error) {
	switch column.kind {
	case kindJSONB:
	case kindJSON:
		expr += "::jsonb"
	default:
		expr = "NULLIF(btrim(" + expr + "::text), '')::jsonb"
	}
	for _, steps := range arrays {
		path, err := pgLiteral("strict " + pathText(steps) + "[*]")
		if err != nil {
			return "", err
		}
		alias := b.alias("j")
		j.from = append(j.from, fmt.Sprintf("jsonb_path_query(%s, %s, '{}', true) AS %s(v)", expr, path, alias))
		expr = alias + ".v"
	}
	path, err := pgLiteral("strict " + pathText(last))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("(jsonb_path_query_first(%s, %s, '{}', true) #>> '{}')", expr, path), nil
}

// sqliteJSON guards each level: SQLite fails on text that is not JSON, and
// json_each also walks objects.
func (b *builder) sqliteJSON(j *join, expr string, _ column, arrays [][]step, last []step) (string, error) {
	guarded := fmt.Sprintf("CASE WHEN json_valid(%s) THEN %s END", expr, expr)
	value := ""
	for _, steps := range arrays {
		path, err := literal(pathText(steps))
		if err != nil {
			return "", err
		}
		alias := b.alias("j")
		j.from = append(j.from, fmt.Sprintf(
			"json_each(CASE WHEN json_type(%s, %s) = 'array' THEN %s END, %s) AS %s", guarded, path, guarded, path, alias))
		value = alias + ".value"
		guarded = fmt.Sprintf("CASE WHEN %s.type IN ('array', 'object') THEN %s END", alias, value)
	}
	if len(last) == 0 && value != "" {
		return asText(value, true), nil
	}
	path, err := literal(pathText(last))
	if err != nil {
		return "", err
	}
	return asText(fmt.Sprintf("json_extract(%s, %s)", guarded, path), true), nil
}
