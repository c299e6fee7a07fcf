package sqlsource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

const (
	mostGrouped = 20_000                // rows that are found before the first goes
	smallGroup  = 1000                  // rows that go in one transaction
	quickGroup  = 50 * time.Millisecond // to find them, if they are looked for once more under locks
	secondBatch = 2000                  // with which a step begins, at most, if one before it had come to that
	groupTries  = 3                     // with rows added meanwhile; then step by step
)

// group is an erasure on PostgreSQL of so few rows that all are found first,
// parents before children, in one snapshot. So what rows link to is found once
// for all steps, and a small erasure is one transaction.
type group struct {
	e     *Eraser
	batch Batch
	steps []*datamap.Step
	rows  int64 // gone

	snapshot *Snapshot // as long as it is open, places stay what they were
	carry    *carrier
	found    map[*datamap.Step][]row
	total    int
	begun    time.Time
	took     time.Duration // to find them
}

// errAgain says that rows were added while others went.
var errAgain = errors.New("rows were added meanwhile")

// group erases as many of the steps as it can, and tells how many that were.
func (e *Eraser) group(ctx context.Context, steps []*datamap.Step, batch Batch) (done int, rows int64, err error) {
	g := &group{e: e, batch: batch, steps: steps}
	defer g.close()
	for range groupTries {
		few, err := g.find(ctx)
		if err != nil || !few {
			return 0, g.rows, err
		}
		step, err := g.erase(ctx)
		switch {
		case err == nil:
			return len(g.steps), g.rows, nil
		case errors.Is(err, errAgain), stillReferred(err):
		case final(ctx, err):
			return 0, g.rows, explainRun(ctx, err, step)
		default: // step by step, which comes back to what is locked, and knows which table is at fault
			return 0, g.rows, nil
		}
	}
	return 0, g.rows, nil
}

// final tells whether an error is none of a table's. A lock that somebody else
// holds is waited for step by step, whoever met it.
func final(ctx context.Context, err error) bool {
	var own *callerError
	return ctx.Err() != nil || errors.As(err, &own) && !conflict(err) || connectionLost(err) || privacyd.CodeOf(err) == "database_unavailable"
}

func stillReferred(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "23503" || pg.Code == "23001")
}

func (g *group) close() {
	if g.snapshot != nil {
		_ = g.snapshot.Close() // nothing was written
		g.snapshot = nil
	}
}

// find finds the rows of the first steps that are plain. It is false when there
// are none, or too many rows. Its errors are explained.
func (g *group) find(ctx context.Context) (few bool, err error) {
	g.close()
	g.begun = time.Now()
	if g.snapshot, err = g.e.source.lazily(ctx, g.e.tables); err != nil {
		return false, err
	}
	if err := g.e.learnPostgres(ctx, g.snapshot, g.steps...); err != nil {
		return false, fmt.Errorf("learn about the tables: %w", explain(ctx, err))
	}
	if i := slices.IndexFunc(g.steps, func(s *datamap.Step) bool { return !g.e.plain(s) || len(s.Referrers) > 0 }); i >= 0 {
		g.steps = g.steps[:i]
	}
	g.carry = &carrier{steps: g.steps, keys: map[*datamap.Step][]map[string]string{}}
	g.found, g.total = map[*datamap.Step][]row{}, 0
	for _, step := range slices.Backward(g.steps) {
		if err := g.findStep(ctx, step); err != nil {
			return false, explainRun(ctx, err, step)
		}
		if g.total > mostGrouped {
			return false, nil
		}
	}
	g.took = time.Since(g.begun)
	return len(g.steps) > 0, nil
}

func (g *group) findStep(ctx context.Context, step *datamap.Step) error {
	b := g.builder(g.snapshot.builder(ctx))
	b.extra = pgExtra()
	h := &harvester{step: step}
	linked := g.carry.columns(step)
	keys, err := b.textOf(step.Collection, "r", linked)
	if err != nil {
		return err
	}
	query, err := h.query(b, append(pgNamed(), keys...))
	if err != nil {
		return err
	}
	names, carried := pgRowNames+len(keys), []map[string]string{}
	err = g.snapshot.reader.values(ctx, query+" LIMIT "+strconv.Itoa(mostGrouped+1), h.columns, func(v [][]byte) error {
		r := pgRow(v)
		if g.e.facts.leaf(r.table) == "" { // a partition that is new
			g.e.facts.forget()
			return errAgain
		}
		for i, f := range step.Files {
			if key := v[names+i]; len(key) > 0 {
				r.files = append(r.files, datamap.File{Column: f.Column, Bucket: f.Bucket, Key: string(key)})
			}
		}
		g.found[step] = append(g.found[step], r)
		if of := keyOf(linked, v[pgRowNames:names]); len(of) > 0 {
			carried = append(carried, of)
		}
		return nil
	})
	if errors.Is(err, errAgain) { // step by step
		g.total, err = mostGrouped+1, nil
	}
	g.total += len(g.found[step])
	if len(linked) > 0 {
		g.carry.keys[step] = carried
	}
	return err
}

// keyOf leaves out the columns that are NULL, to which nothing links: other
// links may well lead to others of the row.
func keyOf(columns []string, values [][]byte) map[string]string {
	key := make(map[string]string, len(columns))
	for i, name := range columns {
		if values[i] != nil {
			key[name] = string(values[i])
		}
	}
	return key
}

func (g *group) builder(b *builder) *builder {
	b.carry = g.carry
	return b
}

