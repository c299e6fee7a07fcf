package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// subjects are the person under every id that they had. An id that was theirs in
// one dataset and is somebody else's in another is left out.
func (r *erasureRun) subjects(ctx context.Context) ([]privacyd.Subject, error) {
	s := r.job.Subject
	ids := []string{}
	if s.ID != "" {
		ids = append(ids, s.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(r.state.Merged)) {
		for _, id := range r.state.Merged[name] {
			if slices.Contains(ids, id) {
				continue
			}
			taken, err := r.somebodyElses(ctx, name, id)
			if err != nil {
				return nil, err
			}
			if !taken {
				ids = append(ids, id)
			}
		}
	}
	subjects := make([]privacyd.Subject, len(ids))
	for i, id := range ids {
		subjects[i] = privacyd.Subject{Kind: s.Kind, ID: id}
	}
	return subjects, nil
}

// somebodyElses tells whether somebody of the kind has an id in another dataset.
// The person's own rows are gone.
func (r *erasureRun) somebodyElses(ctx context.Context, dataset, id string) (bool, error) {
	for _, d := range r.e.Datasets {
		k := subjectKind(d, r.job.Subject.Kind)
		if k == nil || d.Name == dataset || slices.Contains(r.state.Merged[d.Name], id) {
			continue
		}
		scope := datamap.Scope{SubjectKind: k.Kind, SubjectID: id}
		if r.workspace.ID != "" {
			var err error
			if scope.Workspace, err = datasetKey(d, r.workspace); err != nil {
				return false, err
			}
		}
		if scope.Workspace == "" && (r.workspace.ID != "" || k.Span != datamap.SpanAll) {
			continue
		}
		found, err := subjectIn(ctx, d, k, scope)
		if err != nil {
			return false, fmt.Errorf("look whose id it is in dataset %s: %w", d.Name, err)
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

// appPersons are the person as a product may have named them in the audit log:
// by the ids of its rows, by what else it knows them by, and by e-mail address.
func (r *erasureRun) appPersons(ctx context.Context, subjects []privacyd.Subject) ([]appPerson, error) {
	kind := r.e.personKinds()[r.job.Subject.Kind]
	datasets := append([]string{""}, kind.datasets...)
	if !kind.all {
		datasets = datasets[:1]
	}
	var list []appPerson
	for _, dataset := range datasets {
		ids := slices.Clone(r.state.Merged[dataset])
		if r.job.Subject.ID != "" {
			ids = appendNew(ids, r.job.Subject.ID)
		}
		if dataset == "" {
			for _, s := range subjects {
				ids = appendNew(ids, s.ID)
			}
		}
		for _, id := range ids {
			list = addPerson(list, appPerson{dataset, r.job.Subject.Kind, id})
		}
	}
	for _, known := range r.state.Identifiers {
		switch known.Kind {
		case "email":
			list = addPerson(list, emailPerson(kind.email(), known.Value))
			list = addPerson(list, emailPerson(emailMentioned, known.Value))
		case "phone", identityName:
		default:
			taken, err := r.somebodyElses(ctx, "", known.Value)
			if err != nil {
				return nil, err
			}
			if !taken {
				list = addPerson(list, appPerson{kind: r.job.Subject.Kind, id: known.Value})
			}
		}
	}
	return list, nil
}

// appOwners are the owners of what a product's entries tell of the person. Whoever
// else lives under the same e-mail address, and is named by an id, stays.
func (r *erasureRun) appOwners(ctx context.Context, subjects []privacyd.Subject) ([]string, error) {
	named, err := r.appPersons(ctx, subjects)
	if err != nil {
		return nil, err
	}
	owners, err := r.e.appOwners(ctx, r.job.WorkspaceID, named)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	others, err := r.namesakes(ctx)
	if err != nil {
		return nil, err
	}
	theirs, err := r.e.appOwners(ctx, r.job.WorkspaceID, slices.DeleteFunc(others, func(p appPerson) bool { return slices.Contains(named, p) }))
	return slices.DeleteFunc(owners, func(o string) bool { return slices.Contains(theirs, o) }), err
}

// namesakes are persons of the kind who have one of the person's e-mail
// addresses. The person's own rows are gone.
func (r *erasureRun) namesakes(ctx context.Context) ([]appPerson, error) {
	var list []appPerson
	kinds := r.e.personKinds()
	for _, d := range r.e.Datasets {
		k := subjectKind(d, r.job.Subject.Kind)
		if k == nil {
			continue
		}
		for _, known := range r.state.Identifiers {
			if known.Kind != "email" {
				continue
			}
			ids, err := r.livesAs(ctx, d, k, known.Value)
			if err != nil {
				return nil, fmt.Errorf("look who else has an address in dataset %s: %w", d.Name, err)
			}
			for _, id := range ids {
				list = addPerson(list, appPerson{kinds[k.Kind].datasetOf(d.Name), k.Kind, id})
			}
		}
	}
	return list, nil
}

// livesAs gives the ids of those whom a dataset knows by an e-mail address.
func (r *erasureRun) livesAs(ctx context.Context, d Dataset, k *datamap.SubjectKind, email string) ([]string, error) {
	c := d.Graph.Collection(k.Collection)
	sel := datamap.Selection{Collection: c, Table: c.Table}
	if r.workspace.ID != "" {
		key, err := datasetKey(d, r.workspace)
		if err != nil || key == "" {
			return nil, err
		}
		if sel, _, err = d.Graph.Select(k.Collection, datamap.Scope{Workspace: key}); err != nil {
			return nil, err
		}
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, identity := range k.Identities {
		if identity.Kind != "email" || identity.JSONPath != "" {
			continue
		}
		of := sel
		of.All = append(slices.Clone(sel.All), datamap.Condition{Any: []datamap.Path{{Column: identity.Column, Value: email}}})
		found, err := eraser.Identifiers(ctx, of, []datamap.Identity{{Kind: "id", Column: k.Key}})
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			ids = appendNew(ids, id.Value)
		}
	}
	return ids, nil
}
