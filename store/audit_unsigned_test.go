package store_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestErasuresBeforeTheUpdate: an erasure's entry that waited when a version came
// that signs them is not one that the checkpoints say is signed.
func TestErasuresBeforeTheUpdate(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		migrateTo(t, db, "0032")
		for _, log := range []string{logA, logA, logB} {
			insertUnsigned(t, db, log)
		}
		b := newLogBench(t, db)
		b.append(t, logA)
		b.pass(t)
		from, said := b.signedFrom(t, logA)
		if !said || from != 2 {
			t.Errorf("all are said to be signed from entry %d on (%t), want 2", from, said)
		}
		if from, said := b.signedFrom(t, logB); said {
			t.Errorf("all are said to be signed from entry %d on, of which more may wait", from)
		}
		b.append(t, logA)
		b.append(t, logB)
		b.pass(t)
		if from, _ := b.signedFrom(t, logA); from != 2 {
			t.Errorf("later from entry %d on, want 2", from)
		}
		if from, said := b.signedFrom(t, logB); !said || from != 1 {
			t.Errorf("of the other log from entry %d on (%t), want 1", from, said)
		}
		if _, err := db.Exec(t.Context(), "UPDATE audit_cursor SET unsigned_to = 1000"); err == nil {
			t.Error("what is written from now on can be made to count as old")
		}
	})
}

func (b *logBench) signedFrom(t *testing.T, log string) (int64, bool) {
	t.Helper()
	tips, err := b.store.Tips(t.Context(), []string{log})
	must(t, err)
	return auditlog.ErasuresSignedFrom(tips[log].Checkpoint)
}

// insertUnsigned inserts an erasure's entry as was done before.
func insertUnsigned(t *testing.T, db *sqldb.DB, log string) {
	t.Helper()
	leaf := &auditlog.Leaf{ID: uuid.Must(uuid.NewV7()).String(), Log: log, At: at, Action: auditlog.ActionErased, Outcome: "done"}
	letters, err := leaf.Encode()
	must(t, err)
	hash := auditlog.LeafHash(letters)
	_, err = db.Exec(t.Context(), `INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
		VALUES ($1, $2, $3, $4, $5, '', $6, $7)`, leaf.ID, log, sqldb.Micros(at), leaf.Action, leaf.Outcome, letters, hash[:])
	must(t, err)
}
