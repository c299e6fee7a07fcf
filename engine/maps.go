package engine

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// CheckMaps compares every dataset's map with its live database. The operator
// only. Audit: map.check.
func (e *Engine) CheckMaps(ctx context.Context, c privacyd.Caller) (map[string][]datamap.Finding, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionCheckMap); err != nil {
		return nil, err
	}
	if err := e.recordAlone(ctx, privacyd.AuditEvent{Caller: c, Action: string(privacyd.ActionCheckMap), Outcome: privacyd.OutcomeDone}); err != nil {
		return nil, err
	}
	findings := map[string][]datamap.Finding{}
	for _, d := range e.Datasets {
		if d.Own {
			continue
		}
		found, err := checkMap(ctx, d)
		if err != nil {
			return nil, err
		}
		findings[d.Name] = found
	}
	return findings, nil
}

func checkMap(ctx context.Context, d Dataset) ([]datamap.Finding, error) {
	catalog, err := d.Source.Catalog(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the catalogue of dataset %s: %w", d.Name, err)
	}
	return datamap.Check(d.Graph, catalog), nil
}

// guard refuses a job when a product's database has what its map does not
// know: nothing may be skipped silently. Code map_mismatch. The tables of
// privacyd itself come with the binary and are checked by its tests.
func (e *Engine) guard(ctx context.Context, d Dataset) error {
	if d.Own {
		return nil
	}
	findings, err := checkMap(ctx, d)
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.Fatal {
			return privacyd.Errorf(privacyd.ClassRefused, "map_mismatch",
				"The data map of dataset %s does not fit its database any more: %s %s Run privacyd map check for the whole list.",
				d.Name, f.Message, f.Remedy)
		}
	}
	return nil
}
