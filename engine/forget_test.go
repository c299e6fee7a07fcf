package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/work"
)

const secret = "Annabella Nachtigall"

// contact and person are whose names are in the logs of these tests.
func contact(id string) privacyd.Subject { return privacyd.Subject{Kind: "contact", ID: id} }

func person(id string) privacyd.Subject { return privacyd.Subject{Kind: "account", ID: id} }

// tell appends an entry that discloses something of each of the subjects.
func tell(t *testing.T, b *enginetest.Bench, log string, about ...privacyd.Subject) {
	t.Helper()
	_, err := b.Audit.Append(t.Context(), told(log, about...))
	b.Must(err)
}

func told(log string, about ...privacyd.Subject) auditlog.Record {
	r := auditlog.Record{Log: log, Action: "test.done", Outcome: "done"}
	for _, s := range about {
		owner := auditlog.Owner{Log: log, Kind: s.Kind, ID: s.ID}
		if s.Kind == "account" {
			owner.Log = ""
		}
		r.Private = append(r.Private, auditlog.Claim{Name: s.Kind + "." + s.ID, Value: secret, Owner: owner})
	}
	return r
}

// sequenced passes until everything is in its tree.
func sequenced(t *testing.T, b *enginetest.Bench) {
	t.Helper()
	for {
		_, err := b.Sequencer.Pass(t.Context())
		b.Must(err)
		if _, waiting, err := b.Sequencer.Lag(t.Context()); err != nil || waiting == 0 {
			b.Must(err)
			return
		}
	}
}

// readable gives what can be read in a log, by entry, oldest first, without
// the log's own actions.
func readable(t *testing.T, b *enginetest.Bench, log string) []string {
	t.Helper()
	var all []string
	for o, err := range b.Audit.List(t.Context(), auditlog.Query{Log: log, Action: "test.done"}) {
		b.Must(err)
		var names []string
		for name := range o.Private {
			names = append(names, name)
		}
		slices.Sort(names)
		all = append([]string{strings.Join(names, " ")}, all...)
	}
	return all
}

// explained verifies a log as an auditor does and tells how many of its
// entries miss disclosures, which erasures must explain.
func explained(t *testing.T, b *enginetest.Bench, log string) (missing int) {
	t.Helper()
	sequenced(t, b)
	v, err := b.Audit.View(t.Context(), log)
	b.Must(err)
	var export bytes.Buffer
	_, err = v.WriteJSON(t.Context(), &export, auditlog.Export{Key: b.PublicKey, At: b.Clock()})
	b.Must(err)
	report, err := verify.JSON(t.Context(), &export, verify.Options{Key: b.PublicKey})
	b.Must(err)
	for _, f := range report.Findings {
		t.Errorf("log %q: %s", log, f)
	}
	return int(report.Erased)
}

// disclosures counts those that are stored of owners.
func disclosures(t *testing.T, b *enginetest.Bench, references ...string) (n int) {
	t.Helper()
	for _, r := range references {
		var of int
		b.Must(b.DB.QueryRow(t.Context(), "SELECT count(*) FROM audit_disclosures WHERE owner = $1", r).Scan(&of))
		n += of
	}
	return n
}

func erasuresOf(actions []string) []string {
	return slices.DeleteFunc(actions, func(a string) bool { return !strings.HasPrefix(a, "audit.eras") })
}

// TestForget erases a contact of one workspace and an account that is in
// several logs.
func TestForget(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		acme, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		anna, ben := contact("anna"), person("ben")
		for range 3 {
			tell(t, b, acme.ID, anna, ben, contact("cyd"))
			tell(t, b, other.ID, anna, ben)
			tell(t, b, "", ben, person("dan"))
		}
		sequenced(t, b)
		before := roots(t, b, acme.ID, other.ID, "")
		tell(t, b, acme.ID, anna) // not yet in a tree

		b.Must(b.Forget(t.Context(), enginetest.Operator, acme.ID, anna))
		want := []string{"account.ben contact.cyd", "account.ben contact.cyd", "account.ben contact.cyd", ""}
		if diff := cmp.Diff(want, readable(t, b, acme.ID)); diff != "" {
			t.Error(diff)
		}
		if got := readable(t, b, other.ID); got[0] != "account.ben contact.anna" {
			t.Errorf("a contact of another workspace with the same id: %v", got)
		}
		b.Must(b.Forget(t.Context(), enginetest.Operator, "", ben))
		for log, want := range map[string]string{acme.ID: "contact.cyd", other.ID: "contact.anna", "": "account.dan"} {
			if got := readable(t, b, log); got[0] != want {
				t.Errorf("log %q: %v, want %q", log, got, want)
			}
		}
		steps := []string{"audit.erase intent", "audit.erased done", "audit.erased done", "audit.erase done", "audit.erased done"} // the last is ben's
		if diff := cmp.Diff(steps, erasuresOf(b.Audited(acme.ID))); diff != "" {
			t.Error(diff)
		}
		if n := disclosures(t, b, b.Keys.Reference(acme.ID, "contact", "anna"), b.Keys.Reference("", "account", "ben")); n > 0 {
			t.Errorf("%d disclosures are left", n)
		}
		for log, want := range map[string]int{acme.ID: 4, other.ID: 3, "": 3} {
			if n := explained(t, b, log); n != want {
				t.Errorf("log %q: %d entries miss disclosures, want %d", log, n, want)
			}
		}
		unchanged(t, b, before)
		again := b.Audited(acme.ID)
		b.Must(b.Forget(t.Context(), enginetest.Operator, acme.ID, anna))
		if diff := cmp.Diff(again, b.Audited(acme.ID)); diff != "" {
			t.Errorf("erasing again wrote: %s", diff)
		}
	})
}

