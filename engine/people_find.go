package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// FoundSubject is a person whom a search has found.
type FoundSubject struct {
	privacyd.Subject
	Name string `json:"name,omitempty"`
}

// peopleFinder is an Eraser that can look for persons.
type peopleFinder interface {
	FindPeople(ctx context.Context, sel datamap.Selection, kind *datamap.SubjectKind, text string, most int, fn func(id, name string) error) error
}

// FindSubjects looks for persons of a workspace by id, e-mail address, telephone
// number, name, or what else the data maps know them by: at most so many, in
// the records of privacyd's own as in a product's. Of the former it also
// finds what a text is a part of; of a product's whole identifiers and the
// beginnings of words of names. Admins and agents.
func (e *Engine) FindSubjects(ctx context.Context, c privacyd.Caller, workspace, text string, most int) ([]FoundSubject, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadRecords)
	if err != nil {
		return nil, err
	}
	list := []FoundSubject{}
	if text = strings.TrimSpace(text); text == "" {
		return list, nil
	}
	if e.Records != nil {
		if list, err = e.findContacts(ctx, g.Workspace.ID, text, most); err != nil {
			return nil, err
		}
	}
	for _, d := range e.Datasets {
		if d.Own && e.Records != nil {
			continue
		}
		if list, err = e.findPeople(ctx, list, d, g.Workspace, text, most); err != nil {
			return nil, fmt.Errorf("look for a person in dataset %s: %w", d.Name, err)
		}
	}
	return list, nil
}

// findContacts finds what begins with a text, or else what has it inside.
func (e *Engine) findContacts(ctx context.Context, workspaceID, text string, most int) ([]FoundSubject, error) {
	found, err := e.Records.List(ctx, workspaceID, "contacts", RecordQuery{Begins: text, Limit: most})
	if err == nil && len(found.Items) == 0 {
		found, err = e.Records.List(ctx, workspaceID, "contacts", RecordQuery{Search: text, Limit: most})
	}
	list := make([]FoundSubject, len(found.Items))
	for i, raw := range found.Items {
		var contact struct{ ID, Name string }
		if err := json.Unmarshal(raw, &contact); err != nil {
			return nil, fmt.Errorf("read a contact: %w", err)
		}
		list[i] = FoundSubject{Subject: privacyd.Subject{Kind: "contact", ID: contact.ID}, Name: contact.Name}
	}
	return list, err
}

func (e *Engine) findPeople(ctx context.Context, list []FoundSubject, d Dataset, w privacyd.Workspace, text string, most int) ([]FoundSubject, error) {
	key, err := datasetKey(d, w)
	if err != nil || key == "" {
		return list, err
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return list, err
	}
	finder, ok := eraser.(peopleFinder)
	for _, kind := range d.Graph.Map.Subjects {
		if !ok || len(list) >= most {
			break
		}
		if d.Own && kind.Span == datamap.SpanAll { // who signs in here is a member, not a contact
			continue
		}
		sel, known, err := d.Graph.Select(kind.Collection, datamap.Scope{Workspace: key})
		if err != nil {
			return list, err
		}
		if !known {
			continue
		}
		err = finder.FindPeople(ctx, sel, kind, text, most-len(list), func(id, name string) error {
			list = append(list, FoundSubject{Subject: privacyd.Subject{Kind: kind.Kind, ID: id}, Name: name})
			return nil
		})
		if err != nil {
			return list, err
		}
	}
	return list, nil
}
