package sqlsource

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/privacyd/privacyd/datamap"
)

const (
	firstPortion   = 50 // rows with a clock
	largestPortion = 1000
	portionPace    = "\x00portion of " // and a table: what paces are kept by
	filesPatience  = 100 * time.Millisecond
)

// Of a portion each statement may take so long, and finds its rows one by one
// through indexes: they have to be fetched anyway, and are few of many.
const (
	beginPortion = `SELECT set_config('statement_timeout', '200ms', true), set_config('enable_seqscan', 'off', true),
set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`
	endPortion = `SELECT set_config('statement_timeout', '0', true), set_config('enable_seqscan', 'on', true),
set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)`
)

// portions is an erasure on PostgreSQL of rows with a clock and of what belongs
// to them: so many at a time, in one transaction, by the statements that somebody
// would write by hand. Whatever is not as it should be is left to the other ways.
type portions struct {
	e     *Eraser
	batch Batch
	steps []*datamap.Step
	pace  pace
	rows  int64 // gone
}

// portions tells how many of the steps it has done: all, or none.
func (e *Eraser) portions(ctx context.Context, steps []*datamap.Step, batch Batch) (done int, rows int64, err error) {
	if batch.Still == nil || len(batch.Still.Keys) == 0 {
		return 0, 0, nil
	}
	limit := largestPortion
	if e.MaxRows > 0 {
		limit = min(limit, e.MaxRows)
	}
	p := &portions{e: e, batch: batch, steps: steps, pace: e.paces.begin(portionPace+batch.Still.Collection.Table, firstPortion, limit)}
	if ready, err := p.ready(ctx); err != nil || !ready {
		return 0, 0, err
	}
	for keys := batch.Still.Keys; len(keys) > 0; {
		some := keys[:min(p.pace.size(), len(keys))]
		switch err := p.attempt(ctx, some); {
		case err == nil:
			keys = keys[len(some):]
		case slow(ctx, err) && len(some) > 1:
			p.pace.rows = max(1, len(some)/4)
		case final(ctx, err):
			return 0, p.rows, explainRun(ctx, err, steps[len(steps)-1])
		default:
			return 0, p.rows, nil
		}
	}
	settled, err := p.settled(ctx)
	if err != nil || !settled {
		return 0, p.rows, err
	}
	return len(steps), p.rows, nil
}

// slow tells whether a statement took longer than it may.
func slow(ctx context.Context, err error) bool {
	var pg *pgconn.PgError
	return ctx.Err() == nil && errors.As(err, &pg) && pg.Code == "57014"
}

// ready tells whether all steps are plain, start from the rows with a clock, and
// find theirs through indexes.
func (p *portions) ready(ctx context.Context) (ready bool, err error) {
	err = p.e.look(ctx, "prepare an erasure", func(s *Snapshot) error {
		if err := p.e.learnPostgres(ctx, s, p.steps...); err != nil {
			return err
		}
		first, known := p.of(p.batch.Still.Keys[:1])
		if !known || slices.ContainsFunc(p.steps, func(s *datamap.Step) bool { return !p.e.plain(s) || len(s.Referrers) > 0 || s.Collection.Where != "" }) {
			return nil
		}
		r, ok := s.reader.(*pgReader)
		if !ok {
			return fmt.Errorf("read the tables: the snapshot is not one of PostgreSQL")
		}
		ask := []string{beginPortion}
		for _, step := range first {
			query, err := p.query(s.builder(ctx), step)
			if err != nil {
				return err
			}
			ask = append(ask, "EXPLAIN "+query)
		}
		results, err := r.ask(ctx, ask...)
		if err != nil { // the other ways say what it is
			return ctx.Err()
		}
		ready = true
		for _, result := range results[1:] {
			for _, line := range result.Rows {
				ready = ready && !strings.Contains(string(line[0]), "Seq Scan on ")
			}
		}
		return nil
	})
	return ready, err
}

