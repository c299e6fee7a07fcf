package auditlog_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/privacyd/privacyd/auditlog"
)

func keyPair(seed byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return key.Public().(ed25519.PublicKey), key
}

func TestOrigin(t *testing.T) {
	public, _ := keyPair(1)
	print := auditlog.Fingerprint(public)
	for _, tc := range []struct {
		log   string
		epoch int
		want  string
	}{
		{"", 1, "privacyd-" + print + "/instance"},
		{"", 2, "privacyd-" + print + "/instance/2"},
		{someLog, 1, "privacyd-" + print + "/" + someLog},
		{someLog, 12, "privacyd-" + print + "/" + someLog + "/12"},
	} {
		got := auditlog.Origin(public, tc.log, tc.epoch)
		if got != tc.want {
			t.Errorf("origin %q, want %q", got, tc.want)
		}
		fingerprint, log, epoch, err := auditlog.ParseOrigin(got)
		if err != nil || fingerprint != print || log != tc.log || epoch != tc.epoch {
			t.Errorf("%q is read as %q, %q, %d, %v", got, fingerprint, log, epoch, err)
		}
	}
}

func TestParseOriginRefuses(t *testing.T) {
	for _, origin := range []string{
		"", "privacyd", "privacyd-0123456789abcdef", "privacyd-0123456789abcdef/", "privacyd-0123456789abcde/instance",
		"privacyd-0123456789ABCDEF/instance", "privacyd-0123456789abcdef/instance/1", "privacyd-0123456789abcdef/instance/0",
		"privacyd-0123456789abcdef/instance/02", "privacyd-0123456789abcdef/instance/2/3", "privacyd-0123456789abcdef/Acme",
		"privacyd-0123456789abcdef/instance\n", "privacyd-0123456789abcdef/instance/99999999999999999999", "rekor.example/1",
	} {
		if _, _, _, err := auditlog.ParseOrigin(origin); !errors.Is(err, auditlog.ErrOrigin) {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

func TestParseKey(t *testing.T) {
	// Base64 of some keys has a plus in it.
	for seed := range byte(40) {
		public, _ := keyPair(seed)
		got, err := auditlog.ParseKey(auditlog.VerifierKey(public, auditlog.Origin(public, someLog, 3)))
		if err != nil || !got.Equal(public) {
			t.Errorf("key %d: %v", seed, err)
		}
	}
	public, _ := keyPair(1)
	vkey := auditlog.VerifierKey(public, "x")
	for name, bad := range map[string]string{
		"nothing": "", "name": "x", "other name": "y" + vkey[1:], "cut": vkey[:len(vkey)-4], "private": "PRIVATE+KEY+" + vkey,
		"other algorithm": "x+c74f20a3+AmtleQ==",
	} {
		if _, err := auditlog.ParseKey(bad); !errors.Is(err, auditlog.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func signed(t *testing.T, key ed25519.PrivateKey, origin string, size int64) []byte {
	t.Helper()
	note, err := auditlog.SignCheckpoint(key, origin, size, [32]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	return note
}

func TestCheckpoint(t *testing.T) {
	public, key := keyPair(1)
	_, otherKey := keyPair(2)
	origin := auditlog.Origin(public, someLog, 1)
	good := signed(t, key, origin, 70_016)
	want := origin + "\n70016\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— " + origin + " "
	if !strings.HasPrefix(string(good), want) {
		t.Errorf("%s\ndoes not begin with\n%s", good, want)
	}
	size, root, err := auditlog.ParseCheckpoint(good, public, origin)
	if err != nil || size != 70_016 || root != [32]byte{1, 2, 3} {
		t.Errorf("%d, %x, %v", size, root, err)
	}
	replace := func(old, new string) []byte { return []byte(strings.Replace(string(good), old, new, 1)) }
	for name, tc := range map[string]struct {
		note []byte
		want error
	}{
		"other size":      {replace("70016", "70017"), auditlog.ErrSignature},
		"other root":      {replace("AQID", "AQIE"), auditlog.ErrSignature},
		"other epoch":     {signed(t, key, origin+"/2", 1), auditlog.ErrOrigin},
		"other key":       {signed(t, otherKey, origin, 1), auditlog.ErrOtherKey},
		"no signature":    {[]byte(strings.SplitAfter(string(good), "\n\n")[0]), auditlog.ErrCheckpoint},
		"leading zero":    {replace("70016", "070016"), auditlog.ErrCheckpoint},
		"negative":        {replace("70016", "-1"), auditlog.ErrCheckpoint},
		"too large":       {replace("70016", "99999999999999999999"), auditlog.ErrCheckpoint},
		"short root":      {replace("AQIDAAAA", "AQID"), auditlog.ErrCheckpoint},
		"nothing":         {nil, auditlog.ErrCheckpoint},
		"not a signature": {[]byte(origin + "\n1\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nx\n"), auditlog.ErrCheckpoint},
	} {
		if _, _, err := auditlog.ParseCheckpoint(tc.note, public, origin); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// TestCheckpointCosigned adds a witness's signature and an extension line, as
// others may.
func TestCheckpointCosigned(t *testing.T) {
	public, key := keyPair(1)
	origin := auditlog.Origin(public, "", 1)
	skey, _, err := note.GenerateKey(rand.Reader, "witness.example")
	if err != nil {
		t.Fatal(err)
	}
	witness, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(auditlog.VerifierKey(public, origin))
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed(t, key, origin, 5), note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := note.Sign(n, witness)
	if err != nil {
		t.Fatal(err)
	}
	if size, _, err := auditlog.ParseCheckpoint(cosigned, public, origin); err != nil || size != 5 {
		t.Errorf("%d, %v", size, err)
	}
}

func TestSignCheckpointWithAnotherKind(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auditlog.SignCheckpoint(key, "x", 1, [32]byte{}); err == nil {
		t.Error("a key that is not Ed25519 signed a checkpoint")
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	public, key := keyPair(1)
	origin := auditlog.Origin(public, "", 1)
	good, err := auditlog.SignCheckpoint(key, origin, 3, [32]byte{1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("a\n1\n\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, size, root, err := auditlog.ReadCheckpoint(b)
		if err == nil && size < 0 {
			t.Errorf("size %d", size)
		}
		got, gotRoot, parseErr := auditlog.ParseCheckpoint(b, public, origin)
		if parseErr == nil && (err != nil || got != 3 || gotRoot != [32]byte{1} || got != size || gotRoot != root) {
			t.Errorf("a checkpoint that was never signed is believed: %q", b)
		}
		if _, _, epoch, err := auditlog.ParseOrigin(string(b)); err == nil && epoch < 1 {
			t.Errorf("%q has the epoch %d", b, epoch)
		}
		_, _ = auditlog.ParseKey(string(b))
	})
}
