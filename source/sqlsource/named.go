package sqlsource

import (
	"context"

	"github.com/privacyd/privacyd/datamap"
)

// Named gives those of a bucket's blobs that a row of the dataset still names,
// in whichever workspace: they must not be purged. It reads a table once for
// all of the keys.
//
// Error codes: those of Snapshot.Read.
func (e *Eraser) Named(ctx context.Context, g *datamap.Graph, bucket string, keys []string) ([]string, error) {
	var named []string
	if len(keys) == 0 {
		return nil, nil
	}
	err := e.look(ctx, "look for the rows of files", func(s *Snapshot) error {
		for _, c := range g.Collections() {
			for _, f := range c.Files {
				if f.Bucket != bucket {
					continue
				}
				found, err := namedIn(ctx, s, c, f, keys)
				if err != nil {
					return err
				}
				named = appendNew(named, found...)
			}
		}
		return nil
	})
	return named, err
}

func namedIn(ctx context.Context, s *Snapshot, c *datamap.Collection, f *datamap.FileColumn, keys []string) (found []string, err error) {
	b := s.builder(ctx)
	what, err := b.textOf(c, "r", []string{f.Column})
	if err != nil {
		return nil, err
	}
	set := datamap.KeySet{Columns: []string{f.Column}}
	for _, k := range keys {
		set.Values = append(set.Values, []string{k})
	}
	query, err := b.rowsQuery(c, datamap.Rows{All: []datamap.Condition{{Any: []datamap.Path{{Keys: &set}}}}}, what)
	if err != nil {
		return nil, err
	}
	err = s.reader.values(ctx, query, 1, func(v [][]byte) error {
		found = appendNew(found, string(v[0]))
		return nil
	})
	return found, err
}
