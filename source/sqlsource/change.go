package sqlsource

import (
	"context"
	"strings"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// rowName is the column by which a picked row is told from the others.
const rowName = "privacyd row"

// picks are rows of one table that are still as they were found, in SQL.
type picks struct {
	target string                    // for DELETE FROM and UPDATE, as r
	in     func(alias string) string // true of the rows
	from   func(alias string) string // for FROM, with rowName
	// update is a statement that gives columns new texts, row by row, and sets
	// others.
	update func(columns []column, texts []rowTexts, set []string) (query string, args []any, err error)
	count  int
	args   []any
}

// rowTexts are the new texts of a row, which has a name in rowName.
type rowTexts struct {
	name  string
	texts []string
}

// changer carries out a step on picked rows, in a transaction.
type changer struct {
	*builder
	ctx   context.Context
	tx    statements
	files func(context.Context, []datamap.File) error
	along func(*datamap.Step, int64) // told of rows of other steps
	// pick makes picks of rows of a collection that were read and locked in this
	// transaction: of the columns that name gives, where extraOf stands beside
	// the table's own.
	pick    func(c *datamap.Collection, rows [][]any) ([]picks, error)
	name    func(c *datamap.Collection, alias string) ([]string, error)
	extraOf func(c *datamap.Collection) []string
	last    bool // nothing comes after the statement for the rows at hand
	// referrers are the references to the table of a collection.
	referrers func(c *datamap.Collection) []foreignKey
}

// apply deletes or changes the rows, and those of other steps that only they
// led to. also narrows them further.
func (ch *changer) apply(step *datamap.Step, p picks, also []string) (int64, error) {
	if p.count == 0 {
		return 0, nil
	}
	if step.Action == datamap.Delete {
		if err := ch.guardCascades(step, p); err != nil {
			return 0, err
		}
	}
	led, err := ch.ledTo(step, p)
	if err != nil {
		return 0, err
	}
	n, err := ch.act(step, p, also)
	if err != nil {
		return n, err
	}
	for _, l := range led {
		if err := ch.orphans(l); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (ch *changer) act(step *datamap.Step, p picks, also []string) (int64, error) {
	exec := ch.tx.exec
	if ch.last {
		exec = ch.tx.finish
	}
	where := append([]string{p.in("r")}, also...)
	if step.Action == datamap.Delete {
		return exec(ch.ctx, "DELETE FROM "+p.target+conditionsOf(where), p.args...)
	}
	set, open, err := ch.assignments(step)
	if err != nil {
		return 0, err
	}
	edited, err := ch.edits(step, p, set, also)
	if err != nil || len(set) == 0 {
		return edited, err
	}
	// What was edited has got the other values, too.
	where = append(where, "("+strings.Join(open, " OR ")+")")
	n, err := exec(ch.ctx, "UPDATE "+p.target+" SET "+strings.Join(set, ", ")+conditionsOf(where), p.args...)
	return n + edited, err
}

// guardCascades refuses to delete rows with which the database would delete
// others that the plan does not delete: those would be gone by now.
func (ch *changer) guardCascades(step *datamap.Step, p picks) error {
	for _, k := range ch.referrers(step.Collection) {
		if !k.cascades {
			continue
		}
		query := "SELECT 1 FROM " + k.table + " AS z, " + p.from("x") + " WHERE " + equal(namedAll("z", k.columns), namedAll("x", k.targets))
		if k.self {
			query += " AND (" + p.in("z") + ") IS NOT TRUE"
		}
		found, err := ch.any(query+" LIMIT 1", p.args)
		if err != nil {
			return err
		}
		if found {
			return refers(step, unquoted(k.table), k.name)
		}
	}
	return nil
}

func (ch *changer) any(query string, args []any) (bool, error) {
	rows, err := ch.read(query, 1, args)
	return len(rows) > 0, err
}

func unquoted(table string) string { return strings.ReplaceAll(table, `"`, "") }

// led are rows of an orphan step that picked rows refer to.
type led struct {
	step *datamap.Step
	rows []picks
}

// ledTo finds and locks what the rows lead to, before they go.
func (ch *changer) ledTo(step *datamap.Step, p picks) ([]led, error) {
	var all []led
	for _, o := range step.Orphans {
		rows, err := ch.carried(o, p)
		if err != nil {
			return nil, err
		}
		all = append(all, led{o.Step, rows})
	}
	return all, nil
}

func (ch *changer) carried(o datamap.Orphan, p picks) ([]picks, error) {
	c := o.Step.Collection
	join, err := ch.hop(c, "r", o.Carrier)
	if err != nil {
		return nil, err
	}
	what, err := ch.name(c, "r")
	if err != nil {
		return nil, err
	}
	names := len(what)
	for _, f := range o.Step.Files {
		what = append(what, asText(named("r", f.Column), true))
	}
	inner := strings.Join(append([]string{p.from(join.alias)}, join.fromThere...), ", ")
	in := tuple(join.here) + " IN (SELECT " + strings.Join(join.there, ", ") + " FROM " + inner + conditionsOf(join.whenThere) + ")"
	if len(join.fromHere) > 0 {
		in = "EXISTS (SELECT 1 FROM " + strings.Join(join.fromHere, ", ") + " WHERE " + in + ")"
	}
	ch.extra = ch.extraOf(c)
	query := "SELECT " + strings.Join(what, ", ") + " FROM " + ch.root(c) + conditionsOf(append(join.whenHere, in))
	if ch.dialect == sqldb.Postgres {
		query += " FOR NO KEY UPDATE OF r"
	}
	rows, err := ch.read(query, len(what), p.args)
	if err != nil {
		return nil, err
	}
	if err := ch.files(ch.ctx, filesIn(o.Step.Files, rows, names)); err != nil {
		return nil, err
	}
	return ch.pick(c, rows)
}

func conditionsOf(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

// filesIn are the files named in the columns from at on.
func filesIn(columns []*datamap.FileColumn, rows [][]any, at int) []datamap.File {
	var files []datamap.File
	for _, row := range rows {
		for i, f := range columns {
			if key := plainValue(row[at+i]); key != "" {
				files = append(files, datamap.File{Column: f.Column, Bucket: f.Bucket, Key: key})
			}
		}
	}
	return files
}

func plainValue(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// orphans deletes or changes those rows that nothing leads to any more.
func (ch *changer) orphans(l led) error {
	also, err := ch.holding(l.step.Collection, "r", datamap.Rows{Except: l.step.Except})
	if err != nil {
		return err
	}
	free, err := ch.unreferred(l.step)
	if err != nil {
		return err
	}
	for _, p := range l.rows {
		n, err := ch.apply(l.step, p, append(also, free...))
		if err != nil {
			return err
		}
		ch.along(l.step, n)
	}
	return nil
}

func (ch *changer) read(query string, columns int, args []any) ([][]any, error) {
	return ch.tx.rows(ch.ctx, query, columns, args...)
}

// builder writes SQL for a transaction that writes. What has to be known of
// tables is mostly known by then.
func (e *Eraser) builder(ctx context.Context) *builder {
	return &builder{dialect: e.source.dialect, columns: func(table string) (columns, error) { return e.columnsOf(ctx, table) }}
}

// columnsOf are a table's columns, from a snapshot where they are not known.
func (e *Eraser) columnsOf(ctx context.Context, table string) (columns, error) {
	if known, ok := e.tables.get(table); ok {
		return known, nil
	}
	var found columns
	err := e.look(ctx, "read the columns of "+table, func(s *Snapshot) (err error) {
		found, err = s.columns(ctx, table)
		return err
	})
	return found, err
}
