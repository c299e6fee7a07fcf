package verify

import (
	"cmp"
	"slices"

	"github.com/privacyd/privacyd/auditlog"
)

const (
	unexplained = "a disclosure is not there and no erasure accounts for it"
	tooFew      = "more entries lack disclosures than the erasures of their block account for"
	tooFewInAll = "more entries lack disclosures than all erasures of the log together account for"
	wrongExcuse = "it is an erasure's entry that does not say what was erased"
)

// erasures is what the entries of erasures say: how many entries lack
// disclosures, and in which blocks.
type erasures struct {
	entries int64
	edges   map[int][]edge // by epoch
}

// edge is where a span begins or ends.
type edge struct {
	at      int64
	entries int64 // of the erasure; of an end: less
}

// add takes the public values of an erasure's entry.
func (s *erasures) add(public map[string]any) bool {
	e, err := auditlog.ParseErasure(public)
	if err != nil {
		return false
	}
	if s.edges == nil {
		s.edges = map[int][]edge{}
	}
	s.entries += e.Entries
	for number, spans := range e.Spans {
		for _, span := range spans {
			s.edges[number] = append(s.edges[number], edge{span.From, e.Entries}, edge{span.To, -e.Entries})
		}
	}
	return true
}

// judge compares the entries that lack disclosures with what the erasures
// account for: in each block not more than the erasures that name it, and in
// all not more than all erasures together.
func (s *erasures) judge(r *Report, epochs []*epoch) {
	var explained int64
	doubt := Finding{Code: DisclosureMissing, From: -1, To: -1, Detail: tooFewInAll}
	for _, e := range epochs {
		r.Erased += e.gone.count
		edges := s.edges[e.number]
		slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
		w := &sweep{edges: edges}
		for block := range blocksOf(&e.gone) {
			explained += w.judge(r, e.number, block)
			if doubt.Epoch != e.number {
				doubt.Epoch, doubt.From = e.number, block[0]
			}
			doubt.To = block[len(block)-1]
		}
	}
	if explained > s.entries {
		r.add(doubt)
	}
}

// blocksOf gives the indexes of a set, those of one block at a time.
func blocksOf(b *bitmap) func(func([]int64) bool) {
	return func(yield func([]int64) bool) {
		var block []int64
		for index := range b.all() {
			if len(block) > 0 && block[0]/blockSize != index/blockSize {
				if !yield(block) {
					return
				}
				block = block[:0]
			}
			block = append(block, index)
		}
		if len(block) > 0 {
			yield(block)
		}
	}
}

// sweep goes over the blocks of an epoch and knows how many entries the
// erasures that name a block account for.
type sweep struct {
	edges   []edge
	entries int64
}

// judge gives how many entries of the block are explained.
func (w *sweep) judge(r *Report, epoch int, gone []int64) int64 {
	for len(w.edges) > 0 && w.edges[0].at <= gone[0] {
		w.entries += w.edges[0].entries
		w.edges = w.edges[1:]
	}
	if n := int64(len(gone)); n <= w.entries {
		return n
	}
	if w.entries > 0 {
		r.add(Finding{Code: DisclosureMissing, Epoch: epoch, From: gone[0], To: gone[len(gone)-1], Detail: tooFew})
		return w.entries
	}
	for _, index := range gone {
		r.found(DisclosureMissing, epoch, index, unexplained)
	}
	return 0
}
