package store_test

import (
	"fmt"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// fill inserts n entries, in turn for so many logs.
func fill(b *testing.B, db *sqldb.DB, n, logs int) {
	b.Helper()
	numbers := `generate_series(1, $1::bigint) AS x (i)`
	text := `i::text`
	if db.Dialect == sqldb.SQLite {
		numbers = `(WITH RECURSIVE x (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x WHERE i < $1) SELECT i FROM x) AS x`
		text = `CAST(i AS TEXT)`
	}
	leaf, hash := make([]byte, 500), make([]byte, 32)
	_, err := db.Exec(b.Context(), `INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
		SELECT 'e' || `+text+` || $4, 'log' || (i % $5), 0, 'a', 'b', 'c', $2, $3 FROM `+numbers,
		n, leaf, hash, fmt.Sprint("-", b.N), logs)
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkPass(b *testing.B) {
	for _, open := range []struct {
		name string
		db   func(testing.TB) *sqldb.DB
	}{{"sqlite", sqldbtest.SQLite}, {"postgres", sqldbtest.Postgres}} {
		for _, logs := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d logs", open.name, logs), func(b *testing.B) {
				db := open.db(b)
				if err := store.Migrate(b.Context(), db); err != nil {
					b.Fatal(err)
				}
				s := store.New(db)
				log := &auditlog.Log{Entries: s, Trees: s}
				seq := &auditlog.Sequencer{Store: s, Signer: signingKey(), Published: &auditlogtest.Shelf{}, Append: log.Append}
				fill(b, db, b.N, logs)
				b.ResetTimer()
				if n, err := seq.Pass(b.Context()); n < b.N || err != nil {
					b.Fatal(n, err)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			})
		}
	}
}
