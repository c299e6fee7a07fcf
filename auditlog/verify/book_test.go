package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

const logA = "0190a1b2-0000-7000-8000-0000000000aa"

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func keyOf(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func publicOf(seed byte) ed25519.PublicKey { return keyOf(seed).Public().(ed25519.PublicKey) }

// book is one log in memory, with keys that can be destroyed.
type book struct {
	*auditlog.Log
	t      testing.TB
	id     string
	key    ed25519.PrivateKey
	epochs []*volume
	erased map[string]bool // owners
	kept   [][32]byte      // nodes that were kept
	old    bool            // erasures do not count digests, and are not signed
	from   int64           // from which entry on checkpoints say that they are
	looked func()          // called when somebody looks at the heads
	mu     sync.Mutex      // for tests with a server
}

// volume is an epoch of a book.
type volume struct {
	number int
	stored []auditlog.Stored
	head   *auditlog.Head
	older  [][]byte
}

func newBook(t testing.TB) *book {
	b := &book{t: t, id: logA, key: keyOf(1), epochs: []*volume{{number: 1}}, erased: map[string]bool{}}
	b.Log = &auditlog.Log{Entries: b, Keys: b, Trees: b, Now: noon, Signer: b.key}
	return b
}

func (b *book) last() *volume { return b.epochs[len(b.epochs)-1] }

func (b *book) volume(epoch int) *volume {
	i := slices.IndexFunc(b.epochs, func(v *volume) bool { return v.number == epoch })
	if i < 0 {
		return &volume{}
	}
	return b.epochs[i]
}

func (b *book) Reference(log, kind, id string) string { return log + "/" + kind + "/" + id }

func (b *book) SealFor(_ context.Context, ref string, _, plain []byte) ([]byte, bool, error) {
	return bytes.Clone(plain), b.erased[ref], nil
}

func (b *book) OpenFor(_ context.Context, ref string, _, sealed []byte) ([]byte, bool, error) {
	return sealed, b.erased[ref], nil
}

func (b *book) Insert(_ context.Context, e auditlog.Entry, d []auditlog.SealedDisclosure) error {
	v := b.last()
	v.stored = append(v.stored, auditlog.Stored{Entry: e, Disclosures: d})
	return nil
}

func (b *book) Newest(context.Context, string) (string, error)           { return "", nil }
func (b *book) Nth(context.Context, auditlog.Query, int) (string, error) { return "", nil }
func (b *book) Pages(context.Context, auditlog.Query, int, int64) ([]int64, bool, error) {
	return nil, false, nil
}
func (b *book) Late(context.Context, string, string, string) (string, error) { return "", nil }
func (b *book) Unplaced(context.Context, string) (string, error)             { return "", nil }

func (b *book) List(context.Context, auditlog.Query) iter.Seq2[auditlog.Stored, error] { return nil }

func (b *book) Heads(context.Context, string) ([]auditlog.Head, error) {
	if b.looked != nil {
		b.looked()
	}
	var heads []auditlog.Head
	for _, v := range b.epochs {
		if v.head != nil {
			heads = append(heads, *v.head)
		}
	}
	return heads, nil
}

func (b *book) Older(_ context.Context, _ string, epoch int) ([][]byte, error) {
	return slices.Clone(b.volume(epoch).older), nil
}

func (b *book) Find(_ context.Context, id string) (auditlog.Position, error) {
	for _, v := range b.epochs {
		for i, s := range v.stored {
			if s.ID == id {
				return auditlog.Position{Log: b.id, Epoch: v.number, Index: int64(i)}, nil
			}
		}
	}
	return auditlog.Position{}, auditlog.ErrNoEntry
}

func (b *book) Placed(_ context.Context, _ string, epoch int, from, to int64) ([]auditlog.Placed, error) {
	var out []auditlog.Placed
	for i, s := range b.volume(epoch).stored[from:to] {
		out = append(out, auditlog.Placed{Index: from + int64(i), Stored: s})
	}
	return out, nil
}

func (b *book) Leaves(_ context.Context, _ string, epoch int, from, to int64) ([][]byte, error) {
	var out [][]byte
	for _, s := range b.volume(epoch).stored[from:to] {
		out = append(out, s.Leaf)
	}
	return out, nil
}

func (b *book) LeafHashes(_ context.Context, _ string, epoch int, from, to int64) ([][32]byte, error) {
	var out [][32]byte
	for _, s := range b.volume(epoch).stored[from:to] {
		if s.Leaf == nil {
			return nil, auditlog.ErrNoEntry
		}
		out = append(out, s.LeafHash)
	}
	return out, nil
}

// nodes are the roots of subtrees of 256, as a database keeps them.
func (b *book) nodes() [][32]byte {
	out, err := b.Nodes(b.t.Context(), b.id, 1, 1, 0, int64(len(b.last().stored))/256)
	must(b.t, err)
	return out
}

func (b *book) Nodes(_ context.Context, _ string, epoch, level int, from, to int64) ([][32]byte, error) {
	if b.kept != nil {
		return b.kept[from:to], nil
	}
	var out [][32]byte
	for n := from; n < to; n++ {
		width := int64(1) << (8 * level)
		h, err := tlog.TreeHash(width, hashes(b.volume(epoch).stored[n*width:(n+1)*width]))
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// hashes is the tree of some entries.
func hashes(of []auditlog.Stored) tlog.HashReader {
	var all []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, all[i])
		}
		return out, nil
	})
	for i, s := range of {
		add, err := tlog.StoredHashesForRecordHash(int64(i), s.LeafHash, reader)
		if err != nil {
			panic(err)
		}
		all = append(all, add...)
	}
	return reader
}

