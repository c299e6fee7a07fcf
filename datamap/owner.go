package datamap

import "slices"

// Owner says where to read to whom a row belongs: the ids of persons of one
// kind are in a column of the selected rows.
type Owner struct {
	Kind   string // of subject
	Rows   Selection
	Column string // of Rows.Collection
}

// Owners says where to read to whom a row of a workspace belongs, by each kind
// of person that lives in one workspace. The row need not be a person's.
//
// Errors: collection_unknown, key_invalid.
func (g *Graph) Owners(workspace, collection string, key []string) ([]Owner, error) {
	c := g.Map.collection(collection)
	if c == nil {
		return nil, g.unknownCollection(collection)
	}
	if err := c.checkKey(key); err != nil {
		return nil, err
	}
	var list []Owner
	for _, k := range g.Map.Subjects {
		if k.Span == SpanAll {
			continue
		}
		for _, r := range g.kinds[k.Kind].routes[c.Name] {
			back, end := r.back(c)
			sel := Selection{Collection: end, Table: end.Table}
			if workspace != "" {
				sel.All = append(sel.All, condition(g.workspace[end.Name], workspace))
			}
			at := keyPath(route{columns: c.Key}, [][]string{key})
			at.Hops = back
			sel.All = append(sel.All, Condition{Any: []Path{at}})
			list = append(list, Owner{k.Kind, sel, r.columns[0]})
		}
	}
	return list, nil
}

// back leads from where a route of c ends to its row, and says where that is.
func (r route) back(c *Collection) (hops []Hop, end *Collection) {
	end = c
	for _, h := range r.hops {
		hops = append(hops, Hop{Link: h.Link, To: end, Recursive: h.Recursive, Reverse: !h.Reverse})
		end = h.To
	}
	slices.Reverse(hops)
	return hops, end
}
