package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestRotateKeys changes all keys and looks at what the logs say of it, and
// whether what was sealed before is still read.
func TestRotateKeys(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		hold(t, b, w, privacyd.HoldTarget{Type: privacyd.HoldWorkspace}) // sealed with the workspace's key
		_, err := b.RotateKeys(t.Context(), b.Member(privacyd.RoleAdmin, w), engine.KeyChange{All: true})
		b.WantCode(err, "operator_only")
		for _, wrong := range []engine.KeyChange{{}, {Workspace: "acme", To: "x"}} {
			_, err = b.RotateKeys(t.Context(), enginetest.Operator, wrong)
			b.WantCode(err, "key_change_empty")
		}
		_, err = b.RotateKeys(t.Context(), enginetest.Operator, engine.KeyChange{Workspace: "nobody"})
		b.WantCode(err, "workspace_not_found")

		l, err := b.RotateKeys(t.Context(), enginetest.Operator, engine.KeyChange{All: true})
		b.Must(err)
		if l.Root.Generation != 2 || !l.Root.Changing {
			t.Errorf("at once: %+v", l.Root)
		}
		_, err = b.RotateKeys(t.Context(), enginetest.Operator, engine.KeyChange{Root: true, To: b.Folder + "/another"})
		b.WantCode(err, "key_rotation_running")
		again, err := b.RotateKeys(t.Context(), enginetest.Operator, engine.KeyChange{Root: true})
		if err != nil || again.Root != l.Root {
			t.Errorf("again, before the end: %+v, %v", again.Root, err)
		}
		b.Run()
		b.Must(b.ResumeKeys(t.Context(), false)) // as at a start
		b.Pass(6 * time.Minute)
		b.Run()
		if l, err = b.ListKeys(t.Context(), enginetest.Operator); err != nil || l.Root.Changing || l.Root.Generation != 2 {
			t.Errorf("at the end: %+v, %v", l.Root, err)
		}
		for _, k := range append([]privacyd.WorkspaceKey{l.Instance}, l.Workspaces...) {
			if k.Version != 2 || k.Changing || k.MadeAt.IsZero() {
				t.Errorf("a workspace's key: %+v", k)
			}
		}
		wantAudited(t, b, "", "key.rotate intent", "key.rotate failed", "key.rotate done", "key.retire done")
		wantAudited(t, b, w.ID, "key.rotate intent", "key.rotate done")
		holds, err := b.ListHolds(t.Context(), enginetest.Operator, w.ID, "", 10)
		b.Must(err)
		if len(holds) != 1 || holds[0].Reason != "a claim" {
			t.Errorf("what was sealed before: %+v", holds)
		}
	})
}

// TestKeyOfADeletedWorkspace has a change of a workspace's key come too late.
func TestKeyOfADeletedWorkspace(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	b.Grace = time.Hour
	confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
	later(b, 2*time.Hour)
	frozen := len(b.Audited(w.ID))
	b.Must(b.RunKeys(t.Context(), w.ID+"/2", &breaking{1}))
	wantAudited(t, b, "", "key.rotate failed")
	if n := len(b.Audited(w.ID)); n != frozen {
		t.Errorf("the log of the deleted workspace has grown from %d to %d entries", frozen, n)
	}
}

func wantAudited(t *testing.T, b *enginetest.Bench, log string, want ...string) {
	t.Helper()
	all := b.Audited(log)
	for _, w := range want {
		if !slices.ContainsFunc(all, func(e string) bool { return strings.Contains(e, w) }) {
			t.Errorf("%s is not in the log: %v", w, all)
		}
	}
}

// brokenRing fails once after a change of the root key has begun, or before.
type brokenRing struct {
	engine.KeyRing
	begun bool
	fails *int
}

var errBroken = errors.New("the disk is full")

func (r brokenRing) RotateRoot(ctx context.Context, generation int, to string) error {
	if *r.fails--; *r.fails >= 0 && !r.begun {
		return errBroken
	}
	err := r.KeyRing.RotateRoot(ctx, generation, to)
	if err == nil && *r.fails >= 0 {
		err = errBroken
	}
	return err
}

// TestRootChangeFails goes on with a change that failed, by itself and when the
// command is given again, and notes no end of one that never began.
func TestRootChangeFails(t *testing.T) {
	for name, tc := range map[string]struct{ begun, again bool }{"by itself": {true, false}, "again": {true, true}, "never begun": {}} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.NewSQLite(t)
			fails := 1
			b.Ring = brokenRing{b.Ring, tc.begun, &fails}
			if _, err := b.RotateKeys(t.Context(), enginetest.Operator, engine.KeyChange{Root: true}); !errors.Is(err, errBroken) {
				t.Fatal(err)
			}
			if tc.again {
				l, err := b.RotateKeys(t.Context(), enginetest.Operator, engine.KeyChange{Root: true})
				if b.Must(err); l.Root.Generation != 2 {
					t.Errorf("again: %+v", l.Root)
				}
			}
			for range 2 {
				b.Pass(6 * time.Minute)
				b.Run()
			}
			k, err := b.Ring.RootKey(t.Context())
			if b.Must(err); k.Changing || (k.Generation == 2) != tc.begun {
				t.Errorf("at the end: %+v", k)
			}
			if retired := strings.Contains(strings.Join(b.Audited(""), " "), "key.retire"); retired != tc.begun {
				t.Errorf("the end is noted: %v", retired)
			}
		})
	}
}

// TestKeysInTheWay has something in the way of a change that takes somebody to
// mend it: the piece of work ends, so that no command waits for it, and is looked
// at again.
func TestKeysInTheWay(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ring, fails := b.Ring, 2
		b.Ring = brokenRing{ring, true, &fails}
		_, err := b.RotateKeys(t.Context(), enginetest.Operator, engine.KeyChange{Root: true})
		if !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		b.Pass(2 * time.Minute)
		b.Must(b.RunKeys(t.Context(), "root/2", &breaking{9}))
		if fails != 0 {
			t.Errorf("it was not tried: %d", fails)
		}
		for range 3 {
			b.Pass(6 * time.Minute)
			b.Run()
		}
		k, err := b.Ring.RootKey(t.Context())
		if b.Must(err); k.Changing || k.Generation != 2 {
			t.Errorf("at the end: %+v", k)
		}
	})
}

// TestEncryption is for admins and auditors.
func TestEncryption(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	for role, code := range map[privacyd.Role]string{privacyd.RoleAdmin: "", privacyd.RoleAuditor: "", privacyd.RoleAgent: "role_missing"} {
		n, err := b.Encryption(t.Context(), b.Member(role, w), w.ID)
		if code != "" {
			b.WantCode(err, code)
			continue
		}
		b.Must(err)
		if n.Root.Kept != "file" || n.Root.Generation != 1 || n.Workspace.WorkspaceID != w.ID || len(n.Ciphers) == 0 {
			t.Errorf("as %s: %+v", role, n)
		}
	}
}
