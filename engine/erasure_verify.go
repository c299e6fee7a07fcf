package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

const mostReview = 10000 // rows on a review list

// mostPasses is how often what still quotes the person is erased and looked for
// again: rows may be written meanwhile.
const mostPasses = 4

// verify looks again: the same discovery must find nothing, and what the person
// was known by must stand nowhere but in others' own texts, which go to a list
// for somebody to look at. What quotes the person and shall not is erased, and
// then it is looked for anew.
func (r *erasureRun) verify(ctx context.Context) error {
	if r.state.Recheck {
		return r.recheck(ctx)
	}
	if r.ofRows() {
		return r.verifyRows(ctx)
	}
	if !r.marked {
		if err := r.markBefore(ctx); err != nil {
			return err
		}
	}
	if err := r.waitForWorkspaces(ctx); err != nil {
		return err
	}
	for pass := 1; ; pass++ {
		erased, err := r.verifyOnce(ctx, pass == mostPasses)
		if err != nil {
			return err
		}
		if !erased {
			break
		}
	}
	if again, err := r.onceMore(ctx); again || err != nil {
		return err
	}
	r.state.Verified = r.e.Now()
	return r.save(ctx, phaseForget)
}

// verifyOnce tells whether it has erased something, so that it is not over. The
// last time it erases nothing.
func (r *erasureRun) verifyOnce(ctx context.Context, last bool) (erased bool, err error) {
	r.x = nil
	x, err := r.compiled(ctx)
	if err != nil {
		return false, err
	}
	if err := r.markHolds(ctx, x); err != nil {
		return false, err
	}
	if x.wholly {
		return false, x.whollyHeld()
	}
	r.state.Spared = len(x.holds) > 0
	r.state.After, r.state.Kept, r.state.Where, r.state.Residue, r.state.Review, r.state.Searched = nil, nil, nil, 0, 0, 0
	if err := r.countWorkspaces(ctx); err != nil {
		return false, err
	}
	for _, p := range x.parts {
		if err := r.look(ctx, p); err != nil {
			return false, err
		}
	}
	v := &verification{r: r, last: last}
	if err := v.searchAll(ctx); err != nil || v.again {
		return v.again, err
	}
	r.state.Review = int64(len(v.items))
	return false, v.r.guarded(ctx, func(ctx context.Context) error { return v.r.e.Runs.InsertReviewItems(ctx, v.r.job.ID, v.items) })
}

// look asks each step whether anything is left for it to do.
func (r *erasureRun) look(ctx context.Context, p *erasurePart) error {
	for _, step := range p.plan.Steps {
		if step.Breaks {
			continue
		}
		rows, err := p.eraser.Left(ctx, step)
		if err != nil {
			return fmt.Errorf("look what is left of %s: %w", step.Collection.Name, err)
		}
		r.state.After = addPlanned(r.state.After, plannedStep(p.dataset.Name, step, datamap.Tally{Rows: rows}))
		if step.Action != datamap.Keep || len(step.Set) > 0 {
			r.state.Residue += rows
		}
		if err := r.lookAtKept(ctx, p, step); err != nil {
			return err
		}
	}
	return nil
}

// lookAtKept counts again what stays on a ground, where it can still be found
// though the rest is gone.
func (r *erasureRun) lookAtKept(ctx context.Context, p *erasurePart, step *datamap.Step) error {
	if step.Action != datamap.Keep || !p.stillLeads(step.Rows) {
		return nil
	}
	counted, err := p.eraser.Count(ctx, step)
	if err != nil {
		return fmt.Errorf("count what is kept of %s: %w", step.Collection.Name, err)
	}
	r.state.Kept = addPlanned(r.state.Kept, plannedStep(p.dataset.Name, step, datamap.Tally{Rows: counted.Rows}))
	return nil
}

