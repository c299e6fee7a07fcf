package auditlog_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/vault"
)

var (
	anna  = auditlog.Owner{Log: someLog, Kind: "contact", ID: "anna-7"}
	ben   = auditlog.Owner{Kind: "account", ID: "ben-9"}
	place = auditlog.Owner{Log: someLog}
)

// bench is a log on real keys.
type bench struct {
	*auditlog.Log
	mem  *auditlogtest.Memory
	keys *vault.Vault
}

func newBench(t *testing.T) bench {
	t.Helper()
	v, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
	if err != nil {
		t.Fatal(err)
	}
	mem := &auditlogtest.Memory{}
	return bench{&auditlog.Log{Entries: mem, Keys: v}, mem, v}
}

func record() auditlog.Record {
	return auditlog.Record{
		Log: someLog, Action: "subject.export", Outcome: "done", TargetType: "contact", At: noon,
		Public: map[string]any{"door": "rest", "facts": map[string]int64{"messages": 12}},
		Private: []auditlog.Claim{
			{Name: "actor", Value: "Ben", Owner: ben},
			{Name: "actor_email", Value: "ben@example.com", Owner: ben},
			{Name: "ip", Value: "192.0.2.7", Owner: ben},
			{Name: "target_id", Value: "anna-7", Owner: anna},
			{Name: "target_name", Value: "Anna <b> & \u2028", Owner: anna},
			{Name: "changes", Value: map[string]any{"days": []int{30, 90}}, Owner: place},
		},
	}
}

