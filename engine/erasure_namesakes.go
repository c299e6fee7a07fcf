package engine

import (
	"context"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// searchAll looks for what the person was known by. An identifier that is
// another living person's own, too, says no more whom a row means: what holds
// it goes to the review list. Which these are is asked only when another
// person's row has been found.
func (v *verification) searchAll(ctx context.Context) error {
	ids, before := searchable(v.r.state.Identifiers), v.r.state.Residue
	if err := v.search(ctx, ids); err != nil || v.again || !v.namesake {
		return err
	}
	shared, err := v.shared(ctx, ids)
	if err != nil {
		return err
	}
	v.items, v.review, v.r.state.Residue, v.r.state.Where, v.r.state.Searched = nil, 0, before, nil, 0
	own := slices.DeleteFunc(slices.Clone(ids), func(id Identifier) bool { return slices.Contains(shared, id) })
	if err := v.search(ctx, own); err != nil || v.again {
		return err
	}
	searched := v.r.state.Searched
	v.sharing = true
	err = v.search(ctx, shared)
	v.sharing, v.r.state.Searched = false, searched
	return err
}

// shared are the identifiers that are also another living person's.
func (v *verification) shared(ctx context.Context, ids []Identifier) ([]Identifier, error) {
	var shared []Identifier
	for _, id := range ids {
		found := false
		for _, d := range v.r.e.Datasets {
			key, err := v.r.key(d)
			if err != nil {
				return nil, err
			}
			eraser, err := d.Source.Eraser()
			if err != nil {
				return nil, err
			}
			var persons []string
			for _, k := range d.Graph.Map.Subjects {
				persons = appendNew(persons, k.Collection)
			}
			if key == "" || len(persons) == 0 || found {
				continue
			}
			err = eraser.Search(ctx, d.Graph.Only(persons...), key, []Identifier{id}, func(h Hit) error {
				found = found || v.namesakes(d, h)
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		if found {
			shared = append(shared, id)
		}
	}
	return shared, nil
}

// namesakes tells whether an identifier was found where it says who another
// person is. An account that goes is whoever has its address.
func (v *verification) namesakes(d Dataset, h Hit) bool {
	if v.r.job.Type != privacyd.JobSubjectDeletion || !identifies(d.Graph, h.Collection, h.Column) {
		return false
	}
	return !slices.ContainsFunc(v.r.x.parts, func(p *erasurePart) bool {
		return p.dataset.Name == d.Name && p.isRoot(h.Collection, h.Key)
	})
}

func (p *erasurePart) isRoot(collection string, key []string) bool {
	return slices.ContainsFunc(p.roots, func(r datamap.RowRef) bool { return r.Collection == collection && slices.Equal(r.Key, key) })
}

// identifies tells whether a column says who a person is.
func identifies(g *datamap.Graph, collection, column string) bool {
	return slices.ContainsFunc(g.Map.Subjects, func(k *datamap.SubjectKind) bool {
		return k.Collection == collection && slices.ContainsFunc(k.Identities, func(i datamap.Identity) bool { return i.Column == column })
	})
}

// noteNamesakes has a plan say that others are known by what the person is.
func (x *erasure) noteNamesakes(ctx context.Context, plan *privacyd.Plan) error {
	if x.job.Type != privacyd.JobSubjectDeletion {
		return nil
	}
	for _, p := range x.parts {
		others, err := p.hasNamesakes(ctx)
		if err != nil {
			return err
		}
		if others {
			plan.Notes = append(plan.Notes, "Somebody else has the same e-mail address, phone number or other identifier. "+
				"What still holds that afterwards is put on the review list, for somebody to look at.")
			return nil
		}
	}
	return nil
}

// hasNamesakes looks for what stands there letter by letter, as an index finds
// it.
func (p *erasurePart) hasNamesakes(ctx context.Context) (found bool, err error) {
	kind := p.dataset.Graph.SubjectKind(p.scope.SubjectKind)
	ids, err := p.identifiers(ctx)
	if err != nil || kind == nil {
		return false, err
	}
	sel, ok, err := p.dataset.Graph.Select(kind.Collection, datamap.Scope{Workspace: p.scope.Workspace})
	if err != nil || !ok {
		return false, err
	}
	for _, id := range searchable(ids) {
		for _, i := range kind.Identities {
			if found || i.Kind != id.Kind || i.JSONPath != "" {
				continue
			}
			same := sel // asked one by one: each has an index of its own
			same.All = append(slices.Clone(sel.All), datamap.Condition{Any: []datamap.Path{{Column: i.Column, Value: id.Value}}})
			err := p.eraser.Keys(ctx, same, func(key []string) error {
				found = found || !p.isRoot(kind.Collection, key)
				return nil
			})
			if err != nil {
				return false, err
			}
		}
	}
	return found, nil
}
