package store_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// numbered is a disclosure and its number, or the seq of its entry.
type numbered struct {
	No      int64
	Owner   string
	Digests int // another for each
}

// TestDisclosuresNumbered brings a database up to date whose disclosures have no
// numbers yet, on SQLite with less memory than they take.
func TestDisclosuresNumbered(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		migrateTo(t, db, "0024")
		want := fillUnnumbered(t, db)
		if db.Dialect == sqldb.SQLite {
			for _, setting := range []string{"cache_size = -1024", "hard_heap_limit = 2600000"} {
				_, err := db.Exec(t.Context(), "PRAGMA "+setting)
				must(t, err)
			}
		}
		must(t, store.Migrate(t.Context(), db))
		if diff := cmp.Diff(want, disclosuresOf(t, db, "SELECT no, owner, digests FROM audit_disclosures WHERE form = 0 AND length(sealed) = 1500")); diff != "" {
			t.Error(diff)
		}
		if db.Dialect != sqldb.SQLite {
			return
		}
		const taken = `SELECT o.no, o.owner, d.digests FROM audit_owned o JOIN audit_disclosures d ON d.no = o.no
			WHERE o.more = '[]' AND o.no <= (SELECT owned FROM audit_cursor)`
		if diff := cmp.Diff(want, disclosuresOf(t, db, taken)); diff != "" {
			t.Error(diff)
		}
	})
}

// fillUnnumbered makes entries of no owner, of some and of as many as there can
// be, and gives their disclosures with the numbers that they are to have.
func fillUnnumbered(t *testing.T, db *sqldb.DB) []numbered {
	t.Helper()
	const upTo = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < "
	disclose := ` INSERT INTO audit_disclosures (entry_id, owner, sealed, digests)
		SELECT 'e' || (9000 - i), 'owner ' || ((i * 31 + j * 17) % 100), $1, i * 3 + j FROM n, j WHERE `
	must(t, db.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, upTo+`1500) INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
			SELECT 'e' || (9000 - i), '', i, 'test.done', 'done', '', $1, $1 FROM n`, []byte{1})
		must(t, err)
		_, err = db.Exec(ctx, upTo+`1500), j (j) AS (VALUES (0), (1), (2))`+disclose+`j < i % 4`, make([]byte, 1500))
		must(t, err)
		_, err = db.Exec(ctx, upTo+`1500), j (j) AS (SELECT i FROM n WHERE i < 100)`+disclose+`i = 1500`, make([]byte, 1500))
		return err
	}))
	all := disclosuresOf(t, db, `SELECT e.seq, d.owner, d.digests FROM audit_disclosures d JOIN audit_entries e ON e.id = d.entry_id`)
	var seq, nth int64
	for i := range all {
		if all[i].No != seq {
			seq, nth = all[i].No, 0
		}
		all[i].No = seq*100 + nth
		nth++
	}
	if len(all) != 2350 {
		t.Fatalf("%d disclosures", len(all))
	}
	return all
}

// disclosuresOf are those that a query gives, by number and owner.
func disclosuresOf(t *testing.T, db *sqldb.DB, query string) []numbered {
	t.Helper()
	rows, err := db.Query(t.Context(), query)
	must(t, err)
	defer rows.Close() //nolint:errcheck // a test's
	var all []numbered
	for rows.Next() {
		var d numbered
		must(t, rows.Scan(&d.No, &d.Owner, &d.Digests))
		all = append(all, d)
	}
	must(t, rows.Err())
	slices.SortFunc(all, func(a, b numbered) int {
		if a.No != b.No {
			return int(a.No - b.No)
		}
		return strings.Compare(a.Owner, b.Owner)
	})
	return all
}

// TestNumberingSortsLittle asks SQLite how it would number disclosures: what is
// sorted is of one entry.
func TestNumberingSortsLittle(t *testing.T) {
	db := sqldbtest.SQLite(t)
	migrateTo(t, db, "0024")
	text, err := os.ReadFile("schema/0025_audit_disclosures.sql")
	must(t, err)
	script, _, _ := strings.Cut(strings.ReplaceAll(string(text), "-- only: sqlite", ""), "-- end")
	var asked int
	for statement := range strings.SplitSeq(script, ";\n") {
		if _, insert, ok := strings.Cut(statement, "INSERT INTO "); ok {
			asked++
			for _, step := range planOf(t, db, "INSERT INTO "+insert) {
				if strings.HasPrefix(step, "USE TEMP B-TREE FOR ORDER BY") {
					t.Errorf("%s: %s", insert, step)
				}
			}
		}
		_, err := db.Exec(t.Context(), statement)
		must(t, err)
	}
	if asked != 2 {
		t.Errorf("asked for %d statements", asked)
	}
}
