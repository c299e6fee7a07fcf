package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/datamap"
)

// chooseAccount selects what a dataset knows of an account, in all workspaces:
// what is part of it, and what names it as the one who wrote it or has to do it.
func (x *extraction) chooseAccount(ctx context.Context, d Dataset) error {
	kind := subjectKind(d, accountKind)
	if kind == nil {
		return nil
	}
	if err := x.open(ctx, d); err != nil {
		return err
	}
	ids, err := x.accountIDs(ctx, d, kind)
	for _, id := range slices.Clone(ids) {
		if err == nil {
			ids, err = x.personIDs(ctx, d, datamap.Scope{SubjectKind: kind.Kind, SubjectID: id}, ids...)
		}
	}
	if err != nil {
		return fmt.Errorf("look for an account in dataset %s: %w", d.Name, err)
	}
	x.datasets = append(x.datasets, x.snapshotOf(d))
	x.nameIDs(d, ids)
	if len(ids) == 0 {
		return nil
	}
	for _, c := range d.Graph.Collections() {
		if err := x.chooseOwn(d, c, kind, ids); err != nil {
			return fmt.Errorf("select %s: %w", c.Name, err)
		}
		if err := x.chooseNaming(d, c, datamap.Scope{SubjectKind: kind.Kind}, ids); err != nil {
			return fmt.Errorf("select %s: %w", c.Name, err)
		}
	}
	return nil
}

func (x *extraction) chooseOwn(d Dataset, c *datamap.Collection, kind *datamap.SubjectKind, ids []string) error {
	var chosen datamap.Selection
	for i, id := range ids {
		sel, ok, err := d.Graph.Select(c.Name, datamap.Scope{SubjectKind: kind.Kind, SubjectID: id})
		if err != nil || !ok || len(sel.Fields) == 0 {
			return err
		}
		chosen = either(chosen, sel, i)
	}
	return x.addPart(part{dataset: d, selection: withWorkspace(d, chosen)})
}

// chooseNaming selects what names a person and is no part of them, in the
// scope's workspace or in all.
func (x *extraction) chooseNaming(d Dataset, c *datamap.Collection, scope datamap.Scope, ids []string) error {
	var chosen datamap.Naming
	for i, id := range ids {
		scope.SubjectID = id
		n, ok, err := d.Graph.Names(c.Name, scope)
		if err != nil || !ok {
			return err
		}
		chosen.Own, chosen.Selection = n.Own, either(chosen.Selection, n.Selection, i)
	}
	if scope.Workspace == "" {
		chosen.Selection = withWorkspace(d, chosen.Selection)
	}
	p := part{dataset: d, selection: chosen.Selection, persons: ids}
	for _, f := range chosen.Own {
		p.own = append(p.own, f.Name)
	}
	return x.addPart(p)
}

// either adds the rows of another selection, which differs from the first in
// the person alone.
func either(first, more datamap.Selection, n int) datamap.Selection {
	if n == 0 {
		return more
	}
	last := len(first.All) - 1
	first.All = slices.Clone(first.All)
	first.All[last].Any = append(slices.Clone(first.All[last].Any), more.All[last].Any...)
	return first
}

// withWorkspace adds the column that says in which workspace a row is, where
// that is not exported: here rows are of many.
func withWorkspace(d Dataset, sel datamap.Selection) datamap.Selection {
	column := d.Graph.Map.Workspace.Column
	if column == "" || slices.ContainsFunc(sel.Fields, func(f *datamap.Field) bool { return f.Column == column }) {
		return sel
	}
	for _, f := range sel.Collection.Fields {
		if f.Column == column {
			shown := *f
			shown.Internal = false
			sel.Fields = append([]*datamap.Field{&shown}, sel.Fields...)
			return sel
		}
	}
	return sel
}

