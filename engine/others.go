package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/datamap"
)

// others are the people whom a subject export is not about. What names them in
// fields that are shared is masked: keeping it could harm them, Art. 15(4) GDPR.
type others struct {
	masker
	masked map[[2]string]*maskCount // by collection and field
	rows   []reviewed               // that somebody should look through
}

type maskCount struct{ rows, times int64 }

// findOthers learns by which names, addresses and numbers the workspace knows
// people.
func (x *extraction) findOthers(ctx context.Context) error {
	if x.job.Subject == nil {
		return nil
	}
	x.others = &others{masker: masker{own: map[string]bool{}}, masked: map[[2]string]*maskCount{}}
	if !slices.ContainsFunc(x.parts, func(p part) bool { return len(p.shared) > 0 }) {
		x.others.known = newKnown(0)
		return nil
	}
	people, err := x.people(ctx)
	if err != nil {
		return err
	}
	var expected int64
	for _, p := range people {
		n, err := x.snapshots[p.dataset.Source].Estimate(ctx, p.all)
		if err != nil {
			return fmt.Errorf("count the people of dataset %s: %w", p.dataset.Name, err)
		}
		expected += n * int64(len(p.columns))
	}
	x.others.known = newKnown(expected)
	for _, p := range people {
		if err := x.learn(ctx, p); err != nil {
			return fmt.Errorf("learn who the people of dataset %s are: %w", p.dataset.Name, err)
		}
	}
	return nil
}

// people are the persons of a kind that a dataset knows, and by what.
type people struct {
	dataset Dataset
	columns []Identifier        // kinds, with the column for a value
	all     datamap.Selection   // in the workspace
	own     []datamap.Selection // the person whom the export is about
}

func (x *extraction) people(ctx context.Context) ([]people, error) {
	var list []people
	for _, d := range x.e.Datasets {
		key := ""
		if !ofAccount(x.job) {
			var err error
			if key, err = datasetKey(d, x.workspace); err != nil || key == "" {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		if err := x.open(ctx, d); err != nil {
			return nil, err
		}
		for _, kind := range d.Graph.Map.Subjects {
			p, err := x.peopleOf(ctx, d, kind, key)
			if err != nil {
				return nil, err
			}
			if len(p.columns) > 0 {
				list = append(list, p)
			}
		}
	}
	return list, nil
}

func (x *extraction) peopleOf(ctx context.Context, d Dataset, kind *datamap.SubjectKind, key string) (people, error) {
	c := d.Graph.Collection(kind.Collection)
	p := people{dataset: d, columns: knownBy(kind), all: datamap.Selection{Collection: c, Table: c.Table}}
	var columns []string
	for _, id := range p.columns {
		columns = append(columns, id.Value)
	}
	p.all.Fields = fieldsFor(c, columns...)
	if key != "" {
		sel, _, err := d.Graph.Select(c.Name, datamap.Scope{Workspace: key})
		if err != nil {
			return p, err
		}
		p.all.All = sel.All
	}
	ids := []string{x.job.Subject.ID}
	if kind.Kind != x.job.Subject.Kind {
		return p, nil
	}
	if ofAccount(x.job) {
		var err error
		if ids, err = x.accountIDs(ctx, d, kind); err != nil {
			return p, err
		}
	}
	for _, id := range ids {
		sel, ok, err := d.Graph.Select(c.Name, datamap.Scope{Workspace: key, SubjectKind: kind.Kind, SubjectID: id})
		if err != nil {
			return p, err
		}
		if ok {
			p.own = append(p.own, datamap.Selection{Collection: c, Table: c.Table, Fields: p.all.Fields, All: sel.All})
		}
	}
	return p, nil
}

// knownBy are the columns by which persons of a kind are known.
func knownBy(kind *datamap.SubjectKind) []Identifier {
	var list []Identifier
	if kind.Name != "" {
		list = append(list, Identifier{Kind: identityName, Value: kind.Name})
	}
	for _, id := range kind.Identities {
		list = append(list, Identifier{Kind: id.Kind, Value: id.Column})
	}
	return list
}

func (x *extraction) learn(ctx context.Context, p people) error {
	if a, err := x.e.Accounts.Account(ctx, x.job.Subject.ID); err == nil && ofAccount(x.job) {
		x.others.learn(Identifier{Kind: identityName, Value: a.Name}, true)
		x.others.learn(Identifier{Kind: "email", Value: a.Email}, true)
	}
	read := func(sel datamap.Selection, own bool) error {
		return x.snapshots[p.dataset.Source].Read(ctx, sel, func(r datamap.Row) error {
			fields := map[string]json.RawMessage{}
			if err := json.Unmarshal(r.JSON, &fields); err != nil {
				return err
			}
			for i, id := range p.columns {
				eachText(fields[sel.Fields[i].Name], func(s string) { x.others.learn(Identifier{Kind: id.Kind, Value: s}, own) })
			}
			return ctx.Err()
		})
	}
	for _, sel := range p.own {
		if err := read(sel, true); err != nil {
			return err
		}
	}
	return read(p.all, false)
}

// eachText calls fn with every text in a JSON value, and a number as text.
func eachText(raw json.RawMessage, fn func(string)) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return // a value that was written here is whole
		}
		switch v := token.(type) {
		case string:
			fn(v)
		case json.Number:
			fn(v.String())
		}
	}
}

