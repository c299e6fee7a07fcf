package auditlogtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
)

const (
	wsA = "0190a1b2-0000-7000-8000-00000000000a"
	wsB = "0190a1b2-0000-7000-8000-00000000000b"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC) }

// Run checks an implementation of auditlog.Entries. open gives an empty one;
// workspaces with the ids of Workspaces must exist where it asks for that.
func Run(t *testing.T, open func(t *testing.T) auditlog.Entries) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, e auditlog.Entries)
	}{
		{"empty", testEmpty},
		{"comes back whole", testWhole},
		{"newest first", testOrder},
		{"the newest of all", testNewest},
		{"the n-th, and the late ones", testReach},
		{"filters", testFilters},
		{"pages", testPages},
		{"breaks off", testBreak},
		{"refuses an id twice", testTwice},
		{"concurrent", testConcurrent},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// Workspaces are the logs that Run writes to, beside the instance's.
func Workspaces() []string { return []string{wsA, wsB} }

// entry makes the n-th entry of a log; entries are a second apart.
func entry(log string, n int) auditlog.Entry {
	which := slices.Index(Workspaces(), log) + 1
	e := auditlog.Entry{
		ID:  fmt.Sprintf("0190a1b2-0000-7%03x-8000-%012x", n, which),
		Log: log, At: start().Add(time.Duration(n) * time.Second), Action: "job.create", Outcome: "done", TargetType: "job",
	}
	if n%2 == 1 {
		e.Action, e.TargetType, e.Outcome = "workspace.read", "", "denied"
	}
	e.Leaf = fmt.Appendf(nil, `{"id":"%s","any":"bytes \u0000 é"}`, e.ID)
	e.LeafHash = auditlog.LeafHash(e.Leaf)
	return e
}

// testNewest finds the greatest id of all logs.
func testNewest(t *testing.T, e auditlog.Entries) {
	for _, n := range []int{2, 0, 1} {
		insert(t, e, entry(wsA, n), 0)
		insert(t, e, entry("", n), 0)
	}
	for below, want := range map[string]string{
		"g": entry(wsA, 2).ID, entry(wsA, 2).ID: entry("", 2).ID, entry("", 1).ID[:18]: entry(wsA, 0).ID, entry("", 0).ID: "",
	} {
		got, err := e.Newest(t.Context(), below)
		if err != nil || got != want {
			t.Errorf("the newest below %s: %q, %v; want %s", below, got, err, want)
		}
	}
}

// testReach finds how far back so many entries are, and where late ones are.
func testReach(t *testing.T, e auditlog.Entries) {
	for n := range 6 {
		insert(t, e, entry(wsA, n), n%2)
		insert(t, e, entry(wsB, n), 0)
	}
	for _, tc := range []struct {
		q    auditlog.Query
		n    int
		want string
	}{
		{auditlog.Query{Log: wsA}, 1, entry(wsA, 5).ID},
		{auditlog.Query{Log: wsA}, 6, entry(wsA, 0).ID},
		{auditlog.Query{Log: wsA}, 7, ""},
		{auditlog.Query{Log: wsA, Before: entry(wsA, 4).ID}, 2, entry(wsA, 2).ID},
		{auditlog.Query{Log: wsA, Action: "job.create"}, 2, entry(wsA, 2).ID},
		{auditlog.Query{Log: wsA, Action: "job.create", Before: entry(wsA, 2).ID}, 2, ""},
	} {
		got, err := e.Nth(t.Context(), tc.q, tc.n)
		if err != nil || got != tc.want {
			t.Errorf("the entry %d of %+v is %q, want %q: %v", tc.n, tc.q, got, tc.want, err)
		}
	}
	if id, err := e.Late(t.Context(), wsA, "g", "0"); id != "" || err != nil {
		t.Errorf("there are late entries below %q: %v", id, err)
	}
	late := entry(wsA, 6)
	late.At = auditlog.MadeAt(late.ID).Add(-2 * auditlog.LateAfter)
	insert(t, e, late, 1)
	for from, some := range map[string]bool{"0": true, "1": false} {
		id, err := e.Late(t.Context(), wsA, "g", from)
		if err != nil || (id > late.ID) != some || (id != "") != some {
			t.Errorf("late entries from %s on are below %q: %v", from, id, err)
		}
	}
}

func disclosures(e auditlog.Entry, n int) []auditlog.SealedDisclosure {
	var d []auditlog.SealedDisclosure
	for i := range n {
		d = append(d, auditlog.SealedDisclosure{EntryID: e.ID, Owner: fmt.Sprintf("%040x/%040x", i, i), Sealed: []byte{1, 0, 255, byte(i)}})
	}
	return d
}

func insert(t *testing.T, to auditlog.Entries, e auditlog.Entry, n int) {
	t.Helper()
	if err := to.Insert(t.Context(), e, disclosures(e, n)); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, from auditlog.Entries, q auditlog.Query) []auditlog.Stored {
	t.Helper()
	var all []auditlog.Stored
	for s, err := range from.List(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(s.Disclosures, func(a, b auditlog.SealedDisclosure) int { return slices.Compare([]byte(a.Owner), []byte(b.Owner)) })
		if len(s.Disclosures) == 0 {
			s.Disclosures = nil
		}
		all = append(all, s)
	}
	return all
}

func ids(all []auditlog.Stored) []string {
	var out []string
	for _, s := range all {
		out = append(out, s.ID)
	}
	return out
}

func testEmpty(t *testing.T, e auditlog.Entries) {
	for _, log := range []string{"", wsA, "unknown"} {
		if got := list(t, e, auditlog.Query{Log: log}); len(got) != 0 {
			t.Errorf("the log %q has %d entries", log, len(got))
		}
	}
}

func testWhole(t *testing.T, e auditlog.Entries) {
	for n, log := range []string{"", wsA, wsB} {
		want := entry(log, n)
		insert(t, e, want, n)
		got := list(t, e, auditlog.Query{Log: log})
		if diff := cmp.Diff([]auditlog.Stored{{Entry: want, Disclosures: disclosures(want, n)}}, got); diff != "" {
			t.Errorf("what came back (+) is not what was put in (-):\n%s", diff)
		}
	}
}

// testOrder puts entries in in another order than that of their ids, as two
// nodes may.
func testOrder(t *testing.T, e auditlog.Entries) {
	for _, n := range []int{3, 1, 4, 0, 2} {
		insert(t, e, entry(wsA, n), 1)
	}
	want := []string{entry(wsA, 4).ID, entry(wsA, 3).ID, entry(wsA, 2).ID, entry(wsA, 1).ID, entry(wsA, 0).ID}
	if got := ids(list(t, e, auditlog.Query{Log: wsA})); !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func testFilters(t *testing.T, e auditlog.Entries) {
	for n := range 10 {
		insert(t, e, entry(wsA, n), n%3)
		insert(t, e, entry(wsB, n), 0)
	}
	at := func(n int) time.Time { return entry(wsA, n).At }
	for _, tc := range []struct {
		name string
		q    auditlog.Query
		want []int
	}{
		{"from", auditlog.Query{From: at(7)}, []int{9, 8, 7}},
		{"until", auditlog.Query{Until: at(2)}, []int{1, 0}},
		{"from a microsecond later", auditlog.Query{From: at(7).Add(time.Microsecond)}, []int{9, 8}},
		{"until a microsecond later", auditlog.Query{Until: at(1).Add(time.Microsecond)}, []int{1, 0}},
		{"both in another zone", auditlog.Query{From: at(3).In(time.FixedZone("x", 7200)), Until: at(5)}, []int{4, 3}},
		{"action", auditlog.Query{Action: "workspace.read", From: at(4)}, []int{9, 7, 5}},
		{"target type", auditlog.Query{TargetType: "job", Until: at(5)}, []int{4, 2, 0}},
		{"limit", auditlog.Query{Limit: 2}, []int{9, 8}},
		{"before", auditlog.Query{Before: entry(wsA, 2).ID}, []int{1, 0}},
		{"all at once", auditlog.Query{Action: "job.create", TargetType: "job", From: at(1), Until: at(9), Before: entry(wsA, 8).ID, Limit: 2}, []int{6, 4}},
		{"no such action", auditlog.Query{Action: "none"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.q.Log = wsA
			var want []string
			for _, n := range tc.want {
				want = append(want, entry(wsA, n).ID)
			}
			if got := ids(list(t, e, tc.q)); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// testPages walks the log page by page; disclosures must not break pages.
func testPages(t *testing.T, e auditlog.Entries) {
	const n = 23
	var want []string
	for i := range n {
		insert(t, e, entry(wsA, i), i%4)
		want = append(want, entry(wsA, i).ID)
	}
	slices.Reverse(want)
	var got []string
	q := auditlog.Query{Log: wsA, Limit: 5}
	for {
		page := list(t, e, q)
		if len(page) == 0 {
			break
		}
		for _, s := range page {
			if len(s.Disclosures) != int(s.At.Sub(start()).Seconds())%4 {
				t.Errorf("entry %s has %d disclosures", s.ID, len(s.Disclosures))
			}
		}
		got = append(got, ids(page)...)
		q.Before = page[len(page)-1].ID
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// testBreak stops in the middle and uses the log again.
func testBreak(t *testing.T, e auditlog.Entries) {
	for n := range 5 {
		insert(t, e, entry(wsA, n), 1)
	}
	for range 20 {
		for _, err := range e.List(t.Context(), auditlog.Query{Log: wsA}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	insert(t, e, entry(wsA, 5), 1)
	if got := list(t, e, auditlog.Query{Log: wsA}); len(got) != 6 {
		t.Errorf("%d entries, want 6", len(got))
	}
}

func testTwice(t *testing.T, e auditlog.Entries) {
	insert(t, e, entry(wsA, 1), 1)
	again := entry(wsA, 1)
	again.Leaf = []byte("{}")
	if err := e.Insert(t.Context(), again, nil); err == nil {
		t.Error("an id was taken twice")
	}
	if got := list(t, e, auditlog.Query{Log: wsA}); len(got) != 1 || string(got[0].Leaf) == "{}" {
		t.Errorf("after it: %v", got)
	}
}

func testConcurrent(t *testing.T, e auditlog.Entries) {
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				one := entry(wsA, w*each+i)
				if err := e.Insert(t.Context(), one, disclosures(one, 2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := list(t, e, auditlog.Query{Log: wsA})
	if len(got) != writers*each || !slices.IsSortedFunc(got, func(a, b auditlog.Stored) int { return -slices.Compare([]byte(a.ID), []byte(b.ID)) }) {
		t.Errorf("%d entries, want %d in order", len(got), writers*each)
	}
}
