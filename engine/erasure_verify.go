package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

const mostReview = 10000 // rows on a review list

// verify looks again: the same discovery must find nothing, and what the person
// was known by must stand nowhere but in others' own texts, which go to a list
// for somebody to look at.
func (r *erasureRun) verify(ctx context.Context) error {
	if r.ofRows() {
		return r.verifyRows(ctx)
	}
	r.x = nil
	x, err := r.compiled(ctx)
	if err != nil {
		return err
	}
	r.state.After, r.state.Residue, r.state.Review, r.state.Searched = nil, 0, 0, 0
	for _, p := range x.parts {
		if err := r.look(ctx, p); err != nil {
			return err
		}
	}
	v := &verification{r: r, counts: map[string]int64{}}
	if err := v.search(ctx); err != nil {
		return err
	}
	r.state.Verified = r.e.Now()
	return r.save(ctx, phaseForget)
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
		r.state.After = addPlanned(r.state.After, plannedStep(p.dataset.Name, step, rows, 0))
		if step.Action != datamap.Keep || len(step.Set) > 0 {
			r.state.Residue += rows
		}
	}
	return nil
}

// verification is a search for identifiers.
type verification struct {
	r      *erasureRun
	items  []privacyd.ReviewItem
	counts map[string]int64 // collection → rows with residue
}

func (v *verification) search(ctx context.Context) error {
	ids := searchable(v.r.state.Identifiers)
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
		eraser, err := d.Source.Eraser()
		if err != nil {
			return err
		}
		err = eraser.Search(ctx, d.Graph, key, ids, func(h Hit) error { return v.hit(ctx, d, h) })
		if err != nil {
			return fmt.Errorf("look for what is left in dataset %s: %w", d.Name, err)
		}
	}
	v.r.state.Review = int64(len(v.items))
	return v.r.guarded(ctx, func(ctx context.Context) error { return v.r.e.Runs.InsertReviewItems(ctx, v.r.job.ID, v.items) })
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
	if !v.mention(d, h) {
		v.r.state.Residue++
		return nil
	}
	if len(v.items) >= mostReview {
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
// free text, as another person with the same address, or in what is kept or
// held on a ground.
func (v *verification) mention(d Dataset, h Hit) bool {
	c := d.Graph.Collection(h.Collection)
	if c == nil || slices.Contains(d.Graph.FreeText(h.Collection), h.Column) {
		return true
	}
	for _, k := range d.Graph.Map.Subjects {
		if k.Collection == h.Collection && (v.r.job.Subject == nil || k.Kind != v.r.job.Subject.Kind || !v.erased(d)) {
			return true
		}
	}
	for _, p := range v.r.x.parts {
		if p.dataset.Name == d.Name && (len(p.scope.Held) > 0 || keeps(p.plan, c)) {
			return true
		}
	}
	return false
}

// erased tells whether the dataset was part of the erasure.
func (v *verification) erased(d Dataset) bool {
	return slices.ContainsFunc(v.r.x.parts, func(p *erasurePart) bool { return p.dataset.Name == d.Name })
}

func keeps(plan datamap.Erasure, c *datamap.Collection) bool {
	return slices.ContainsFunc(plan.Steps, func(s *datamap.Step) bool { return s.Collection.Name == c.Name && s.Action == datamap.Keep })
}

// expireExports ends the life of archives that hold what goes.
func (r *erasureRun) expireExports(ctx context.Context) error {
	var refs []string
	if r.job.Subject != nil {
		refs = append(refs, r.job.SubjectRef)
	}
	jobs, err := r.e.Own.ExportsWith(ctx, r.job.WorkspaceID, refs)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		err := r.guarded(ctx, func(ctx context.Context) error {
			if err := r.e.Queue.Cancel(ctx, WorkExpire, job.ID); err != nil { // it is planned for the end of the export's life
				return err
			}
			return r.e.expireAt(ctx, job.ID, r.e.Now())
		})
		if err != nil {
			return err
		}
		r.state.Expired = appendNew(r.state.Expired, job.ID)
	}
	r.state.Exports = int64(len(r.state.Expired))
	return nil
}
