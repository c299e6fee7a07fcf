// Package enginetest gives tests a whole engine, wired as the binary wires it,
// on a new real database, with a clock that the test moves.
package enginetest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/examples"
	"github.com/privacyd/privacyd/ledger"
	"github.com/privacyd/privacyd/mail"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/work/local"
)

// Bench is an engine and what a test needs to drive it.
type Bench struct {
	*engine.Engine
	DB     *sqldb.DB
	Runner *local.Runner
	Files  *blob.Store
	Keys   *vault.Vault

	Sequencer Sequencer
	Folder    string   // holds root.key, keys, ledger and blobs
	Product   *Product // a database of somebody else's; nil: there is none

	BatchRows int           // the most that a batch of an erasure has; 0: as many as go in time
	Tick      time.Duration // by which the clock goes on each time that somebody looks at it

	t     testing.TB
	stops []func() error

	mu  sync.Mutex
	now time.Time
}

// Sequencer signs when somebody waits for it, and never by itself.
type Sequencer struct{ *auditlog.Sequencer }

// Wait passes, again and again: on PostgreSQL the transactions of other tests
// may hold an entry back.
func (s Sequencer) Wait(ctx context.Context, entryID string) error {
	for {
		if _, err := s.Pass(ctx); err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		err := s.Sequencer.Wait(soon, entryID)
		cancel()
		if !errors.Is(err, auditlog.ErrPending) || ctx.Err() != nil {
			return err
		}
	}
}

// Operator is who runs the server.
var Operator = privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root", Door: privacyd.DoorCLI}

// Each runs a test on an engine on each database.
func Each(t *testing.T, fn func(t *testing.T, b *Bench)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) { fn(t, New(t, db)) })
}