// edit gives a row as it may be handed to the person.
func (x *extraction) edit(p *part, row []byte) ([]byte, error) {
	if x.others == nil {
		return row, nil
	}
	if len(p.own) > 0 {
		var err error
		if row, err = onlyOwn(row, p.own, p.persons); err != nil {
			return nil, err
		}
	}
	if len(p.shared) == 0 {
		return row, nil
	}
	var hidden []string
	edited, err := editFields(row, func(name string, value json.RawMessage) json.RawMessage {
		if !slices.Contains(p.shared, name) {
			return value
		}
		masked, n := x.others.maskJSON(value)
		if n > 0 {
			hidden = append(hidden, name)
			x.others.count(p.name, name, n)
		}
		return masked
	})
	if err != nil {
		return nil, fmt.Errorf("mask other people: %w", err)
	}
	for _, name := range hidden {
		x.note(p, row, name)
	}
	return edited, nil
}

func (o *others) count(collection, field string, times int) {
	at := [2]string{collection, field}
	if o.masked[at] == nil {
		o.masked[at] = &maskCount{}
	}
	o.masked[at].rows++
	o.masked[at].times += int64(times)
}

// note puts a row on the list that an admin looks through.
func (x *extraction) note(p *part, row []byte, field string) {
	if len(x.others.rows) >= mostReview || ofAccount(x.job) {
		return
	}
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(row, &fields) != nil {
		return
	}
	c := p.selection.Collection
	r := reviewed{Dataset: p.dataset.Name, Collection: c.Name, Column: field}
	for _, column := range c.Key {
		value := ""
		for _, f := range c.Fields {
			switch {
			case f.Column == column && f.Exported():
				value = plainValue(fields[f.Name])
			case f.Column == column && column == p.dataset.Graph.Map.Workspace.Column:
				value = x.workspace.ID
			}
		}
		r.Key = append(r.Key, value)
	}
	x.others.rows = append(x.others.rows, r)
}

// maskJSON masks the texts of a JSON value; everything else stays to the letter.
func (o *others) maskJSON(raw json.RawMessage) (json.RawMessage, int) {
	if len(raw) == 0 || bytes.IndexByte(raw, '"') < 0 {
		return raw, 0
	}
	if raw[0] == '"' {
		return o.maskText(raw)
	}
	var out bytes.Buffer
	total, at := 0, 0
	for at < len(raw) {
		start := bytes.IndexByte(raw[at:], '"')
		if start < 0 {
			break
		}
		out.Write(raw[at : at+start])
		d := json.NewDecoder(bytes.NewReader(raw[at+start:]))
		var text json.RawMessage
		if err := d.Decode(&text); err != nil {
			return raw, 0
		}
		end := at + start + len(text)
		masked, n := o.maskText(text)
		if rest := bytes.TrimLeft(raw[end:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			masked, n = text, 0 // the name of a member
		}
		out.Write(masked)
		total, at = total+n, end
	}
	if total == 0 {
		return raw, 0
	}
	out.Write(raw[at:])
	return out.Bytes(), total
}

func (o *others) maskText(raw json.RawMessage) (json.RawMessage, int) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return raw, 0
	}
	masked, n := o.mask(text)
	if n == 0 {
		return raw, 0
	}
	written, err := plainJSON(masked)
	if err != nil {
		return raw, 0
	}
	return written, n
}

// redaction says what became of a shared field.
func (o *others) redaction(collection, field string) archive.Redaction {
	r := archive.Redaction{
		Collection: collection, Field: field, Action: "review",
		Reason: "may be about other people too: look it through before you hand it over",
	}
	if o == nil {
		return r
	}
	if n := o.masked[[2]string{collection, field}]; n != nil {
		r.Action, r.Records, r.Masked = "masked", n.rows, n.times
		r.Reason = "names, addresses and numbers of other people were masked; look the rest through before you hand it over"
	}
	return r
}

// reviewItems seals the rows that an admin should look through.
func (x *extraction) reviewItems(ctx context.Context) ([]privacyd.ReviewItem, error) {
	if x.others == nil {
		return nil, nil
	}
	items := make([]privacyd.ReviewItem, len(x.others.rows))
	for i, r := range x.others.rows {
		sealed, err := x.e.sealJSON(ctx, scopeOwner(x.workspace.ID), "review item", r)
		if err != nil {
			return nil, err
		}
		items[i] = privacyd.ReviewItem{N: int64(i) + 1, Sealed: sealed}
	}
	return items, nil
}
