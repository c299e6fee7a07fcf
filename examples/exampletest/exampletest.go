// Package exampletest gives the tests of an example its database with its data
// map, and erases from it.
//
// It must never be imported but by tests, nor know one example from another.
// Open exampletest.go, all there is.
package exampletest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// EnvInputs names the folder that has the examples' databases.
const EnvInputs = "PRIVACYD_INPUTS"

// Script reads the script that makes an example's database, or gives nothing and
// says so where EnvInputs does not name a folder. file is in that folder; home is
// where people get it.
func Script(t *testing.T, file, home string) string {
	t.Helper()
	inputs, named := os.LookupEnv(EnvInputs)
	if !named {
		inputs = filepath.Join("..", "..", "..", "shared", "inputs")
	}
	script, err := os.ReadFile(filepath.Join(inputs, filepath.FromSlash(file)))
	if errors.Is(err, fs.ErrNotExist) && !named {
		t.Logf("%s IS NOT HERE, and its map was not tested. Set %s to a folder that has it (%s) to test it.", file, EnvInputs, home)
		return ""
	}
	must(t, err)
	return string(script)
}

// Product is an example's database on PostgreSQL and its map.
type Product struct {
	Address string
	conn    *pgx.Conn
	source  *sqlsource.Source
	graph   *datamap.Graph
	catalog datamap.Catalog
}

// Load makes a new database with a script.
func Load(t *testing.T, mapFile, script string) *Product {
	t.Helper()
	address := sqldbtest.PostgresDSN(t)
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	_, err = conn.PgConn().Exec(t.Context(), script).ReadAll()
	must(t, errors.Join(err, conn.Close(t.Context())))
	return Open(t, mapFile, address)
}

// Open opens a database that has its tables.
func Open(t *testing.T, mapFile, address string) *Product {
	t.Helper()
	p := &Product{Address: address, graph: compile(t, mapFile)}
	var err error
	p.conn, err = pgx.Connect(t.Context(), address)
	must(t, err)
	t.Cleanup(func() { _ = p.conn.Close(context.WithoutCancel(t.Context())) })
	p.source, err = sqlsource.OpenPostgres(t.Context(), address)
	must(t, err)
	t.Cleanup(func() { _ = p.source.Close() })
	p.catalog, err = p.source.Catalog(t.Context())
	must(t, err)
	return p
}

func compile(t *testing.T, mapFile string) *datamap.Graph {
	t.Helper()
	f, err := os.Open(mapFile)
	must(t, err)
	defer f.Close() //nolint:errcheck // it was only read
	m, err := datamap.Parse(mapFile, f)
	must(t, err)
	g, err := datamap.Compile(m)
	must(t, err)
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Exec runs statements.
func (p *Product) Exec(t *testing.T, script string) {
	t.Helper()
	_, err := p.conn.PgConn().Exec(t.Context(), script).ReadAll()
	must(t, err)
}

// Number is what a query gives.
func (p *Product) Number(t *testing.T, query string) int {
	t.Helper()
	var n int
	must(t, p.conn.QueryRow(t.Context(), query).Scan(&n))
	return n
}

// Wants fails the test for each query that gives another number.
func (p *Product) Wants(t *testing.T, numbers map[string]int) {
	t.Helper()
	for query, want := range numbers {
		if got := p.Number(t, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

// Check fails the test unless map and database agree but for indexes, and in all
// once those are there.
func (p *Product) Check(t *testing.T) {
	t.Helper()
	for _, f := range datamap.Check(p.graph, p.catalog) {
		if f.Code != datamap.UnindexedLink {
			t.Errorf("%s %s.%s: %s %s", f.Code, f.Table, f.Column, f.Message, f.Remedy)
			continue
		}
		p.Exec(t, strings.ReplaceAll(f.Remedy, "CONCURRENTLY ", ""))
	}
	catalog, err := p.source.Catalog(t.Context())
	must(t, err)
	for _, f := range datamap.Check(p.graph, catalog) {
		t.Errorf("%s: %s", f.Code, f.Message)
	}
}

// Erase runs an erasure and gives how many rows each collection had of it.
func (p *Product) Erase(t *testing.T, s datamap.EraseScope) map[string]int64 {
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