// New wires an engine on db.
func New(t testing.TB, db *sqldb.DB) *Bench {
	t.Helper()
	ctx := t.Context()
	b := &Bench{t: t, DB: db, Folder: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for _, migrate := range []func(context.Context, *sqldb.DB) error{store.Migrate, local.Migrate, records.Migrate} {
		b.Must(migrate(ctx, db))
	}
	store.Guard(db)
	b.wire()
	return b
}

// Restart wires another engine on the same database and folder, as a process
// does that is started after the last one died; it knows nothing of what that
// had in memory. What ran is due again.
func (b *Bench) Restart() *Bench {
	b.t.Helper()
	next := b.Beside()
	b.Must(next.Runner.Recover(b.t.Context()))
	return next
}

// Beside wires another engine, as a second node has it.
func (b *Bench) Beside() *Bench {
	b.t.Helper()
	next := &Bench{t: b.t, DB: b.DB, Folder: b.Folder, Product: b.Product, BatchRows: b.BatchRows, Tick: b.Tick, now: b.Clock()}
	next.wire()
	return next
}

// In has the bench fail a part of its test; what it gives undoes that.
func (b *Bench) In(t testing.TB) (back func()) {
	whole := b.t
	b.t = t
	if b.Product != nil {
		b.Product.t = t
	}
	return func() {
		if b.t = whole; b.Product != nil {
			b.Product.t = whole
		}
	}
}

// Stop gives back what the engine holds open, but for the database, which others
// may share.
func (b *Bench) Stop() {
	for _, stop := range b.stops {
		_ = stop() // a test's
	}
	b.stops = nil
}

func (b *Bench) atStop(stop func() error) { b.stops = append(b.stops, stop) }

func (b *Bench) wire() {
	ctx, db, dir := b.t.Context(), b.DB, b.Folder
	b.t.Cleanup(b.Stop)
	keys, err := vault.Open(ctx, vault.Options{Keys: filepath.Join(dir, "keys"), RootFile: filepath.Join(dir, "root.key"), Now: b.Clock})
	b.Must(err)
	b.Keys = keys
	b.atStop(keys.Close)
	b.Files, err = blob.Open(ctx, filepath.Join(dir, "blobs"), keys)
	b.Must(err)
	b.atStop(b.Files.Close)
	b.Runner = local.New(db, local.Options{
		Now: b.Clock, Poll: 10 * time.Millisecond, Backoff: func(int) time.Duration { return 0 },
		OnDead: func(ctx context.Context, kind, key string, err error) error { return b.GiveUp(ctx, kind, key, err) },
	})
	s, spool := store.New(db), vault.NewSpool(dir)
	published, err := ledger.Open(ctx, filepath.Join(dir, "ledger"))
	b.Must(err)
	b.atStop(published.Close)
	key, err := keys.SigningKey(ctx)
	b.Must(err)
	log := &auditlog.Log{Entries: s, Keys: keys, Trees: s, Signer: key}
	b.Sequencer = Sequencer{&auditlog.Sequencer{Store: s, Signer: key, Published: published, Append: log.Append, Now: b.Clock}}
	b.Engine = &engine.Engine{
		Tx: s, Accounts: s, Workspaces: s, Sessions: s, Jobs: s, Lookup: s, Exports: s,
		Audit: log, AuditKeys: s, Sequencer: b.Sequencer, PublicKey: key.Public().(ed25519.PublicKey), SettleFor: time.Minute,
		Plans: s, Holds: s, Approvals: s, Retention: s, Receipts: s, ReceiptKey: key, Purges: s, Reviews: s, Runs: s, Own: s, States: s, SoleAdmins: s, Troubles: s, Plain: s, Disclosed: s, Erasures: s, Keys: keys, Queue: b.Runner, Blobs: blobs{b.Files}, Signer: keys,
		Spool: func() (archive.Spool, error) { return spool() },
		Now:   b.Clock, Log: slog.New(slog.DiscardHandler), Version: "test", ExportLife: 24 * time.Hour,
		Processors: s,
		Legal:      engine.Legal{Contacts: s, Documents: s, Agreements: s},
		People:     s, Notices: s, Secrets: keys, HashCost: bcrypt.MinCost,
		Egress: engine.Egress{Counts: s},
		Ring:   keys, Memos: s,
	}
	b.Records = recordStore{&records.Store{
		DB: db, Blobs: b.Files, Now: b.Clock, Authors: authors{b},
		Spool: func() (records.Spool, error) { return spool() },
	}}
	src := source{sqlsource.Own(db), &b.BatchRows}
	b.Suppression, err = published.Suppression(ctx, ledgerKey{keys}, b.Clock)
	b.Must(err)
	b.Datasets = []engine.Dataset{
		{Name: "privacyd", Graph: b.graph(store.DataMap), Source: src, Own: true},
		{Name: "records", Graph: b.graph(records.DataMap), Source: src, Own: true, Files: map[string]engine.BlobReader{"attachments": blobs{b.Files}}},
	}
	b.Runner.Handle(engine.WorkExport, b.RunExport, 2)
	b.Runner.Handle(engine.WorkExpire, b.RunExpire, 1)
	b.Runner.Handle(engine.WorkForgotten, b.RunForgotten, 1)
	b.Runner.Handle(engine.WorkKeys, b.RunKeys, 1)
	b.Runner.Handle(engine.WorkErase, b.RunErasure, 2)
	b.Runner.Handle(engine.WorkFiles, b.RunFiles, 1)
	b.Runner.Handle(engine.WorkReceipt, b.RunReceipt, 1)
	b.Runner.Handle(engine.WorkRetention, b.RunRetention, 1)
	b.keepMails()
	if b.Product != nil {
		b.addProduct()
	}
}

// keepMails has mails kept where Mails finds them. A test that sets
// Mailing.Post has them sent.
func (b *Bench) keepMails() {
	letters, err := mail.New("https://privacy.example.com")
	b.Must(err)
	b.Mailing = engine.Mailing{Letters: letters}
	b.Runner.Handle(engine.WorkMail, b.RunMail, 2)
	b.Runner.Handle(engine.WorkReset, b.RunReset, 1)
	b.Runner.Handle(engine.WorkNotice, b.RunNotice, 1)
	b.Runner.Handle(engine.WorkRemind, b.RunRemind, 1)
	b.Runner.Handle(engine.WorkProposed, b.RunProposed, 1)
	b.Runner.Handle(engine.WorkAnnounce, b.RunAnnounce, 1)
	b.Runner.Handle(engine.WorkAgreement, b.RunAgreement, 1)
	b.Runner.Handle(engine.WorkHoldReview, b.RunHoldReview, 1)
}

// Mails gives the kept mails, the oldest first.
func (b *Bench) Mails() []privacyd.Letter {
	b.t.Helper()
	letters, err := b.KeptMails(b.t.Context(), Operator)
	b.Must(err)
	slices.Reverse(letters)
	return letters
}

// Must ends the test at an error.
func (b *Bench) Must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// WantCode ends the test unless the error has the code.
func (b *Bench) WantCode(err error, code string) {
	b.t.Helper()
	if privacyd.CodeOf(err) != code {
		b.t.Fatalf("error %v has code %q, want %q", err, privacyd.CodeOf(err), code)
	}
}

// Clock is the engine's time.
func (b *Bench) Clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(b.Tick)
	return b.now
}

// Pass moves the clock.
func (b *Bench) Pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *Bench) graph(text string) *datamap.Graph {
	b.t.Helper()
	m, err := datamap.Parse("map.yaml", strings.NewReader(text))
	b.Must(err)
	g, err := datamap.Compile(m)
	b.Must(err)
	return g
}