// of are the steps for some of the rows with a clock alone; false where a step
// does not start from those.
func (p *portions) of(keys [][]string) ([]*datamap.Step, bool) {
	var all []*datamap.Step
	for _, step := range p.steps {
		some := *step
		some.All = nil
		found := false
		for _, condition := range step.All {
			var c datamap.Condition
			for _, path := range condition.Any {
				path, here := p.narrowed(path, keys)
				found = found || here
				c.Any = append(c.Any, path)
			}
			some.All = append(some.All, c)
		}
		if !found {
			return nil, false
		}
		all = append(all, &some)
	}
	return all, true
}

func (p *portions) narrowed(path datamap.Path, keys [][]string) (datamap.Path, bool) {
	if path.Keys != nil && reflect.DeepEqual(path.Keys.Values, p.batch.Still.Keys) {
		path.Keys = &datamap.KeySet{Columns: path.Keys.Columns, Values: keys}
		return path, true
	}
	if path.Rows == nil {
		return path, false
	}
	rows, found := datamap.Rows{Except: path.Rows.Except}, false
	for _, condition := range path.Rows.All {
		var c datamap.Condition
		for _, inner := range condition.Any {
			inner, here := p.narrowed(inner, keys)
			found = found || here
			c.Any = append(c.Any, inner)
		}
		rows.All = append(rows.All, c)
	}
	path.Rows = &rows
	return path, found
}

// query deletes the rows of a step, and gives the files that they name.
func (p *portions) query(b *builder, step *datamap.Step) (string, error) {
	where, err := b.holding(step.Collection, "r", step.Rows)
	if err != nil {
		return "", err
	}
	query := "DELETE FROM " + tableName(step.Collection.Table) + " AS r" + conditionsOf(where)
	var files []string
	for _, f := range step.Files {
		files = append(files, asText(named("r", f.Column), true))
	}
	if len(files) > 0 {
		query += " RETURNING " + strings.Join(files, ", ")
	}
	return query, nil
}

// attempt takes some rows with a clock and what belongs to them through a
// transaction.
func (p *portions) attempt(ctx context.Context, keys [][]string) error {
	steps, _ := p.of(keys)
	check := *p.batch.Still
	check.Keys = slices.Clone(keys)
	batch := p.batch
	batch.Still = &check
	r := &run{e: p.e, step: steps[len(steps)-1], batch: batch, pace: p.pace, paced: portionPace + check.Collection.Table, begin: beginPortion}
	err := r.transact(ctx, make([]row, len(keys)), func(ctx context.Context, tx statements) (int64, error) { return p.delete(ctx, tx, steps) })
	p.rows += r.rows
	p.pace = r.pace
	return err
}

// delete deletes the rows of the steps. Those that the database does not keep
// from being added below others that go are looked for before these do.
func (p *portions) delete(ctx context.Context, tx statements, steps []*datamap.Step) (int64, error) {
	carry, err := p.carry(ctx, tx, steps)
	if err != nil {
		return 0, err
	}
	d := &deleting{portions: p, tx: tx}
	for i, step := range steps {
		b := p.e.builder(ctx)
		b.carry = carry
		if err := d.add(ctx, b, step); err != nil {
			return d.gone, err
		}
		if !p.asked(p.steps[i]) {
			continue
		}
		question, err := b.rowsQuery(step.Collection, step.Rows, []string{"count(*)::text"})
		if err != nil {
			return d.gone, err
		}
		d.list, d.of = append(d.list, statement{query: question, question: true}), append(d.of, nil)
	}
	if p.e.source.writer.own() {
		d.list, d.of = append(d.list, statement{query: endPortion}), append(d.of, nil)
	}
	asks := slices.ContainsFunc(d.list, func(s statement) bool { return s.question })
	err = d.send(ctx, !asks)
	return d.gone, err
}

// deleting gathers statements that go to the server together, and of which step
// each deletes rows; nil: of none.
type deleting struct {
	*portions
	tx   statements
	list []statement
	of   []*datamap.Step
	gone int64
}

