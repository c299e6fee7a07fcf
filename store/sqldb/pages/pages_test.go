package pages

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/vfs/xts" // the file system to agree with
)

func key(seed byte) string { return hex.EncodeToString(bytes.Repeat([]byte{seed, 7}, 32)) }

func open(t *testing.T, system, path, key string) *sqlite3.Conn {
	t.Helper()
	Register()
	c, err := sqlite3.Open((&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "vfs=" + system}).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Exec("PRAGMA hexkey='" + key + "'"); err != nil {
		t.Fatal(err)
	}
	return c
}

func exec(t *testing.T, c *sqlite3.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := c.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// sum reads every row, and has SQLite check the file.
func sum(t *testing.T, c *sqlite3.Conn) string {
	t.Helper()
	s, _, err := c.Prepare("SELECT count(*) || ' ' || sum(n * length(body)) || ' ' || (SELECT integrity_check FROM pragma_integrity_check) FROM t")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // Err says it
	if !s.Step() {
		t.Fatal(s.Err())
	}
	return s.ColumnText(0)
}

const fill = `INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500)
	SELECT i, hex(randomblob(i % 700)) FROM n`

// TestSameFile reads what each file system wrote through the other, whatever
// the size of pages and the journal, while the writer's log is still open.
func TestSameFile(t *testing.T) {
	for _, size := range []int{512, 4096, 65536} {
		for _, journal := range []string{"DELETE", "WAL"} {
			for _, to := range [][2]string{{Name, "xts"}, {"xts", Name}, {Name, Name}} {
				t.Run(fmt.Sprintf("%d/%s/%s to %s", size, journal, to[0], to[1]), func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "test.db")
					w := open(t, to[0], path, key(1))
					exec(t, w, fmt.Sprintf("PRAGMA page_size=%d", size), "PRAGMA journal_mode="+journal, "PRAGMA secure_delete=on",
						"CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)", fill, "DELETE FROM t WHERE n % 3 = 0", "UPDATE t SET body = body || n")
					want := sum(t, w)
					r := open(t, to[1], path, key(1))
					if got := sum(t, r); got != want || !strings.HasSuffix(got, " ok") {
						t.Errorf("read %q of what was written as %q", got, want)
					}
					exec(t, r, "DELETE FROM t WHERE n % 2 = 0", "PRAGMA wal_checkpoint(TRUNCATE)")
					if got, want := sum(t, w), sum(t, r); got != want {
						t.Errorf("the writer reads %q, not %q", got, want)
					}
				})
			}
		}
	}
}

// TestSnapshot reads one state while another connection writes and moves its
// log into the file.
func TestSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	w, r := open(t, Name, path, key(1)), open(t, Name, path, key(1))
	exec(t, w, "PRAGMA journal_mode=WAL", "CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)", fill, "PRAGMA wal_checkpoint(TRUNCATE)")
	exec(t, r, "PRAGMA cache_size=0", "BEGIN")
	before := sum(t, r)
	for range 3 {
		exec(t, w, "UPDATE t SET body = hex(randomblob(n % 500))", "PRAGMA wal_checkpoint(PASSIVE)")
		if got := sum(t, r); got != before {
			t.Fatalf("the snapshot became %q, was %q", got, before)
		}
	}
	exec(t, r, "COMMIT")
	if got, want := sum(t, r), sum(t, w); got != want {
		t.Errorf("after the snapshot there is %q, not %q", got, want)
	}
}

// TestWrongKey finds no database behind another key, and none without one.
func TestWrongKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	exec(t, open(t, Name, path, key(1)), "CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)", fill)
	if err := open(t, Name, path, key(2)).Exec("SELECT * FROM t"); !errors.Is(err, sqlite3.NOTADB) {
		t.Errorf("another key: %v", err)
	}
}
