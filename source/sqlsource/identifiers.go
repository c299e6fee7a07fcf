package sqlsource

import (
	"context"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd/datamap"
)

// Identifiers are the values that the rows of a person have for its
// identities, each once, in the order of the identities: read them before
// anything goes. Those of which a text cannot be searched are among them.
//
// Error codes: those of Snapshot.Read.
func (e *Eraser) Identifiers(ctx context.Context, person datamap.Selection, identities []datamap.Identity) ([]Identifier, error) {
	c := person.Collection
	paths := make([][]step, len(identities))
	columns := make([]string, len(identities))
	for i, id := range identities {
		columns[i] = id.Column
		if id.JSONPath == "" {
			continue
		}
		var err error
		if paths[i], err = parsePath(id.JSONPath); err != nil {
			return nil, fmt.Errorf("read identifiers: %w", err)
		}
	}
	values := make([][]Identifier, len(identities))
	err := e.look(ctx, "read identifiers", func(s *Snapshot) error {
		b := s.builder(ctx)
		what, err := b.textOf(c, "r", columns)
		if err != nil || len(what) == 0 {
			return err
		}
		query, err := b.query(person, what)
		if err != nil {
			return err
		}
		return s.reader.values(ctx, query, len(what), func(row [][]byte) error {
			for i, value := range row {
				values[i] = appendIdentifiers(values[i], identities[i].Kind, value, paths[i])
			}
			return nil
		})
	})
	return slices.Concat(values...), err
}

func appendIdentifiers(list []Identifier, kind string, value []byte, path []step) []Identifier {
	texts := []string{string(value)}
	if path != nil {
		texts = valuesAt(value, path)
	}
	for _, t := range texts {
		if id := (Identifier{Kind: kind, Value: t}); t != "" && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}
