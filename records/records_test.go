package records_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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

func openSQLite(t testing.TB) *sqldb.DB   { return sqldbtest.SQLite(t) }
func openPostgres(t testing.TB) *sqldb.DB { return sqldbtest.Postgres(t) }

// everything has a record of each collection, with all that is awkward.
const everything = `{"collection":"contacts","record":{"id":"c1","name":"Zoë \u0001 \"O'Hara\" \ud83d\ude00","email":"=HYPERLINK(\"x\")","phone":"+49 30","language":"de","company":"","tags":["  two  spaces ","",","],"custom_fields":{"b":1e400,"a":12345678901234567890.10,"":[{},[],null,true],"esc":"\u00e9\/"},"identities":[{"kind":"crm","value":"0007"}],"created_at":"1969-12-31T23:59:59.999999Z"}}
{"collection":"contacts","record":{"id":"c2"}}
{"collection":"conversations","record":{"id":"v1","contact_id":"c1","channel":"mail","status":"resolved","resolution":"solved","resolved_at":"2026-03-01T00:00:00+02:00","priority":"high","tags":[],"assignee_id":"bo@example.com","created_at":"2026-01-01T00:00:00Z"}}
{"collection":"conversations","record":{"id":"v2","contact_id":"c2","priority":1.0}}
{"collection":"messages","record":{"id":"m1","conversation_id":"v1","direction":"inbound","author_id":"c1","body":"line\nbreak\ttab \u2028","created_at":"2026-01-02T03:04:05.123456Z"}}
{"collection":"messages","record":{"id":"m2","conversation_id":"v1","direction":"outbound","author_id":"bo@example.com","body":"","created_at":"2026-01-02T03:04:05.1Z"}}
{"collection":"messages","record":{"id":"m3","conversation_id":"v1","direction":"ai","body":"I am","ai_metadata":{"model":"x","confidence":0.10},"created_at":"2026-01-02T03:04:06Z"}}
{"collection":"messages","record":{"id":"m4","conversation_id":"v1","direction":"note","author_id":"cy@example.com","created_at":"2026-01-09T00:00:00Z"}}
{"collection":"messages","record":{"id":"m5","conversation_id":"v2"}}
{"collection":"knowledge_sources","record":{"id":"k1","kind":"qa","title":"t","url":"https://example.com","content":"c","status":"synced","synced_at":"2026-01-01T00:00:00Z"}}
{"collection":"knowledge_chunks","record":{"id":"kc1","source_id":"k1","position":-1,"text":"part"}}
{"collection":"flows","record":{"id":"f1","name":"n","description":"d","status":"live","version":2,"graph":{"nodes":[{"id":1}]}}}
{"collection":"flow_versions","record":{"id":"fv1","flow_id":"f1","version":1,"graph":{"nodes":[]}}}
{"collection":"flow_runs","record":{"id":"r1","flow_id":"f1","conversation_id":"v1","started_at":"2026-01-01T00:00:00Z","path":["a",{"b":1}],"error":"boom"}}
{"collection":"flow_runs","record":{"id":"r2","flow_id":"f1"}}
{"collection":"tickets","record":{"id":"t1","number":"T-1","title":"t","body":"b","status":"open","reporter_id":"bo@example.com","assignee_id":"cy@example.com","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}}
{"collection":"documents","record":{"id":"d1","title":"t","body":"b","author_id":"bo@example.com","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}}
{"collection":"comments","record":{"id":"o1","record_type":"ticket","record_id":"t1","author_id":"cy@example.com","body":"b","created_at":"2026-01-01T00:00:00Z"}}
{"collection":"comments","record":{"id":"o2","record_type":"document","record_id":"d1"}}
{"collection":"attachments","record":{"id":"a1","record_type":"message","record_id":"m1","filename":"../../etc/passwd","content_type":"text/plain","content_base64":"aW5saW5lIAD/"}}
{"collection":"attachments","record":{"id":"a2","record_type":"contact","record_id":"c1","filename":"CON","content_base64":""}}
{"collection":"attachments","record":{"id":"a3","record_type":"knowledge_source","record_id":"k1","content_base64":"eA=="}}
`

func importEverything(t testing.TB, s *records.Store) {
	t.Helper()
	_, err := run(t, s, everything)
	must(t, err)
}
