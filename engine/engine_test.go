package engine_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/examples"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/work/local"
)

// bench is a whole engine on a new database, with a clock that the test moves.
type bench struct {
	*engine.Engine
	t      *testing.T
	db     *sqldb.DB
	runner *local.Runner
	files  *blob.Store
	folder string

	mu  sync.Mutex
	now time.Time
}

var operator = privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root", Door: privacyd.DoorCLI}

// each runs a test on an engine on each database.
func each(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) { fn(t, newBench(t, db)) })
}

func newBench(t *testing.T, db *sqldb.DB) *bench {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	b := &bench{t: t, db: db, folder: dir, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for _, migrate := range []func(context.Context, *sqldb.DB) error{store.Migrate, local.Migrate, records.Migrate} {
		b.must(migrate(ctx, db))
	}
	keys, err := vault.Open(ctx, vault.Options{Keys: filepath.Join(dir, "keys"), RootFile: filepath.Join(dir, "root.key")})
	b.must(err)
	t.Cleanup(func() { _ = keys.Close() })
	b.files, err = blob.Open(ctx, filepath.Join(dir, "blobs"), keys)
	b.must(err)
	t.Cleanup(func() { _ = b.files.Close() })
	b.runner = local.New(db, local.Options{
		Now: b.clock, Poll: 10 * time.Millisecond, Backoff: func(int) time.Duration { return time.Millisecond },
		OnDead: func(ctx context.Context, kind, key string, err error) error { return b.GiveUp(ctx, kind, key, err) },
	})
	s, spool := store.New(db), vault.NewSpool(dir)
	b.Engine = &engine.Engine{
		Tx: s, Accounts: s, Workspaces: s, Sessions: s, Jobs: s, Lookup: s, Exports: s,
		Audit: &auditlog.Log{Entries: s, Keys: keys}, Queue: b.runner, Blobs: blobs{b.files}, Signer: keys,
		Spool: func() (archive.Spool, error) { return spool() },
		Now:   b.clock, Log: slog.New(slog.DiscardHandler), Version: "test", ExportLife: 24 * time.Hour,
	}
	b.Records = recordStore{&records.Store{
		DB: db, Blobs: b.files, Now: b.clock, Authors: authors{b},
		Spool: func() (records.Spool, error) { return spool() },
	}}
	src := source{sqlsource.New(db.Reader(), db.Dialect)}
	b.Datasets = []engine.Dataset{
		{Name: "privacyd", Graph: b.graph(store.DataMap), Source: src, Own: true},
		{Name: "records", Graph: b.graph(records.DataMap), Source: src, Own: true, Files: map[string]engine.BlobReader{"attachments": blobs{b.files}}},
	}
	b.runner.Handle(engine.WorkExport, b.RunExport, 2)
	b.runner.Handle(engine.WorkExpire, b.RunExpire, 1)
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) wantCode(err error, code string) {
	b.t.Helper()
	if privacyd.CodeOf(err) != code {
		b.t.Fatalf("error %v has code %q, want %q", err, privacyd.CodeOf(err), code)
	}
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) graph(text string) *datamap.Graph {
	b.t.Helper()
	m, err := datamap.Parse("map.yaml", strings.NewReader(text))
	b.must(err)
	g, err := datamap.Compile(m)
	b.must(err)
	return g
}

// run runs all that is due.
func (b *bench) run() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	b.must(b.runner.RunUntilIdle(ctx))
}

// workspace makes a workspace with the sample's records and an account of each
// role, named by it: admin@acme.example.com.
func (b *bench) workspace(slug string) privacyd.Workspace {
	b.t.Helper()
	ctx := b.t.Context()
	w, err := b.CreateWorkspace(ctx, operator, engine.NewWorkspace{Slug: slug, Name: "Workspace " + slug})
	b.must(err)
	for _, role := range []privacyd.Role{privacyd.RoleAdmin, privacyd.RoleAgent, privacyd.RoleAuditor} {
		b.member(w, role)
	}
	_, err = b.Import(ctx, operator, w.ID, engine.ImportSource{Body: bytes.NewReader(examples.Sample)})
	b.must(err)
	return w
}

func (b *bench) member(w privacyd.Workspace, role privacyd.Role) {
	b.t.Helper()
	email := string(role) + "@" + w.Slug + ".example.com"
	_, err := b.CreateAccount(b.t.Context(), operator, engine.NewAccount{Email: email, Name: "The " + string(role)})
	b.must(err)
	b.must(b.AddMember(b.t.Context(), operator, w.ID, email, role))
}

// as is the caller with a role in a workspace.
func (b *bench) as(role privacyd.Role, w privacyd.Workspace) privacyd.Caller {
	b.t.Helper()
	c, err := b.As(b.t.Context(), operator, string(role)+"@"+w.Slug+".example.com")
	b.must(err)
	c.IP, c.Door = "192.0.2.7", privacyd.DoorREST
	return c
}

// export asks for a data export and runs it.
func (b *bench) export(c privacyd.Caller, r engine.NewJob) *privacyd.Job {
	b.t.Helper()
	job, _, err := b.CreateJob(b.t.Context(), c, r)
	b.must(err)
	b.run()
	job, err = b.GetJob(b.t.Context(), operator, r.Workspace, job.ID)
	b.must(err)
	return job
}

// open downloads a finished export and opens it.
func (b *bench) open(c privacyd.Caller, workspace, jobID string) *archive.Reader {
	b.t.Helper()
	ctx := b.t.Context()
	link, err := b.DownloadLink(ctx, c, workspace, jobID)
	b.must(err)
	d, err := b.OpenDownload(ctx, c, workspace, link)
	b.must(err)
	defer d.Blob.Close() //nolint:errcheck // a test's
	raw, err := io.ReadAll(d.Blob)
	b.must(err)
	report, err := archive.Verify(ctx, bytes.NewReader(raw), int64(len(raw)), nil)
	b.must(err)
	if !report.OK {
		b.t.Fatalf("the archive is not whole: %+v", report.Problems)
	}
	r, err := archive.Open(bytes.NewReader(raw), int64(len(raw)))
	b.must(err)
	return r
}

// audited lists the audit log's actions with their outcomes, oldest first.
func (b *bench) audited(workspace string) []string {
	b.t.Helper()
	list, err := b.ListAudit(b.t.Context(), operator, workspace, privacyd.AuditFilter{})
	b.must(err)
	var actions []string
	for e, err := range list {
		b.must(err)
		actions = append([]string{e.Action + " " + string(e.Outcome)}, actions...)
	}
	return actions
}