// roots are the heads of logs.
func roots(t *testing.T, b *enginetest.Bench, logs ...string) (heads []auditlog.Head) {
	t.Helper()
	for _, log := range logs {
		v, err := b.Audit.View(t.Context(), log)
		b.Must(err)
		heads = append(heads, v.Epochs()...)
	}
	return heads
}

// unchanged proves that the trees of now begin with those of before.
func unchanged(t *testing.T, b *enginetest.Bench, before []auditlog.Head) {
	t.Helper()
	for _, h := range before {
		v, err := b.Audit.View(t.Context(), h.Log)
		b.Must(err)
		now := v.Epochs()[0]
		if _, err := v.ProveConsistency(t.Context(), h.Epoch, h.Size); err != nil || now.Size < h.Size || now.Epoch != h.Epoch {
			t.Errorf("log %q: %d entries became %d, %v", h.Log, h.Size, now.Size, err)
		}
		hashes, err := v.LeafHashes(t.Context(), h.Epoch, 0, h.Size)
		b.Must(err)
		if root := rootOf(hashes); root != h.Root {
			t.Errorf("log %q: its first %d entries have another root than before", h.Log, h.Size)
		}
	}
}

// rootOf is the root of a tree as RFC 6962, section 2.1, defines it.
func rootOf(leaves [][32]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := rootOf(leaves[:k]), rootOf(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

// TestForgetInOneWorkspace erases an account from one workspace, while it lives
// on in another: the other's log still tells what it does and did.
func TestForgetInOneWorkspace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		acme, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		ben, anna := person("ben"), contact("anna")
		for _, log := range []string{acme.ID, other.ID, ""} {
			tell(t, b, log, ben, anna)
		}
		b.Must(b.Forget(t.Context(), enginetest.Operator, acme.ID, ben))
		tell(t, b, acme.ID, ben)
		for log, want := range map[string][]string{
			acme.ID: {"contact.anna", "account.ben"}, other.ID: {"account.ben contact.anna"}, "": {"account.ben contact.anna"},
		} {
			if diff := cmp.Diff(want, readable(t, b, log)); diff != "" {
				t.Errorf("log %q: %s", log, diff)
			}
		}
		if n := explained(t, b, acme.ID); n != 1 {
			t.Errorf("%d entries miss disclosures, want 1", n)
		}
		b.Must(b.Forget(t.Context(), enginetest.Operator, "", ben))
		for log, want := range map[string]int{acme.ID: 2, other.ID: 1, "": 1} {
			if n := explained(t, b, log); n != want {
				t.Errorf("log %q: %d entries miss disclosures, want %d", log, n, want)
			}
		}
	})
}

// TestForgetOneself has an account ask for its own erasure: who acted can then
// not be read in the entries about that either.
func TestForgetOneself(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		self := b.Member(privacyd.RoleAdmin, w)
		tell(t, b, w.ID, person(self.AccountID))
		b.Must(b.Forget(t.Context(), self, "", person(self.AccountID)))
		if n := disclosures(t, b, b.Keys.Reference("", "account", self.AccountID)); n > 0 {
			t.Errorf("%d disclosures are left", n)
		}
		for _, log := range []string{"", w.ID} {
			explained(t, b, log)
			for o, err := range b.Audit.List(t.Context(), auditlog.Query{Log: log}) {
				b.Must(err)
				if strings.Contains(fmt.Sprint(o.Private), self.Email) {
					t.Errorf("%s names them", o.Action)
				}
			}
		}
	})
}

