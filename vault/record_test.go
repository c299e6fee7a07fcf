package vault

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestRootFileForm(t *testing.T) {
	root := pattern(RootSize)
	text := formatRoot(root)
	for name, tc := range map[string]struct {
		text []byte
		ok   bool
	}{
		"as written":       {text, true},
		"no newline":       {bytes.TrimSpace(text), true},
		"Windows newlines": {bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), true},
		"no remark":        {text[len(rootComment):], true},
		"twice":            {append(bytes.Clone(text), text...), false},
		"a letter less":    {text[:len(text)-2], false},
		"other letters":    {bytes.Replace(text, []byte(rootPrefix), []byte(rootPrefix+"!"), 1), false},
		"another version":  {bytes.Replace(text, []byte("key-1:"), []byte("key-2:"), 1), false},
		"remark alone":     {[]byte(rootComment), false},
	} {
		got, err := parseRoot(tc.text)
		if (err == nil) != tc.ok || tc.ok && !bytes.Equal(got, root) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

func FuzzParseRoot(f *testing.F) {
	f.Add(formatRoot(make([]byte, RootSize)))
	f.Add([]byte("# nothing"))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := parseRoot(b)
		if err != nil {
			return
		}
		again, err := parseRoot(formatRoot(root))
		if err != nil || !bytes.Equal(again, root) {
			t.Errorf("%x became %x, %v", root, again, err)
		}
	})
}

// TestRecordForm pins what lies in the key store.
func TestRecordForm(t *testing.T) {
	parent, err := newAEAD(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	record, err := hex.DecodeString("7076646b6579310a" + "00000001" +
		"000102030405060708090a0b" +
		"81c23a5b09f486f0cb715becf40ad7055d65a193b69486ffc6c2ed02843c0666" + "2fd40c879d4ee28075b078909ee68250" + hex.EncodeToString(make([]byte, 56)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := unwrapKey(parent, "ref", record)
	if err != nil || !bytes.Equal(key, bytes.Repeat([]byte{9}, 32)) {
		t.Errorf("an old record unwraps to %x, %v", key, err)
	}
	if n := len(wrapKey(parent, "ref", 1, key)); n != recordSize {
		t.Errorf("a record has %d bytes", n)
	}
	if _, err := unwrapKey(parent, "reg", record); err == nil {
		t.Error("a record unwraps under another name")
	}
}

func TestFence(t *testing.T) {
	mac, at := pattern(32), time.UnixMicro(1_700_000_000_000_000)
	fence := fenceRecord(mac, "ref", at)
	if !isFence(mac, "ref", fence) {
		t.Error("a fence is not known as one")
	}
	for i := range magicSize + 8 + 32 {
		bad := bytes.Clone(fence)
		bad[i] ^= 1
		if isFence(mac, "ref", bad) {
			t.Errorf("changed at %d it still passes", i)
		}
	}
	if isFence(mac, "other", fence) || isFence(pattern(31), "ref", fence) || isFence(mac, "ref", fence[:60]) {
		t.Error("a fence passes under another name or key, or when it is cut")
	}
}

func FuzzRecord(f *testing.F) {
	parent, err := newAEAD(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	good, fence := wrapKey(parent, "ref", 1, make([]byte, 32)), fenceRecord([]byte("mac"), "ref", time.UnixMicro(1))
	f.Add(good)
	f.Add(fence)
	f.Add([]byte(keyMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, err := unwrapKey(parent, "ref", b); err == nil && !bytes.Equal(key, make([]byte, 32)) {
			t.Errorf("a forged record unwraps to %x", key)
		}
		if isFence([]byte("mac"), "ref", b) && !bytes.Equal(b[:48], fence[:48]) {
			t.Error("a forged fence passes")
		}
	})
}

// TestOverwritten holds on to the file of a key by a second name and looks
// whether its bytes are gone when the key is.
func TestOverwritten(t *testing.T) {
	ctx := t.Context()
	for name, remove := range map[string]func(f *folder) error{
		"replace": func(f *folder) error { return f.Replace(ctx, "a/b", fenceRecord(nil, "", time.Now())) },
		"destroy": func(f *folder) error { return f.Destroy(ctx, "a/b") },
	} {
		t.Run(name, func(t *testing.T) {
			f, err := openFolder(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			secret := pad(pattern(72))
			if made, err := f.Create(ctx, "a/b", secret); !made || err != nil {
				t.Fatal(made, err)
			}
			other := filepath.Join(t.TempDir(), "other")
			if err := os.Link(f.path("a/b"), other); err != nil {
				t.Fatal(err)
			}
			if err := remove(f); err != nil {
				t.Fatal(err)
			}
			left, err := os.ReadFile(other)
			if err != nil || bytes.Contains(left, secret[8:72]) {
				t.Errorf("the old bytes are still on the disk: %x, %v", left, err)
			}
		})
	}
}
