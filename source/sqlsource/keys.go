package sqlsource

import (
	"context"

	"github.com/privacyd/privacyd/datamap"
)

// Keys gives fn the key of each row of a selection, as text and in the order of
// the collection's key.
//
// Error codes: those of Snapshot.Read.
func (e *Eraser) Keys(ctx context.Context, sel datamap.Selection, fn func(key []string) error) error {
	return e.look(ctx, "read the keys of "+sel.Collection.Name, func(s *Snapshot) error {
		b := s.builder(ctx)
		what, err := b.keyText(sel.Collection, "r")
		if err != nil {
			return err
		}
		query, err := b.query(sel, what)
		if err != nil {
			return err
		}
		return s.reader.values(ctx, query, len(what), func(row [][]byte) error { return theirs(fn(texts(row))) })
	})
}
