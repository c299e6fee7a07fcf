package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestListByAction lists the entries of single actions, of two logs that have
// them in the same stretches of time: in trees, waiting for one, from before
// actions were taken down, and while a sweep goes on after a restore.
func TestListByAction(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		migrateTo(t, db, "0027")
		insertActs(t, db, 0, 200)
		b := newLogBench(t, db)
		checkActions(t, b.store, 200)
		insertActs(t, db, 200, 400)
		checkActions(t, b.store, 400)
		b.pass(t)
		checkActions(t, b.store, 400)
		insertActs(t, db, 400, 500)
		checkActions(t, b.store, 500)
		_, err := db.Exec(t.Context(), "UPDATE audit_cursor SET swept = 0")
		must(t, err)
		insertActs(t, db, 500, 520)
		checkActions(t, b.store, 520)
		b.pass(t)
		checkActions(t, b.store, 520)
		wantStretches(t, db)
	})
}

// insertActs inserts entries a second apart, out of order.
func insertActs(t *testing.T, db *sqldb.DB, from, to int) {
	t.Helper()
	must(t, db.InTx(t.Context(), func(ctx context.Context) error {
		for i := from; i < to; i++ {
			n := from + (i-from)*37%(to-from)
			if (to-from)%37 == 0 {
				n = i
			}
			leaf := []byte{byte(n), byte(n >> 8)}
			hash := auditlog.LeafHash(leaf)
			_, err := db.Exec(ctx, `INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
				VALUES ($1, $2, $3, $4, 'done', $5, $6, $7)`, actID(n), []string{logA, logB}[n%2], int64(n), actOf(n), fmt.Sprint("t", n%3), leaf, hash[:])
			must(t, err)
		}
		return nil
	}))
}

// actID is a UUIDv7 of n seconds.
func actID(n int) string {
	ms := fmt.Sprintf("%012x", int64(0x0190a1b20000)+int64(n)*1000)
	return ms[:8] + "-" + ms[8:] + fmt.Sprintf("-7000-8000-%012x", n)
}

func actOf(n int) string {
	switch {
	case n%100 < 2:
		return "rare.done"
	case n%10 < 4:
		return "some.done"
	}
	return "usual.done"
}

// checkActions lists page by page, with all filters.
func checkActions(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for _, action := range []string{"rare.done", "some.done", "usual.done", "never.done", ""} {
		for _, q := range []auditlog.Query{
			{Log: logA},
			{Log: logB, TargetType: "t1"},
			{Log: logA, Before: actID(150), Limit: 7},
			{Log: logB, From: time.UnixMicro(90), Until: time.UnixMicro(301)},
			{Log: "other"},
		} {
			q.Action = action
			var want, got []string
			for i := n - 1; i >= 0; i-- {
				if at := time.UnixMicro(int64(i)); []string{logA, logB}[i%2] == q.Log && (action == "" || actOf(i) == action) &&
					(q.TargetType == "" || q.TargetType == fmt.Sprint("t", i%3)) && (q.Before == "" || actID(i) < q.Before) &&
					!at.Before(q.From) && (q.Until.IsZero() || at.Before(q.Until)) && (q.Limit == 0 || len(want) < q.Limit) {
					want = append(want, actID(i))
				}
			}
			for e, err := range s.List(t.Context(), q) {
				must(t, err)
				got = append(got, e.ID)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("of %d entries, %+v: %s", n, q, diff)
			}
		}
	}
}

// wantStretches finds what is taken down, and nothing twice.
func wantStretches(t *testing.T, db *sqldb.DB) {
	t.Helper()
	var kept, wanted int
	must(t, db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM audit_actions WHERE action <> '~'),
		(SELECT count(*) FROM (SELECT DISTINCT log, action, substr(id, 1, 10) FROM audit_entries) e)`).Scan(&kept, &wanted))
	if kept != wanted || kept == 0 {
		t.Errorf("%d stretches of %d are taken down", kept, wanted)
	}
}

// TestRareActionReadsFew counts what a page of a rare action and one of a
// frequent action have read of a log.
func TestRareActionReadsFew(t *testing.T) {
	db := sqldbtest.Postgres(t)
	b := newLogBench(t, db)
	insertActs(t, db, 0, 3000)
	b.pass(t)
	_, err := db.Exec(t.Context(), "ANALYZE audit_entries, audit_actions")
	must(t, err)
	for _, action := range []string{"rare.done", "usual.done"} {
		must(t, db.InTx(t.Context(), func(ctx context.Context) error {
			before := entriesRead(ctx, t, db)
			for _, err := range b.store.List(ctx, auditlog.Query{Log: logA, Action: action, Limit: 10}) {
				must(t, err)
			}
			if read := entriesRead(ctx, t, db) - before; read > 200 {
				t.Errorf("%d entries are read for a page of 10 of %s", read, action)
			}
			return nil
		}))
	}
}

// entriesRead counts the entries that this connection has read.
func entriesRead(ctx context.Context, t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	must(t, db.QueryRow(ctx, `SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_xact_user_tables
		WHERE relname = 'audit_entries'`).Scan(&n))
	return n
}