// erase gives the step at hand with an error.
func (g *group) erase(ctx context.Context) (*datamap.Step, error) {
	if g.total == 0 {
		return nil, nil //nolint:nilnil // no error, no step
	}
	if most := g.e.MaxRows; g.total <= smallGroup && (most == 0 || g.total <= most) && (g.took <= quickGroup || !slices.ContainsFunc(g.steps, g.asked)) {
		return g.once(ctx)
	}
	size := 0
	var after []*datamap.Step
	for _, step := range g.steps {
		r := g.e.newRun(step, counting(g.batch, step))
		r.pace.rows = min(max(r.pace.rows, min(size, secondBatch)), r.pace.limit)
		r.until = g.begun.Add(g.e.round)
		err := r.take(ctx, g.found[step])
		size = r.pace.rows
		g.rows += r.rows
		r.close()
		switch {
		case err != nil:
		case g.asked(step):
			err = g.settled(ctx, step)
		case !g.guarded(step):
			after = append(after, step)
		}
		if err != nil {
			return step, err
		}
	}
	return g.steps[0], g.settledLast(ctx, after)
}

func (g *group) guarded(step *datamap.Step) bool { return g.e.guarded(step, g.steps) }

// lasting tells whether the rows of a step can still be found when those of
// later steps are gone.
func lasting(step *datamap.Step) bool {
	for _, condition := range slices.Concat(step.All, step.Except) {
		for _, p := range condition.Any {
			if len(p.Hops) > 0 || p.Rows != nil {
				return false
			}
		}
	}
	return true
}

// settled looks for rows of a step that were added, in a view of its own.
func (g *group) settled(ctx context.Context, step *datamap.Step) error {
	return g.e.look(ctx, "look for rows that were added", func(s *Snapshot) error {
		query, err := g.question(s.builder(ctx), step)
		if err != nil {
			return err
		}
		return s.reader.values(ctx, query, 1, func(v [][]byte) error {
			if string(v[0]) == "0" {
				return nil
			}
			return theirs(errAgain)
		})
	})
}

// settledLast is settled when all rows are gone, for the steps whose rows can
// still be found then: the view in which they were found ends in the same
// message.
func (g *group) settledLast(ctx context.Context, steps []*datamap.Step) error {
	if len(steps) == 0 {
		return nil
	}
	var all []string
	for _, step := range steps {
		query, err := g.question(g.snapshot.builder(ctx), step)
		if err != nil {
			return err
		}
		all = append(all, "("+query+")::bigint")
	}
	left, err := anew(ctx, g.snapshot, "SELECT "+strings.Join(all, " + "))
	if err == nil && left > 0 {
		err = errAgain
	}
	return err
}

// question counts rows of a step, as text. Asked only whether there are any,
// PostgreSQL expects to meet one soon, and compares each row of the table with
// each key until it does: as there are none, all with all.
func (g *group) question(b *builder, step *datamap.Step) (string, error) {
	return g.builder(b).rowsQuery(step.Collection, step.Rows, []string{"count(*)::text"})
}

// once has all rows go in one transaction. Rows that the database does not keep
// from being added below those that go are looked for before these do.
func (g *group) once(ctx context.Context) (*datamap.Step, error) {
	r := g.e.newRun(g.steps[0], g.batch)
	defer r.close()
	var rows []row
	for _, step := range g.steps {
		rows = append(rows, g.found[step]...)
	}
	list, of, after, err := g.statements(ctx)
	if err != nil {
		return g.steps[0], err
	}
	n := make([]int64, len(g.steps))
	act := func(ctx context.Context, tx statements) (int64, error) {
		asks := slices.ContainsFunc(list, func(s statement) bool { return s.question })
		answers, err := tx.all(ctx, list, !asks)
		if err != nil {
			return 0, err
		}
		clear(n)
		for i, answer := range answers {
			switch {
			case !list[i].question:
				n[of[i]] += answer
			case answer > 0:
				return 0, errAgain
			}
		}
		return g.tell(n), nil
	}
	err = r.transact(ctx, rows, act)
	g.rows += r.rows
	if err == nil {
		err = g.settledLast(ctx, after)
	}
	return g.steps[0], err
}

func (g *group) tell(n []int64) (all int64) {
	for i, step := range g.steps {
		if all += n[i]; n[i] > 0 && g.batch.Along != nil {
			g.batch.Along(step, n[i])
		}
	}
	return all
}

// asked tells whether rows of a step have to be looked for before those of
// later steps go.
func (g *group) asked(step *datamap.Step) bool { return !g.guarded(step) && !lasting(step) }

// statements delete the rows, each of a step; the steps of after have to be
// looked at once more when all are gone.
func (g *group) statements(ctx context.Context) (list []statement, of []int, after []*datamap.Step, err error) {
	for i, step := range g.steps {
		p := &pgRowset{e: g.e, step: step}
		for _, same := range byTable(g.found[step]) {
			picked := p.picks(same)
			list, of = append(list, statement{query: "DELETE FROM " + picked.target + " WHERE " + picked.in("r"), args: picked.args}), append(of, i)
		}
		switch {
		case g.guarded(step):
		case !g.asked(step):
			after = append(after, step)
		default:
			query, err := g.question(g.e.builder(ctx), step)
			if err != nil {
				return nil, nil, nil, err
			}
			list, of = append(list, statement{query: query, question: true}), append(of, i)
		}
	}
	return list, of, after, nil
}
