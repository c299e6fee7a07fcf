package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// forgetRows deletes what privacyd itself keeps of single rows of a workspace
// that are no more: holds that were released, what was kept from retention
// runs, and what is on review lists. They name rows, and some of them why.
func (r *erasureRun) forgetRows(ctx context.Context) error {
	if r.job.WorkspaceID == "" || r.job.Type == privacyd.JobWorkspaceDeletion {
		return nil
	}
	for _, forget := range []func(context.Context) error{r.forgetKept, r.forgetReleased, r.forgetReviews} {
		if err := forget(ctx); err != nil {
			return fmt.Errorf("forget rows that are gone: %w", err)
		}
	}
	return nil
}

func (r *erasureRun) forgetKept(ctx context.Context) error {
	for after := ""; ; {
		kept, err := r.e.Reviews.KeptRows(ctx, r.job.WorkspaceID, after, rowsAtOnce)
		if err != nil || len(kept) == 0 {
			return err
		}
		after = kept[len(kept)-1].Ref
		var some rowNotes
		for _, k := range kept {
			var t privacyd.HoldTarget
			if err := r.e.openJSON(ctx, scopeOwner(r.job.WorkspaceID), "kept row", k.Sealed, &t); err != nil {
				return err
			}
			some.add(t, k.Ref)
		}
		if err := r.forgetRefs(ctx, some); err != nil {
			return err
		}
	}
}

func (r *erasureRun) forgetReleased(ctx context.Context) error {
	for before := ""; ; {
		holds, err := r.e.Holds.Holds(ctx, r.job.WorkspaceID, before, rowsAtOnce)
		if err != nil || len(holds) == 0 {
			return err
		}
		before = holds[len(holds)-1].ID
		var some rowNotes
		for _, h := range holds {
			if h.ReleasedAt == nil || h.Target.Type != privacyd.HoldConversation {
				continue
			}
			if err := r.e.openHold(ctx, h); err != nil {
				return err
			}
			some.add(h.Target, h.TargetRef)
		}
		if err := r.forgetRefs(ctx, some); err != nil {
			return err
		}
	}
}

func (r *erasureRun) forgetRefs(ctx context.Context, some rowNotes) error {
	gone, err := r.gone(ctx, some)
	if err != nil || len(gone) == 0 {
		return err
	}
	refs := make([]string, len(gone))
	for i, n := range gone {
		refs[i] = n.ref
	}
	return r.guarded(ctx, func(ctx context.Context) error { return r.e.Own.ForgetSubject(ctx, r.job.WorkspaceID, refs) })
}

func (r *erasureRun) forgetReviews(ctx context.Context) error {
	var last privacyd.ReviewItem
	for {
		items, err := r.e.Reviews.WorkspaceReviewItems(ctx, r.job.WorkspaceID, last, rowsAtOnce)
		if err != nil || len(items) == 0 {
			return err
		}
		last = items[len(items)-1]
		var some rowNotes
		for _, item := range items {
			var row reviewed
			if err := r.e.openJSON(ctx, scopeOwner(r.job.WorkspaceID), "review item", item.Sealed, &row); err != nil {
				return err
			}
			some.add(privacyd.HoldTarget{Dataset: row.Dataset, Collection: row.Collection, Key: row.Key}, "")
			some[len(some)-1].item = item
		}
		gone, err := r.gone(ctx, some)
		if err != nil {
			return err
		}
		err = r.guarded(ctx, func(ctx context.Context) error {
			for _, n := range gone {
				if err := r.e.Reviews.DeleteReviewItem(ctx, n.item.JobID, n.item.N); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// rowNotes are what is kept of rows.
type rowNotes []rowNote

type rowNote struct {
	row  privacyd.HoldTarget
	ref  string
	item privacyd.ReviewItem
}

func (n *rowNotes) add(row privacyd.HoldTarget, ref string) {
	*n = append(*n, rowNote{row: row, ref: ref})
}

// gone gives the notes whose rows are no more. Of a dataset or collection that
// is no longer configured nothing is known.
func (r *erasureRun) gone(ctx context.Context, notes rowNotes) (gone rowNotes, err error) {
	type place struct{ dataset, collection string }
	by := map[place]rowNotes{}
	for _, n := range notes {
		at := place{n.row.Dataset, n.row.Collection}
		by[at] = append(by[at], n)
	}
	for at, some := range by {
		d, err := r.e.dataset(at.dataset)
		if err != nil || d.Graph.Collection(at.collection) == nil {
			continue
		}
		there, err := r.there(ctx, d, at.collection, some)
		if err != nil {
			return nil, err
		}
		gone = append(gone, slices.DeleteFunc(some, func(n rowNote) bool { return there[keyText(n.row.Key)] })...)
	}
	return gone, nil
}

// there tells which of the rows are there.
func (r *erasureRun) there(ctx context.Context, d Dataset, collection string, notes rowNotes) (map[string]bool, error) {
	key, err := datasetKey(d, r.workspace)
	if err != nil {
		return nil, err
	}
	rows := &datamap.RowScope{Collection: collection}
	for _, n := range notes {
		rows.Keys = append(rows.Keys, n.row.Key)
	}
	of, err := d.Graph.Erasure(datamap.EraseScope{Scope: datamap.Scope{Workspace: key}, Rows: rows})
	if err != nil {
		return nil, err
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, sel := range of.Roots {
		if err := eraser.Keys(ctx, sel, func(key []string) error { found[keyText(key)] = true; return nil }); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func keyText(key []string) string { return strings.Join(key, "\x00") }