// TestForgetMany erases more persons than one transaction takes, of whom one
// is in more entries than that, and some in none.
func TestForgetMany(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		var all []privacyd.Subject
		b.Must(b.Tx.InTx(t.Context(), func(ctx context.Context) error {
			for i := range engine.EraseAtOnce + 300 {
				if _, err := b.Audit.Append(ctx, told(w.ID, contact("heavy"))); err != nil {
					return err
				}
				if i < 450 {
					all = append(all, contact(fmt.Sprint(i)))
				}
				if i < 400 {
					if _, err := b.Audit.Append(ctx, told(w.ID, all[i])); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		tell(t, b, w.ID, contact("kept"))
		b.Must(b.Forget(t.Context(), enginetest.Operator, w.ID, append(all, contact("heavy"), contact("heavy"))...))
		got := readable(t, b, w.ID)
		if i := slices.IndexFunc(got, func(s string) bool { return s != "" }); i != len(got)-1 || got[i] != "contact.kept" {
			t.Errorf("entry %d of %d can be read: %v", i, len(got), got[i])
		}
		if n, want := explained(t, b, w.ID), engine.EraseAtOnce+300+400; n != want {
			t.Errorf("%d entries miss disclosures, want %d", n, want)
		}
	})
}

// TestForgetWaitsForTheTree has no checkpoint cover the entries for a while.
func TestForgetWaitsForTheTree(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		tell(t, b, w.ID, contact("anna"))
		signing := b.Engine.Sequencer
		b.Engine.Sequencer = stalled{signing}
		err := b.Forget(t.Context(), enginetest.Operator, w.ID, contact("anna"))
		if retry := (*work.RetryError)(nil); !errors.As(err, &retry) {
			t.Fatalf("error %v, want to be asked again", err)
		}
		if got := readable(t, b, w.ID); got[0] != "" {
			t.Errorf("meanwhile %v can be read", got)
		}
		b.Engine.Sequencer = signing
		b.Must(b.Forget(t.Context(), enginetest.Operator, w.ID, contact("anna")))
		if n := explained(t, b, w.ID); n != 1 || disclosures(t, b, b.Keys.Reference(w.ID, "contact", "anna")) > 0 {
			t.Errorf("%d entries miss disclosures, want 1", n)
		}
	})
}

// stalled is a sequencer that does not get on.
type stalled struct{ engine.Sequencer }

func (stalled) Wait(context.Context, string) error { return auditlog.ErrPending }

// TestForgetWaitsForReaders has an export of the time before hold the deleted
// bytes back: the erasure is not done before they are gone.
func TestForgetWaitsForReaders(t *testing.T) {
	b := enginetest.New(t, sqldbtest.SQLite(t))
	w := b.NewWorkspace("acme")
	tell(t, b, w.ID, contact("anna"))
	sequenced(t, b)
	conn, err := b.DB.Reader().Conn(t.Context())
	b.Must(err)
	_, err = conn.ExecContext(t.Context(), "BEGIN; SELECT count(*) FROM audit_entries")
	b.Must(err)
	err = b.Forget(t.Context(), enginetest.Operator, w.ID, contact("anna"))
	if retry := (*work.RetryError)(nil); !errors.As(err, &retry) {
		t.Fatalf("error %v, want to be asked again", err)
	}
	if got := erasuresOf(b.Audited(w.ID)); slices.Contains(got, "audit.erase done") {
		t.Errorf("it is said to be done: %v", got)
	}
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	b.Must(errors.Join(err, conn.Close()))
	b.Must(b.Forget(t.Context(), enginetest.Operator, w.ID, contact("anna")))
	if diff := cmp.Diff([]string{"audit.erase intent", "audit.erased done", "audit.erase done"}, erasuresOf(b.Audited(w.ID))); diff != "" {
		t.Error(diff)
	}
}

// TestForgetPhysically decrypts the database's files to see that what was
// sealed is in none of them.
func TestForgetPhysically(t *testing.T) {
	b := enginetest.New(t, sqldbtest.SQLite(t))
	w := b.NewWorkspace("acme")
	for range 30 {
		tell(t, b, w.ID, contact("anna"), contact("ben"))
	}
	sealed := map[string][][]byte{}
	for _, who := range []string{"anna", "ben"} {
		rows, err := b.DB.Query(t.Context(), "SELECT sealed FROM audit_disclosures WHERE owner = $1", b.Keys.Reference(w.ID, "contact", who))
		b.Must(err)
		for rows.Next() {
			var bytes []byte
			b.Must(rows.Scan(&bytes))
			sealed[who] = append(sealed[who], bytes)
		}
		b.Must(rows.Err())
	}
	b.Must(b.Forget(t.Context(), enginetest.Operator, w.ID, contact("anna")))
	for who, want := range map[string]bool{"anna": false, "ben": true} {
		for i, bytes := range sealed[who] {
			hits := sqldbtest.Hits(t, sqldbtest.Path(t, b.DB), sqldbtest.Key(), bytes)
			if len(hits) > 0 != want {
				t.Errorf("disclosure %d of %s is found on %q", i, who, hits)
			}
		}
	}
}

// TestForgetLosesItsLease stops before anything more is done.
func TestForgetLosesItsLease(t *testing.T) {
	b := enginetest.New(t, sqldbtest.SQLite(t))
	w := b.NewWorkspace("acme")
	tell(t, b, w.ID, contact("anna"))
	if err := b.ForgetUnder(t.Context(), &lease{lost: true}, w.ID, contact("anna")); !errors.Is(err, work.ErrLost) {
		t.Fatal(err)
	}
	if got := readable(t, b, w.ID); got[0] != "contact.anna" || len(erasuresOf(b.Audited(w.ID))) > 0 {
		t.Errorf("it went on: %v", got)
	}
}

// TestForgottenLate has another process write an entry with a key that it
// learned before the erasure.
func TestForgottenLate(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		other, err := vault.Open(t.Context(), vault.Options{Keys: b.Folder + "/keys", RootFile: b.Folder + "/root.key"})
		b.Must(err)
		defer other.Close() //nolint:errcheck // a test's
		elsewhere := &auditlog.Log{Entries: b.Audit.(*auditlog.Log).Entries, Keys: other}
		anna := contact("anna")
		_, err = elsewhere.Append(t.Context(), told(w.ID, anna))
		b.Must(err)
		b.Must(b.Forget(t.Context(), enginetest.Operator, w.ID, anna))
		_, err = elsewhere.Append(t.Context(), told(w.ID, anna, contact("ben")))
		b.Must(err)
		if n := disclosures(t, b, b.Keys.Reference(w.ID, "contact", "anna")); n != 1 {
			t.Fatalf("%d late disclosures, want 1", n)
		}
		b.Run()
		if n := disclosures(t, b, b.Keys.Reference(w.ID, "contact", "anna")); n != 1 {
			t.Fatal("it was looked for too early to find all")
		}
		b.Pass(6 * time.Minute)
		b.Run()
		if n := disclosures(t, b, b.Keys.Reference(w.ID, "contact", "anna")); n != 0 {
			t.Errorf("%d late disclosures are left", n)
		}
		if got := readable(t, b, w.ID); got[1] != "contact.ben" || explained(t, b, w.ID) != 2 {
			t.Errorf("after it %v can be read", got)
		}
		b.Pass(8 * 24 * time.Hour)
		b.Must(b.RunForgotten(t.Context(), "", &lease{}))
		var remembered int
		b.Must(b.DB.QueryRow(t.Context(), "SELECT count(*) FROM audit_erasures").Scan(&remembered))
		if remembered != 0 {
			t.Errorf("%d erasures are remembered for ever", remembered)
		}
	})
}

