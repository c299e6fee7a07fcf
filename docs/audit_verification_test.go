package docs_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
)

const verification = "docs/audit-verification.md"

// auditFiles are what an auditor is sent.
type auditFiles struct {
	proofs [][]byte
	export []byte
	tree   string
	key    string
}

// newAuditFiles makes a log of 600 entries and exports it in every form.
func newAuditFiles(t *testing.T) *auditFiles {
	t.Helper()
	db := sqldbtest.SQLite(t)
	mustDo(t, store.Migrate(t.Context(), db))
	keys, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
	mustDo(t, err)
	s := store.New(db)
	log := &auditlog.Log{Entries: s, Trees: s, Keys: keys}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	seq := &auditlog.Sequencer{Store: s, Signer: key, Published: &auditlogtest.Shelf{}, Append: log.Append}
	var ids []string
	for range 600 {
		id, err := log.Append(t.Context(), auditlog.Record{
			Action: "test.done", Outcome: "done", TargetType: "job", Public: map[string]any{"door": "rest"},
			Private: []auditlog.Claim{{Name: "actor", Value: "Ben “B” Schmidt"}, {Name: "ip", Value: "192.0.2.7"}, {Name: "changes", Value: map[string]int{"days": 30}}},
		})
		mustDo(t, err)
		ids = append(ids, id)
	}
	_, err = seq.Pass(t.Context())
	mustDo(t, err)
	v, err := log.View(t.Context(), "")
	mustDo(t, err)
	f := &auditFiles{tree: t.TempDir(), key: auditlog.VerifierKey(key.Public().(ed25519.PublicKey), v.Epochs()[0].Origin)}
	for _, n := range []int{0, 5, 255, 256, 599} {
		p, err := v.Proof(t.Context(), ids[n])
		mustDo(t, err)
		f.proofs = append(f.proofs, p.Encode())
	}
	o := auditlog.Export{Key: key.Public().(ed25519.PublicKey)}
	var export bytes.Buffer
	_, err = v.WriteJSON(t.Context(), &export, o)
	mustDo(t, err)
	f.export = export.Bytes()
	_, err = v.WriteParts(t.Context(), o, func(p auditlog.Part, content []byte) error {
		return writeFile(filepath.Join(f.tree, filepath.FromSlash(p.Path())), content)
	})
	mustDo(t, err)
	return f
}

func writeFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o600)
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// byHand runs a block of the page on files, in every shell that there is.
func byHand(t *testing.T, shell, script string, files map[string][]byte) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		mustDo(t, writeFile(filepath.Join(dir, name), content))
	}
	c := exec.CommandContext(t.Context(), shell, "-e", "-c", script)
	c.Dir = dir
	out, err := c.CombinedOutput()
	return string(out), err
}

// TestVerificationByHand follows the page with openssl and coreutils, and then
// with what somebody tampered with.
func TestVerificationByHand(t *testing.T) {
	f := newAuditFiles(t)
	scripts := blocks(read(t, verification), "sh")
	if len(scripts) != 2 {
		t.Fatalf("the page has %d blocks of sh", len(scripts))
	}
	key := []byte(f.key + "\n")
	for _, shell := range []string{"sh", "bash"} {
		for _, proof := range f.proofs {
			out, err := byHand(t, shell, scripts[0], map[string][]byte{"entry.tlog-proof": proof, "key.txt": key})
			if err != nil || !strings.Contains(out, `"actor","Ben “B” Schmidt"]`) || !strings.Contains(out, "Signature Verified Successfully") || !strings.Contains(out, `{"_sd":[`) {
				t.Errorf("%s: %v\n%s", shell, err, out)
			}
		}
		if out, err := byHand(t, shell, scripts[1], map[string][]byte{"log.ndjson": f.export}); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
	for name, proof := range tampered(t, string(f.proofs[1])) {
		if out, err := byHand(t, "sh", scripts[0], map[string][]byte{"entry.tlog-proof": []byte(proof), "key.txt": key}); err == nil {
			t.Errorf("%s: it passes\n%s", name, out)
		}
	}
	other := auditlog.VerifierKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)).Public().(ed25519.PublicKey), "x")
	if out, err := byHand(t, "sh", scripts[0], map[string][]byte{"entry.tlog-proof": f.proofs[1], "key.txt": []byte(other)}); err == nil {
		t.Errorf("another key: it passes\n%s", out)
	}
	export := bytes.Replace(f.export, []byte(`"index":5,"leaf":{"_sd":["`), []byte(`"index":5,"leaf":{"_sd":["A`), 1)
	if out, err := byHand(t, "sh", scripts[1], map[string][]byte{"log.ndjson": export}); err == nil {
		t.Errorf("an edited entry: it passes\n%s", out)
	}
}

// tampered are proofs that must not pass.
func tampered(t *testing.T, proof string) map[string]string {
	t.Helper()
	head, rest, _ := strings.Cut(proof, "\nindex ")
	head, coded, _ := strings.Cut(head, "extra ")
	extra, err := base64.StdEncoding.DecodeString(coded)
	mustDo(t, err)
	with := func(old, other string) string {
		changed := strings.Replace(string(extra), old, other, 1)
		if changed == string(extra) {
			t.Fatalf("there is no %s", old)
		}
		return head + "extra " + base64.StdEncoding.EncodeToString([]byte(changed)) + "\nindex " + rest
	}
	return map[string]string{
		"leaf":       with(`"outcome":"done"`, `"outcome":"denied"`),
		"disclosure": with("\nW", "\nX"),
		"index":      strings.Replace(proof, "\nindex 5\n", "\nindex 4\n", 1),
		"far index":  strings.Replace(proof, "\nindex 5\n", "\nindex 1005\n", 1),
		"size":       strings.Replace(proof, "\n600\n", "\n601\n", 1),
		"signature":  proof[:len(proof)-9] + "AAAA" + proof[len(proof)-5:],
		"path":       strings.Replace(proof, "\nindex 5\n", "\nindex 5\n"+strings.Repeat("A", 43)+"=\n", 1),
	}
}

// TestVerificationElsewhere runs the program of the page on a folder of tiles.
func TestVerificationElsewhere(t *testing.T) {
	f := newAuditFiles(t)
	programs := blocks(read(t, verification), "go")
	if len(programs) != 1 {
		t.Fatalf("the page has %d blocks of go", len(programs))
	}
	source := filepath.Join(t.TempDir(), "main.go")
	mustDo(t, writeFile(source, []byte(programs[0])))
	run := func() (string, error) {
		out, err := exec.CommandContext(t.Context(), "go", "run", source, f.tree, f.key).CombinedOutput() // beside our go.mod
		return string(out), err
	}
	if out, err := run(); err != nil || !strings.Contains(out, "600 entries of privacyd-") {
		t.Fatalf("%v\n%s", err, out)
	}
	name := filepath.Join(f.tree, "tile/entries/001")
	bundle, err := os.ReadFile(name)
	mustDo(t, err)
	mustDo(t, os.WriteFile(name, bytes.Replace(bundle, []byte(`"done"`), []byte(`"gone"`), 1), 0o600))
	if out, err := run(); err == nil || !strings.Contains(out, "signed are 600") {
		t.Errorf("an edited entry: %v\n%s", err, out)
	}
}
