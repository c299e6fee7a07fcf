package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/datamap"
)

// doubts are rows in which an erased person was found and that may be there
// rightly, since they are held: which of them are is asked when all have been
// found, as asking must not hold a view of the database open.
type doubts struct {
	p     *erasurePart
	spool archive.Spool
	out   *bufio.Writer
	hits  []Hit
}

// newDoubts gives nil for a dataset in which nothing is held.
func (v *verification) newDoubts(d Dataset) (*doubts, error) {
	parts := slices.Concat(v.r.x.parts, v.r.x.quoting)
	i := slices.IndexFunc(parts, func(p *erasurePart) bool { return p.dataset.Name == d.Name && p.scope.Holding() })
	if i < 0 {
		return nil, nil //nolint:nilnil // no error, no doubts
	}
	spool, err := v.r.e.Spool()
	if err != nil {
		return nil, err
	}
	return &doubts{p: parts[i], spool: spool, out: bufio.NewWriterSize(spool, 1<<16)}, nil
}

func (o *doubts) close() {
	if o != nil {
		_ = o.spool.Close() // it is temporary
	}
}

func (o *doubts) add(h Hit) error {
	h.Key = slices.Clone(h.Key)
	if o.hits = append(o.hits, h); len(o.hits) < rowsAtOnce {
		return nil
	}
	return o.flush()
}

func (o *doubts) flush() error {
	if len(o.hits) == 0 {
		return nil
	}
	err := writeFrame(o.out, o.hits)
	o.hits = o.hits[:0]
	return err
}

// each tells of every row whether it stays under a hold.
func (o *doubts) each(ctx context.Context, tell func(h Hit, held bool) error) error {
	if err := errors.Join(o.flush(), o.out.Flush()); err != nil {
		return err
	}
	back, err := o.spool.Rewind()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(back, 1<<16)
	for {
		var hits []Hit
		err := readFrame(in, &hits)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		held, err := o.p.heldAmong(ctx, hits)
		if err != nil {
			return fmt.Errorf("look what is held: %w", err)
		}
		for _, h := range hits {
			if err := tell(h, held[h.Collection+"\x00"+strings.Join(h.Key, "\x00")]); err != nil {
				return err
			}
		}
	}
}

// heldAmong are the rows of hits that stay under a hold, by collection and key:
// a hold is on them or on what they belong to, or the erasure has spared them.
func (p *erasurePart) heldAmong(ctx context.Context, hits []Hit) (map[string]bool, error) {
	keys := map[string][][]string{}
	for _, h := range hits {
		keys[h.Collection] = append(keys[h.Collection], h.Key)
	}
	unheld, err := p.unheld()
	if err != nil {
		return nil, err
	}
	held := map[string]bool{}
	for collection, of := range keys {
		among, err := p.sparing(unheld, collection, of)
		if err != nil {
			return nil, err
		}
		for _, sel := range among {
			err := p.eraser.Keys(ctx, sel, func(key []string) error {
				held[collection+"\x00"+strings.Join(key, "\x00")] = true
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return held, nil
}

// sparing selects those of some rows that are held, and those that would have
// gone without holds.
func (p *erasurePart) sparing(unheld datamap.Erasure, collection string, keys [][]string) ([]datamap.Selection, error) {
	var list []datamap.Selection
	sel, some, err := p.dataset.Graph.HeldAmong(p.scope, collection, keys)
	if err != nil {
		return nil, err
	}
	if some {
		list = append(list, sel)
	}
	for _, step := range unheld.Steps {
		if step.Collection.Name != collection || step.Action == datamap.Keep {
			continue
		}
		rows := step.Rows
		list = append(list, datamap.Selection{Collection: step.Collection, Table: step.Table, All: []datamap.Condition{
			{Any: []datamap.Path{{Rows: &rows}}},
			{Any: []datamap.Path{{Keys: &datamap.KeySet{Columns: step.Collection.Key, Values: keys}}}},
		}})
	}
	return list, nil
}