// sign signs the book as it stands.
func (b *book) sign() []byte {
	b.t.Helper()
	v := b.last()
	root, err := tlog.TreeHash(int64(len(v.stored)), hashes(v.stored))
	must(b.t, err)
	h := auditlog.Head{Log: b.id, Epoch: v.number, Size: int64(len(v.stored)), Root: root, At: noon()}
	h.Origin = auditlog.Origin(b.key.Public().(ed25519.PublicKey), b.id, v.number)
	h.Edge = b.edge()
	h.Checkpoint, err = auditlog.SignCheckpoint(b.key, h.Origin, h.Size, h.Root, b.lines()...)
	must(b.t, err)
	if v.head != nil {
		v.older = append(v.older, v.head.Checkpoint)
	}
	v.head = &h
	return h.Checkpoint
}

// lines are what its checkpoints say beside their roots: nothing in a book of
// old.
func (b *book) lines() []string {
	if b.old && b.from == 0 {
		return nil
	}
	return []string{auditlog.ErasuresSigned(b.from)}
}

// ben is one of a few people by a number.
func ben(n int) auditlog.Owner { return auditlog.Owner{Kind: "account", ID: fmt.Sprint(n)} }

// write adds entries, each about one of ten people.
func (b *book) write(n int) {
	b.t.Helper()
	for range n {
		i := len(b.last().stored)
		_, err := b.Append(b.t.Context(), auditlog.Record{
			Log: b.id, Action: "test.done", Outcome: "done", TargetType: "job", At: noon().Add(time.Duration(i) * time.Second),
			Public: map[string]any{"fact_number": i, "facts": map[string]int{"a": 1}},
			Private: []auditlog.Claim{
				{Name: "actor", Value: fmt.Sprint("Ben ", i%10), Owner: ben(i % 10)},
				{Name: "ip", Value: "192.0.2.7", Owner: ben(i % 10)},
				{Name: "changes", Value: map[string]any{"days": []int{i}}, Owner: auditlog.Owner{Log: b.id}},
			},
		})
		must(b.t, err)
	}
}

// forget erases a person, and says so.
func (b *book) forget(who auditlog.Owner) {
	b.t.Helper()
	ref := b.Reference(who.Log, who.Kind, who.ID)
	b.erased[ref] = true
	var e auditlog.Erasure
	for _, v := range b.epochs {
		for i := range v.stored {
			left := slices.DeleteFunc(slices.Clone(v.stored[i].Disclosures), func(d auditlog.SealedDisclosure) bool { return d.Owner == ref })
			if len(left) < len(v.stored[i].Disclosures) {
				e.Add(auditlog.Gone{Position: auditlog.Position{Epoch: v.number, Index: int64(i)}, Digests: b.digests(v.stored[i].Disclosures) - b.digests(left)})
			}
			v.stored[i].Disclosures = left
		}
	}
	for _, public := range e.Public() {
		if b.old {
			b.excuse(public)
			continue
		}
		_, err := b.Append(b.t.Context(), auditlog.Record{Log: b.id, Action: auditlog.ActionErased, Outcome: "done", Public: public})
		must(b.t, err)
	}
}

