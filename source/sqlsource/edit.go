package sqlsource

import (
	"fmt"
	"slices"
	"strings"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// edit is what becomes of the values at one place inside a JSON column.
type edit struct {
	column int // of the documents read
	path   []step
	to     []byte
	// With a link, values change that are a target's of a row that goes: those
	// in matched, together with the row's other columns of the link.
	link    *datamap.Link
	pair    int
	matched map[string]bool
}

// editor edits the documents of picked rows in Go: SQL could only do so by
// taking them apart and putting them together, and not byte for byte.
type editor struct {
	ch      *changer
	step    *datamap.Step
	columns []column // that hold the documents
	others  []string // of the link, beside the documents
	edits   []edit
	rows    [][]any // a name, the documents, the others
}

// edits makes the assignments inside JSON, with those of set, and says how many
// rows it changed.
func (ch *changer) edits(step *datamap.Step, p picks, set, also []string) (int64, error) {
	ed := &editor{ch: ch, step: step}
	if err := ed.prepare(); err != nil || len(ed.edits) == 0 {
		return 0, err
	}
	if err := ed.read(p, also); err != nil {
		return 0, err
	}
	for i := range ed.edits {
		if err := ed.match(&ed.edits[i]); err != nil {
			return 0, err
		}
	}
	return ed.write(p, set)
}

func (ed *editor) prepare() error {
	for _, a := range ed.step.Set {
		if a.JSONPath == "" {
			continue
		}
		c, err := ed.ch.column(ed.step.Collection.Table, a.Column)
		if err != nil {
			return err
		}
		e := edit{to: []byte("null"), link: ed.step.Link}
		if e.path, err = parsePath(a.JSONPath); err != nil {
			return err
		}
		if a.Value != nil {
			e.to = appendString(nil, []byte(*a.Value))
		}
		if e.link != nil {
			e.pair = slices.IndexFunc(e.link.On, func(p datamap.ColumnPair) bool { return p.Column == a.Column && p.JSONPath == a.JSONPath })
			if e.pair < 0 {
				return fmt.Errorf("change %s inside %s: the step's link does not look there", a.JSONPath, a.Column)
			}
		}
		e.column = slices.IndexFunc(ed.columns, func(other column) bool { return other.name == c.name })
		if e.column < 0 {
			e.column = len(ed.columns)
			ed.columns = append(ed.columns, c)
		}
		ed.edits = append(ed.edits, e)
	}
	if ed.step.Link != nil {
		for _, p := range ed.step.Link.On {
			if p.JSONPath == "" {
				ed.others = append(ed.others, p.Column)
			}
		}
	}
	return nil
}

func (ed *editor) read(p picks, also []string) error {
	what := []string{asText(named("r", rowName), true)}
	for _, c := range ed.columns {
		what = append(what, asText(named("r", c.name), true))
	}
	for _, o := range ed.others {
		what = append(what, asText(named("r", o), true))
	}
	query := "SELECT " + strings.Join(what, ", ") + " FROM " + p.from("r") + conditionsOf(also)
	if ed.ch.dialect == sqldb.Postgres {
		query += " FOR NO KEY UPDATE OF r" // they must not move before they are written
	}
	rows, err := ed.ch.read(query, len(what), p.args)
	ed.rows = rows
	return err
}

// match asks which of the values found are those of rows that go.
func (ed *editor) match(e *edit) error {
	if e.link == nil {
		return nil
	}
	set := datamap.KeySet{Columns: targets(e)}
	seen := map[string]bool{}
	for _, row := range ed.rows {
		for _, value := range valuesAt([]byte(plainValue(row[1+e.column])), e.path) {
			if key := ed.key(row, value); !seen[joined(key)] {
				seen[joined(key)] = true
				set.Values = append(set.Values, key)
			}
		}
	}
	found, err := ed.targets(e, set)
	if err != nil {
		return err
	}
	e.matched = map[string]bool{}
	for _, row := range found {
		key := make([]string, len(row))
		for i, v := range row {
			key[i] = plainValue(v)
		}
		e.matched[joined(key)] = true
	}
	return nil
}

// key is a value with the row's other columns of the link.
func (ed *editor) key(row []any, value string) []string {
	key := make([]string, 0, len(ed.others)+1)
	for i := range ed.others {
		key = append(key, plainValue(row[1+len(ed.columns)+i]))
	}
	return append(key, value)
}

func joined(key []string) string { return strings.Join(key, "\x00") }

// targets are the columns that a key of the edit is compared with.
func targets(e *edit) []string {
	var columns []string
	for _, p := range e.link.On {
		if p.JSONPath == "" {
			columns = append(columns, p.Target)
		}
	}
	return append(columns, e.link.On[e.pair].Target)
}

// targets gives those of the keys that rows which go have.
func (ed *editor) targets(e *edit, set datamap.KeySet) ([][]any, error) {
	if len(set.Values) == 0 {
		return nil, nil
	}
	to, ways := ed.ways()
	if to == nil {
		return nil, fmt.Errorf("change values inside %s: no way of the step leads over its link", ed.step.Collection.Name)
	}
	x := ed.ch.alias("t")
	where, err := ed.ch.holding(to, x, ways)
	if err != nil {
		return nil, err
	}
	in, err := ed.ch.keySet(to, x, set)
	if err != nil {
		return nil, err
	}
	var what []string
	for _, name := range set.Columns {
		what = append(what, asText(named(x, name), true))
	}
	return ed.ch.read("SELECT DISTINCT "+strings.Join(what, ", ")+" FROM "+ed.ch.rows(to, x)+conditionsOf(append(where, in)), len(what), nil)
}

// ways are what the step says of the rows that its link leads to.
func (ed *editor) ways() (to *datamap.Collection, rows datamap.Rows) {
	for _, condition := range ed.step.All {
		var rest datamap.Condition
		for _, p := range condition.Any {
			if len(p.Hops) > 0 && p.Hops[0].Link == ed.step.Link {
				to = p.Hops[0].To
				rest.Any = append(rest.Any, onward(p))
			}
		}
		if len(rest.Any) > 0 {
			rows.All = append(rows.All, rest)
		}
	}
	return to, rows
}

func (ed *editor) write(p picks, set []string) (int64, error) {
	var changed []rowTexts
	for _, row := range ed.rows {
		if texts, n := ed.edited(row); n > 0 {
			changed = append(changed, rowTexts{plainValue(row[0]), texts})
		}
	}
	if len(changed) == 0 {
		return 0, nil
	}
	query, args, err := p.update(ed.columns, changed, set)
	if err != nil {
		return 0, err
	}
	return ed.ch.tx.exec(ed.ch.ctx, query, args...)
}

func (ed *editor) edited(row []any) (texts []string, changed int) {
	docs := make([][]byte, len(ed.columns))
	for i := range docs {
		docs[i] = []byte(plainValue(row[1+i]))
	}
	for i := range ed.edits {
		e, n := &ed.edits[i], 0
		docs[e.column], n = replaceAt(docs[e.column], e.path, func(value string) bool {
			return e.matched == nil || e.matched[joined(ed.key(row, value))]
		}, e.to)
		changed += n
	}
	for _, d := range docs {
		texts = append(texts, string(d))
	}
	return texts, changed
}
