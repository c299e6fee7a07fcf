// Package chinook_test holds the example's data map against the real
// Chinook, and erases people from it.
package chinook_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// envInputs names the folder that has chinook/Chinook_PostgreSql.sql.
const envInputs = "PRIVACYD_INPUTS"

// product is a database of Chinook and its map.
type product struct {
	conn    *pgx.Conn
	source  *sqlsource.Source
	graph   *datamap.Graph
	catalog datamap.Catalog
}

// northwind loads the database, or gives none and says so.
func chinook(t *testing.T) *product {
	t.Helper()
	inputs, named := os.LookupEnv(envInputs)
	if !named {
		inputs = filepath.Join("..", "..", "..", "shared", "inputs")
	}
	script, err := os.ReadFile(filepath.Join(inputs, "chinook", "Chinook_PostgreSql.sql"))
	if errors.Is(err, fs.ErrNotExist) && !named {
		t.Logf("CHINOOK IS NOT HERE, and its map was not tested. Set %s to a folder that has chinook/Chinook_PostgreSql.sql "+
			"(https://github.com/lerocha/chinook-database) to test it.", envInputs)
		return nil
	}
	must(t, err)
	dsn := sqldbtest.PostgresDSN(t)
	p := &product{graph: graph(t)}
	p.conn, err = pgx.Connect(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { _ = p.conn.Close(context.WithoutCancel(t.Context())) })
	_, tables, found := strings.Cut(string(script), "\\c chinook;") // before it a database is made
	if !found {
		t.Fatal("Chinook's script has changed")
	}
	p.exec(t, tables)
	p.source, err = sqlsource.OpenPostgres(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { _ = p.source.Close() })
	p.catalog, err = p.source.Catalog(t.Context())
	must(t, err)
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func graph(t *testing.T) *datamap.Graph {
	t.Helper()
	f, err := os.Open("chinook.map.yaml")
	must(t, err)
	defer f.Close() //nolint:errcheck // it was only read
	m, err := datamap.Parse("chinook.map.yaml", f)
	must(t, err)
	g, err := datamap.Compile(m)
	must(t, err)
	return g
}

func (p *product) exec(t *testing.T, script string) {
	t.Helper()
	_, err := p.conn.PgConn().Exec(t.Context(), script).ReadAll()
	must(t, err)
}

func (p *product) number(t *testing.T, query string) int {
	t.Helper()
	var n int
	must(t, p.conn.QueryRow(t.Context(), query).Scan(&n))
	return n
}

// Map and database agree but for indexes; once those are there, in all.
func TestMapCheck(t *testing.T) {
	p := chinook(t)
	if p == nil {
		return
	}
	for _, f := range datamap.Check(p.graph, p.catalog) {
		if f.Code != datamap.UnindexedLink {
			t.Errorf("%s %s.%s: %s %s", f.Code, f.Table, f.Column, f.Message, f.Remedy)
			continue
		}
		p.exec(t, strings.ReplaceAll(f.Remedy, "CONCURRENTLY ", ""))
	}
	catalog, err := p.source.Catalog(t.Context())
	must(t, err)
	for _, f := range datamap.Check(p.graph, catalog) {
		t.Errorf("%s: %s", f.Code, f.Message)
	}
}

// erase runs an erasure and gives how many rows each collection had of it.
func (p *product) erase(t *testing.T, s datamap.EraseScope) map[string]int64 {
	t.Helper()
	s.Catalog = &p.catalog
	e, err := p.graph.Erasure(s)
	must(t, err)
	for _, b := range e.Blockers {
		t.Fatalf("blocked: %+v", b)
	}
	eraser, err := p.source.Eraser()
	must(t, err)
	done := map[string]int64{}
	for _, step := range e.Steps {
		n, err := eraser.Run(t.Context(), step, datamap.Batch{})
		must(t, err)
		left, err := eraser.Left(t.Context(), step)
		must(t, err)
		if left > 0 {
			t.Errorf("%s %s still finds %d rows", step.Action, step.Collection.Name, left)
		}
		done[step.Collection.Name] += n
	}
	return done
}

// A customer's row stays for the invoices, and says nothing of her any more.
func TestEraseCustomer(t *testing.T) {
	p := chinook(t)
	if p == nil {
		return
	}
	lines := p.number(t, "select count(*) from invoice_line")
	hers := p.number(t, "select count(*) from invoice where customer_id = 2")
	done := p.erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "Germany", SubjectKind: "contact", SubjectID: "2"}})
	if diff := cmp.Diff(map[string]int64{"customers": 1, "invoices": int64(hers), "invoice_lines": 0}, done); diff != "" {
		t.Error(diff)
	}
	for query, want := range map[string]int{
		"select count(*) from customer where customer_id = 2 and first_name = 'Deleted' and city is null and support_rep_id = 5": 1,
		"select count(*) from customer where last_name = 'Deleted'":                                                              1,
		"select count(*) from customer": 59,
		"select count(*) from invoice where customer_id = 2 and billing_address is null":    hers,
		"select count(*) from invoice where customer_id <> 2 and billing_address is null":   0,
		"select count(*) from invoice_line":                                                 lines,
		"select count(*) from invoice where billing_address like 'Theodor-Heuss-Straße 34'": 0,
	} {
		if got := p.number(t, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

// Someone of another country is not there to be erased.
func TestEraseStrangerToTheWorkspace(t *testing.T) {
	p := chinook(t)
	if p == nil {
		return
	}
	for collection, n := range p.erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "Brazil", SubjectKind: "contact", SubjectID: "2"}}) {
		if n > 0 {
			t.Errorf("%d rows of %s", n, collection)
		}
	}
}

// All of a country: its staff go, and whoever they served or led names nobody.
func TestEraseCountry(t *testing.T) {
	p := chinook(t)
	if p == nil {
		return
	}
	p.erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "Canada"}})
	for query, want := range map[string]int{
		"select count(*) from employee":                                                         0,
		"select count(*) from customer where support_rep_id is not null":                        0,
		"select count(*) from customer where country = 'Canada' and email not like 'deleted@%'": 0,
		"select count(*) from customer where country <> 'Canada' and email like 'deleted@%'":    0,
		"select count(*) from invoice":                                                          412,
	} {
		if got := p.number(t, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}
