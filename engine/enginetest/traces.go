package enginetest

import (
	"archive/zip"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
)

// The kinds of places in which Traces looks.
const (
	InTable   = "table"   // a column of any table, as text
	InSealed  = "sealed"  // a column that can still be opened
	InPage    = "page"    // a decrypted page of SQLite, free ones too, or a frame of its log
	InFile    = "file"    // a file of the instance, its name and its bytes as they lie there
	InBlob    = "blob"    // a file of a record, decrypted
	InArchive = "archive" // a file of an export, decrypted and decompressed
	InAudit   = "audit"   // what the audit log still discloses
	InMail    = "mail"    // a mail that is kept
	InLog     = "log"     // a line that was logged
)

// Traces looks for texts in everything that an instance has written.
type Traces struct {
	b      *Bench
	keys   *rememberingKeys
	log    *lines
	places map[string][]string // text → where it is
	look   []string
}

// Trace makes an instance's traces findable from now on.
func (b *Bench) Trace() *Traces {
	t := &Traces{b: b, keys: &rememberingKeys{Vault: b.Keys, sealed: map[string]sealing{}}, log: &lines{}}
	b.Engine.Keys, b.Secrets = t.keys, t.keys
	b.Log = slog.New(slog.NewJSONHandler(t.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return t
}

// Find tells where each text is found, in any case: "table contacts.name". What
// is not found is not in the answer. Nothing may be written meanwhile.
func (t *Traces) Find(texts []string) map[string][]string {
	t.b.t.Helper()
	t.places, t.look = map[string][]string{}, nil
	for _, text := range texts {
		if len(text) < 8 {
			t.b.t.Fatalf("the text %q may occur by chance", text)
		}
		t.look = append(t.look, strings.ToLower(text))
	}
	t.tables(t.b.DB.Reader(), t.b.DB.Dialect == sqldb.Postgres, "")
	if p := t.b.Product; p != nil {
		t.tables(p.DB, strings.HasPrefix(p.Address, "postgres:"), "app.")
	}
	t.pages()
	t.files()
	t.blobs()
	t.audit()
	t.mails()
	t.in(InLog, "", t.log.all())
	return t.places
}

// in notes which of the texts a place has.
func (t *Traces) in(kind, where string, content []byte) {
	lower := bytes.ToLower(content)
	for _, text := range t.look {
		if !bytes.Contains(lower, []byte(text)) {
			continue
		}
		if at := strings.TrimSpace(kind + " " + where); !slices.Contains(t.places[text], at) {
			t.places[text] = append(t.places[text], at)
		}
	}
}

// tables reads every table of a database to the end.
func (t *Traces) tables(db *sql.DB, postgres bool, prefix string) {
	t.b.t.Helper()
	list := "SELECT name FROM sqlite_schema WHERE type = 'table'"
	if postgres { // materialised views have rows of their own
		list = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'm') AND relispopulated"
	}
	var names []string
	rows, err := db.QueryContext(t.b.t.Context(), list)
	t.b.Must(err)
	for rows.Next() {
		var name string
		t.b.Must(rows.Scan(&name))
		names = append(names, name)
	}
	t.b.Must(rows.Err())
	t.b.Must(rows.Close())
	for _, name := range names {
		t.table(db, prefix, name)
	}
}

func (t *Traces) table(db *sql.DB, prefix, table string) {
	rows, err := db.QueryContext(t.b.t.Context(), `SELECT * FROM "`+table+`"`)
	t.b.Must(err)
	defer rows.Close() //nolint:errcheck // it was only read
	columns, err := rows.Columns()
	t.b.Must(err)
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		t.b.Must(rows.Scan(into...))
		for i, value := range values {
			t.value(prefix+table+"."+columns[i], value)
		}
	}
	t.b.Must(rows.Err())
}

func (t *Traces) value(where string, value any) {
	switch v := value.(type) {
	case nil:
	case []byte:
		t.in(InTable, where, v)
		if opened, ok := t.keys.opened(t.b.t.Context(), v); ok {
			t.in(InSealed, where, opened)
		}
	case string:
		t.in(InTable, where, []byte(v))
	default:
		t.in(InTable, where, fmt.Append(nil, v))
	}
}

func (t *Traces) pages() {
	if t.b.DB.Dialect != sqldb.SQLite {
		return
	}
	for p := range sqldbtest.Scan(t.b.t, sqldbtest.Path(t.b.t, t.b.DB), sqldbtest.Key()) {
		t.in(InPage, "", p.Bytes)
	}
}

func (t *Traces) files() {
	t.b.Must(filepath.WalkDir(t.b.Folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(t.b.Folder, path)
		if err != nil {
			return err
		}
		t.in(InFile, "name", []byte(name))
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		t.in(InFile, strings.SplitN(name, string(filepath.Separator), 2)[0], content)
		return err
	}))
}

