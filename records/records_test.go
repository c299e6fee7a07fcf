package records_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
)

const (
	ws    = "0190a1b2-0000-7000-8000-000000000001"
	other = "0190a1b2-0000-7000-8000-000000000002"
)

// accounts is the part of privacyd's own store that records need.
type accounts struct{ db *sqldb.DB }

func (a accounts) Resolve(ctx context.Context, authors []records.Author) (map[string]string, error) {
	ids := map[string]string{}
	for _, author := range authors {
		id := author.ID
		if id == "" {
			id = uuid.NewString()
		}
		if _, err := a.db.Exec(ctx, "INSERT INTO accounts (id, email, name) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING",
			id, author.Email, author.Name); err != nil {
			return nil, err
		}
		if err := a.db.QueryRow(ctx, "SELECT id FROM accounts WHERE email = $1", author.Email).Scan(&id); err != nil {
			return nil, err
		}
		ids[author.Email] = id
	}
	return ids, nil
}

// each runs a test on both databases, each with an empty store.
func each(t *testing.T, test func(t *testing.T, s *records.Store)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) { test(t, newStore(t, db)) })
}

func newStore(t testing.TB, db *sqldb.DB) *records.Store {
	t.Helper()
	must(t, records.Migrate(t.Context(), db))
	_, err := db.Exec(t.Context(), "CREATE TABLE accounts (id TEXT PRIMARY KEY, email TEXT UNIQUE, name TEXT)")
	must(t, err)
	keys, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
	must(t, err)
	blobs, err := blob.Open(t.Context(), t.TempDir(), keys)
	must(t, err)
	t.Cleanup(func() { _ = blobs.Close() })
	spool := vault.NewSpool(t.TempDir())
	return &records.Store{
		DB: db, Blobs: blobs, Authors: accounts{db}, Now: time.Now,
		Spool: func() (records.Spool, error) { return spool() },
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// line is a line of an import.
func line(collection, record string) string {
	return fmt.Sprintf(`{"collection": %q, "record": %s}`, collection, record) + "\n"
}

func run(t testing.TB, s *records.Store, text string) (records.Result, error) {
	t.Helper()
	return s.Import(t.Context(), records.Request{Workspace: ws, Source: records.NDJSON("in.ndjson", strings.NewReader(text), nil)})
}

// get reads a record that must be there.
func get(t testing.TB, s *records.Store, collection, id string) string {
	t.Helper()
	b, err := s.Get(t.Context(), ws, collection, id)
	if err != nil {
		t.Fatalf("%s %s: %v", collection, id, err)
	}
	return string(b)
}

func TestDataMap(t *testing.T) {
	m, err := datamap.Parse("records.map.yaml", strings.NewReader(records.DataMap))
	must(t, err)
	g, err := datamap.Compile(m)
	must(t, err)
	for _, c := range records.Collections() {
		t.Run(c.Name, func(t *testing.T) { sameFields(t, c, g.Collection(c.Name)) })
	}
}

// sameFields holds the data map to the import format, so that an export can be
// imported.
func sameFields(t *testing.T, c *records.Collection, m *datamap.Collection) {
	if m == nil {
		t.Fatal("the data map does not have it")
	}
	var mapped []*datamap.Field
	for _, f := range m.Fields {
		if f.Exported() {
			mapped = append(mapped, f)
		}
	}
	for _, f := range c.Fields {
		if !f.Stored() {
			continue
		}
		if len(mapped) == 0 || mapped[0].Name != f.Name {
			t.Fatalf("%s is not next in the data map", f.Name)
		}
		if (mapped[0].Format == datamap.FormatJSON) != f.JSON() || (mapped[0].Format == datamap.FormatUnixMicros) != (f.Kind == records.Time) {
			t.Errorf("%s has another format in the data map", f.Name)
		}
		mapped = mapped[1:]
	}
	if len(mapped) > 0 {
		t.Errorf("the data map has a field more: %s", mapped[0].Name)
	}
}
