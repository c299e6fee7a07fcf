package sqlsource

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// Workspaces lists the workspaces that the dataset of g has, by key.
//
// Error codes: those of Snapshot.Read.
func (s *Source) Workspaces(ctx context.Context, g *datamap.Graph) ([]datamap.WorkspaceRow, error) {
	root := g.Map.Workspace
	c := g.Collection(root.Collection)
	if c == nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "map_invalid",
			"The data map of %s has no collection %q, which its workspaces are rows of.", g.Map.Dataset, root.Collection)
	}
	// A file entry is how a Row gives values as plain text.
	list := *c
	list.Files = []*datamap.FileColumn{{Column: root.Key, NameColumn: root.Name}}
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	defer snapshot.Close() //nolint:errcheck // nothing was written
	var rows []datamap.WorkspaceRow
	err = snapshot.Read(ctx, datamap.Selection{Collection: &list}, func(r datamap.Row) error {
		for _, f := range r.Files {
			rows = append(rows, datamap.WorkspaceRow{Key: f.Key, Name: f.Name})
		}
		return nil
	})
	slices.SortFunc(rows, func(a, b datamap.WorkspaceRow) int { return strings.Compare(a.Key, b.Key) })
	return rows, err
}
