package records_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
)

func graph(t testing.TB) *datamap.Graph {
	t.Helper()
	m, err := datamap.Parse("records.map.yaml", strings.NewReader(records.DataMap))
	must(t, err)
	g, err := datamap.Compile(m)
	must(t, err)
	return g
}

func TestDataMapFields(t *testing.T) {
	g := graph(t)
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

// TestDataMapFitsTables compares the data map with the live tables: nothing
// unknown, nothing missing, each link with its index.
func TestDataMapFitsTables(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		_, err := s.DB.Exec(t.Context(), "DROP TABLE accounts")
		must(t, err)
		catalog, err := sqlsource.New(s.DB.Reader(), s.DB.Dialect).Catalog(t.Context())
		must(t, err)
		for _, f := range datamap.Check(graph(t), catalog) {
			t.Errorf("%s %s.%s: %s %s", f.Code, f.Table, f.Column, f.Message, f.Remedy)
		}
	})
}

// export reads every collection of a workspace by the data map.
func export(t testing.TB, s *records.Store, scope datamap.Scope) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	eachRow(t, s, scope, func(c *datamap.Collection, r datamap.Row) error {
		all[c.Name] = append(all[c.Name], string(r.JSON))
		return nil
	})
	for _, rows := range all {
		slices.Sort(rows)
	}
	return all
}

func eachRow(t testing.TB, s *records.Store, scope datamap.Scope, fn func(c *datamap.Collection, r datamap.Row) error) {
	t.Helper()
	g := graph(t)
	snapshot, err := sqlsource.New(s.DB.Reader(), s.DB.Dialect).Snapshot(t.Context())
	must(t, err)
	defer snapshot.Close() //nolint:errcheck // a test's
	for _, c := range g.Collections() {
		selection, ok, err := g.Select(c.Name, scope)
		must(t, err)
		if ok {
			must(t, snapshot.Read(t.Context(), selection, func(r datamap.Row) error { return fn(c, r) }))
		}
	}
}

func TestExportIsWhatGetGives(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		exported := export(t, s, datamap.Scope{Workspace: ws})
		for _, c := range records.Collections() {
			if len(exported[c.Name]) == 0 {
				t.Errorf("%s: nothing exported", c.Name)
			}
			for _, row := range exported[c.Name] {
				id := strings.Split(row, `"`)[3]
				if diff := cmp.Diff(row, get(t, s, c.Name, id)); diff != "" {
					t.Errorf("%s: %s", c.Name, diff)
				}
			}
		}
		if n := len(export(t, s, datamap.Scope{Workspace: other})); n != 0 {
			t.Errorf("another workspace has %d collections", n)
		}
	})
}

func TestSubjectScope(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		got := map[string]int{}
		for name, rows := range export(t, s, datamap.Scope{Workspace: ws, SubjectKind: "contact", SubjectID: "c1"}) {
			got[name] = len(rows)
		}
		want := map[string]int{"contacts": 1, "conversations": 1, "messages": 4, "flow_runs": 1, "attachments": 2}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestAccountKnown looks for an account as a subject: its row has no field that
// is exported, and still is found.
func TestAccountKnown(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		var id string
		must(t, s.DB.QueryRow(t.Context(), "SELECT account_id FROM record_authors WHERE workspace_id = $1", ws).Scan(&id))
		for id, want := range map[string]int{id: 1, "nobody": 0} {
			if n := len(export(t, s, datamap.Scope{SubjectKind: "account", SubjectID: id})["record_authors"]); n != want {
				t.Errorf("%d rows", n)
			}
		}
	})
}

// TestArchiveRoundTrip exports, imports that into an empty store, and exports
// again: the records are the same.
func TestArchiveRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		first := export(t, s, datamap.Scope{Workspace: ws})
		packed := pack(t, s)

		reader, err := archive.Open(bytes.NewReader(packed), int64(len(packed)))
		must(t, err)
		for name, open := range map[string]func(t testing.TB) *sqldb.DB{"sqlite": openSQLite, "postgres": openPostgres} {
			t.Run("to "+name, func(t *testing.T) {
				to := newStore(t, open(t))
				for range 2 {
					result, err := to.Import(t.Context(), records.Request{
						Workspace: ws, Source: records.Archived("export.zip", reader, "accounts", "record_authors"),
					})
					must(t, err)
					if result.Missing != 1 || result.Skipped["accounts"] != 2 {
						t.Errorf("%+v", result)
					}
				}
				if diff := cmp.Diff(first, export(t, to, datamap.Scope{Workspace: ws})); diff != "" {
					t.Error(diff)
				}
				if got := content(t, to, "a1"); got != "inline \x00\xff" {
					t.Errorf("content %q", got)
				}
			})
		}
	})
}

// pack writes an archive as an export does; one attachment's content is lost.
func pack(t testing.TB, s *records.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	w := archive.NewWriter(&out, archive.Options{})
	paths := map[string]string{}
	for _, id := range []string{"a1", "a2"} {
		p, _, _, err := w.Attachment(t.Context(), "../"+id, time.Time{}, strings.NewReader(content(t, s, id)))
		must(t, err)
		paths[id] = p
	}
	rows := map[string][]string{"accounts": exportAccounts(t, s)}
	eachRow(t, s, datamap.Scope{Workspace: ws}, func(c *datamap.Collection, r datamap.Row) error {
		row := string(r.JSON)
		if c.Name == "attachments" {
			row = withPath(row, paths)
		}
		rows[c.Name] = append(rows[c.Name], row)
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		c, err := w.Collection(name, nil)
		must(t, err)
		for _, row := range rows[name] {
			must(t, c.Record([]byte(row)))
		}
		must(t, c.Close())
	}
	_, err := w.Close(archive.Info{Kind: "data_export", Format: "json"})
	must(t, err)
	return out.Bytes()
}

func withPath(row string, paths map[string]string) string {
	for id, p := range paths {
		if strings.HasPrefix(row, `{"id":"`+id+`"`) {
			return strings.TrimSuffix(row, "}") + fmt.Sprintf(`,"path":%q}`, p)
		}
	}
	return strings.TrimSuffix(row, "}") + `,"path":null}`
}

func exportAccounts(t testing.TB, s *records.Store) []string {
	t.Helper()
	rows, err := s.DB.Query(t.Context(), "SELECT id, email FROM accounts ORDER BY id")
	must(t, err)
	defer rows.Close() //nolint:errcheck // a test's
	var all []string
	for rows.Next() {
		var id, email string
		must(t, rows.Scan(&id, &email))
		all = append(all, fmt.Sprintf(`{"id":%q,"email":%q,"name":"Somebody"}`, id, email))
	}
	must(t, rows.Err())
	return all
}

func content(t testing.TB, s *records.Store, id string) string {
	t.Helper()
	r, _, err := s.OpenAttachment(context.WithoutCancel(t.Context()), ws, id)
	must(t, err)
	defer r.Close() //nolint:errcheck // a test's
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}
