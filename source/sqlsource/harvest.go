package sqlsource

import (
	"slices"

	"github.com/privacyd/privacyd/datamap"
)

// harvester turns what is read of a step's rows into batches.
type harvester struct {
	step    *datamap.Step
	links   []*datamap.Link // among the rows: see selfLinks
	limit   int             // of rows to put in order
	leaves  bool            // only those that no row refers to, which need no order
	size    func() int
	take    func([]row) error
	columns int // of the query

	order *ordering
	batch []row
}

// inOrder tells whether all rows are needed before the first can go.
func (h *harvester) inOrder() bool { return !h.leaves && len(h.links) > 0 }

// query reads what names a row, its files and, where rows must go in an order,
// what they refer to.
func (h *harvester) query(b *builder, names []string, further ...string) (string, error) {
	what := slices.Clone(names)
	for _, f := range h.step.Files {
		what = append(what, b.asText(named("r", f.Column)))
	}
	also, err := b.unfinished(h.step)
	if err != nil {
		return "", err
	}
	free, err := b.unreferred(h.step)
	if err != nil {
		return "", err
	}
	also = slices.Concat(also, free, further)
	if h.leaves {
		free, err = b.unpointed(h.step.Collection, h.links)
		also = append(also, free...)
	} else {
		h.order, err = newOrdering(b, h.step.Collection, h.links, h.limit)
	}
	if err != nil {
		return "", err
	}
	if h.order != nil {
		what = append(what, h.order.what...)
	}
	h.columns = len(what)
	return b.rowsQuery(h.step.Collection, h.step.Rows, what, also...)
}

// add takes a row, and the columns behind those that name it.
func (h *harvester) add(r row, values [][]byte) error {
	for i, f := range h.step.Files {
		if key := values[i]; len(key) > 0 {
			r.files = append(r.files, datamap.File{Column: f.Column, Bucket: f.Bucket, Key: string(key)})
		}
	}
	if h.order != nil {
		return h.order.add(r, values[len(h.step.Files):])
	}
	h.batch = append(h.batch, r)
	if len(h.batch) < h.size() {
		return nil
	}
	return h.flush()
}

func (h *harvester) flush() error {
	batch := h.batch
	h.batch = nil
	if len(batch) == 0 {
		return nil
	}
	return h.take(batch)
}

// end gives out what is left.
func (h *harvester) end() error {
	if h.order == nil {
		return h.flush()
	}
	return h.order.each(h.size, h.take)
}

// unpointed is true of the rows that no row refers to over one of the links.
func (b *builder) unpointed(c *datamap.Collection, links []*datamap.Link) ([]string, error) {
	var all []string
	for _, l := range links {
		back := datamap.Hop{Link: l, To: c, Reverse: true}
		text, err := b.noPath(c, "r", datamap.Path{Hops: []datamap.Hop{back}})
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}