func (b bench) append(t *testing.T, r auditlog.Record) string {
	t.Helper()
	id, err := b.Append(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (b bench) list(t *testing.T) []auditlog.Opened {
	t.Helper()
	var all []auditlog.Opened
	for o, err := range b.List(t.Context(), auditlog.Query{Log: someLog}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

func private(o auditlog.Opened) map[string]string {
	out := map[string]string{}
	for name, v := range o.Private {
		out[name] = string(v)
	}
	return out
}

func TestAppendList(t *testing.T) {
	b := newBench(t)
	id := b.append(t, record())
	all := b.list(t)
	if len(all) != 1 {
		t.Fatalf("%d entries", len(all))
	}
	got := all[0]
	want := map[string]string{
		"actor": `"Ben"`, "actor_email": `"ben@example.com"`, "ip": `"192.0.2.7"`,
		"target_id": `"anna-7"`, "target_name": `"Anna <b> & \u2028"`, "changes": `{"days":[30,90]}`,
	}
	if diff := cmp.Diff(want, private(got)); diff != "" {
		t.Error(diff)
	}
	public := map[string]any{"door": "rest", "facts": map[string]any{"messages": int64(12)}}
	if diff := cmp.Diff(public, got.Public); diff != "" {
		t.Error(diff)
	}
	if got.ID != id || !got.At.Equal(noon) || got.Action != "subject.export" || got.Outcome != "done" ||
		got.TargetType != "contact" || got.Log != someLog || got.Erased != nil {
		t.Errorf("%+v", got)
	}
	// A disclosure for each of the six claims and for each of the two persons.
	if c, err := auditlog.Check(got.Leaf, got.Disclosures); err != nil || c.Hidden != 0 || len(got.Disclosures) != 8 || !slices.Contains(c.Owners, anna) {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestStoredHidesEverything looks for what is personal in all that is stored.
func TestStoredHidesEverything(t *testing.T) {
	b := newBench(t)
	b.append(t, record())
	for s, err := range b.mem.List(t.Context(), auditlog.Query{Log: someLog}) {
		if err != nil {
			t.Fatal(err)
		}
		all := string(s.Leaf)
		for _, d := range s.Disclosures {
			all += d.Owner + string(d.Sealed)
		}
		for _, word := range []string{"Ben", "ben", "anna", "Anna", "192", "account", "days"} {
			if strings.Contains(all, word) {
				t.Errorf("%q is readable", word)
			}
		}
		if len(s.Disclosures) != 3 {
			t.Errorf("%d owners, want 3", len(s.Disclosures))
		}
	}
}

func TestErased(t *testing.T) {
	b := newBench(t)
	b.append(t, record())
	before := b.list(t)[0]
	shred(t, b, vault.Owner{Workspace: someLog, Kind: "contact", ID: "anna-7"})
	for name, erase := range map[string]func(){
		"key destroyed":       func() {},
		"disclosures deleted": func() { b.mem.Change(func(s *auditlog.Stored) { s.Disclosures = s.Disclosures[:1] }) },
	} {
		erase()
		got := b.list(t)[0]
		if !bytes.Equal(got.Leaf, before.Leaf) || got.LeafHash != before.LeafHash {
			t.Errorf("%s: the leaf changed", name)
		}
		if _, ok := got.Private["target_name"]; ok || !slices.Contains(got.Erased, "target_id") || !slices.Contains(got.Erased, "target_name") {
			t.Errorf("%s: still readable: %v, erased %v", name, private(got), got.Erased)
		}
		if string(got.Private["actor"]) != `"Ben"` {
			t.Errorf("%s: another person's are gone too: %v", name, private(got))
		}
	}
}

func shred(t *testing.T, b bench, o vault.Owner) {
	t.Helper()
	if err := b.keys.Shred(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// TestAppendAfterErasure records an act about somebody who is already erased:
// nothing about them is kept, not even that something could have been.
func TestAppendAfterErasure(t *testing.T) {
	b := newBench(t)
	shred(t, b, vault.Owner{Workspace: someLog, Kind: "contact", ID: "anna-7"})
	b.append(t, record())
	got := b.list(t)[0]
	wantWithoutAnna(t, got)
	if len(got.Erased) > 0 {
		t.Errorf("erased %v, want none", got.Erased)
	}
}

func wantWithoutAnna(t *testing.T, got auditlog.Opened) {
	t.Helper()
	leaf, err := auditlog.ParseLeaf(got.Leaf)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"actor", "actor_email", "changes", "ip"}
	if !slices.Equal(leaf.Claims, want) || len(leaf.Digests) != len(want)+1 || len(got.Private) != len(want) {
		t.Errorf("claims %v with %d digests, readable %v; want %v and their owner's", leaf.Claims, len(leaf.Digests), private(got), want)
	}
}

// racing destroys keys at the moment in which somebody else's is used.
type racing struct {
	*vault.Vault
	on func(reference string)
}

func (r racing) SealFor(ctx context.Context, reference string, aad, plaintext []byte) ([]byte, bool, error) {
	sealed, erased, err := r.Vault.SealFor(ctx, reference, aad, plaintext)
	r.on(reference)
	return sealed, erased, err
}

// TestAppendWhileErased erases one owner after the other while an entry about
// all of them is being made.
func TestAppendWhileErased(t *testing.T) {
	b := newBench(t)
	owners := map[string]vault.Owner{
		b.keys.Reference(someLog, "contact", "anna-7"): {Workspace: someLog, Kind: "contact", ID: "anna-7"},
		b.keys.Reference("", "account", "ben-9"):       {Kind: "account", ID: "ben-9"},
	}
	seals := map[string]int{}
	b.Keys = racing{b.keys, func(ref string) {
		seals[ref]++
		if o, ok := owners[ref]; ok && (o.Kind == "contact") == (seals[ref] == 1) {
			shred(t, b, o) // anna after the first time, ben after the second
		}
	}}
	b.append(t, record()) // anna's first seal was good: hers are in, and sealed
	b.append(t, record())
	leaf, err := auditlog.ParseLeaf(b.list(t)[0].Leaf)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"changes"}; !slices.Equal(leaf.Claims, want) || len(leaf.Digests) != 1 {
		t.Errorf("claims %v with %d digests, want %v with 1", leaf.Claims, len(leaf.Digests), want)
	}
}

// TestUnlinkable compares what two entries about one person have in common
// once the person is erased and their disclosures are deleted.
func TestUnlinkable(t *testing.T) {
	b := newBench(t)
	b.append(t, record())
	b.append(t, record())
	all := b.list(t)
	first, err1 := auditlog.ParseLeaf(all[0].Leaf)
	second, err2 := auditlog.ParseLeaf(all[1].Leaf)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for _, d := range first.Digests {
		if slices.Contains(second.Digests, d) {
			t.Error("two entries of one person share a digest")
		}
	}
}

func TestAppendRefused(t *testing.T) {
	for name, spoil := range map[string]func(r *auditlog.Record){
		"action":      func(r *auditlog.Record) { r.Action = "Deleted Anna" },
		"outcome":     func(r *auditlog.Record) { r.Outcome = "" },
		"public":      func(r *auditlog.Record) { r.Public["email"] = "anna@example.com" },
		"claim name":  func(r *auditlog.Record) { r.Private[0].Name = "Anna" },
		"owner claim": func(r *auditlog.Record) { r.Private[0].Name = "_owner" },
		"claim twice": func(r *auditlog.Record) { r.Private[0].Name = "ip" },
		"half owner":  func(r *auditlog.Record) { r.Private[0].Owner.ID = "" },
		"value":       func(r *auditlog.Record) { r.Private[0].Value = func() {} },
	} {
		t.Run(name, func(t *testing.T) {
			b, r := newBench(t), record()
			spoil(&r)
			if _, err := b.Append(t.Context(), r); err == nil {
				t.Error("it was appended")
			}
			if n := len(b.list(t)); n != 0 {
				t.Errorf("%d entries are stored", n)
			}
		})
	}
}

// TestTampered changes what is stored, one thing at a time.
func TestTampered(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(s *auditlog.Stored)
		want   error
	}{
		"leaf": {func(s *auditlog.Stored) { s.Leaf = bytes.Replace(s.Leaf, []byte("done"), []byte("fail"), 1) }, auditlog.ErrHash},
		"leaf and hash": {func(s *auditlog.Stored) {
			s.Leaf = append(s.Leaf, ' ')
			s.LeafHash = auditlog.LeafHash(s.Leaf)
			s.Disclosures = nil
		}, auditlog.ErrLeaf},
		"leaf rewritten": {func(s *auditlog.Stored) {
			s.Leaf = bytes.Replace(s.Leaf, []byte(`"outcome":"done"`), []byte(`"outcome":"denied"`), 1)
			s.LeafHash = auditlog.LeafHash(s.Leaf)
		}, vault.ErrDamaged},
		"hash":       {func(s *auditlog.Stored) { s.LeafHash[0] ^= 1 }, auditlog.ErrHash},
		"id":         {func(s *auditlog.Stored) { s.ID = someID; s.Disclosures = nil }, auditlog.ErrLeaf},
		"disclosure": {func(s *auditlog.Stored) { s.Disclosures[0].Sealed[20] ^= 1 }, vault.ErrDamaged},
		"owner":      {func(s *auditlog.Stored) { s.Disclosures[0].Owner = s.Disclosures[1].Owner }, vault.ErrDamaged},
		"twice":      {func(s *auditlog.Stored) { s.Disclosures[1] = s.Disclosures[0] }, auditlog.ErrDisclosure},
		"action":     {func(s *auditlog.Stored) { s.Action = "subject.import" }, auditlog.ErrLeaf},
		"outcome":    {func(s *auditlog.Stored) { s.Outcome = "denied" }, auditlog.ErrLeaf},
		"target":     {func(s *auditlog.Stored) { s.TargetType = "job" }, auditlog.ErrLeaf},
		"time":       {func(s *auditlog.Stored) { s.At = s.At.Add(time.Microsecond) }, auditlog.ErrLeaf},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.append(t, record())
			b.append(t, record())
			first := true
			b.mem.Change(func(s *auditlog.Stored) {
				if first {
					tc.change(s)
				}
				first = false
			})
			failed, good := 0, 0
			for o, err := range b.List(t.Context(), auditlog.Query{Log: someLog}) {
				switch {
				case err == nil:
					good++
				case errors.Is(err, tc.want) && o.ID != "" && o.Private == nil:
					failed++
				default:
					t.Errorf("error %v, want %v", err, tc.want)
				}
			}
			if failed != 1 || good != 1 {
				t.Errorf("%d entries failed and %d are good, want one of each", failed, good)
			}
		})
	}
}

// TestDisclosureMoved takes an entry's sealed disclosures to another entry.
func TestDisclosureMoved(t *testing.T) {
	b := newBench(t)
	b.append(t, record())
	b.append(t, record())
	var from []auditlog.SealedDisclosure
	b.mem.Change(func(s *auditlog.Stored) {
		if from == nil {
			from = s.Disclosures
		}
		s.Disclosures = from
	})
	var errs []error
	for _, err := range b.List(t.Context(), auditlog.Query{Log: someLog}) {
		errs = append(errs, err)
	}
	if len(errs) != 2 || !errors.Is(errs[0], vault.ErrDamaged) || errs[1] != nil {
		t.Errorf("%v", errs)
	}
}

func TestIDs(t *testing.T) {
	b := newBench(t)
	now := noon
	b.Now = func() time.Time { return now }
	var ids []string
	for i := range 50 {
		if i == 25 {
			now = noon.Add(-time.Hour) // the clock goes back
		}
		ids = append(ids, b.append(t, auditlog.Record{Action: "a", Outcome: "done"}))
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != 50 {
		t.Errorf("ids are not in the order of insertion: %v", ids)
	}
	for _, id := range ids {
		u, err := uuid.Parse(id)
		if err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 {
			t.Errorf("%s is not a UUIDv7: %v", id, err)
		}
		if sec, _ := u.Time().UnixTime(); sec != noon.Unix() {
			t.Errorf("%s is of another time", id)
		}
	}
}

func TestAppendConcurrently(t *testing.T) {
	b := newBench(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := b.Append(context.Background(), record()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(b.list(t)); n != 160 {
		t.Errorf("%d entries, want 160", n)
	}
}

type brokenRand struct{}

func (brokenRand) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

func TestNoRandomness(t *testing.T) {
	b := newBench(t)
	b.Rand = brokenRand{}
	if _, err := b.Append(t.Context(), record()); err == nil {
		t.Error("an entry was made without randomness")
	}
}

func BenchmarkAppend(b *testing.B) {
	v, err := vault.Open(b.Context(), vault.Options{Keys: b.TempDir(), Root: make([]byte, vault.RootSize)})
	if err != nil {
		b.Fatal(err)
	}
	l := &auditlog.Log{Entries: nowhere{}, Keys: v}
	for b.Loop() {
		if _, err := l.Append(b.Context(), record()); err != nil {
			b.Fatal(err)
		}
	}
}

type nowhere struct{ auditlog.Entries }

func (nowhere) Newest(context.Context, string) (string, error) { return "", nil }

func (nowhere) Insert(context.Context, auditlog.Entry, []auditlog.SealedDisclosure) error { return nil }
