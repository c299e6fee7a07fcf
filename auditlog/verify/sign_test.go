package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

// each verifies a book in both of its forms, after changes of its newest
// checkpoint and its older ones.
func each(t *testing.T, b *book, o verify.Options, change func(h *auditlog.ExportEpoch), check func(t *testing.T, r *verify.Report)) {
	t.Helper()
	t.Run("json", func(t *testing.T) {
		p := opened(t, b.json())
		p.header(func(h *auditlog.ExportHeader) { change(&h.Epochs[0]) })
		check(t, checkJSON(t, p.bytes(), o))
	})
	t.Run("tiles", func(t *testing.T) {
		dir := b.tiles()
		var h auditlog.ExportEpoch
		note, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
		must(t, err)
		h.Checkpoint = string(note)
		for _, note := range b.epochs[0].older {
			h.Older = append(h.Older, string(note))
		}
		change(&h)
		must(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte(h.Checkpoint), 0o600))
		var older []byte
		for _, note := range h.Older {
			older = append(older, `{"checkpoint":"`+strings.ReplaceAll(note, "\n", `\n`)+"\"}\n"...)
		}
		must(t, os.WriteFile(filepath.Join(dir, auditlog.PartOlder), older, 0o600))
		check(t, checkPath(t, dir, o))
	})
}

func asIs(*auditlog.ExportEpoch) {}

// signed signs anything.
func signed(t *testing.T, key ed25519.PrivateKey, origin string, h *auditlog.Head, root byte) string {
	t.Helper()
	other := h.Root
	other[0] ^= root
	note, err := auditlog.SignCheckpoint(key, origin, h.Size, other)
	must(t, err)
	return string(note)
}

func TestSignatures(t *testing.T) {
	b := attacked(t)
	head := b.last().head
	older := string(b.last().older[0])
	// A folder has no header that says which log it is, and what is beyond a
	// checkpoint is not looked at.
	otherwise := map[string][]string{
		"another log's":         {"malformed 0-600"},
		"no origin of ours":     {"signature_bad", "malformed 0-600"},
		"another size":          {"signature_bad", "malformed 512-601", "truncated 512-601"},
		"replayed":              {"added 300-300", "malformed"},
		"replayed beside newer": {"added 300-300", "malformed", "truncated 300-599"},
	}
	for name, tc := range map[string]struct {
		key    byte
		change func(e *auditlog.ExportEpoch)
		want   []string
	}{
		"as it is":          {1, asIs, nil},
		"another key given": {2, asIs, []string{"key_wrong"}},
		"signed with another key": {1, func(e *auditlog.ExportEpoch) {
			e.Checkpoint, e.Older = signed(t, keyOf(2), head.Origin, head, 0), nil
		}, []string{"key_wrong"}},
		"another instance's": {1, func(e *auditlog.ExportEpoch) {
			e.Origin, e.Older = auditlog.Origin(publicOf(2), logA, 1), nil
			e.Checkpoint = signed(t, keyOf(2), e.Origin, head, 0)
		}, []string{"key_wrong"}},
		"another log's": {1, func(e *auditlog.ExportEpoch) {
			e.Checkpoint, e.Older = signed(t, keyOf(1), auditlog.Origin(publicOf(1), logA+"b", 1), head, 0), nil
		}, []string{"signature_bad"}},
		"another epoch's": {1, func(e *auditlog.ExportEpoch) {
			e.Checkpoint, e.Older = signed(t, keyOf(1), auditlog.Origin(publicOf(1), logA, 2), head, 0), nil
		}, []string{"signature_bad"}},
		"no origin of ours": {1, func(e *auditlog.ExportEpoch) {
			e.Checkpoint, e.Older = signed(t, keyOf(1), "example.com/log", head, 0), nil
		}, []string{"signature_bad"}},
		"not signed": {1, func(e *auditlog.ExportEpoch) {
			e.Checkpoint, e.Older = e.Checkpoint[:strings.Index(e.Checkpoint, "\n\n")+2], nil
		}, []string{"malformed"}},
		"another root": {1, func(e *auditlog.ExportEpoch) {
			e.Checkpoint = strings.Replace(e.Checkpoint, "\n601\n", "\n601\nA", 1)
		}, []string{"malformed", "malformed"}},
		"another size": {1, func(e *auditlog.ExportEpoch) {
			e.Checkpoint, e.Older = strings.Replace(e.Checkpoint, "\n601\n", "\n602\n", 1), nil
		}, []string{"signature_bad", "truncated 601-601"}},
		"damaged signature": {1, func(e *auditlog.ExportEpoch) {
			e.Checkpoint = e.Checkpoint[:len(e.Checkpoint)-9] + "AAAA" + e.Checkpoint[len(e.Checkpoint)-5:]
		}, []string{"signature_bad"}},
		"nothing":                    {1, func(e *auditlog.ExportEpoch) { e.Checkpoint, e.Older = "", nil }, []string{"malformed", "malformed"}},
		"replayed":                   {1, func(e *auditlog.ExportEpoch) { e.Checkpoint, e.Older = older, nil }, []string{"added 300-600"}},
		"replayed beside newer":      {1, func(e *auditlog.ExportEpoch) { e.Checkpoint = older }, []string{"added 300-600"}},
		"an older one of other root": {1, func(e *auditlog.ExportEpoch) { e.Older = append(e.Older, signed(t, keyOf(1), head.Origin, head, 1)) }, []string{"forked 600-600"}},
		"an older one of other key":  {1, func(e *auditlog.ExportEpoch) { e.Older[0] = signed(t, keyOf(3), head.Origin, head, 0) }, []string{"key_wrong"}},
		"an older one broken":        {1, func(e *auditlog.ExportEpoch) { e.Older[0] = "x" }, []string{"malformed"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Key = publicOf(tc.key)
			each(t, b, o, tc.change, func(t *testing.T, r *verify.Report) {
				want := tc.want
				if tiles, ok := otherwise[name]; ok && r.Form == verify.FormTiles {
					want = tiles
				}
				wantFindings(t, r, want...)
			})
		})
	}
}

