package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// CollectionSize is about how much a collection holds of a workspace.
type CollectionSize struct {
	Dataset    string `json:"dataset"`
	Collection string `json:"collection"`
	Records    int64  `json:"records"` // exact while they are few; beyond, as the database estimates
}

// CollectionSizes tells about how many records each collection holds of a
// workspace, in the order of the data maps. Admins and agents.
func (e *Engine) CollectionSizes(ctx context.Context, c privacyd.Caller, workspace string) ([]CollectionSize, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadRecords)
	if err != nil {
		return nil, err
	}
	var list []CollectionSize
	for _, d := range e.Datasets {
		key, err := datasetKey(d, g.Workspace)
		if err != nil {
			return nil, err
		}
		if key == "" {
			continue
		}
		if list, err = addSizes(ctx, list, d, key); err != nil {
			return nil, fmt.Errorf("count the records of dataset %s: %w", d.Name, err)
		}
	}
	return list, nil
}

func addSizes(ctx context.Context, list []CollectionSize, d Dataset, key string) ([]CollectionSize, error) {
	snapshot, err := d.Source.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close() //nolint:errcheck // it was only read
	for _, c := range d.Graph.Collections() {
		selection, ok, err := d.Graph.Select(c.Name, datamap.Scope{Workspace: key})
		if err != nil {
			return nil, err
		}
		if !ok || len(selection.Fields) == 0 {
			continue
		}
		n, err := sizeOf(ctx, snapshot, selection)
		if err != nil {
			return nil, err
		}
		list = append(list, CollectionSize{Dataset: d.Name, Collection: c.Name, Records: n})
	}
	return list, nil
}

// countedExactly is how many records are counted one by one: an estimate of few
// may be far off.
const countedExactly = 20_000

func sizeOf(ctx context.Context, s Snapshot, sel datamap.Selection) (int64, error) {
	estimate, err := s.Estimate(ctx, sel)
	if err != nil || estimate >= countedExactly {
		return estimate, err
	}
	sel.Fields = sel.Fields[:1]
	enough := errors.New("there are many")
	var n int64
	err = s.Read(ctx, sel, func(datamap.Row) error {
		if n++; n == countedExactly {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		return max(estimate, n), nil
	}
	return n, err
}
