package vault_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/keyservice/keyservicetest"
)

// TestReplaceRoot loses the new root key of a change that has begun, and makes
// another in its place, while another process goes on with what it has.
func TestReplaceRoot(t *testing.T) {
	bao := keyservicetest.Transit(t)
	for name, tc := range map[string]struct{ lost, to string }{
		"in a file": {"lost", ""}, "in a file, another": {"lost", "other"}, "in a key service": {bao.Address("k"), ""},
		"in a key service, another": {bao.Address("k"), bao.Address("k2")},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			at := func(to string) string {
				if to == "" || to[0] == 'h' {
					return to
				}
				return filepath.Join(p.dir, to, "root.key")
			}
			o := p.options()
			v, busy := open(t, o), open(t, o)
			before := keep(t, v, owners()...)
			wantCode(t, v.ReplaceRoot(t.Context(), 2, ""), "key_change_none")
			must(t, v.RotateRoot(t.Context(), 2, at(tc.lost)))
			made := keep(t, v, vault.Owner{Workspace: "made with the lost one"})
			_ = os.Remove(at(tc.lost))
			wantCode(t, v.RotateRoot(t.Context(), 3, ""), "key_rotation_running")
			v = open(t, o)
			for range 2 {
				must(t, v.ReplaceRoot(t.Context(), 3, at(tc.to)))
			}
			made = append(made, keep(t, busy, vault.Owner{Workspace: "made by another process"})...)
			after := o
			if tc.to != "" {
				after.RootFile = at(tc.to)
			}
			v = open(t, after)
			wantKept(t, v, before)
			retire(t, v)
			state, err := v.RootKey(t.Context())
			if must(t, err); state.Generation != 3 || state.Changing {
				t.Errorf("at the end: %+v", state)
			}
			for _, v := range []*vault.Vault{v, busy, open(t, after)} {
				wantKept(t, v, before)
				wantKept(t, v, made)
			}
			must(t, v.RotateRoot(t.Context(), 4, ""))
			retire(t, v)
			wantKept(t, open(t, after), made)
		})
	}
}

// TestReplaceRootRefused gives nothing up that is not lost, or that the former
// key does not open.
func TestReplaceRootRefused(t *testing.T) {
	p := newPlace(t)
	o, to := p.options(), filepath.Join(p.dir, "other", "root.key")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o.Now, o.Alone = clock(&now), false
	v := open(t, o)
	kept := keep(t, v, owners()...)
	must(t, v.RotateRoot(t.Context(), 2, to))
	wantCode(t, v.ReplaceRoot(t.Context(), 3, ""), "key_rotation_running")
	now = now.Add(6 * time.Minute)
	former, err := os.ReadFile(p.root())
	must(t, err)
	must(t, os.Remove(p.root()))
	wantCode(t, v.ReplaceRoot(t.Context(), 3, ""), "key_missing")
	must(t, os.WriteFile(p.root(), former, 0o600))
	after := o
	after.RootFile = to
	wantCode(t, open(t, after).ReplaceRoot(t.Context(), 3, ""), "key_not_lost")
	lost, err := os.ReadFile(to)
	must(t, err)
	retire(t, open(t, after))
	must(t, os.Remove(to))
	_, err = vault.Open(t.Context(), o)
	wantCode(t, err, "key_retired") // only the new one opens anything now
	must(t, os.WriteFile(to, lost, 0o600))
	wantKept(t, open(t, after), kept)
}

// TestDamagedNextKey finds a file where the new root key was put that holds none.
// It is named with what to do about it, and nothing goes on before.
func TestDamagedNextKey(t *testing.T) {
	p := newPlace(t)
	v := open(t, p.options())
	kept := keep(t, v, owners()...)
	to, next := filepath.Join(p.dir, "other", "root.key"), p.root()+".next"
	must(t, v.RotateRoot(t.Context(), 2, to))
	must(t, os.Remove(to))
	must(t, os.WriteFile(next, []byte("half a key"), 0o600))
	for range 2 {
		for what, err := range map[string]error{"go on": v.RotateRoot(t.Context(), 2, ""), "give up": v.ReplaceRoot(t.Context(), 3, "")} {
			wantCode(t, err, "key_wrong")
			if said := privacyd.MessageOf(err); !strings.Contains(said, next) || !strings.Contains(said, "--abandon") {
				t.Errorf("%s: %s", what, said)
			}
		}
	}
	must(t, os.Remove(next))
	must(t, v.ReplaceRoot(t.Context(), 3, ""))
	retire(t, v)
	wantKept(t, open(t, p.options()), kept)
}