func (t *Traces) blobs() {
	ctx := t.b.t.Context()
	for key, err := range t.b.Files.List(ctx, "") {
		t.b.Must(err)
		owner, _, _ := strings.Cut(key, "/")
		r, err := t.b.Files.Open(ctx, owner, key)
		if privacyd.CodeOf(err) == "key_shredded" {
			continue // nobody can read it any more
		}
		t.b.Must(err)
		content, err := io.ReadAll(r)
		t.b.Must(err)
		t.b.Must(r.Close())
		t.in(InBlob, "", content)
		z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			continue // it is no archive
		}
		for _, f := range z.File {
			t.archived(f)
		}
	}
}

func (t *Traces) archived(f *zip.File) {
	r, err := f.Open()
	t.b.Must(err)
	defer r.Close() //nolint:errcheck // it was only read
	content, err := io.ReadAll(r)
	t.b.Must(err)
	t.in(InArchive, "", []byte(f.Name))
	t.in(InArchive, "", content)
}

// audit reads what the logs of the instance and of all workspaces disclose,
// also of those that are deleted.
func (t *Traces) audit() {
	ctx := t.b.t.Context()
	logs := []string{""}
	rows, err := t.b.DB.Query(ctx, "SELECT id FROM workspaces")
	t.b.Must(err)
	for rows.Next() {
		var id string
		t.b.Must(rows.Scan(&id))
		logs = append(logs, id)
	}
	t.b.Must(rows.Err())
	t.b.Must(rows.Close())
	for _, log := range logs {
		list, err := t.b.ListAudit(ctx, Operator, log, privacyd.AuditFilter{Limit: 100_000})
		if log != "" && privacyd.ClassOf(err) == privacyd.ClassNotFound {
			continue
		}
		t.b.Must(err)
		for entry, err := range list {
			t.b.Must(err)
			text, err := json.Marshal(entry)
			t.b.Must(err)
			t.in(InAudit, entry.Action, text)
		}
	}
}

func (t *Traces) mails() {
	letters, err := t.b.KeptMails(t.b.t.Context(), Operator)
	t.b.Must(err)
	for _, l := range letters {
		t.in(InMail, l.Subject, []byte(l.To+"\n"+l.Subject+"\n"+l.Text+"\n"+l.HTML))
	}
}

// rememberingKeys remembers what was sealed with which key, so that whatever
// lies in a table can be opened as long as its key is there.
type rememberingKeys struct {
	*vault.Vault
	mu     sync.Mutex
	sealed map[string]sealing
}

type sealing struct {
	reference string
	aad       []byte
}

func (k *rememberingKeys) SealFor(ctx context.Context, reference string, aad, plaintext []byte) ([]byte, bool, error) {
	sealed, erased, err := k.Vault.SealFor(ctx, reference, aad, plaintext)
	if err == nil && !erased {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.sealed[string(sealed)] = sealing{reference, slices.Clone(aad)}
	}
	return sealed, erased, err
}

func (k *rememberingKeys) opened(ctx context.Context, value []byte) ([]byte, bool) {
	k.mu.Lock()
	s, known := k.sealed[string(value)]
	k.mu.Unlock()
	if !known {
		return nil, false
	}
	plain, erased, err := k.OpenFor(ctx, s.reference, s.aad, value)
	return plain, err == nil && !erased
}

// lines are what was logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) all() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.buf.Bytes())
}

// Markers are texts that occur nowhere else, by what they stand for.
type Markers struct {
	t    testing.TB
	of   map[string]string
	what map[string]string
}

// NewMarkers makes none yet.
func NewMarkers(t testing.TB) *Markers {
	return &Markers{t: t, of: map[string]string{}, what: map[string]string{}}
}

// Of gives the marker of something: always the same.
func (m *Markers) Of(what string) string {
	if m.of[what] == "" {
		text := fmt.Sprintf("mq%04dzkvw", len(m.of)+1)
		m.of[what], m.what[text] = text, what
	}
	return m.of[what]
}

// Fill replaces each ~what~ of a text by its marker.
func (m *Markers) Fill(text string) string {
	parts := strings.Split(text, "~")
	if len(parts)%2 == 0 {
		m.t.Fatalf("a ~ has no other: %s", text)
	}
	for i := 1; i < len(parts); i += 2 {
		parts[i] = m.Of(parts[i])
	}
	return strings.Join(parts, "")
}

// Texts gives the markers of all that begins so.
func (m *Markers) Texts(prefix string) []string {
	var list []string
	for what, text := range m.of {
		if strings.HasPrefix(what, prefix) {
			list = append(list, text)
		}
	}
	slices.Sort(list)
	return list
}

// Missing tells what of all that begins so was not found.
func (m *Markers) Missing(prefix string, found map[string][]string) []string {
	var list []string
	for _, text := range m.Texts(prefix) {
		if len(found[text]) == 0 {
			list = append(list, m.what[text])
		}
	}
	return list
}

// Say tells what was found where, one a line.
func (m *Markers) Say(found map[string][]string) []string {
	var list []string
	for text, places := range found {
		list = append(list, m.what[text]+": "+strings.Join(places, ", "))
	}
	slices.Sort(list)
	return list
}
