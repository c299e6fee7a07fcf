package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// subjectKind finds a kind of subject in a dataset's map; nil when it has none.
func subjectKind(d Dataset, kind string) *datamap.SubjectKind {
	for _, k := range d.Graph.Map.Subjects {
		if k.Kind == kind {
			return k
		}
	}
	return nil
}

// findSubject makes sure that a subject exists in a workspace. Codes:
// subject_kind_unknown, subject_not_found.
func (e *Engine) findSubject(ctx context.Context, w privacyd.Workspace, s privacyd.Subject) error {
	known := false
	for _, d := range e.Datasets {
		k := subjectKind(d, s.Kind)
		if k == nil {
			continue
		}
		key, err := datasetKey(d, w)
		if err != nil {
			return err
		}
		if key == "" {
			continue
		}
		known = true
		found, err := subjectIn(ctx, d, k, datamap.Scope{Workspace: key, SubjectKind: s.Kind, SubjectID: s.ID})
		if err != nil || found {
			return err
		}
	}
	if !known {
		return privacyd.Errorf(privacyd.ClassInvalid, "subject_kind_unknown",
			"No data map of this workspace knows this kind of subject. The embedded dataset knows contact.")
	}
	return privacyd.Errorf(privacyd.ClassNotFound, "subject_not_found", "There is no such person in this workspace.")
}

func subjectIn(ctx context.Context, d Dataset, k *datamap.SubjectKind, scope datamap.Scope) (bool, error) {
	selection, ok, err := d.Graph.Select(k.Collection, scope)
	if err != nil || !ok {
		return false, err
	}
	snapshot, err := d.Source.Snapshot(ctx)
	if err != nil {
		return false, fmt.Errorf("look for the subject: %w", err)
	}
	defer snapshot.Close() //nolint:errcheck // it was only read
	enough := errors.New("found")
	err = snapshot.Read(ctx, selection, func(datamap.Row) error { return enough })
	if errors.Is(err, enough) {
		return true, nil
	}
	return false, err
}
