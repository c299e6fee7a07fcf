package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/datamap"
)

// quotes are rows about nobody in particular, or about somebody else, that
// quote an erased person: they go, or are blanked, as the data map says. Which
// rows is kept until all have been found, since what is done with them must not
// hold a view of the database open.
type quotes struct {
	of    []datamap.Quoting
	spool archive.Spool
	out   *bufio.Writer
	keys  [][][]string // of each of them, those that are not spooled yet
	found int64
}

type quotingRows struct {
	Of   int        `json:"of"`
	Keys [][]string `json:"keys"`
}

func (e *Engine) newQuotes(of []datamap.Quoting) (*quotes, error) {
	spool, err := e.Spool()
	if err != nil {
		return nil, err
	}
	return &quotes{of: of, spool: spool, out: bufio.NewWriterSize(spool, 1<<16), keys: make([][][]string, len(of))}, nil
}

// add notes a row, and tells whether it is one that quotes.
func (q *quotes) add(h Hit) (bool, error) {
	i := slices.IndexFunc(q.of, func(of datamap.Quoting) bool { return of.Collection.Name == h.Collection && of.Has(h.Column) })
	if i < 0 {
		return false, nil
	}
	if n := len(q.keys[i]); n > 0 && slices.Equal(q.keys[i][n-1], h.Key) {
		return true, nil // found in another column of the same row
	}
	q.found++
	q.keys[i] = append(q.keys[i], slices.Clone(h.Key))
	if len(q.keys[i]) < rowsAtOnce {
		return true, nil
	}
	return true, q.flush(i)
}

func (q *quotes) flush(i int) error {
	if len(q.keys[i]) == 0 {
		return nil
	}
	err := writeFrame(q.out, quotingRows{i, q.keys[i]})
	q.keys[i] = q.keys[i][:0]
	return err
}

// each gives the rows, some at a time. Nothing can be added any more.
func (q *quotes) each(do func(of datamap.Quoting, keys [][]string) error) error {
	for i := range q.keys {
		if err := q.flush(i); err != nil {
			return err
		}
	}
	if err := q.out.Flush(); err != nil {
		return err
	}
	back, err := q.spool.Rewind()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(back, 1<<16)
	for {
		var rows quotingRows
		err := readFrame(in, &rows)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(q.of[rows.Of], rows.Keys); err != nil {
			return err
		}
	}
}

func (q *quotes) close() { _ = q.spool.Close() } // it is temporary