// TestHistories presents two histories that were both signed.
func TestHistories(t *testing.T) {
	one, two := attacked(t), attacked(t)
	notes := append(slices.Clone(one.last().older), one.last().head.Checkpoint)
	for name, tc := range map[string]struct {
		book  *book
		since [][]byte
		want  []string
	}{
		"grown from each":           {one, notes, nil},
		"another at 300":            {two, notes[:1], []string{"forked 0-299"}},
		"another at 600":            {two, notes[1:2], []string{"forked 0-599"}},
		"another at the same size":  {two, notes[2:], []string{"forked 0-600"}},
		"another all along":         {two, notes, []string{"forked 0-299", "forked 0-599", "forked 0-600"}},
		"one of an epoch not there": {one, [][]byte{[]byte(signed(t, keyOf(1), auditlog.Origin(publicOf(1), logA, 2), one.last().head, 0))}, []string{"truncated epoch 2 0-600"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Since = tc.since
			each(t, tc.book, o, asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, tc.want...) })
		})
	}
	short := newBook(t)
	short.write(300)
	short.sign()
	o := options()
	o.Since = notes[1:2]
	each(t, short, o, asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, "truncated 300-599") })
}

// TestRolledBack shows an auditor a log that was truly signed, before.
func TestRolledBack(t *testing.T) {
	b := attacked(t)
	o := options()
	o.Since = [][]byte{b.last().head.Checkpoint}
	b.last().stored = b.last().stored[:300]
	b.last().older, b.last().head = nil, nil
	b.sign()
	each(t, b, o, asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, "truncated 300-600") })
	o.Since = nil
	each(t, b, o, asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r) }) // that is what notes are for
}

// TestRewritten rewrites a whole log with the same content in another order,
// and everything that is computed from it.
func TestRewritten(t *testing.T) {
	b := attacked(t)
	note := b.last().head.Checkpoint
	slices.Reverse(b.last().stored)
	// Nobody signs it again.
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) {
		wantFindings(t, r, "changed 0-299")
	})
	// Somebody signs it with another key.
	b.key, b.last().older = keyOf(2), nil
	b.sign()
	b.last().older = nil
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, "key_wrong") })
	// Whoever has the key signs it again.
	b.key = keyOf(1)
	b.sign()
	b.last().older = nil
	o := options()
	o.Since = [][]byte{note}
	each(t, b, o, asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, "forked 0-600") })
}

func TestSinceRefused(t *testing.T) {
	b := attacked(t)
	head := b.last().head
	for name, note := range map[string]string{
		"nothing":           "",
		"text":              "hello",
		"another key's":     signed(t, keyOf(2), head.Origin, head, 0),
		"another log's":     signed(t, keyOf(1), auditlog.Origin(publicOf(1), "", 1), head, 0),
		"not of a log":      signed(t, keyOf(1), "example.com/log", head, 0),
		"changed":           strings.Replace(string(head.Checkpoint), "\n601\n", "\n600\n", 1),
		"of endless length": strings.Repeat("x", 100_000),
	} {
		o := options()
		o.Since = [][]byte{[]byte(note)}
		if _, err := verify.JSON(t.Context(), bytes.NewReader(b.json()), o); !errors.Is(err, verify.ErrSince) {
			t.Errorf("%s: JSON: %v", name, err)
		}
		if _, err := verify.Path(t.Context(), b.tiles(), o); !errors.Is(err, verify.ErrSince) {
			t.Errorf("%s: tiles: %v", name, err)
		}
	}
	if _, err := verify.JSON(t.Context(), bytes.NewReader(b.json()), verify.Options{}); !errors.Is(err, auditlog.ErrKey) {
		t.Errorf("without a key: %v", err)
	}
}