func (d *deleting) add(ctx context.Context, b *builder, step *datamap.Step) error {
	query, err := d.query(b, step)
	if err != nil {
		return err
	}
	if len(step.Files) == 0 {
		d.list, d.of = append(d.list, statement{query: query}), append(d.of, step)
		return nil
	}
	if err := d.send(ctx, false); err != nil {
		return err
	}
	rows, err := d.tx.rows(ctx, query, len(step.Files))
	if err != nil {
		return err
	}
	d.tell(step, int64(len(rows)))
	if files := filesIn(step.Files, rows, 0); len(files) > 0 && d.batch.Files != nil {
		return d.note(ctx, files)
	}
	return nil
}

func (d *deleting) send(ctx context.Context, end bool) error {
	if len(d.list) == 0 {
		return nil
	}
	answers, err := d.tx.all(ctx, d.list, end)
	for i, answer := range answers {
		switch {
		case d.list[i].question && answer > 0:
			return errAgain
		case d.of[i] != nil:
			d.tell(d.of[i], answer)
		}
	}
	d.list, d.of = nil, nil
	return err
}

func (d *deleting) tell(step *datamap.Step, n int64) {
	d.gone += n
	if n > 0 && d.batch.Along != nil {
		d.batch.Along(step, n)
	}
}

// carry reads what the rows of the other steps link to in those with a clock,
// which are locked by now: no query has to look for these again.
func (p *portions) carry(ctx context.Context, tx statements, steps []*datamap.Step) (*carrier, error) {
	root := steps[len(steps)-1]
	c := &carrier{steps: steps, keys: map[*datamap.Step][]map[string]string{}}
	linked := c.columns(root)
	if root.Collection != p.batch.Still.Collection || len(linked) == 0 {
		return c, nil
	}
	b := p.e.builder(ctx)
	what, err := b.textOf(root.Collection, "r", linked)
	if err != nil {
		return nil, err
	}
	query, err := b.rowsQuery(root.Collection, root.Rows, what)
	if err != nil {
		return nil, err
	}
	c.keys[root] = []map[string]string{}
	return c, readTexts(ctx, tx, query, len(what), func(v [][]byte) error {
		if of := keyOf(linked, v); len(of) > 0 {
			c.keys[root] = append(c.keys[root], of)
		}
		return nil
	})
}

// note tells of files. Of a product's that is taken note of in another database:
// where that takes long, its rows must not stay locked.
func (p *portions) note(ctx context.Context, files []datamap.File) error {
	if p.e.source.writer.own() {
		return theirs(p.batch.Files(ctx, files))
	}
	soon, cancel := context.WithTimeout(ctx, filesPatience)
	defer cancel()
	err := p.batch.Files(soon, files)
	if err != nil && soon.Err() != nil && ctx.Err() == nil {
		return errSlow
	}
	return theirs(err)
}

// asked is that of a group.
func (p *portions) asked(step *datamap.Step) bool {
	return !p.e.guarded(step, p.steps) && !lasting(step)
}

// settled tells whether nothing was added meanwhile to what can still be found
// when all is gone.
func (p *portions) settled(ctx context.Context) (bool, error) {
	left := int64(0)
	err := p.e.look(ctx, "look for rows that were added", func(s *Snapshot) error {
		var all []string
		for _, step := range p.steps {
			if p.e.guarded(step, p.steps) || !lasting(step) {
				continue
			}
			query, err := s.builder(ctx).rowsQuery(step.Collection, step.Rows, []string{"count(*)"})
			if err != nil {
				return err
			}
			all = append(all, "("+query+")")
		}
		if len(all) == 0 {
			return nil
		}
		return s.reader.values(ctx, "SELECT ("+strings.Join(all, " + ")+")::text", 1, func(v [][]byte) error {
			left = number(v[0])
			return nil
		})
	})
	return left == 0, err
}
