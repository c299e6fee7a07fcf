package web_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/web"
	"github.com/privacyd/privacyd/work/local"
)

const password = "correct horse battery"

// product is a whole privacyd on an embedded store, behind the page door.
type product struct {
	engine    *engine.Engine
	runner    *local.Runner
	records   *records.Store
	workspace privacyd.Workspace
	pages     http.Handler
}

// newProduct has a workspace "acme" with an admin, an agent and an auditor,
// and one contact.
func newProduct(t *testing.T) *product {
	t.Helper()
	p := openProduct(t)
	ctx, operator := t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root"}
	for _, role := range []string{"admin", "agent", "auditor", "stranger"} {
		account := engine.NewAccount{Email: role + "@example.com", Name: "An " + role}
		if role == "admin" {
			account.Password = password // hashing one is slow on purpose: the others sign in by link
		}
		_, err := p.engine.CreateAccount(ctx, operator, account)
		must(t, err)
	}
	var err error
	p.workspace, err = p.engine.CreateWorkspace(ctx, operator, engine.NewWorkspace{Slug: "acme", Name: "Acme <b>", AdminEmail: "admin@example.com"})
	must(t, err)
	_, err = p.engine.AddMember(ctx, operator, "acme", "agent@example.com", privacyd.RoleAgent)
	must(t, err)
	_, err = p.engine.AddMember(ctx, operator, "acme", "auditor@example.com", privacyd.RoleAuditor)
	must(t, err)
	_, err = p.records.Upsert(ctx, p.workspace.ID, "contacts", "c-1", []byte(`{"id":"c-1","name":"Ann","email":"ann@example.net"}`))
	must(t, err)
	return p
}

func openProduct(t *testing.T) *product {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	keys, err := vault.Open(ctx, vault.Options{Keys: filepath.Join(dir, "keys"), RootFile: filepath.Join(dir, "root.key")})
	must(t, err)
	closing(t, keys)
	db, err := sqldb.OpenSQLite(ctx, filepath.Join(dir, "privacyd.db"), keys.DatabaseKey())
	must(t, err)
	closing(t, db)
	must(t, errors.Join(store.Migrate(ctx, db), local.Migrate(ctx, db), records.Migrate(ctx, db)))
	files, err := blob.Open(ctx, filepath.Join(dir, "blobs"), keys)
	must(t, err)
	closing(t, files)
	key, err := keys.SigningKey(ctx)
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	tables, spool, runner := store.New(db), vault.NewSpool(dir), local.New(db, local.Options{Logger: log})
	trail := &auditlog.Log{Entries: tables, Keys: keys, Trees: tables}
	signing := passing{&auditlog.Sequencer{Store: tables, Signer: key, Published: &auditlogtest.Shelf{}, Append: trail.Append}}
	e := &engine.Engine{
		Tx: tables, Accounts: tables, Workspaces: tables, Sessions: tables, Jobs: tables, Lookup: tables, Exports: tables,
		Audit: trail, AuditKeys: tables, Sequencer: signing, PublicKey: key.Public().(ed25519.PublicKey), SettleFor: time.Minute, Queue: runner, Blobs: blobs{files}, Signer: keys,
		Spool: func() (archive.Spool, error) { return spool() },
		Now:   func() time.Time { return time.Now().UTC() }, Log: log, Version: "1.2.3", ExportLife: 7 * 24 * time.Hour,
		Datasets: []engine.Dataset{dataset(t, "privacyd", store.DataMap, db, nil), dataset(t, "records", records.DataMap, db, files)},
	}
	runner.Handle(engine.WorkExport, e.RunExport, 1)
	kept := &records.Store{DB: db, Blobs: files, Authors: authors{e}, Now: e.Now, Spool: func() (records.Spool, error) { return spool() }}
	return &product{engine: e, runner: runner, records: kept, pages: web.New(e, web.Options{Version: "1.2.3", Log: log})}
}

// passing is a sequencer that signs when somebody waits for it.
type passing struct{ *auditlog.Sequencer }

func (p passing) Wait(ctx context.Context, entryID string) error {
	_, err := p.Pass(ctx)
	return errors.Join(err, p.Sequencer.Wait(ctx, entryID))
}

func dataset(t *testing.T, name, text string, db *sqldb.DB, files *blob.Store) engine.Dataset {
	t.Helper()
	m, err := datamap.Parse(name, strings.NewReader(text))
	must(t, err)
	g, err := datamap.Compile(m)
	must(t, err)
	set := engine.Dataset{Name: name, Graph: g, Source: source{sqlsource.New(db.Reader(), db.Dialect)}, Own: true}
	if files != nil {
		set.Files = map[string]engine.BlobReader{"attachments": blobs{files}}
	}
	return set
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func closing(t *testing.T, c io.Closer) { t.Cleanup(func() { must(t, c.Close()) }) }

// browser asks for pages as one browser does.
type browser struct {
	t      *testing.T
	pages  http.Handler
	cookie *http.Cookie
}

func (p *product) as(t *testing.T, role string) *browser {
	t.Helper()
	b := &browser{t: t, pages: p.pages}
	secret, err := p.engine.CreateSignInLink(t.Context(), privacyd.Caller{Kind: privacyd.CallerOperator}, role+"@example.com")
	must(t, err)
	r := b.post("/sign-in/"+secret, nil)
	if r.Code != http.StatusSeeOther || b.cookie == nil {
		t.Fatalf("sign in as %s: status %d", role, r.Code)
	}
	return b
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.do(httptest.NewRequest(http.MethodGet, path, nil))
}

func (b *browser) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func (b *browser) do(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.pages.ServeHTTP(w, r.WithContext(b.t.Context()))
	for _, c := range w.Result().Cookies() {
		b.cookie = c
	}
	return w
}

type source struct{ *sqlsource.Source }

func (s source) Snapshot(ctx context.Context) (engine.Snapshot, error) { return s.Source.Snapshot(ctx) }

type blobs struct{ *blob.Store }

func (b blobs) Create(ctx context.Context, workspace, key string) (engine.BlobWriter, error) {
	w, err := b.Store.Create(ctx, workspace, key)
	return blobWriter{w}, err
}

func (b blobs) Open(ctx context.Context, workspace, key string) (engine.Blob, error) {
	return b.Store.Open(ctx, workspace, key)
}

type blobWriter struct{ *blob.Writer }

func (w blobWriter) Commit() (int64, string, error) {
	info, err := w.Writer.Commit()
	return info.Size, info.SHA256, err
}

type authors struct{ engine *engine.Engine }

func (a authors) Resolve(ctx context.Context, list []records.Author) (map[string]string, error) {
	asked := make([]engine.Author, len(list))
	for n, author := range list {
		asked[n] = engine.Author(author)
	}
	return a.engine.ResolveAuthors(ctx, asked)
}

// Eraser implements engine.Source.
func (s source) Eraser() (engine.Eraser, error) {
	e, err := s.Source.Eraser()
	if err != nil {
		return nil, err
	}
	return e, nil
}
