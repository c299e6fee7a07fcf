package vault_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
	"github.com/privacyd/privacyd/vault/keyservice/keyservicetest"
)

// kept is what was sealed and encrypted before keys were changed.
type kept struct {
	owner  vault.Owner
	sealed []byte
	file   []byte
}

func keep(t *testing.T, v *vault.Vault, owners ...vault.Owner) (list []kept) {
	t.Helper()
	for _, o := range owners {
		sealed, err := v.Seal(t.Context(), o, []byte("aad"), []byte("text"))
		must(t, err)
		var file bytes.Buffer
		w, err := v.EncryptTo(t.Context(), o.Workspace, "name", &file)
		must(t, err)
		_, err = w.Write([]byte("file"))
		must(t, err)
		must(t, w.Close())
		list = append(list, kept{o, sealed, file.Bytes()})
	}
	return list
}

func wantKept(t *testing.T, v *vault.Vault, list []kept) {
	t.Helper()
	for _, k := range list {
		if text, err := v.Open(t.Context(), k.owner, []byte("aad"), k.sealed); err != nil || string(text) != "text" {
			t.Fatalf("%+v opens to %q, %v", k.owner, text, err)
		}
		r, err := v.DecryptFrom(t.Context(), k.owner.Workspace, "name", bytes.NewReader(k.file), int64(len(k.file)))
		must(t, err)
		if text, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size())); err != nil || string(text) != "file" {
			t.Fatalf("%+v: the file holds %q, %v", k.owner, text, err)
		}
	}
}

// TestRotateRoot changes the root key between all places where it can be, while
// another process goes on with what it has.
func TestRotateRoot(t *testing.T) {
	bao, aws := keyservicetest.Transit(t), keyservicetest.KMS(t)
	for name, tc := range map[string]struct{ from, to string }{
		"file": {"", ""}, "file to file": {"", "other"}, "file to transit": {"", bao.Address("k")}, "transit": {bao.Address("k"), ""},
		"transit to KMS": {bao.Address("k"), aws.AWSAddress("k")}, "KMS to file": {aws.AWSAddress("k"), "other"},
		"KMS": {aws.AWSAddress("k"), ""}, "transit key": {bao.Address("k"), bao.Address("k2")},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			o, to := p.options(), tc.to
			if tc.from != "" {
				o.RootFile = tc.from
			}
			if to == "other" {
				to = filepath.Join(p.dir, "other", "root.key")
			}
			rotateAndLook(t, o, to)
		})
	}
}

func rotateAndLook(t *testing.T, o vault.Options, to string) {
	t.Helper()
	v, busy := open(t, o), open(t, o)
	if !v.Fresh() {
		t.Error("a new key store is not fresh")
	}
	before := keep(t, v, owners()...)
	signing, err := v.SigningKey(t.Context())
	must(t, err)
	if to != "" {
		_, err := v.RetireRoot(t.Context())
		must(t, err)
	}
	must(t, v.RotateRoot(t.Context(), 2, to))
	wantKept(t, busy, before)
	unnoticed := keep(t, busy, vault.Owner{Workspace: "made meanwhile"})
	wantKept(t, open(t, o), before)
	after := o
	if to != "" {
		after.RootFile = to
		if done, err := v.RetireRoot(t.Context()); err != nil || done {
			t.Errorf("the former key was retired while it is the one configured: %v", err)
		}
	}
	v = open(t, after)
	state, err := v.RootKey(t.Context())
	must(t, err)
	if state.Generation != 2 || !state.Changing || state.MadeAt.IsZero() {
		t.Errorf("before the end: %+v", state)
	}
	retire(t, v)
	state, err = v.RootKey(t.Context())
	must(t, err)
	if state.Generation != 2 || state.Changing {
		t.Errorf("at the end: %+v", state)
	}
	for _, v := range []*vault.Vault{v, busy, open(t, after)} {
		wantKept(t, v, before)
		wantKept(t, v, unnoticed)
		same, err := v.SigningKey(t.Context())
		must(t, err)
		if !same.Equal(signing) {
			t.Error("the signing key is another")
		}
	}
	if to != "" {
		_, err = vault.Open(t.Context(), o)
		if code := privacyd.CodeOf(err); code != "key_retired" && code != "key_missing" && code != "key_wrong" {
			t.Errorf("with the former key: %v", err)
		}
	}
}

