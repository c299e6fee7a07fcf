package pages

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
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

// TestLogCutShort reads what a log holds of which the end is missing or spoilt,
// as after a power cut, as the other file system does: the same commits.
func TestLogCutShort(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "test.db")
	w := open(t, Name, whole, key(1))
	exec(t, w, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=0", "CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)")
	for n := range 5 {
		exec(t, w, fmt.Sprintf("INSERT INTO t VALUES (%d, hex(randomblob(3000)))", n))
	}
	page, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(whole + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(wal); cut >= 0; cut -= 2900 {
		var read []string
		for _, system := range []string{Name, "xts"} {
			path := filepath.Join(t.TempDir(), "test.db")
			for name, content := range map[string][]byte{path: page, path + "-wal": wal[:cut]} {
				if err := os.WriteFile(name, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c := open(t, system, path, key(1))
			s, _, err := c.Prepare("SELECT count(*), (SELECT integrity_check FROM pragma_integrity_check) FROM t")
			if err != nil {
				read = append(read, "no table")
				continue
			}
			s.Step()
			read = append(read, s.ColumnText(0)+" "+s.ColumnText(1))
			_ = s.Close()
		}
		if read[0] != read[1] {
			t.Errorf("of %d bytes of %d it reads %q, not %q", cut, len(wal), read[0], read[1])
		}
	}
}

// TestRolledBack writes over what a large transaction left in the log that did
// not commit.
func TestRolledBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	w := open(t, Name, path, key(1))
	exec(t, w, "PRAGMA journal_mode=WAL", "PRAGMA cache_size=5", "PRAGMA wal_autocheckpoint=0", "CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)", fill,
		"BEGIN", "UPDATE t SET body = hex(randomblob(900))", "ROLLBACK", "UPDATE t SET body = 'x' || body WHERE n % 9 = 0",
		"BEGIN", "UPDATE t SET body = hex(randomblob(900))", "UPDATE t SET body = hex(randomblob(90))", "COMMIT")
	want := sum(t, w)
	if got := sum(t, open(t, "xts", path, key(1))); got != want || !strings.HasSuffix(got, " ok") {
		t.Errorf("the other file system reads %q, not %q", got, want)
	}
}