// digests is for how many digests disclosures account; 0, as if it had never
// been kept, in a book of old.
func (b *book) digests(of []auditlog.SealedDisclosure) (n int) {
	for _, d := range of {
		n += d.Digests
	}
	if b.old {
		return 0
	}
	return n
}

// restore takes the last epoch back to a size at which it was signed, as the
// restoring of a backup does, and opens the next.
func (b *book) restore(size int64) {
	b.t.Helper()
	v := b.last()
	published := *v.head
	v.stored = v.stored[:size]
	v.older = slices.DeleteFunc(v.older, func(note []byte) bool {
		_, n, _, err := auditlog.ReadCheckpoint(note)
		must(b.t, err)
		return n > size
	})
	last := len(v.older) - 1
	_, n, root, err := auditlog.ReadCheckpoint(v.older[last])
	must(b.t, err)
	if n != size {
		b.t.Fatalf("no checkpoint of %d entries", size)
	}
	v.head = &auditlog.Head{Log: b.id, Epoch: v.number, Origin: v.head.Origin, Size: size, Root: root, Checkpoint: v.older[last]}
	v.older = v.older[:last]
	b.open(published, size)
}

// open opens a new epoch that names a checkpoint of the last one.
func (b *book) open(published auditlog.Head, found int64) {
	b.t.Helper()
	b.epochs = append(b.epochs, &volume{number: published.Epoch + 1})
	_, err := b.Append(b.t.Context(), auditlog.Record{Log: b.id, Action: auditlog.ActionEpoch, Outcome: "done", Public: map[string]any{
		auditlog.PublicEpoch: published.Epoch, auditlog.PublicSize: published.Size, auditlog.PublicRoot: fmt.Sprintf("%x", published.Root),
		auditlog.PublicFound: found,
	}})
	must(b.t, err)
}

func (b *book) view() *auditlog.View {
	b.t.Helper()
	v, err := b.View(b.t.Context(), b.id)
	must(b.t, err)
	return v
}

func (b *book) export() auditlog.Export {
	return auditlog.Export{At: noon(), Key: b.key.Public().(ed25519.PublicKey)}
}

// json is the book as JSON.
func (b *book) json() []byte {
	b.t.Helper()
	var out bytes.Buffer
	_, err := b.view().WriteJSON(b.t.Context(), &out, b.export())
	must(b.t, err)
	return out.Bytes()
}

// tiles is the book as a folder of tiles.
func (b *book) tiles() string {
	b.t.Helper()
	dir := b.t.TempDir()
	_, err := b.view().WriteParts(b.t.Context(), b.export(), func(p auditlog.Part, content []byte) error { return write(dir, p, content) })
	must(b.t, err)
	return dir
}

func write(dir string, p auditlog.Part, content []byte) error {
	name := filepath.Join(dir, filepath.FromSlash(p.Path()))
	return errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, content, 0o600))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func options() verify.Options { return verify.Options{Key: publicOf(1), Retry: time.Millisecond} }

func checkJSON(t *testing.T, export []byte, o verify.Options) *verify.Report {
	t.Helper()
	r, err := verify.JSON(t.Context(), bytes.NewReader(export), o)
	must(t, err)
	return r
}

func checkPath(t *testing.T, path string, o verify.Options) *verify.Report {
	t.Helper()
	r, err := verify.Path(t.Context(), path, o)
	must(t, err)
	return r
}

// findings are what a report found, without their sentences.
func findings(r *verify.Report) []string {
	var out []string
	for _, f := range r.Findings {
		text := string(f.Code)
		if f.Epoch > 1 {
			text += fmt.Sprintf(" epoch %d", f.Epoch)
		}
		if f.From >= 0 {
			text += fmt.Sprintf(" %d-%d", f.From, f.To)
		}
		out = append(out, text)
	}
	return out
}

func wantFindings(t *testing.T, r *verify.Report, want ...string) {
	t.Helper()
	if got := findings(r); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
		for _, f := range r.Findings {
			t.Log(f)
		}
	}
	for _, f := range r.Findings {
		if strings.Contains(f.Detail, "Ben") || f.Detail == "" {
			t.Errorf("a finding says %q", f.Detail)
		}
	}
}
