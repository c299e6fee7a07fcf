package auditlog

import (
	"context"
	"fmt"
	"slices"
)

// stretch is the indexes [from, to).
type stretch struct{ from, to int64 }

// among gives the stretches of an epoch in which a filtered export has to look:
// from the first to the last entry that q asks for by ids and action, whatever
// lies between them, so that what was tampered with there is told; and where the
// entries are that explain what is missing.
func (v *View) among(ctx context.Context, h Head, q Query) ([]stretch, error) {
	all := []stretch{{0, h.Size}}
	if h.Size == 0 || q.Before == "" && q.NotBefore == "" && q.Action == "" {
		return all, nil
	}
	q.Log = v.name
	wanted, known, err := v.log.Entries.Pages(ctx, q, h.Epoch, entriesPage)
	if err != nil || !known {
		return all, among(err)
	}
	pages := []int64{0} // which begins with ActionEpoch
	if len(wanted) > 0 {
		for n := slices.Min(wanted); n <= slices.Max(wanted); n++ {
			pages = append(pages, n)
		}
	}
	explaining, known, err := v.log.Entries.Pages(ctx, Query{Log: v.name, Action: ActionErased}, h.Epoch, entriesPage)
	if err != nil || !known {
		return all, among(err)
	}
	return stretchesOf(append(pages, explaining...), h.Size), nil
}

func among(err error) error {
	if err != nil {
		return fmt.Errorf("look for audit entries: %w", err)
	}
	return nil
}

// stretchesOf joins pages, in any order, as far as a tree of a size has them.
func stretchesOf(pages []int64, size int64) (all []stretch) {
	slices.Sort(pages)
	for _, n := range slices.Compact(pages) {
		s := stretch{n * entriesPage, min((n+1)*entriesPage, size)}
		switch last := len(all) - 1; {
		case s.from >= size:
		case last >= 0 && all[last].to == s.from:
			all[last].to = s.to
		default:
			all = append(all, s)
		}
	}
	return all
}
