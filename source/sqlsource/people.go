package sqlsource

import (
	"context"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// FindPeople gives fn those of a selection, the rows of a kind of subject, whom
// a text is about: their id or one of their identifiers is the text, or their
// name, or a word of it, begins with it; case does not count. At most so many,
// in the order of their ids. Identifiers inside of JSON are not looked at.
//
// Error codes: those of Snapshot.Read, value_invalid.
func (e *Eraser) FindPeople(ctx context.Context, sel datamap.Selection, kind *datamap.SubjectKind, text string, most int, fn func(id, name string) error) error {
	wanted, err := literal(text)
	if err != nil {
		return err
	}
	return e.look(ctx, "find people in "+sel.Collection.Name, func(s *Snapshot) error {
		query, err := peopleQuery(s.builder(ctx), sel, kind, "lower("+wanted+")", most)
		if err != nil {
			return err
		}
		return s.reader.values(ctx, query, 2, func(row [][]byte) error { return theirs(fn(string(row[0]), string(row[1]))) })
	})
}

func peopleQuery(b *builder, sel datamap.Selection, kind *datamap.SubjectKind, wanted string, most int) (string, error) {
	same := []string{kind.Key}
	for _, id := range kind.Identities {
		if id.JSONPath == "" {
			same = append(same, id.Column)
		}
	}
	columns, err := b.textOf(sel.Collection, "r", same)
	if err != nil {
		return "", err
	}
	var either []string
	for _, c := range columns {
		either = append(either, "lower("+c+") = "+wanted)
	}
	what := []string{columns[0], "CAST(NULL AS text)"}
	if kind.Name != "" {
		names, err := b.textOf(sel.Collection, "r", []string{kind.Name})
		if err != nil {
			return "", err
		}
		what[1] = names[0]
		place := "strpos"
		if b.dialect == sqldb.SQLite {
			place = "instr"
		}
		either = append(either, place+"(' ' || lower("+names[0]+"), ' ' || "+wanted+") > 0")
	}
	query, err := b.query(sel, what, "("+strings.Join(either, " OR ")+")")
	return query + " ORDER BY " + named("r", kind.Key) + " LIMIT " + strconv.Itoa(most), err
}
