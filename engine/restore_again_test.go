package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/ledger"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// A hold that was released before an erasure stands again in the backup: it must
// not keep what was erased.
func TestReplayReleasesHolds(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		ctx, w := t.Context(), newOrg(t, b, "released")
		ann := aContact("ann")
		target := privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: ann}
		hold(t, b, w, target)
		_, err := b.ReleaseHoldsOn(ctx, enginetest.Operator, w.ID, target, "settled")
		b.Must(err)
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: ann})

		forgetErasures(t, b, w)
		b.Pass(-privacyd.Day)
		hold(t, b, w, target)
		b.Pass(privacyd.Day)
		_, err = b.Replay(ctx, enginetest.Operator)
		b.Must(err)
		b.Run()
		b.Must(b.CheckRestored(ctx))
		if n := rowsOf(t, b, "contacts", "id", "ann"); n != 0 {
			t.Errorf("ann is in %d rows again", n)
		}
		var standing int
		b.Must(b.DB.QueryRow(ctx, "SELECT count(*) FROM holds WHERE released_at IS NULL").Scan(&standing))
		if standing != 0 {
			t.Errorf("%d holds stand", standing)
		}
	})
}

// A replay that was only asked for, since its process died or something is in
// its way, is no reason to serve; asked again, the same jobs go on.
func TestAReplayHasToBeDone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		ctx, w := t.Context(), newOrg(t, b, "begun")
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("ann")})
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("ben")})
		forgetErasures(t, b, w)
		first, err := b.Replay(ctx, enginetest.Operator)
		b.Must(err)
		b.WantCode(b.CheckRestored(ctx), "database_restored")
		again, err := b.Replay(ctx, enginetest.Operator)
		b.Must(err)
		if len(first) != 2 || len(again) != 2 || first[0].ID != again[0].ID || first[1].ID != again[1].ID {
			t.Fatalf("%v, then %v", first, again)
		}
		b.Run()
		b.Must(b.CheckRestored(ctx))
		if n := rowsOf(t, b, "contacts", "workspace_id", w.ID); n != 0 {
			t.Errorf("%d contacts are left", n)
		}
		none, err := b.Replay(ctx, enginetest.Operator)
		b.Must(err)
		if len(none) > 0 {
			t.Errorf("%d are replayed once more", len(none))
		}
	})
}

// A ledger that is not there, or not the same, is noticed at once, and not when
// it would be needed.
func TestALostLedgerIsNoticed(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		ctx, w := t.Context(), newOrg(t, b, "lost")
		b.Must(b.CheckRestored(ctx)) // as at a start
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("ann")})
		entries, err := filepath.Glob(filepath.Join(b.Folder, "ledger", "suppression", "entries", "*"))
		b.Must(err)
		if len(entries) == 0 {
			t.Fatal("the ledger has no entries")
		}
		moved := t.TempDir()
		for _, name := range entries {
			b.Must(os.Rename(name, filepath.Join(moved, filepath.Base(name))))
		}
		b.WantCode(b.CheckRestored(ctx), "ledger_damaged")
		_, err = b.Replay(ctx, enginetest.Operator)
		b.WantCode(err, "ledger_damaged")
		for _, name := range entries {
			b.Must(os.Rename(filepath.Join(moved, filepath.Base(name)), name))
		}
		b.Must(b.CheckRestored(ctx))

		another, err := ledger.Open(ctx, t.TempDir())
		b.Must(err)
		defer another.Close() //nolint:errcheck // nothing is written to it any more
		b.Suppression, err = another.Suppression(ctx, plainly{}, b.Clock)
		b.Must(err)
		b.WantCode(b.CheckRestored(ctx), "ledger_damaged")
		b.Must(b.LoseLedger(ctx, enginetest.Operator))
		b.Must(b.CheckRestored(ctx))
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("ben")})
		forgetErasures(t, b, w)
		b.WantCode(b.CheckRestored(ctx), "database_restored")
	})
}

// plainly keeps the key of a ledger as it is.
type plainly struct{}

func (plainly) Wrap(_ context.Context, key []byte) ([]byte, error)       { return key, nil }
func (plainly) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) { return wrapped, nil }
