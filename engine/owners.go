package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// ownerOfRow finds the person whose row it is, so that the audit log tells of
// it under that person's key; nil when it is nobody's.
func (e *Engine) ownerOfRow(ctx context.Context, w privacyd.Workspace, t privacyd.HoldTarget) (*privacyd.Subject, error) {
	d, err := e.dataset(t.Dataset)
	if err != nil {
		return nil, err
	}
	key, err := datasetKey(d, w)
	if err != nil || key == "" {
		return nil, err
	}
	owners, err := d.Graph.Owners(key, t.Collection, t.Key)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return nil, err
	}
	for _, o := range owners {
		ids, err := eraser.Identifiers(ctx, o.Rows, []datamap.Identity{{Kind: "id", Column: o.Column}})
		if err != nil {
			return nil, fmt.Errorf("find whose row it is: %w", err)
		}
		if len(ids) > 0 {
			return &privacyd.Subject{Kind: o.Kind, ID: ids[0].Value}, nil
		}
	}
	return nil, nil
}

// ownerOfRecord finds the person whose record of the embedded dataset it is,
// also before it is written: by what it says that it belongs to. It reads on a
// connection of its own, so it must not be called in a transaction.
func (e *Engine) ownerOfRecord(ctx context.Context, w privacyd.Workspace, collection, id string, record []byte) (*privacyd.Subject, error) {
	for _, d := range e.Datasets {
		c := d.Graph.Collection(collection)
		if c == nil || !d.Own || len(c.Key) != 2 {
			continue
		}
		if s := personIn(d, collection, id); s != nil {
			return s, nil
		}
		fields := map[string]any{}
		if json.Unmarshal(record, &fields) != nil {
			return nil, nil // which whoever stores it will say
		}
		for _, l := range c.Links {
			to := parentOf(c, l, fields)
			if to == "" {
				continue
			}
			if s := personIn(d, l.To, to); s != nil {
				return s, nil
			}
			return e.ownerOfRow(ctx, w, privacyd.HoldTarget{Dataset: d.Name, Collection: l.To, Key: []string{w.ID, to}})
		}
	}
	return nil, nil
}

func personIn(d Dataset, collection, id string) *privacyd.Subject {
	for _, k := range d.Graph.Map.Subjects {
		if k.Collection == collection && k.Span == datamap.SpanWorkspace {
			return &privacyd.Subject{Kind: k.Kind, ID: id}
		}
	}
	return nil
}

// parentOf is the id of the record to which one belongs by a link; empty: it
// does not.
func parentOf(c *datamap.Collection, l *datamap.Link, fields map[string]any) string {
	if l.Relation != datamap.Belongs {
		return ""
	}
	for _, w := range l.When {
		if fields[w.Column] != w.Value {
			return ""
		}
	}
	for _, on := range l.On {
		if on.Column != c.Key[0] {
			id, _ := fields[on.Column].(string) //nolint:errcheck // it may name none
			return id
		}
	}
	return ""
}
