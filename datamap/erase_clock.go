package datamap

import (
	"slices"

	"github.com/privacyd/privacyd"
)

// ClockCollections gives the collections that have a retention clock, in the
// map's order.
func (g *Graph) ClockCollections() []*Collection {
	return slices.DeleteFunc(slices.Clone(g.Map.Collections), func(c *Collection) bool { return c.Clock == nil })
}

// Clocked selects the rows with a clock of a workspace. Its fields are the
// key's, resolved_at and last_activity, with their formats; which rows are
// resolved says Selection.Collection.Clock.Resolved.
//
// Errors: collection_unknown, clock_missing, scope_incomplete.
func (g *Graph) Clocked(workspace, collection string) (Selection, error) {
	sel, _, err := g.Select(collection, Scope{Workspace: workspace})
	if err != nil {
		return Selection{}, err
	}
	c := sel.Collection
	if c.Clock == nil {
		return Selection{}, privacyd.Errorf(privacyd.ClassInvalid, "clock_missing",
			"Collection %s has no retention clock. Say under `clock` which rows are resolved, and since when.", c.Name)
	}
	sel.Fields = c.fieldsOf(append(slices.Clone(c.Key), c.Clock.ResolvedAt, c.Clock.LastActivity))
	return sel, nil
}
