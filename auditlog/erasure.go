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
	epochPrefix   = "epoch_"
	fromPrefix    = "from_"
	maxSpans      = 1000 // in one entry: some 25 KiB of a leaf
)

// Erasure says of how many entries of a log disclosures were erased, and in
// which blocks these entries lie. The zero value is of none.
type Erasure struct {
	blocks map[int]map[int64]int64 // epoch → block → entries
}

// Span is a range of indexes, To excluded. Both are multiples of ErasureBlock.
type Span struct{ From, To int64 }

// Erased is an erasure as it can be read back: the blocks, but not how many
// entries of each.
type Erased struct {
	Entries int64
	Spans   map[int][]Span // by epoch, ascending, not touching each other
}

// Add counts an entry that disclosures of were erased; each entry once.
func (e *Erasure) Add(epoch int, index int64) {
	if e.blocks == nil {
		e.blocks = map[int]map[int64]int64{}
	}
	if e.blocks[epoch] == nil {
		e.blocks[epoch] = map[int64]int64{}
	}
	e.blocks[epoch][index/ErasureBlock]++
}

// Public gives the public values of the entries that tell of the erasure: one
// map, or several where one would not fit into a leaf. Nothing added: none.
//
// They read {"entries": 3, "epoch_1": {"from_0": 256, "from_1024": 1536}}: of
// three entries with an index from 0 to 255 or from 1024 to 1535, all of epoch
// 1, disclosures were erased.
func (e *Erasure) Public() []map[string]any {
	var all []map[string]any
	spans, entries := map[string]map[string]int64{}, int64(0)
	flush := func() {
		if len(spans) == 0 {
			return
		}
		public := map[string]any{publicEntries: entries}
		for epoch, of := range spans {
			public[epoch] = of
		}
		all = append(all, public)
		spans, entries = map[string]map[string]int64{}, 0
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
				entries += of[b]
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
	e := &Erased{Entries: entries, Spans: map[int][]Span{}}
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
