package verify

import (
	"cmp"
	"slices"

	"github.com/privacyd/privacyd/auditlog"
)

const (
	unexplained  = "a disclosure is not there and no erasure accounts for it"
	tooFew       = "more entries lack disclosures than the erasures of their block account for"
	tooFewInAll  = "more entries lack disclosures than all erasures of the log together account for"
	tooMany      = "more disclosures are not there than the erasures of their block account for"
	tooManyInAll = "more disclosures are not there than all erasures of the log together account for"
	wrongExcuse  = "it is an erasure's entry that does not say what was erased"
)

// amount is how many entries lack disclosures, and of how many digests
// together. unsaid counts erasures that do not say the latter: those of old
// versions.
type amount struct{ entries, digests, unsaid int64 }

func (a *amount) add(b amount) {
	a.entries, a.digests, a.unsaid = a.entries+b.entries, a.digests+b.digests, a.unsaid+b.unsaid
}

// explains tells whether an erasure of this amount accounts for so many
// digests.
func (a amount) explains(digests int64) bool { return a.unsaid > 0 || digests <= a.digests }

// erasures is what the entries of erasures say: how much is gone, and in which
// blocks.
type erasures struct {
	all   amount
	edges map[int][]edge // by epoch
}

// edge is where a span begins or ends.
type edge struct {
	at int64
	of amount // of the erasure; of an end: less
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
	of := amount{entries: e.Entries, digests: e.Digests}
	if e.Digests < 0 {
		of.digests, of.unsaid = 0, 1
	}
	s.all.add(of)
	for number, spans := range e.Spans {
		for _, span := range spans {
			s.edges[number] = append(s.edges[number], edge{span.From, of}, edge{span.To, amount{-of.entries, -of.digests, -of.unsaid}})
		}
	}
	return true
}

// judge compares what is gone with what the erasures account for: in each block
// not more than the erasures that name it, and in all not more than all
// erasures together.
func (s *erasures) judge(r *Report, epochs []*epoch) {
	var explained amount
	doubt := Finding{Code: DisclosureMissing, From: -1, To: -1}
	for _, e := range epochs {
		r.Erased += e.gone.count
		edges := s.edges[e.number]
		slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
		w := &sweep{edges: edges}
		for block := range blocksOf(&e.gone) {
			explained.add(w.judge(r, e, block))
			if doubt.Epoch != e.number {
				doubt.Epoch, doubt.From = e.number, block[0]
			}
			doubt.To = block[len(block)-1]
		}
	}
	switch {
	case explained.entries > s.all.entries:
		doubt.Detail = tooFewInAll
	case !s.all.explains(explained.digests):
		doubt.Detail = tooManyInAll
	default:
		return
	}
	r.add(doubt)
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

// sweep goes over the blocks of an epoch and knows for how much the erasures
// that name a block account.
type sweep struct {
	edges []edge
	of    amount
}

// judge gives how much of what is gone from a block is explained.
func (w *sweep) judge(r *Report, e *epoch, gone []int64) amount {
	for len(w.edges) > 0 && w.edges[0].at <= gone[0] {
		w.of.add(w.edges[0].of)
		w.edges = w.edges[1:]
	}
	lacking := e.lacking[gone[0]/blockSize]
	finding := Finding{Code: DisclosureMissing, Epoch: e.number, From: gone[0], To: gone[len(gone)-1]}
	switch n := int64(len(gone)); {
	case n <= w.of.entries && w.of.explains(lacking):
		return amount{entries: n, digests: lacking}
	case n <= w.of.entries:
		finding.Detail = tooMany
	case w.of.entries > 0:
		finding.Detail = tooFew
	default:
		for _, index := range gone {
			r.found(DisclosureMissing, e.number, index, unexplained)
		}
		return amount{}
	}
	r.add(finding)
	return amount{entries: min(int64(len(gone)), w.of.entries), digests: min(lacking, w.of.digests)}
}