// TestRotateRootWaits leaves other processes the time to notice.
func TestRotateRootWaits(t *testing.T) {
	p := newPlace(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := p.options()
	o.Now, o.Alone = clock(&now), false
	v, idle := open(t, o), open(t, o)
	before := keep(t, v, anna)
	must(t, v.RotateRoot(t.Context(), 2, ""))
	must(t, v.RotateWorkspace(t.Context(), "w1", 2))
	for range 2 {
		done, err := v.RetireRoot(t.Context())
		must(t, err)
		ended, err := v.RetireWorkspace(t.Context(), "w1")
		must(t, err)
		if early := now.Minute() == 4; done == early || ended == early {
			t.Errorf("at %s the changes' ends are %v and %v", now, done, ended)
		}
		must(t, idle.Refresh(t.Context()))
		now = now.Add(6 * time.Minute)
	}
	wantKept(t, idle, before)
	must(t, v.RotateRoot(t.Context(), 2, "")) // again, as after a crash
	if err := v.RotateRoot(t.Context(), 4, ""); privacyd.CodeOf(err) != "key_rotation_running" {
		t.Errorf("a change was left out: %v", err)
	}
}

// TestRotateWorkspace changes a workspace's key again and again; everything
// from before stays readable, and a person is erased as ever.
func TestRotateWorkspace(t *testing.T) {
	p := newPlace(t)
	for name, o := range map[string]vault.Options{
		"folder":       p.options(),
		"object store": {Keys: buckettest.S3(t), RootFile: filepath.Join(p.dir, "second"), Alone: true},
	} {
		t.Run(name, func(t *testing.T) {
			v, busy := open(t, o), open(t, o)
			all := keep(t, v, owners()...)
			wantKept(t, busy, all)
			for target := 2; target < 5; target++ {
				must(t, v.RotateWorkspace(t.Context(), "w1", target))
				made := keep(t, busy, vault.Owner{Workspace: "w1", Kind: "contact", ID: "made meanwhile " + string(rune('0'+target))})
				all = append(append(all, made...), keep(t, v, owners()...)...)
				wantKept(t, busy, all)
				if target != 3 { // once two changes are ended at once
					retire(t, v, "w1")
				}
				wantKept(t, open(t, o), all)
			}
			state, err := v.WorkspaceKey(t.Context(), "w1")
			must(t, err)
			if state.Version != 4 || state.Changing || state.MadeAt.IsZero() {
				t.Errorf("%+v", state)
			}
			must(t, v.RotateRoot(t.Context(), 2, ""))
			retire(t, v)
			wantKept(t, open(t, o), all)
			must(t, v.Shred(t.Context(), ben))
			must(t, v.RotateWorkspace(t.Context(), "w1", 5))
			_, err = open(t, o).Open(t.Context(), ben, []byte("aad"), all[1].sealed)
			wantShredded(t, err)
			must(t, v.Shred(t.Context(), vault.Owner{Workspace: "w1"}))
			wantShredded(t, v.RotateWorkspace(t.Context(), "w1", 6))
			if name == "folder" {
				wantOnlyFence(t, p, v.Reference("w1", "", ""))
			}
		})
	}
}

// wantOnlyFence looks whether nothing is left of a shredded workspace's keys.
func wantOnlyFence(t *testing.T, p place, top string) {
	t.Helper()
	must(t, filepath.WalkDir(filepath.Join(p.keys(), top), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, "/key") {
			t.Errorf("%s is left", path)
		}
		return err
	}))
}

// TestRotateRace changes keys while others seal and shred from their own
// processes: a destroyed key never comes back, and nothing that was sealed is
// lost.
func TestRotateRace(t *testing.T) {
	p := newPlace(t)
	const rounds, busy = 6, 3
	var wg sync.WaitGroup
	sealed, gone := make([][]kept, busy), make([][]kept, busy)
	for i := range busy {
		gone[i] = keep(t, p.open(t), persons("gone", i, rounds)...)
	}
	for i := range busy {
		sealer, shredder := p.open(t), p.open(t)
		wantKept(t, sealer, gone[i]) // it has the keys in memory
		wg.Go(func() { sealed[i] = keep(t, sealer, persons("kept", i, rounds)...) })
		wg.Go(func() {
			for _, k := range gone[i] {
				if err := shredder.Shred(t.Context(), k.owner); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		v := p.open(t)
		wg.Go(func() {
			for n := range rounds {
				if err := v.RotateWorkspace(t.Context(), "w1", n+2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	v := p.open(t)
	must(t, v.RotateWorkspace(t.Context(), "w1", rounds+1))
	retire(t, v, "w1")
	for i := range busy {
		wantKept(t, v, sealed[i])
		for _, k := range gone[i] {
			_, err := v.Open(t.Context(), k.owner, []byte("aad"), k.sealed)
			wantShredded(t, err)
		}
	}
}

func persons(name string, of, count int) (list []vault.Owner) {
	for n := range count {
		list = append(list, vault.Owner{Workspace: "w1", Kind: "contact", ID: fmt.Sprint(name, " ", of, " ", n)})
	}
	return list
}

// TestServiceFails starts and changes keys while the key service does not do
// its part: nothing is damaged.
func TestServiceFails(t *testing.T) {
	bao := keyservicetest.Transit(t)
	p := newPlace(t)
	o := p.options()
	o.RootFile = bao.Address("k")
	bao.Deny(true)
	_, err := vault.Open(t.Context(), o)
	wantCode(t, err, "key_service_denied")
	bao.Deny(false)
	v := open(t, o)
	before := keep(t, v, owners()...)
	bao.Deny(true)
	_, err = vault.Open(t.Context(), o)
	wantCode(t, err, "key_service_denied")
	if err := v.RotateRoot(t.Context(), 2, ""); privacyd.CodeOf(err) != "key_service_denied" {
		t.Errorf("the change of the root key: %v", err)
	}
	wantKept(t, v, before)
	bao.Deny(false)
	for address, code := range map[string]string{
		bao.Address("another"): "key_wrong", keyservicetest.Transit(t).Address("k"): "key_wrong", p.root(): "key_missing",
		"hashivault://k?address=http%3A%2F%2F127.0.0.1%3A1": "key_service_unreachable", "gcpkms://k": "key_service_invalid",
	} {
		wrong := o
		wrong.RootFile = address
		_, err := vault.Open(t.Context(), wrong)
		wantCode(t, err, code)
	}
	must(t, v.RotateRoot(t.Context(), 2, ""))
	retire(t, v)
	wantKept(t, open(t, o), before)
	if bytes.Contains([]byte(snapshot(t, p.dir)), []byte("privacyd-root")) {
		t.Error("a root key lies in a file")
	}
}