// accountIDs are the ids by which a dataset knows the account: privacyd's own
// and the embedded one by ours, a product's by the e-mail address that it
// proved.
func (x *extraction) accountIDs(ctx context.Context, d Dataset, kind *datamap.SubjectKind) ([]string, error) {
	if d.Own {
		return []string{x.job.Subject.ID}, nil
	}
	a, err := x.e.Accounts.Account(ctx, x.job.Subject.ID)
	if err != nil {
		return nil, err
	}
	c := d.Graph.Collection(kind.Collection)
	var ids []string
	for _, identity := range kind.Identities {
		if identity.Kind != "email" || identity.JSONPath != "" {
			continue
		}
		sel := datamap.Selection{Collection: c, Table: c.Table, Fields: fieldsFor(c, kind.Key, identity.Column)}
		err := x.snapshots[d.Source].Read(ctx, sel, func(r datamap.Row) error {
			fields := map[string]json.RawMessage{}
			if err := json.Unmarshal(r.JSON, &fields); err != nil {
				return err
			}
			email, id := plainValue(fields[sel.Fields[1].Name]), plainValue(fields[sel.Fields[0].Name])
			// Products keep addresses as they were typed.
			if normal, err := privacyd.NormalEmail(email); err == nil && normal == a.Email && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(ids) > 0 { // who has it as a second address may be somebody else
			break
		}
	}
	return ids, nil
}

// fieldsFor are fields for columns, whether they are exported or not.
func fieldsFor(c *datamap.Collection, columns ...string) []*datamap.Field {
	fields := make([]*datamap.Field, len(columns))
	for i, column := range columns {
		fields[i] = &datamap.Field{Column: column, Name: fmt.Sprintf("f%d", i)}
		for _, f := range c.Fields {
			if f.Column == column {
				fields[i].Format = f.Format
			}
		}
	}
	return fields
}

// plainValue is a JSON value as text.
func plainValue(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	if s := string(raw); s != "null" {
		return s
	}
	return ""
}

// writeOwn adds what no dataset has of an account: its workspaces by name, its
// sessions, and what the audit logs tell of it.
func (x *extraction) writeOwn(ctx context.Context) error {
	if !ofAccount(x.job) {
		return nil
	}
	me := privacyd.Caller{Kind: privacyd.CallerAccount, AccountID: x.job.Subject.ID}
	workspaces, err := x.e.Workspaces.Workspaces(ctx, me.AccountID)
	if err != nil {
		return err
	}
	list := make([]any, len(workspaces))
	for i, w := range workspaces {
		list[i] = archive.Workspace{ID: w.ID, Slug: w.Slug, Name: w.Name}
	}
	if err := x.writeList("workspaces", list, "id", "slug", "name"); err != nil {
		return err
	}
	sessions, err := x.e.ListSessions(ctx, me)
	if err != nil {
		return err
	}
	list = make([]any, len(sessions))
	for i, s := range sessions {
		list[i] = s
	}
	if err := x.writeList("sessions", list, "id", "created_at", "seen_at", "expires_at", "ip", "browser"); err != nil {
		return err
	}
	return x.writeEntries(ctx)
}

// ownCollection begins a collection that is of no dataset.
func (x *extraction) ownCollection(name string, fields ...string) (*archive.CollectionWriter, error) {
	infos := make([]archive.FieldInfo, len(fields))
	for i, f := range fields {
		infos[i] = archive.FieldInfo{Name: f, Key: f == "id", Type: "text", Category: "user.account", Provenance: string(datamap.Observed)}
	}
	return x.out.Collection(x.freeName("", name), infos)
}

func (x *extraction) writeList(name string, list []any, fields ...string) error {
	w, err := x.ownCollection(name, fields...)
	if err != nil {
		return err
	}
	for _, v := range list {
		if err := record(w, v); err != nil {
			return err
		}
	}
	return w.Close()
}

func record(w *archive.CollectionWriter, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a record: %w", err)
	}
	return w.Record(raw)
}

// onlyOwn blanks fields of a row that name somebody else than the persons.
func onlyOwn(row []byte, fields, persons []string) ([]byte, error) {
	return editFields(row, func(name string, value json.RawMessage) json.RawMessage {
		if slices.Contains(fields, name) && !slices.Contains(persons, plainValue(value)) {
			return json.RawMessage("null")
		}
		return value
	})
}

// editFields gives a JSON object with some of its values changed: names, order
// and the letters of all others stay.
func editFields(row []byte, edit func(name string, value json.RawMessage) json.RawMessage) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(row))
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read a record: %w", err)
	}
	out := bytes.NewBuffer(make([]byte, 0, len(row)))
	separator := byte('{')
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read a record: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("read a record: %w", err)
		}
		text, _ := name.(string)
		out.WriteByte(separator)
		key, err := plainJSON(text)
		if err != nil {
			return nil, err
		}
		out.Write(key)
		out.WriteByte(':')
		out.Write(edit(text, value))
		separator = ','
	}
	if separator == '{' {
		out.WriteByte('{')
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// plainJSON encodes a text without escaping what HTML would need.
func plainJSON(s string) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("encode a text: %w", err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}
