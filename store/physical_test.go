package store_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// marker gives n letters that are nowhere else.
func marker(t *testing.T, n int) string {
	t.Helper()
	b := make([]byte, n/2)
	_, err := rand.Read(b)
	must(t, err)
	return hex.EncodeToString(b)
}

// planted is a database with a marker in a record, and what it must not hold
// after an erasure.
type planted struct {
	sealedBench
	path    string
	markers map[string][]byte
}

func plant(t *testing.T, path string) planted {
	t.Helper()
	db, err := sqldb.OpenSQLite(t.Context(), path, sqldbtest.Key())
	must(t, err)
	b := newSealedBench(t, db)
	p := planted{b, path, map[string][]byte{}}
	entry := b.append(t, "")
	for name, size := range map[string]int{"short": 40, "long": 30_000} { // the long one is cut into pages
		for range 20 { // rows beside it that stay, so that SQLite has no reason to rebuild its page
			b.about(t, logA, "ben")
		}
		text := marker(t, size)
		must(t, b.store.InsertWorkspace(t.Context(), privacyd.Workspace{ID: name, Slug: name, Name: text, CreatedAt: at}, entry))
		p.markers["plain, "+name] = []byte(text)
		r := recordOf(logA, "ann")
		r.Private[0].Value = text
		id, err := b.Append(t.Context(), r)
		must(t, err)
		p.markers["sealed, "+name] = sealedOf(t, b, id)
	}
	b.pass(t)
	return p
}

func sealedOf(t *testing.T, b sealedBench, entry string) []byte {
	t.Helper()
	for s, err := range b.store.List(t.Context(), auditlog.Query{Log: logA}) {
		must(t, err)
		if s.ID == entry {
			return s.Disclosures[0].Sealed
		}
	}
	t.Fatal("the entry is gone")
	return nil
}

func (p planted) eraseAll(t *testing.T) {
	t.Helper()
	if gone, left := p.erase(t, "ann"); len(gone) != 2 || left != "" {
		t.Fatalf("erased %v, left %q", gone, left)
	}
	err := p.store.InTx(t.Context(), func(ctx context.Context) error {
		_, err := p.db.Exec(ctx, "DELETE FROM workspaces")
		return err
	})
	must(t, err)
}

func (p planted) hits(t *testing.T) (hits []string) {
	t.Helper()
	for what, m := range p.markers {
		for _, where := range sqldbtest.Hits(t, p.path, sqldbtest.Key(), m) {
			hits = append(hits, what+" on "+where)
		}
	}
	return hits
}

func (p planted) truncate(t *testing.T) {
	t.Helper()
	if done, err := p.store.TruncateLog(t.Context()); !done || err != nil {
		t.Fatalf("truncated %v, %v", done, err)
	}
}

// TestPhysicallyErased decrypts every page, free ones too, and every frame of
// the write-ahead log, and looks for what was erased.
func TestPhysicallyErased(t *testing.T) {
	p := plant(t, filepath.Join(t.TempDir(), "test.db"))
	store.Guard(p.db)
	if n := len(p.hits(t)); n < len(p.markers) {
		t.Fatalf("only %d of %d markers are found before they are erased", n, len(p.markers))
	}
	p.truncate(t)
	p.eraseAll(t)
	if hits := p.hits(t); !strings.Contains(strings.Join(hits, "\n"), "sealed") {
		t.Error("before the log is cut everything should still be in the file")
	}
	p.truncate(t)
	for _, hit := range p.hits(t) {
		t.Error("still there: " + hit)
	}
	must(t, p.db.Close())
	for _, hit := range p.hits(t) {
		t.Error("there again: " + hit)
	}
}

// TestPhysicallyErasedControl does the same without secure_delete: where it
// found nothing, the test above would prove nothing.
func TestPhysicallyErasedControl(t *testing.T) {
	p := plant(t, filepath.Join(t.TempDir(), "test.db"))
	_, err := p.db.Exec(t.Context(), "PRAGMA secure_delete = off")
	must(t, err)
	p.eraseAll(t)
	p.truncate(t)
	must(t, p.db.Close())
	found := strings.Join(p.hits(t), "\n")
	for what := range p.markers {
		if !strings.Contains(found, what) {
			t.Errorf("%s: not found", what)
		}
	}
}
