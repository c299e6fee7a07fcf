// Package northwind_test holds the example's data map against the real
// Northwind, and erases people from it.
package northwind_test

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

// envInputs names the folder that has northwind/northwind.sql.
const envInputs = "PRIVACYD_INPUTS"

// product is a database of Northwind and its map.
type product struct {
	conn    *pgx.Conn
	source  *sqlsource.Source
	graph   *datamap.Graph
	catalog datamap.Catalog
	address string
}

// northwind loads the database, or gives none and says so.
func northwind(t *testing.T) *product {
	t.Helper()
	inputs, named := os.LookupEnv(envInputs)
	if !named {
		inputs = filepath.Join("..", "..", "..", "shared", "inputs")
	}
	script, err := os.ReadFile(filepath.Join(inputs, "northwind", "northwind.sql"))
	if errors.Is(err, fs.ErrNotExist) && !named {
		t.Logf("NORTHWIND IS NOT HERE, and its map was not tested. Set %s to a folder that has northwind/northwind.sql "+
			"(https://github.com/pthom/northwind_psql) to test it.", envInputs)
		return nil
	}
	must(t, err)
	dsn := sqldbtest.PostgresDSN(t)
	p := &product{graph: graph(t), address: dsn}
	p.conn, err = pgx.Connect(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { _ = p.conn.Close(context.WithoutCancel(t.Context())) })
	// A setting that PostgreSQL no longer has.
	p.exec(t, strings.ReplaceAll(string(script), "SET default_with_oids = false;", ""))
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
	f, err := os.Open("northwind.map.yaml")
	must(t, err)
	defer f.Close() //nolint:errcheck // it was only read
	m, err := datamap.Parse("northwind.map.yaml", f)
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
	p := northwind(t)
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

func TestEraseBuyer(t *testing.T) {
	p := northwind(t)
	if p == nil {
		return
	}
	orders, details := p.number(t, "select count(*) from orders"), p.number(t, "select count(*) from order_details")
	hers := p.number(t, "select count(*) from orders where customer_id = 'ALFKI'")
	done := p.erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "ALFKI", SubjectKind: "buyer", SubjectID: "ALFKI"}})
	if diff := cmp.Diff(map[string]int64{"customers": 1, "customer_types": 0, "orders": int64(hers), "order_details": 0}, done); diff != "" {
		t.Error(diff)
	}
	for query, want := range map[string]int{
		"select count(*) from customers where customer_id = 'ALFKI'":                                  0,
		"select count(*) from customers":                                                              90,
		"select count(*) from orders":                                                                 orders,
		"select count(*) from order_details":                                                          details,
		"select count(*) from orders where customer_id is null and freight is not null":               hers,
		"select count(*) from orders where customer_id is null and ship_name is not null":             0,
		"select count(*) from orders where customer_id is not null and ship_name is null":             0,
		"select count(*) from employees":                                                              9,
		"select count(*) from orders where ship_name = 'Alfreds Futterkiste' or ship_city = 'Berlin'": 0,
	} {
		if got := p.number(t, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

// An employee whom others report to, and who took orders of customers that are
// gone themselves.
func TestEraseEmployee(t *testing.T) {
	p := northwind(t)
	if p == nil {
		return
	}
	p.erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "ALFKI"}})
	p.erase(t, datamap.EraseScope{Scope: datamap.Scope{SubjectKind: "employee", SubjectID: "2"}})
	for query, want := range map[string]int{
		"select count(*) from employees where employee_id = 2":            0,
		"select count(*) from employees":                                  8,
		"select count(*) from employees where reports_to is null":         5, // of those whom the second managed
		"select count(*) from employees where reports_to = 5":             3,
		"select count(*) from employee_territories where employee_id = 2": 0,
		"select count(*) from orders where employee_id = 2":               0,
		"select count(*) from orders":                                     830,
	} {
		if got := p.number(t, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

// A held customer stays, with its orders as they are; others do not.
func TestHeldCustomer(t *testing.T) {
	p := northwind(t)
	if p == nil {
		return
	}
	p.erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "ALFKI"}, Held: []datamap.RowRef{{Collection: "customers", Key: []string{"ALFKI"}}}})
	if n := p.number(t, "select count(*) from orders where customer_id = 'ALFKI' and ship_name is not null"); n == 0 {
		t.Error("the orders of a held customer were changed")
	}
	p.erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "ANATR"}, Held: []datamap.RowRef{{Collection: "customers", Key: []string{"ALFKI"}}}})
	if n := p.number(t, "select count(*) from customers where customer_id = 'ANATR'"); n != 0 {
		t.Error("another customer's hold kept this one")
	}
}