// BenchmarkForget erases persons with 26 disclosures each, one by one and many
// at once. On SQLite it is done when they are gone from its files.
func BenchmarkForget(b *testing.B) {
	for _, atOnce := range []int{1, 1000} {
		b.Run(fmt.Sprintf("sqlite/%d", atOnce), func(b *testing.B) { benchmarkForget(b, sqldbtest.SQLite(b), atOnce) })
		b.Run(fmt.Sprintf("postgres/%d", atOnce), func(b *testing.B) { benchmarkForget(b, sqldbtest.Postgres(b), atOnce) })
	}
}

func benchmarkForget(b *testing.B, db *sqldb.DB, atOnce int) {
	const persons, each = 1000, 26
	e := enginetest.New(b, db)
	w := e.NewWorkspace("acme")
	var took time.Duration
	for range b.N {
		var all []privacyd.Subject
		for i := range persons {
			all = append(all, contact(fmt.Sprintf("%d-%d", b.N, i)))
		}
		for range each { // so that the entries of one person are not beside each other
			e.Must(e.Tx.InTx(b.Context(), func(ctx context.Context) error {
				for _, s := range all {
					if _, err := e.Audit.Append(ctx, told(w.ID, s)); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		_, err := e.Sequencer.Pass(b.Context())
		e.Must(err)
		start := time.Now()
		for some := range slices.Chunk(all, atOnce) {
			e.Must(e.Forget(b.Context(), enginetest.Operator, w.ID, some...))
		}
		took += time.Since(start)
	}
	b.ReportMetric(float64(b.N*persons)/took.Seconds(), "persons/s")
}
