package verify_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/auditlog/verify"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
)

// real is a log on a real database and on real keys.
type real struct {
	*auditlog.Log
	t     *testing.T
	db    *sqldb.DB
	store *store.Store
	keys  *vault.Vault
	seq   *auditlog.Sequencer
}

func newReal(t *testing.T, db *sqldb.DB) *real {
	t.Helper()
	must(t, store.Migrate(t.Context(), db))
	keys, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
	must(t, err)
	s := store.New(db)
	r := &real{Log: &auditlog.Log{Entries: s, Trees: s, Keys: keys, Signer: keyOf(1)}, t: t, db: db, store: s, keys: keys}
	r.seq = &auditlog.Sequencer{Store: s, Signer: keyOf(1), Published: &auditlogtest.Shelf{}, Append: r.Append}
	return r
}

func (r *real) write(n int) {
	r.t.Helper()
	must(r.t, r.store.InTx(r.t.Context(), func(ctx context.Context) error {
		for i := range n {
			_, err := r.Append(ctx, auditlog.Record{
				Log: logA, Action: "test.done", Outcome: "done",
				Private: []auditlog.Claim{{Name: "actor", Value: "Ben", Owner: ben(i % 10)}, {Name: "changes", Value: i, Owner: auditlog.Owner{Log: logA}}},
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	r.sign()
}

// sign passes until everything is in its tree: a transaction of anybody's in
// the same server may hold entries back for a while.
func (r *real) sign() {
	r.t.Helper()
	for {
		_, err := r.seq.Pass(r.t.Context())
		must(r.t, err)
		_, waiting, err := r.seq.Lag(r.t.Context())
		must(r.t, err)
		if waiting == 0 {
			return
		}
		select {
		case <-r.t.Context().Done():
			must(r.t, r.t.Context().Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// forget erases a person as the product does: the key first, then what it
// sealed together with the entry that says so.
func (r *real) forget(who auditlog.Owner) {
	r.t.Helper()
	must(r.t, r.keys.Shred(r.t.Context(), vault.Owner{Workspace: who.Log, Kind: who.Kind, ID: who.ID}))
	found, err := r.store.Disclosures(r.t.Context(), []string{r.keys.Reference(who.Log, who.Kind, who.ID)}, 10_000)
	must(r.t, err)
	must(r.t, r.store.InTx(r.t.Context(), func(ctx context.Context) error {
		gone, err := r.store.EraseDisclosures(ctx, found)
		var e auditlog.Erasure
		for _, p := range gone {
			e.Add(p)
		}
		for _, public := range e.Public() {
			_, failed := r.Append(ctx, auditlog.Record{Log: logA, Action: auditlog.ActionErased, Outcome: "done", Public: public})
			err = errors.Join(err, failed)
		}
		return err
	}))
	r.sign()
}

// check verifies the log in all its forms.
func (r *real) check(want ...string) *verify.Report {
	r.t.Helper()
	v, err := r.View(r.t.Context(), logA)
	must(r.t, err)
	o := auditlog.Export{At: noon(), Key: publicOf(1), Tolerate: func(err error) bool { return privacyd.CodeOf(err) == "sealed_damaged" }}
	var out bytes.Buffer
	_, err = v.WriteJSON(r.t.Context(), &out, o)
	must(r.t, err)
	report := checkJSON(r.t, out.Bytes(), options())
	wantFindings(r.t, report, want...)
	dir := r.t.TempDir()
	_, err = v.WriteParts(r.t.Context(), o, func(p auditlog.Part, content []byte) error { return write(dir, p, content) })
	must(r.t, err)
	tiles := checkPath(r.t, dir, options())
	if len(want) > 0 {
		if tiles.OK() {
			r.t.Errorf("tiles: %q was not found", want)
		}
		return report
	}
	wantFindings(r.t, tiles)
	if tiles.Entries != report.Entries || tiles.Disclosures != report.Disclosures || tiles.Erased != report.Erased {
		r.t.Errorf("as tiles\n%+v, as JSON\n%+v", tiles, report)
	}
	origin := v.Epochs()[0].Origin
	secondOpinion(r.t, dir, origin, auditlog.VerifierKey(publicOf(1), origin))
	return report
}

func TestRealDatabase(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newReal(t, db)
		r.write(300)
		r.write(257)
		if got := r.check(); got.Entries != 557 || got.Disclosures != 3*557 || got.Erased != 0 {
			t.Errorf("%+v", got)
		}
		r.forget(ben(3))
		r.write(100)
		if got := r.check(); got.Entries != 658 || got.Erased != 56 {
			t.Errorf("%+v", got)
		}
		v, err := r.View(t.Context(), logA)
		must(t, err)
		for e, err := range v.Entries(t.Context(), 1, 40, 45) {
			must(t, err)
			p, err := v.Proof(t.Context(), e.ID)
			must(t, err)
			wantFindings(t, checkProof(t, p.Encode(), options()))
		}
	})
}

// TestRealExcuse deletes a disclosure and adds an entry that excuses it, which
// takes no more than the right to insert and to delete disclosures.
func TestRealExcuse(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newReal(t, db)
		r.write(300)
		_, err := db.Exec(t.Context(), `DELETE FROM audit_disclosures WHERE no / 100 = (
			SELECT e.seq FROM audit_entries e JOIN audit_positions p ON p.entry = e.seq WHERE e.log = '`+logA+`' AND p.idx = 299)`)
		must(t, err)
		l := &auditlog.Leaf{
			ID: uuid.Must(uuid.NewV7()).String(), Log: logA, At: noon(), Action: auditlog.ActionErased, Outcome: "done",
			Public: map[string]any{"entries": 1, "digests": 3, "epoch_1": map[string]int{"from_256": 512}},
		}
		leaf, err := l.Encode()
		must(t, err)
		must(t, r.store.Insert(t.Context(), auditlog.Entry{
			ID: l.ID, Log: logA, At: l.At, Action: l.Action, Outcome: l.Outcome, Leaf: leaf, LeafHash: auditlog.LeafHash(leaf),
		}, nil))
		r.sign()
		r.check("erasure_unsigned 300-300", "disclosure_missing 299-299")
	})
}

// TestRealTampering tampers with the database as somebody who owns it.
func TestRealTampering(t *testing.T) {
	at := func(index string) string {
		return `(SELECT e.seq FROM audit_entries e JOIN audit_positions p ON p.entry = e.seq WHERE e.log = '` + logA + `' AND p.idx = ` + index + `)`
	}
	for name, tc := range map[string]struct {
		statements []string
		want       []string
	}{
		"a disclosure":   {[]string{`DELETE FROM audit_disclosures WHERE no / 100 = ` + at("299")}, []string{"disclosure_missing 299-299"}},
		"a leaf":         {[]string{`UPDATE audit_entries SET leaf = substr(leaf, 2) WHERE seq = ` + at("5")}, []string{"changed 5-5"}},
		"what is sealed": {[]string{`UPDATE audit_disclosures SET sealed = substr(sealed, 2) WHERE no / 100 = ` + at("5")}, []string{"disclosure_missing 5-5"}},
		"two places": {[]string{
			`UPDATE audit_positions SET idx = 100000 WHERE idx = 5`, `UPDATE audit_positions SET idx = 5 WHERE idx = 6`, `UPDATE audit_positions SET idx = 6 WHERE idx = 100000`,
		}, []string{"reordered 5-6"}},
		"a hash": {[]string{`UPDATE audit_entries SET leaf_hash = (SELECT leaf_hash FROM audit_entries WHERE seq = ` + at("6") + `) WHERE seq = ` + at("299")}, []string{"changed 299-299", "changed 256-299"}},
		"an entry": {[]string{
			`DELETE FROM audit_disclosures WHERE no / 100 = ` + at("5"), `DELETE FROM audit_entries WHERE seq = ` + at("5"),
		}, []string{"missing 5-5"}},
	} {
		t.Run(name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				r := newReal(t, db)
				r.write(300)
				r.check()
				for _, statement := range append(unguarded(db), tc.statements...) {
					_, err := db.Exec(t.Context(), statement)
					must(t, err)
				}
				r.check(tc.want...)
			})
		})
	}
}

// unguarded takes the triggers away that would refuse it.
func unguarded(db *sqldb.DB) (statements []string) {
	if db.Dialect == sqldb.Postgres {
		for _, table := range []string{"entries", "disclosures", "positions"} {
			statements = append(statements, `ALTER TABLE audit_`+table+` DISABLE TRIGGER ALL`)
		}
		return statements
	}
	for _, trigger := range []string{"entries_no_delete", "entries_no_update", "disclosures_no_update", "positions_no_update"} {
		statements = append(statements, `DROP TRIGGER audit_`+trigger)
	}
	return statements
}