// forms verifies a book in both forms.
func forms(t *testing.T, b *book, o verify.Options, losses []verify.Loss, want ...string) {
	t.Helper()
	each(t, b, o, asIs, func(t *testing.T, r *verify.Report) {
		wantFindings(t, r, want...)
		if diff := cmp.Diff(losses, r.Losses); diff != "" && len(losses)+len(r.Losses) > 0 {
			t.Error(diff)
		}
	})
}

func TestEpochs(t *testing.T) {
	b := attacked(t)
	notes := append(slices.Clone(b.last().older), b.last().head.Checkpoint)
	foreign := []byte(signed(t, keyOf(1), b.last().head.Origin, b.last().head, 1))
	b.restore(300)
	b.write(20)
	b.sign()
	lost := []verify.Loss{{Epoch: 1, From: 300, To: 600}}
	forms(t, b, options(), lost)
	o := options()
	o.Since = notes
	forms(t, b, o, lost)
	o.Since = [][]byte{foreign}
	forms(t, b, o, lost, "forked 600-600")
	beyond := *b.epochs[0].head
	beyond.Size = 700
	o.Since = [][]byte{[]byte(signed(t, keyOf(1), beyond.Origin, &beyond, 0))}
	forms(t, b, o, lost, "truncated 300-699")
}

// TestEpochLost is of a database restored to a time before its last epoch was
// opened.
func TestEpochLost(t *testing.T) {
	b := attacked(t)
	first := b.last().head.Checkpoint
	published := *b.last().head
	published.Epoch, published.Size = 2, 50
	b.restore(300)
	b.epochs = b.epochs[:1]
	b.open(published, 0)
	b.write(20)
	b.sign()
	lost := []verify.Loss{{Epoch: 2, From: 0, To: 49}}
	forms(t, b, options(), lost)
	o := options()
	o.Since = [][]byte{first, []byte(signed(t, keyOf(1), auditlog.Origin(publicOf(1), logA, 2), &published, 0))}
	forms(t, b, o, []verify.Loss{{Epoch: 1, From: 300, To: 600}, lost[0]})
}

func TestEpochsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil  func(h *auditlog.Head, found *int64)
		losses []verify.Loss
		want   []string
	}{
		"as it should be":     {func(*auditlog.Head, *int64) {}, nil, nil},
		"another root":        {func(h *auditlog.Head, _ *int64) { h.Root[0] ^= 1 }, nil, []string{"forked 600-600"}},
		"another root before": {func(h *auditlog.Head, _ *int64) { h.Root[0] ^= 1; h.Size = 400 }, nil, []string{"forked 300-399"}},
		"an earlier size":     {func(h *auditlog.Head, _ *int64) { h.Size = 400 }, nil, []string{"forked 300-399"}},
		"more were found":     {func(_ *auditlog.Head, f *int64) { *f = 700 }, nil, []string{"truncated 601-699"}},
		"fewer were found":    {func(_ *auditlog.Head, f *int64) { *f = 300 }, nil, []string{"added 300-600"}},
		"another epoch":       {func(h *auditlog.Head, _ *int64) { h.Epoch = 3 }, nil, []string{"forked epoch 4 0-0"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := attacked(t)
			published, found := *b.last().head, b.last().head.Size
			tc.spoil(&published, &found)
			b.open(published, found)
			if published.Epoch == 3 { // it names its own predecessor wrongly
				b.last().number = 4
				b.last().stored = nil
				published.Epoch = 2
				_, err := b.Append(t.Context(), auditlog.Record{Log: b.id, Action: auditlog.ActionEpoch, Outcome: "done", Public: map[string]any{
					"epoch": 2, "size": 1, "root": strings.Repeat("0", 64), "found": 1,
				}})
				must(t, err)
			}
			b.write(5)
			b.sign()
			forms(t, b, options(), tc.losses, tc.want...)
		})
	}
}

func TestEpochUnconnected(t *testing.T) {
	b := attacked(t)
	b.epochs = append(b.epochs, &volume{number: 2})
	b.write(5)
	b.sign()
	forms(t, b, options(), nil, "forked epoch 2 0-0")
	b = attacked(t)
	b.open(*b.last().head, 601)
	b.sign()
	p := opened(t, b.json())
	p.header(func(h *auditlog.ExportHeader) { h.Epochs[0].Next.Found = 602 })
	wantFindings(t, checkJSON(t, p.bytes(), options()), "truncated 601-601", "forked")
	p.header(func(h *auditlog.ExportHeader) { h.Epochs[0].Next = nil })
	wantFindings(t, checkJSON(t, p.bytes(), options()), "forked")
	p.header(func(h *auditlog.ExportHeader) { slices.Reverse(h.Epochs) })
	wantFindings(t, checkJSON(t, p.bytes(), options()), "malformed")
	p.header(func(h *auditlog.ExportHeader) { h.Epochs = h.Epochs[:1] })
	if r := checkJSON(t, p.bytes(), options()); !r.Has(verify.Malformed) {
		t.Errorf("entries of an epoch that the header does not name: %q", findings(r))
	}
}
