package verify_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

func proofOf(t *testing.T, b *book, entry int) []byte {
	t.Helper()
	p, err := b.view().Proof(t.Context(), b.last().stored[entry].ID)
	must(t, err)
	return p.Encode()
}

func checkProof(t *testing.T, text []byte, o verify.Options) *verify.Report {
	t.Helper()
	name := filepath.Join(t.TempDir(), "entry.tlog-proof")
	must(t, os.WriteFile(name, text, 0o600))
	return checkPath(t, name, o)
}

func TestProof(t *testing.T) {
	b := erased(t)
	for _, n := range []int{0, 5, 255, 256, 300, 1100} {
		r := checkProof(t, proofOf(t, b, n), options())
		wantFindings(t, r)
		if r.Form != verify.FormProof || r.Complete || r.Entries != 1 || r.Log != logA || (n == 300) != (r.Erased == 1) {
			t.Errorf("%d: %+v", n, r)
		}
	}
	text := string(proofOf(t, b, 5))
	extra := func(change func(string) string) string {
		head, rest, _ := strings.Cut(text, "\nindex")
		head, coded, _ := strings.Cut(head, "extra ")
		plain, err := base64.StdEncoding.DecodeString(coded)
		must(t, err)
		return head + "extra " + base64.StdEncoding.EncodeToString([]byte(change(string(plain)))) + "\nindex" + rest
	}
	for name, tc := range map[string]struct {
		text string
		key  byte
		want []string
	}{
		"another key":       {text, 2, []string{"key_wrong"}},
		"another leaf":      {extra(func(s string) string { return strings.Replace(s, outcome, `"outcome":"denied"`, 1) }), 1, []string{"changed 5-5"}},
		"no leaf":           {extra(func(string) string { return "" }), 1, []string{"malformed"}},
		"another index":     {strings.Replace(text, "index 5", "index 6", 1), 1, []string{"changed 6-6"}},
		"no such index":     {strings.Replace(text, "index 5", "index 1101", 1), 1, []string{"added 1101-1101"}},
		"index as it suits": {strings.Replace(text, "index 5", "index 05", 1), 1, []string{"malformed"}},
		"no disclosure":     {extra(func(s string) string { return s[:strings.Index(s, "\n")+1] }), 1, nil},
		"another one":       {extra(func(s string) string { return s + "AAAA\n" }), 1, []string{"disclosure_altered 5-5"}},
		"another root":      {strings.Replace(text, "\n1101\n", "\n1101\nA", 1), 1, []string{"malformed"}},
		"another size":      {strings.Replace(text, "\n1101\n", "\n1102\n", 1), 1, []string{"signature_bad"}},
		"another signature": {text[:len(text)-9] + "AAAA" + text[len(text)-5:], 1, []string{"signature_bad"}},
		"a hash less":       {strings.Replace(text, "index 5\n", "index 5\n\n", 1), 1, []string{"malformed"}},
		"cut":               {text[:100], 1, []string{"malformed"}},
		"no origin of ours": {strings.ReplaceAll(text, "privacyd-", "example-"), 1, []string{"signature_bad"}},
	} {
		o := options()
		o.Key = publicOf(tc.key)
		t.Run(name, func(t *testing.T) { wantFindings(t, checkProof(t, []byte(tc.text), o), tc.want...) })
	}
	if _, err := verify.Proof(t.Context(), strings.NewReader("no proof"), options()); !errors.Is(err, verify.ErrUnknown) {
		t.Error(err)
	}
}

func TestProofSince(t *testing.T) {
	b := attacked(t)
	text := proofOf(t, b, 5)
	o := options()
	o.Since = [][]byte{b.last().head.Checkpoint, b.last().older[0]}
	r := checkProof(t, text, o)
	wantFindings(t, r)
	if len(r.Unchecked) != 1 {
		t.Errorf("unchecked: %q", r.Unchecked)
	}
	b.write(1)
	o.Since = [][]byte{b.sign()}
	wantFindings(t, checkProof(t, text, o), "truncated 601-601")
	o.Since = [][]byte{attacked(t).last().head.Checkpoint}
	wantFindings(t, checkProof(t, text, o), "forked 0-600")
}

// TestProofElsewhere has a proof read and checked by another implementation of
// C2SP tlog-proof and RFC 6962.
func TestProofElsewhere(t *testing.T) {
	b := attacked(t)
	origin := b.last().head.Origin
	v, err := note.NewVerifier(auditlog.VerifierKey(publicOf(1), origin))
	must(t, err)
	for _, n := range []int{0, 255, 256, 600} {
		text := proofOf(t, b, n)
		var p proof.TLogProof
		must(t, p.Unmarshal(text))
		if got := p.Marshal(); !bytes.Equal(got, text) {
			t.Errorf("written again it is\n%s\nnot\n%s", got, text)
		}
		c, _, _, err := log.ParseCheckpoint(p.Checkpoint, origin, v)
		must(t, err)
		leaf, _, _ := bytes.Cut(p.ExtraData, []byte("\n"))
		var path [][]byte
		for _, h := range p.Hashes {
			path = append(path, h[:])
		}
		must(t, merkle.VerifyInclusion(rfc6962.DefaultHasher, p.Index, c.Size, rfc6962.DefaultHasher.HashLeaf(leaf), path, c.Hash))
		if !bytes.Equal(leaf, b.last().stored[n].Leaf) || p.Index != uint64(n) {
			t.Errorf("entry %d is %s", p.Index, leaf)
		}
	}
}

func FuzzProof(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra e30K\nindex 0\n\nx\n1\nx\n\n— x AAAA\n"))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra e30KQUFBCg==\nindex 7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nprivacyd-0123456789abcdef/instance\n9\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := auditlog.ParseProof(b); err == nil && !bytes.Equal(p.Encode(), b) {
			t.Errorf("%q is written again as %q", b, p.Encode())
		}
		if r, err := verify.Proof(t.Context(), bytes.NewReader(b), options()); err == nil && r.OK() {
			t.Errorf("%q is called good", b)
		}
	})
}