// quotingParts gives the datasets whose rows may quote the person, also those
// that know nothing else of them.
func (x *erasure) quotingParts(ctx context.Context) ([]*erasurePart, error) {
	var parts []*erasurePart
	for _, d := range x.e.Datasets {
		if x.job.Subject == nil || len(d.Graph.Quoted()) == 0 {
			continue
		}
		if i := slices.IndexFunc(x.parts, func(p *erasurePart) bool { return p.dataset.Name == d.Name }); i >= 0 {
			parts = append(parts, x.parts[i])
			continue
		}
		key := ""
		if x.job.WorkspaceID != "" {
			var err error
			if key, err = datasetKey(d, x.workspace); err != nil {
				return nil, err
			}
			if key == "" {
				continue
			}
		}
		p, err := x.rowsPart(ctx, d, key)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// identifiers are what the person is known by before they go.
func (x *erasure) identifiers(ctx context.Context) ([]Identifier, error) {
	var all []Identifier
	for _, p := range x.parts {
		ids, err := p.identifiers(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	return all, nil
}

func (p *erasurePart) identifiers(ctx context.Context) ([]Identifier, error) {
	kind := p.dataset.Graph.SubjectKind(p.scope.SubjectKind)
	if kind == nil {
		return nil, nil
	}
	var all []Identifier
	for _, sel := range p.plan.Roots {
		ids, err := p.eraser.Identifiers(ctx, sel, kind.Identities)
		if err != nil {
			return nil, fmt.Errorf("read what the person is known by: %w", err)
		}
		all = append(all, ids...)
	}
	return all, nil
}

// findQuotes looks for rows of a dataset that go because they quote the person.
func (x *erasure) findQuotes(ctx context.Context, p *erasurePart, ids []Identifier) (*quotes, error) {
	var names []string
	going := slices.DeleteFunc(p.dataset.Graph.Quoted(), func(q datamap.Quoting) bool { return q.Action != datamap.Delete })
	for _, q := range going {
		names = append(names, q.Collection.Name)
	}
	found, err := x.e.newQuotes(going)
	if err != nil || len(ids) == 0 || len(going) == 0 {
		return found, err
	}
	err = p.eraser.Search(ctx, p.dataset.Graph.Only(names...), p.scope.Workspace, ids, func(h Hit) error {
		_, err := found.add(h)
		return err
	})
	if err != nil {
		found.close()
		return nil, fmt.Errorf("look for what quotes the person in dataset %s: %w", p.dataset.Name, err)
	}
	return found, nil
}

// describeQuotes adds to a plan the rows that go because they quote the person.
// Fields that are blanked for the same reason are looked for when all rows are
// searched, which is at the end: only that they are is a part of the plan.
func (x *erasure) describeQuotes(ctx context.Context, plan *privacyd.Plan) error {
	all, err := x.identifiers(ctx)
	if err != nil {
		return err
	}
	ids := searchable(all)
	var blanked []string
	for _, p := range x.quoting {
		for _, q := range p.dataset.Graph.Quoted() {
			any, err := p.unquote(q, anyKey(q))
			if err != nil {
				return err
			}
			if err := p.describeObstacles(ctx, plan, any, 1); err != nil {
				return err
			}
			if q.Action == datamap.Null {
				blanked = append(blanked, q.Collection.Name+"."+q.Fields[0].Column)
			}
		}
		found, err := x.findQuotes(ctx, p, ids)
		if err != nil {
			return err
		}
		err = found.each(func(of datamap.Quoting, keys [][]string) error { return x.countQuotes(ctx, plan, p, of, keys) })
		found.close()
		if err != nil {
			return err
		}
	}
	if len(blanked) > 0 {
		plan.Notes = append(plan.Notes, "Where rows about others quote this person in "+privacyd.Listed(blanked)+", that is blanked.")
	}
	return nil
}

func (x *erasure) countQuotes(ctx context.Context, plan *privacyd.Plan, p *erasurePart, of datamap.Quoting, keys [][]string) error {
	some, err := p.unquote(of, keys)
	if err != nil {
		return err
	}
	quoting := *p
	quoting.quotes = true
	counted, err := x.count(ctx, &quoting, some)
	if err != nil {
		return err
	}
	if p.scope.Holding() {
		free, err := p.dataset.Graph.Unquote(p.scope.Unheld(), of, keys)
		if err != nil {
			return err
		}
		all, err := x.count(ctx, &quoting, free)
		if err != nil {
			return err
		}
		counted = withHeld(counted, all)
	}
	for _, c := range counted {
		plan.Collections = addHeld(plan.Collections, c)
	}
	return nil
}

func (p *erasurePart) unquote(of datamap.Quoting, keys [][]string) (datamap.Erasure, error) {
	return p.dataset.Graph.Unquote(p.scope, of, keys)
}

func anyKey(q datamap.Quoting) [][]string { return [][]string{make([]string, len(q.Collection.Key))} }

// quotesBasis is what a plan's hash says of rows that quote: what is done to
// them, however many there are.
func (x *erasure) quotesBasis() ([]privacyd.DatasetBasis, error) {
	var list []privacyd.DatasetBasis
	for _, p := range x.quoting {
		if p.dataset.state() {
			continue
		}
		for _, q := range p.dataset.Graph.Quoted() {
			any, err := p.unquote(q, anyKey(q))
			if err != nil {
				return nil, err
			}
			name := p.dataset.Name + "." + q.Collection.Name + "." + q.Fields[0].Column
			list = append(list, p.dataset.basis(name, any))
		}
	}
	return list, nil
}

// eraseQuotes has the rows go that quote the person.
func (r *erasureRun) eraseQuotes(ctx context.Context, x *erasure) error {
	ids := searchable(r.state.Identifiers)
	for _, p := range x.quoting {
		found, err := x.findQuotes(ctx, p, ids)
		if err != nil {
			return err
		}
		err = found.each(func(of datamap.Quoting, keys [][]string) error {
			_, err := r.unquote(ctx, x, p, of, keys)
			return err
		})
		found.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// unquote erases rows that quote the person and what belongs to them, or blanks
// what quotes, and tells how many rows changed.
func (r *erasureRun) unquote(ctx context.Context, x *erasure, p *erasurePart, of datamap.Quoting, keys [][]string) (changed int64, err error) {
	some, err := p.unquote(of, keys)
	if err != nil {
		return 0, err
	}
	quoting := *p
	quoting.quotes = true
	if changed, err = p.eraser.RunAll(ctx, some.Steps, r.batch(x, &quoting)); err != nil {
		return changed, fmt.Errorf("erase what quotes the person from dataset %s: %w", p.dataset.Name, err)
	}
	return changed, nil
}
