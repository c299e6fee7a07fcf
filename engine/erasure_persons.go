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