// Run runs all that is due, and what of it has to wait for something: the
// clock moves on by itself then.
func (b *Bench) Run() {
	b.t.Helper()
	for range 30 {
		ctx, cancel := context.WithTimeout(b.t.Context(), 3*time.Second)
		err := b.Runner.RunUntilIdle(ctx)
		waits := ctx.Err() != nil && b.t.Context().Err() == nil
		cancel()
		if err == nil {
			return
		}
		if !waits {
			b.t.Fatal(err)
		}
		b.Pass(30 * time.Second)
	}
	b.t.Fatal("the work does not end")
}

// NewWorkspace makes a workspace with the sample's records and an account of each
// role, named by it: admin@acme.example.com.
func (b *Bench) NewWorkspace(slug string) privacyd.Workspace {
	b.t.Helper()
	ctx := b.t.Context()
	w, err := b.CreateWorkspace(ctx, Operator, engine.NewWorkspace{Slug: slug, Name: "Workspace " + slug})
	b.Must(err)
	for _, role := range []privacyd.Role{privacyd.RoleAdmin, privacyd.RoleAgent, privacyd.RoleAuditor} {
		b.member(w, role)
	}
	_, err = b.Import(ctx, Operator, w.ID, engine.ImportSource{Body: bytes.NewReader(examples.Sample)})
	b.Must(err)
	return w
}

func (b *Bench) member(w privacyd.Workspace, role privacyd.Role) {
	b.t.Helper()
	email := string(role) + "@" + w.Slug + ".example.com"
	_, err := b.CreateAccount(b.t.Context(), Operator, engine.NewAccount{Email: email, Name: "The " + string(role)})
	b.Must(err)
	_, err = b.AddMember(b.t.Context(), Operator, w.ID, email, role)
	b.Must(err)
}

// Member is the caller with a role in a workspace.
func (b *Bench) Member(role privacyd.Role, w privacyd.Workspace) privacyd.Caller {
	b.t.Helper()
	c, err := b.As(b.t.Context(), Operator, string(role)+"@"+w.Slug+".example.com")
	b.Must(err)
	c.IP, c.Door = "192.0.2.7", privacyd.DoorREST
	return c
}

// Export asks for an export and runs it.
func (b *Bench) Export(c privacyd.Caller, r engine.NewJob) *privacyd.Job {
	b.t.Helper()
	job, _, err := b.CreateJob(b.t.Context(), c, r)
	b.Must(err)
	b.Run()
	job, err = b.GetJob(b.t.Context(), Operator, r.Workspace, job.ID)
	b.Must(err)
	return job
}

// OpenArchive downloads a finished export and opens it.
func (b *Bench) OpenArchive(c privacyd.Caller, workspace, jobID string) *archive.Reader {
	b.t.Helper()
	ctx := b.t.Context()
	link, err := b.DownloadLink(ctx, c, workspace, jobID)
	b.Must(err)
	d, err := b.OpenDownload(ctx, c, workspace, link)
	b.Must(err)
	return b.Read(d)
}

// Read reads a download, which must be whole.
func (b *Bench) Read(d engine.Download) *archive.Reader {
	b.t.Helper()
	ctx := b.t.Context()
	defer d.Blob.Close() //nolint:errcheck // a test's
	raw, err := io.ReadAll(d.Blob)
	b.Must(err)
	report, err := archive.Verify(ctx, bytes.NewReader(raw), int64(len(raw)), nil)
	b.Must(err)
	if !report.OK {
		b.t.Fatalf("the archive is not whole: %+v", report.Problems)
	}
	r, err := archive.Open(bytes.NewReader(raw), int64(len(raw)))
	b.Must(err)
	return r
}

// Audited lists the audit log's actions with their outcomes, oldest first.
func (b *Bench) Audited(workspace string) []string {
	b.t.Helper()
	list, err := b.ListAudit(b.t.Context(), Operator, workspace, privacyd.AuditFilter{Limit: 10_000})
	b.Must(err)
	var actions []string
	for e, err := range list {
		b.Must(err)
		if e.Action != auditlog.ActionCheckpoint { // when it is written depends on the clock
			actions = append([]string{e.Action + " " + string(e.Outcome)}, actions...)
		}
	}
	return actions
}

// Context is the test's.
func (b *Bench) Context() context.Context { return b.t.Context() }

// NewSQLite wires an engine on a new SQLite file.
func NewSQLite(t testing.TB) *Bench {
	t.Helper()
	return New(t, sqldbtest.SQLite(t))
}
