package sqlsource

import (
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// unfinished is what else is true of the rows of a step that it has still to
// change.
func (b *builder) unfinished(step *datamap.Step) ([]string, error) {
	if step.Action == datamap.Delete {
		return nil, nil
	}
	open := []string{"FALSE"}
	for _, a := range step.Set {
		text, err := b.open(step, a)
		if err != nil {
			return nil, err
		}
		open = append(open, text)
	}
	return []string{"(" + strings.Join(open, " OR ") + ")"}, nil
}

// unreferred is true of the rows that no row leads to that would keep them.
func (b *builder) unreferred(step *datamap.Step) ([]string, error) {
	var all []string
	for _, hop := range step.Referrers {
		text, err := b.noPath(step.Collection, "r", datamap.Path{Hops: []datamap.Hop{hop}})
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// open is true of a row of which an assignment is not true yet.
func (b *builder) open(step *datamap.Step, a datamap.Assignment) (string, error) {
	c, err := b.column(step.Collection.Table, a.Column)
	if err != nil {
		return "", err
	}
	switch {
	case c.computed:
		return "FALSE", nil // it follows from others
	case a.JSONPath == "":
		value, err := b.assigned(c, a.Value)
		return b.unlike(c, value), err
	case step.Link != nil:
		return "TRUE", nil // as long as the link leads to one of the rows that go
	}
	var j join
	expr, err := b.inJSON(&j, named("r", a.Column), c, a.JSONPath)
	if err != nil {
		return "", err
	}
	text := expr + " IS NOT NULL"
	if a.Value != nil {
		value, err := b.quoted(*a.Value)
		if err != nil {
			return "", err
		}
		text = "(" + text + " AND " + b.differs(expr, value) + ")"
	}
	if len(j.from) > 0 {
		text = "EXISTS (SELECT 1 FROM " + strings.Join(j.from, ", ") + " WHERE " + text + ")"
	}
	return text, nil
}

// unlike is true of a row whose column is not an assigned value. PostgreSQL
// compares some types only as text.
func (b *builder) unlike(c column, value string) string {
	if expr := named("r", c.name); c.equals || b.dialect == sqldb.SQLite || value == "NULL" {
		return b.differs(expr, value)
	}
	return b.differs(asText(named("r", c.name), true), asText(value, true))
}

func (b *builder) differs(left, right string) string {
	if b.dialect == sqldb.Postgres {
		return left + " IS DISTINCT FROM " + right
	}
	return left + " IS NOT " + right
}

// assigned is a value as what a column can hold.
func (b *builder) assigned(c column, value *string) (string, error) {
	if value == nil {
		return "NULL", nil
	}
	quoted, err := b.quoted(*value)
	if err != nil || b.dialect == sqldb.SQLite {
		return quoted, err
	}
	if !c.canHold(*value) {
		return "", privacyd.Errorf(privacyd.ClassRefused, "map_mismatch",
			"The data map puts a text in place of what column %q holds, whose type is %s. Write another disposition for it.", c.name, c.declared)
	}
	return "CAST(" + quoted + " AS " + c.declared + ")", nil
}

func (b *builder) quoted(value string) (string, error) {
	if b.dialect == sqldb.Postgres {
		return pgLiteral(value)
	}
	return sqliteLiteral(value)
}

// assignments are the SET list of a step's plain columns, and what is true of a
// row of which one is not made yet.
func (b *builder) assignments(step *datamap.Step) (set, open []string, err error) {
	for _, a := range step.Set {
		c, err := b.column(step.Collection.Table, a.Column)
		if err != nil {
			return nil, nil, err
		}
		if a.JSONPath != "" || c.computed {
			continue
		}
		value, err := b.assigned(c, a.Value)
		if err != nil {
			return nil, nil, err
		}
		set = append(set, identifier(a.Column)+" = "+value)
		open = append(open, b.unlike(c, value))
	}
	return set, open, nil
}
