package verify_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

// instanceOf is the instance's log, which names the checkpoints of a book.
func instanceOf(t *testing.T, notes ...[]byte) *book {
	t.Helper()
	b := newBook(t)
	b.id = ""
	b.write(3)
	for _, note := range notes {
		origin, size, root, err := auditlog.ReadCheckpoint(note)
		must(t, err)
		_, log, epoch, err := auditlog.ParseOrigin(origin)
		must(t, err)
		_, err = b.Append(t.Context(), auditlog.Record{Action: auditlog.ActionCheckpoint, Outcome: "done", Public: map[string]any{
			auditlog.PublicLog: log, auditlog.PublicEpoch: epoch, auditlog.PublicSize: size, auditlog.PublicRoot: fmt.Sprintf("%x", root),
		}})
		must(t, err)
	}
	b.sign()
	return b
}

// file is the book as a file of JSON.
func (b *book) file() string {
	b.t.Helper()
	name := filepath.Join(b.t.TempDir(), "log.ndjson")
	must(b.t, os.WriteFile(name, b.json(), 0o600))
	return name
}

// TestInstance verifies a log against what the instance's own says of it.
func TestInstance(t *testing.T) {
	b := attacked(t)
	notes := append(b.last().older, b.last().head.Checkpoint)
	for name, tc := range map[string]struct {
		change func(b *book)
		want   []string
	}{
		"as it is": {func(*book) {}, nil},
		"grown":    {func(b *book) { b.write(3); b.sign() }, nil},
		"rolled back": {func(b *book) {
			v := b.last()
			v.stored = v.stored[:300]
			v.older = nil
			b.sign()
			v.older = nil
		}, []string{"truncated 300-600"}},
		"another history": {func(b *book) {
			v := b.last()
			v.stored, v.older = v.stored[:400], nil
			b.write(300)
			b.sign()
			v.older = nil
		}, []string{"forked 300-600"}},
		"another history from the beginning": {func(b *book) {
			v := b.last()
			v.stored, v.older = nil, nil
			b.write(700)
			b.sign()
			v.older = nil
		}, []string{"forked 0-600"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := attacked(t)
			notes := append(b.last().older, b.last().head.Checkpoint)
			o := options()
			o.Instance = instanceOf(t, notes...).file()
			tc.change(b)
			each(t, b, o, asIs, func(t *testing.T, r *verify.Report) {
				wantFindings(t, r, tc.want...)
				if r.Instance == nil || !r.Instance.OK() || r.OK() != (len(tc.want) == 0) {
					t.Errorf("%+v", r.Instance)
				}
			})
		})
	}
	broken := instanceOf(t, notes...)
	broken.last().stored[1].Disclosures = nil
	o := options()
	o.Instance = broken.file()
	if r := checkPath(t, b.file(), o); r.OK() || r.Total != 0 || !r.Instance.Has(verify.DisclosureMissing) {
		t.Errorf("an instance's log that lacks a disclosure: %+v", r)
	}
	proof := filepath.Join(t.TempDir(), "entry.tlog-proof")
	must(t, os.WriteFile(proof, proofOf(t, instanceOf(t, notes...), 1), 0o600))
	for name, paths := range map[string][2]string{
		"a proof":        {b.file(), proof},
		"itself":         {instanceOf(t).file(), instanceOf(t).file()},
		"another log":    {b.file(), b.file()},
		"what is no log": {b.file(), "instance_test.go"},
	} {
		o.Instance = paths[1]
		_, err := verify.Path(t.Context(), paths[0], o)
		if !errors.Is(err, verify.ErrInstance) && !errors.Is(err, verify.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestInstanceKnowsAnEpoch looks for an epoch that the instance's log names.
func TestInstanceKnowsAnEpoch(t *testing.T) {
	b := attacked(t)
	b.restore(300)
	b.write(20)
	b.sign()
	o := options()
	o.Instance = instanceOf(t, b.epochs[0].head.Checkpoint, b.last().head.Checkpoint).file()
	wantFindings(t, checkPath(t, b.file(), o))
	b.epochs = b.epochs[:1]
	wantFindings(t, checkPath(t, b.file(), o), "truncated epoch 2 0-20")
}

// TestInstanceAndEarlier verifies with what the instance's log says and with what
// an auditor noted of the workspace's, also where the one names other logs.
func TestInstanceAndEarlier(t *testing.T) {
	b, other := attacked(t), newBook(t)
	other.id = "0190a1b2-0000-7000-8000-00000000000b"
	other.write(900)
	other.sign()
	o := options()
	o.Instance = instanceOf(t, append(b.last().older, b.last().head.Checkpoint, other.last().head.Checkpoint)...).file()
	o.Since = b.last().older
	wantFindings(t, checkPath(t, b.file(), o))
}
