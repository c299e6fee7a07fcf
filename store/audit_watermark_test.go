package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// slow appends an entry in a transaction that stays open until finish is
// called.
func (b *logBench) slow(t *testing.T, log string) (id string, finish func()) {
	t.Helper()
	appended, commit, over := make(chan string), make(chan struct{}), make(chan error)
	go func() {
		over <- b.db.InTx(t.Context(), func(ctx context.Context) error {
			id, err := b.Append(ctx, auditlog.Record{Log: log, Action: "test.slow", Outcome: "done"})
			if err == nil { // an entry is sent with whatever comes next
				_, err = b.store.Entry(ctx, id)
			}
			appended <- id
			<-commit
			return err
		})
	}()
	return <-appended, func() {
		close(commit)
		must(t, <-over)
	}
}

// TestLongTransaction commits entries while an older transaction is open that
// has one of its own. On PostgreSQL they wait for it, which shows as lag.
func TestLongTransaction(t *testing.T) {
	b := newLogBench(t, sqldbtest.Postgres(t))
	b.settle(t, b.append(t, logA))
	first, finish := b.slow(t, logA)
	second := b.append(t, logA)
	n, err := b.seq.Pass(t.Context())
	must(t, err)
	if _, waiting, err := b.seq.Lag(t.Context()); n != 0 || waiting != 1 || err != nil {
		t.Errorf("%d entries integrated past an open transaction, %d wait, %v", n, waiting, err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := b.seq.Wait(soon, second); !errors.Is(err, auditlog.ErrPending) {
		t.Errorf("the wait ended with %v", err)
	}
	finish()
	b.settle(t, second)
	if ids := checkLog(t, b.view(t, logA)); len(ids) != 3 || ids[1] != first || ids[2] != second {
		t.Errorf("the entries are %v, not %s and %s", ids, first, second)
	}
	must(t, b.seq.Wait(t.Context(), second))
}

// TestLaterXidFirst commits an entry with a higher seq before one with a
// lower: that one must not be passed.
func TestLaterXidFirst(t *testing.T) {
	b := newLogBench(t, sqldbtest.Postgres(t))
	var want []string
	for range 20 {
		first, finish := b.slow(t, logA)
		second := b.append(t, logA)
		_, err := b.seq.Pass(t.Context())
		must(t, err)
		finish()
		want = append(want, first, second)
	}
	b.pass(t)
	if got := checkLog(t, b.view(t, logA)); !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d in the order of transactions", len(got), len(want))
	}
}

// TestTransactionsCountedAnew is a dump that was restored into a server whose
// transactions are counted from the beginning: the cursor and the entries name
// transactions that this server will not have for years.
func TestTransactionsCountedAnew(t *testing.T) {
	b := newLogBench(t, sqldbtest.Postgres(t))
	b.append(t, logA)
	b.pass(t)
	exec := func(query string) {
		t.Helper()
		_, err := b.db.Exec(t.Context(), query)
		must(t, err)
	}
	exec(`UPDATE audit_cursor SET xid = '900000000000'`)
	exec(`INSERT INTO audit_entries (xid, id, log, at, action, outcome, target_type, leaf, leaf_hash)
		SELECT '900000000007', 'restored', log, at, action, outcome, target_type, leaf, leaf_hash FROM audit_entries WHERE log = '` + logA + `'`)
	b.append(t, logA)
	b.pass(t)
	wantSize := func(want int64) {
		t.Helper()
		if h := b.view(t, logA).Epochs(); len(h) != 1 || h[0].Size != want {
			t.Errorf("%d epochs, the first of %d leaves, want %d", len(h), h[0].Size, want)
		}
	}
	wantSize(3)
	b.append(t, logA)
	b.pass(t)
	wantSize(4)
	if n, err := b.seq.Reconcile(t.Context()); n != 0 || err != nil {
		t.Errorf("%d entries were lost, %v", n, err)
	}
}

// passEntries sets the cursor past entries that are in no tree.
func passEntries(t *testing.T, db *sqldb.DB) {
	t.Helper()
	set := `UPDATE audit_cursor SET seq = (SELECT max(seq) FROM audit_entries)`
	if db.Dialect == sqldb.Postgres {
		set += `, xid = (SELECT max(xid::text::bigint) FROM audit_entries)::text::xid8`
	}
	_, err := db.Exec(t.Context(), set)
	must(t, err)
}

// TestReconcile loses entries on purpose: the cursor is set past them.
func TestReconcile(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		b.append(t, logB)
		b.pass(t)
		for range 5 {
			b.append(t, logA)
		}
		passEntries(t, db)
		if n, err := b.seq.Pass(t.Context()); n != 0 || err != nil {
			t.Fatalf("%d entries, %v", n, err)
		}
		found := 0
		for found < 5 { // those of a transaction that is not the oldest yet come later
			n, err := b.seq.Reconcile(t.Context())
			must(t, err)
			if found += n; n == 0 {
				pause(t)
			}
		}
		if ids := checkLog(t, b.view(t, logA)); len(ids) != 5 || found != 5 {
			t.Errorf("%d entries, %d found", len(ids), found)
		}
		if n, err := b.seq.Reconcile(t.Context()); n != 0 || err != nil {
			t.Errorf("%d entries found again, %v", n, err)
		}
	})
}
