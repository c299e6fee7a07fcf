package auditlog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ErrErasure: public values that are not those of an erasure's entry.
var ErrErasure = errors.New("that is not the entry of an erasure")

// ActionErased is the action of the entry that explains missing disclosures:
// Erasure is what its public values say.
const ActionErased = "audit.erased"

// ErasureBlock is how many entries are named together when disclosures have
// gone, so that the entries of one person are not listed.
const ErasureBlock = 256

const (
	publicEntries = "entries"
	publicDigests = "digests"
	epochPrefix   = "epoch_"
	fromPrefix    = "from_"
	maxSpans      = 1000 // in one entry: some 25 KiB of a leaf
)

// Erasure says of how many entries of a log disclosures were erased, for how
// many digests of these entries nothing can be given any more, and in which
// blocks the entries lie. The zero value is of none.
type Erasure struct {
	blocks  map[int]map[int64]tally // epoch → block → what went
	unknown bool                    // of some it is not known how many digests
}

// tally counts entries and digests.
type tally struct{ entries, digests int64 }

// Span is a range of indexes, To excluded. Both are multiples of ErasureBlock.
type Span struct{ From, To int64 }

// Erased is an erasure as it can be read back: the blocks, but not how many
// entries of each.
type Erased struct {
	Entries int64
	Digests int64          // -1: it does not say
	Spans   map[int][]Span // by epoch, ascending, not touching each other
}

// Add counts an entry that disclosures of were erased; each entry once.
func (e *Erasure) Add(g Gone) {
	if e.blocks == nil {
		e.blocks = map[int]map[int64]tally{}
	}
	if e.blocks[g.Epoch] == nil {
		e.blocks[g.Epoch] = map[int64]tally{}
	}
	of := e.blocks[g.Epoch][g.Index/ErasureBlock]
	e.blocks[g.Epoch][g.Index/ErasureBlock] = tally{of.entries + 1, of.digests + int64(g.Digests)}
	e.unknown = e.unknown || g.Digests <= 0
}

// Public gives the public values of the entries that tell of the erasure: one
// map, or several where one would not fit into a leaf. Nothing added: none.
//
// They read {"digests": 9, "entries": 3, "epoch_1": {"from_0": 256, "from_1024":
// 1536}}: of three entries with an index from 0 to 255 or from 1024 to 1535, all
// of epoch 1, disclosures were erased, of nine digests together.
func (e *Erasure) Public() []map[string]any {
	var all []map[string]any
	spans, sum := map[string]map[string]int64{}, tally{}
	flush := func() {
		if len(spans) == 0 {
			return
		}
		public := map[string]any{publicEntries: sum.entries}
		if !e.unknown {
			public[publicDigests] = sum.digests
		}
		for epoch, of := range spans {
			public[epoch] = of
		}
		all = append(all, public)
		spans, sum = map[string]map[string]int64{}, tally{}
	}
	n := 0
	for _, epoch := range slices.Sorted(maps.Keys(e.blocks)) {
		of := e.blocks[epoch]
		name := epochPrefix + strconv.Itoa(epoch)
		for _, s := range joined(slices.Sorted(maps.Keys(of))) {
			if n++; n%maxSpans == 0 {
				flush()
			}
			if spans[name] == nil {
				spans[name] = map[string]int64{}
			}
			spans[name][fromPrefix+strconv.FormatInt(s.From, 10)] = s.To
			for b := s.From / ErasureBlock; b < s.To/ErasureBlock; b++ {
				sum = tally{sum.entries + of[b].entries, sum.digests + of[b].digests}
			}
		}
	}
	flush()
	return all
}

// joined makes spans of sorted blocks; neighbours become one.
func joined(blocks []int64) []Span {
	var spans []Span
	for _, b := range blocks {
		from, to := b*ErasureBlock, (b+1)*ErasureBlock
		if last := len(spans) - 1; last >= 0 && spans[last].To == from {
			spans[last].To = to
			continue
		}
		spans = append(spans, Span{from, to})
	}
	return spans
}

// ParseErasure reads the public values of an entry with ActionErased. Errors
// are ErrErasure.
func ParseErasure(public map[string]any) (*Erased, error) {
	entries, ok := public[publicEntries].(int64)
	if !ok || entries < 0 {
		return nil, fmt.Errorf("%w: it does not say of how many entries", ErrErasure)
	}
	e := &Erased{Entries: entries, Digests: -1, Spans: map[int][]Span{}}
	if value, said := public[publicDigests]; said {
		if e.Digests, ok = value.(int64); !ok || e.Digests < 0 {
			return nil, fmt.Errorf("%w: it does not say of how many digests", ErrErasure)
		}
	}
	for name, value := range public {
		number, ok := strings.CutPrefix(name, epochPrefix)
		if !ok {
			continue
		}
		epoch, err := strconv.Atoi(number)
		of, isMap := value.(map[string]any)
		if err != nil || epoch < 1 || !isMap {
			return nil, fmt.Errorf("%w: an epoch is not of that form", ErrErasure)
		}
		if e.Spans[epoch], err = parseSpans(of); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func parseSpans(of map[string]any) ([]Span, error) {
	var spans []Span
	for name, value := range of {
		number, ok := strings.CutPrefix(name, fromPrefix)
		from, err := strconv.ParseInt(number, 10, 64)
		to, isNumber := value.(int64)
		if !ok || err != nil || !isNumber || from < 0 || to <= from || from%ErasureBlock != 0 || to%ErasureBlock != 0 {
			return nil, fmt.Errorf("%w: a range is not one of whole blocks", ErrErasure)
		}
		spans = append(spans, Span{from, to})
	}
	slices.SortFunc(spans, func(a, b Span) int { return int(min(1, max(-1, a.From-b.From))) })
	for i := 1; i < len(spans); i++ {
		if spans[i].From < spans[i-1].To {
			return nil, fmt.Errorf("%w: two ranges overlap", ErrErasure)
		}
	}
	return spans, nil
}