// stillLeads tells whether rows are found by no others that go.
func (p *erasurePart) stillLeads(rows datamap.Rows) bool {
	goes := func(h datamap.Hop) bool {
		return slices.ContainsFunc(p.plan.Steps, func(s *datamap.Step) bool { return s.Collection == h.To && s.Action == datamap.Delete })
	}
	return !slices.ContainsFunc(slices.Concat(rows.All, rows.Except), func(c datamap.Condition) bool {
		return slices.ContainsFunc(c.Any, func(path datamap.Path) bool { return path.Rows != nil || slices.ContainsFunc(path.Hops, goes) })
	})
}

// countWorkspaces says in how many workspaces is searched.
func (r *erasureRun) countWorkspaces(ctx context.Context) error {
	r.state.Workspaces = 1
	if r.job.WorkspaceID != "" {
		return nil
	}
	all, err := r.e.Workspaces.Workspaces(ctx, "")
	r.state.Workspaces = int64(len(all))
	return err
}

// verification is a search for identifiers.
type verification struct {
	r      *erasureRun
	items  []privacyd.ReviewItem
	review int64   // rows to look at, also those that are too many for the list
	last   bool    // what still quotes the person is residue
	again  bool    // rows that quoted the person, so that the search must be made again
	doubts *doubts // of the dataset at hand

	namesake bool // another living person is known by what is looked for
	sharing  bool // what is looked for now is others' as well
}

func (v *verification) search(ctx context.Context, ids []Identifier) error {
	for _, d := range v.r.e.Datasets {
		key, err := v.r.key(d)
		if err != nil {
			return err
		}
		if key == "" && v.r.job.WorkspaceID != "" {
			continue
		}
		v.r.state.Searched += int64(len(d.Graph.Collections()))
		if len(ids) == 0 {
			continue
		}
		if err := v.searchIn(ctx, d, key, ids); err != nil {
			return fmt.Errorf("look for what is left in dataset %s: %w", d.Name, err)
		}
	}
	return nil
}

func (v *verification) searchIn(ctx context.Context, d Dataset, key string, ids []Identifier) error {
	eraser, err := d.Source.Eraser()
	if err != nil {
		return err
	}
	found, err := v.r.e.newQuotes(d.Graph.Quoted())
	if err != nil {
		return err
	}
	defer found.close()
	if v.doubts, err = v.newDoubts(d); err != nil {
		return err
	}
	defer v.doubts.close()
	err = eraser.Search(ctx, d.Graph, key, ids, func(h Hit) error {
		if !v.last {
			if quotes, err := found.add(h); quotes || err != nil {
				return err
			}
		}
		return v.hit(ctx, d, h)
	})
	if err == nil && found.found > 0 {
		err = v.unquote(ctx, d, found)
	}
	if err != nil || v.doubts == nil {
		return err
	}
	return v.doubts.each(ctx, func(h Hit, held bool) error {
		if held {
			return v.list(ctx, d, h)
		}
		v.residue(h)
		return nil
	})
}

