package enginetest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
)

// NewBeside wires an engine on db, beside a product whose PostgreSQL database
// is there already, with its data map.
func NewBeside(t testing.TB, db *sqldb.DB, address, dataMap string) *Bench {
	t.Helper()
	b := New(t, db)
	own, err := sql.Open("pgx", address)
	b.Must(err)
	t.Cleanup(func() { _ = own.Close() })
	b.Product = &Product{t: t, DB: own, Address: address}
	s, err := sqlsource.OpenPostgres(t.Context(), address)
	b.Must(err)
	t.Cleanup(func() { _ = s.Close() })
	g := b.graph(dataMap)
	b.Datasets = append(b.Datasets, engine.Dataset{Name: g.Map.Dataset, Graph: g, Source: foreign{s}})
	return b
}

// foreign is a product's database.
type foreign struct{ *sqlsource.Source }

func (f foreign) Snapshot(ctx context.Context) (engine.Snapshot, error) {
	return f.Source.Snapshot(ctx)
}

func (f foreign) Eraser() (engine.Eraser, error) { return f.Source.Eraser() }

// Plant puts a marker of its own into every text about a person in each row
// of theirs in the product's database, and tells how many: what named them
// before is gone. Keys and what rows refer to each other by stay.
func (b *Bench) Plant(m *Markers, who string, s datamap.Scope) (planted int) {
	b.t.Helper()
	d := b.Datasets[len(b.Datasets)-1]
	catalog, err := d.Source.Catalog(b.t.Context())
	b.Must(err)
	for _, c := range d.Graph.Collections() {
		sel, ok, err := d.Graph.Select(c.Name, s)
		b.Must(err)
		columns := tellingColumns(c, catalog)
		if !ok || len(columns) == 0 {
			continue
		}
		eraser, err := d.Source.Eraser()
		b.Must(err)
		var keys [][]string
		b.Must(eraser.Keys(b.t.Context(), sel, func(key []string) error { keys = append(keys, slices.Clone(key)); return nil }))
		for _, key := range keys {
			for _, f := range columns {
				b.plant(c, key, f, m.Of(fmt.Sprintf("%s.%s.%s of %v", who, c.Name, f.Column, key)))
				planted++
			}
		}
	}
	return planted
}

// tellingColumns are the columns with a text about the person.
func tellingColumns(c *datamap.Collection, catalog datamap.Catalog) []*datamap.Field {
	var types map[string]string
	for _, t := range catalog.Tables {
		if t.Name == c.Table {
			types = map[string]string{}
			for _, col := range t.Columns {
				types[col.Name] = col.Type
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(c.Fields), func(f *datamap.Field) bool {
		text := strings.HasPrefix(types[f.Column], "character") || types[f.Column] == "text"
		links := slices.ContainsFunc(c.Links, func(l *datamap.Link) bool {
			return slices.ContainsFunc(l.On, func(p datamap.ColumnPair) bool { return p.Column == f.Column })
		})
		return !text || links || slices.Contains(c.Key, f.Column) || !strings.HasPrefix(f.Category, "user")
	})
}

func (b *Bench) plant(c *datamap.Collection, key []string, f *datamap.Field, text string) {
	b.t.Helper()
	if f.Category == "user.contact.email" {
		text += "@example.net"
	}
	args, where := []any{text}, make([]string, len(key))
	for i, v := range key {
		args = append(args, v)
		where[i] = fmt.Sprintf("%q::text = $%d", c.Key[i], i+2)
	}
	b.Product.Exec(fmt.Sprintf("UPDATE %s SET %q = $1 WHERE %s", c.Table, f.Column, strings.Join(where, " AND ")), args...)
}

// Erase confirms the plan of an erasure as the operator and runs it.
func (b *Bench) Erase(r engine.NewJob) (*privacyd.Plan, *privacyd.Job) {
	b.t.Helper()
	ctx := b.t.Context()
	plan, err := b.PreviewJob(ctx, Operator, r)
	b.Must(err)
	r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
	job, _, err := b.CreateJob(ctx, Operator, r)
	b.Must(err)
	b.Run()
	job, err = b.GetJob(ctx, Operator, r.Workspace, job.ID)
	b.Must(err)
	return plan, job
}
