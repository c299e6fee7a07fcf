package auditlog_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
)

// parsed takes public values through a leaf and back.
func parsed(t *testing.T, public map[string]any) *auditlog.Erased {
	t.Helper()
	l := someLeaf()
	l.Action, l.Public = auditlog.ActionErased, public
	b, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := auditlog.ParseLeaf(b)
	if err != nil {
		t.Fatal(err)
	}
	e, err := auditlog.ParseErasure(back.Public)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestErasure(t *testing.T) {
	var e auditlog.Erasure
	if e.Public() != nil {
		t.Error("an erasure of nothing has an entry")
	}
	for _, i := range []int64{1300, 5, 5, 255, 1024, 256 * 9} {
		e.Add(goneAt(1, i, 3))
	}
	e.Add(goneAt(2, 70, 2))
	all := e.Public()
	if len(all) != 1 {
		t.Fatalf("%d entries, want one", len(all))
	}
	want := &auditlog.Erased{Entries: 7, Digests: 20, Spans: map[int][]auditlog.Span{1: {{0, 256}, {1024, 1536}, {2304, 2560}}, 2: {{0, 256}}}}
	if diff := cmp.Diff(want, parsed(t, all[0])); diff != "" {
		t.Error(diff)
	}
	e.Add(goneAt(1, 7, 0)) // from before digests were counted
	want.Entries, want.Digests = 8, -1
	if diff := cmp.Diff(want, parsed(t, e.Public()[0])); diff != "" {
		t.Error(diff)
	}
}

func goneAt(epoch int, index int64, digests int) auditlog.Gone {
	return auditlog.Gone{Position: auditlog.Position{Epoch: epoch, Index: index}, Digests: digests}
}

// TestErasureOfMany is of so many blocks that one leaf cannot name them.
func TestErasureOfMany(t *testing.T) {
	var e auditlog.Erasure
	for i := range int64(2500) {
		e.Add(goneAt(1+int(i%2), i*256*3, 1))
	}
	entries, digests, spans := int64(0), int64(0), 0
	for _, public := range e.Public() {
		back := parsed(t, public)
		entries += back.Entries
		digests += back.Digests
		spans += len(back.Spans[1]) + len(back.Spans[2])
	}
	if entries != 2500 || digests != 2500 || spans != 2500 || len(e.Public()) != 3 {
		t.Errorf("%d entries in %d spans of %d maps", entries, spans, len(e.Public()))
	}
}

func TestParseErasureRefused(t *testing.T) {
	one := func(name string, to any) map[string]any {
		return map[string]any{"entries": int64(1), "epoch_1": map[string]any{name: to}}
	}
	for name, public := range map[string]map[string]any{
		"nothing":       {},
		"no number":     {"entries": "one"},
		"negative":      {"entries": int64(-1)},
		"no digests":    {"entries": int64(1), "digests": "one"},
		"fewer digests": {"entries": int64(1), "digests": int64(-1)},
		"epoch nought":  {"entries": int64(1), "epoch_0": map[string]any{}},
		"epoch of text": {"entries": int64(1), "epoch_one": map[string]any{}},
		"no map":        {"entries": int64(1), "epoch_1": int64(7)},
		"other name":    one("to_0", int64(256)),
		"no range":      one("from_x", int64(256)),
		"not a block":   one("from_5", int64(256)),
		"end no block":  one("from_0", int64(255)),
		"backwards":     one("from_512", int64(256)),
		"empty":         one("from_256", int64(256)),
		"overlap":       {"entries": int64(1), "epoch_1": map[string]any{"from_0": int64(512), "from_256": int64(768)}},
	} {
		if e, err := auditlog.ParseErasure(public); !errors.Is(err, auditlog.ErrErasure) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}