// unquote erases what quotes the person. A row that stays, since it is held,
// is reviewed.
func (v *verification) unquote(ctx context.Context, d Dataset, found *quotes) error {
	x := v.r.x
	i := slices.IndexFunc(x.quoting, func(p *erasurePart) bool { return p.dataset.Name == d.Name })
	if i < 0 {
		return nil // the erasure is of no person
	}
	err := found.each(func(of datamap.Quoting, keys [][]string) error {
		changed, err := v.r.unquote(ctx, x, x.quoting[i], of, keys)
		if err != nil {
			return err
		}
		if changed > 0 {
			v.again = true
		}
		if changed >= int64(len(keys)) {
			return nil
		}
		for _, key := range keys {
			if err := v.hit(ctx, d, Hit{Collection: of.Collection.Name, Key: key, Column: of.Fields[0].Column}); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errHoldsChanged) { // it is looked at anew
		v.again = true
		return nil
	}
	if err != nil || !v.again {
		return err
	}
	if err := v.r.e.armFiles(ctx, v.r.job.ID, v.r.guarded); err != nil {
		return err
	}
	return v.r.e.deleteDueFiles(ctx)
}

func (r *erasureRun) key(d Dataset) (string, error) {
	if r.job.WorkspaceID == "" {
		return "", nil // all workspaces
	}
	return datasetKey(d, r.workspace)
}

// searchable are the identifiers that are long enough to mean one person.
func searchable(all []Identifier) []Identifier {
	return slices.DeleteFunc(slices.Clone(all), func(id Identifier) bool { return !id.Telling() })
}

// hit counts a row in which the person still stands, or puts it on the review
// list.
func (v *verification) hit(ctx context.Context, d Dataset, h Hit) error {
	switch {
	case v.namesakes(d, h):
		v.namesake = true
		return v.list(ctx, d, h)
	case v.sharing, v.mention(d, h):
		return v.list(ctx, d, h)
	case v.doubts != nil:
		return v.doubts.add(h)
	}
	v.residue(h)
	return nil
}

func (v *verification) residue(h Hit) {
	v.r.state.Residue++
	if v.r.state.Where == nil {
		v.r.state.Where = map[string]int64{}
	}
	v.r.state.Where[h.Collection+"."+h.Column]++
}

// list puts a row on the review list, as long as that takes it.
func (v *verification) list(ctx context.Context, d Dataset, h Hit) error {
	if v.review++; len(v.items) >= mostReview {
		return nil
	}
	sealed, err := v.r.e.sealJSON(ctx, scopeOwner(v.r.job.WorkspaceID), "review item", reviewed{d.Name, h.Collection, h.Key, h.Column})
	if err != nil {
		return err
	}
	v.items = append(v.items, privacyd.ReviewItem{N: int64(len(v.items) + 1), Sealed: sealed})
	return nil
}

// reviewed is a row on a review list.
type reviewed struct {
	Dataset    string   `json:"dataset"`
	Collection string   `json:"collection"`
	Key        []string `json:"key"`
	Column     string   `json:"column"`
}

// mention tells whether a row may name the person rightly: in other people's
// free text, as another person with the same address, or in what is kept on a
// ground. A row that is held is one that may: see doubts.
func (v *verification) mention(d Dataset, h Hit) bool {
	c := d.Graph.Collection(h.Collection)
	quoted := slices.ContainsFunc(d.Graph.Quoted(), func(q datamap.Quoting) bool { return q.Collection == c && q.Has(h.Column) })
	if c == nil || slices.Contains(d.Graph.FreeText(h.Collection), h.Column) && !quoted {
		return true
	}
	if v.called(d, h) {
		return true
	}
	for _, k := range d.Graph.Map.Subjects {
		if k.Collection == h.Collection && (v.r.job.Subject == nil || k.Kind != v.r.job.Subject.Kind || !v.erased(d)) {
			return true
		}
	}
	for _, p := range slices.Concat(v.r.x.parts, v.r.x.quoting) {
		if p.dataset.Name == d.Name && keeps(p.plan, c) {
			return true
		}
	}
	return false
}

// called tells whether a row says how somebody is called who signs in, who is
// another person than a contact.
func (v *verification) called(d Dataset, h Hit) bool {
	s := v.r.job.Subject
	return d.Own && s != nil && s.Kind != "account" && slices.Contains([]string{"members", "authors"}, h.Collection)
}

// erased tells whether the dataset was part of the erasure.
func (v *verification) erased(d Dataset) bool {
	return slices.ContainsFunc(v.r.x.parts, func(p *erasurePart) bool { return p.dataset.Name == d.Name })
}

func keeps(plan datamap.Erasure, c *datamap.Collection) bool {
	return slices.ContainsFunc(plan.Steps, func(s *datamap.Step) bool { return s.Collection.Name == c.Name && s.Action == datamap.Keep })
}
