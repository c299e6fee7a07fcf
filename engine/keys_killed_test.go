package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// dyingTx lets its process die after so many transactions.
type dyingTx struct {
	engine.Transactor
	left *int
}

func (d dyingTx) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	err := d.Transactor.InTx(ctx, fn)
	if *d.left--; *d.left == 0 {
		runtime.Goexit()
	}
	return err
}

// dyingRing lets its process die once the root key is changed.
type dyingRing struct{ engine.KeyRing }

func (d dyingRing) RotateRoot(ctx context.Context, generation int, to string) error {
	defer runtime.Goexit()
	return d.KeyRing.RotateRoot(ctx, generation, to)
}

func (d dyingRing) ReplaceRoot(ctx context.Context, generation int, to string) error {
	defer runtime.Goexit()
	return d.KeyRing.ReplaceRoot(ctx, generation, to)
}

// TestKilledChangeHasAnOutcome has a process die at each step of a change of the
// root key: the next start writes down what became of it, once.
func TestKilledChangeHasAnOutcome(t *testing.T) {
	for name, tc := range map[string]struct {
		die   func(*enginetest.Bench)
		alone bool
		want  string
	}{
		"after the intent":             {dieAfter(1), true, "key.rotate failed"},
		"after the change":             {func(b *enginetest.Bench) { b.Ring = dyingRing{b.Ring} }, true, "key.rotate done"},
		"after the outcome":            {dieAfter(2), true, "key.rotate done"},
		"after the intent, one of two": {dieAfter(1), false, "key.rotate failed"},
		"after the change, one of two": {func(b *enginetest.Bench) { b.Ring = dyingRing{b.Ring} }, false, "key.rotate done"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, tc.alone, func(t *testing.T, b *enginetest.Bench) {
				tc.die(b)
				dead := make(chan struct{})
				go func() {
					defer close(dead)
					_, _ = b.RotateKeys(t.Context(), enginetest.Operator, engine.KeyChange{Root: true})
				}()
				<-dead
				next := b.Restart()
				next.Must(next.ResumeKeys(t.Context(), tc.alone))
				next.Run()
				if log := strings.Join(next.Audited(""), " "); !tc.alone && strings.Contains(log, tc.want) {
					t.Errorf("another node's change was ended while that may be at work: %s", log)
				}
				for range 3 {
					if !tc.alone {
						next.Pass(6 * time.Minute)
					}
					next.Must(next.ResumeKeys(t.Context(), tc.alone))
					next.Run()
				}
				log := strings.Join(next.Audited(""), " ")
				if strings.Count(log, "key.rotate intent") != 1 || strings.Count(log, tc.want) != 1 || strings.Count(log, "key.rotate ") != 2 {
					t.Errorf("the log has %s, want one intent and one %s", log, tc.want)
				}
			})
		})
	}
}

// each runs a test on the database of one process alone, or of many.
func each(t *testing.T, alone bool, fn func(t *testing.T, b *enginetest.Bench)) {
	t.Helper()
	if alone {
		fn(t, enginetest.NewSQLite(t))
		return
	}
	fn(t, enginetest.New(t, sqldbtest.Postgres(t)))
}

func dieAfter(transactions int) func(*enginetest.Bench) {
	return func(b *enginetest.Bench) {
		left := transactions
		b.Tx = dyingTx{b.Tx, &left}
	}
}

// TestAbandonedChange loses the new root key before the change to it ends.
func TestAbandonedChange(t *testing.T) {
	for name, killed := range map[string]bool{"told": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.NewSQLite(t)
			lost := filepath.Join(b.Folder, "lost.key")
			rotate := func(n engine.KeyChange) error {
				_, err := b.RotateKeys(t.Context(), enginetest.Operator, n)
				return err
			}
			b.WantCode(rotate(engine.KeyChange{Workspace: "acme", Abandon: true}), "key_change_empty")
			b.WantCode(rotate(engine.KeyChange{Root: true, Abandon: true}), "key_change_none")
			b.Must(rotate(engine.KeyChange{Root: true, To: lost}))
			b.WantCode(rotate(engine.KeyChange{Root: true, Abandon: true}), "key_rotation_running")
			b.Must(os.Remove(lost))
			b.Pass(6 * time.Minute)
			b.Run()
			if killed {
				b.Ring = dyingRing{b.Ring}
				dead := make(chan struct{})
				go func() {
					defer close(dead)
					_ = rotate(engine.KeyChange{Root: true, Abandon: true})
				}()
				<-dead
				b = b.Restart()
				b.Must(b.ResumeKeys(t.Context(), true))
			} else {
				b.Must(rotate(engine.KeyChange{Root: true, Abandon: true}))
			}
			for range 2 {
				b.Run()
				b.Pass(6 * time.Minute)
			}
			b.Run()
			k, err := b.Ring.RootKey(t.Context())
			if b.Must(err); k.Generation != 3 || k.Changing {
				t.Errorf("at the end: %+v", k)
			}
			want := []string{"key.rotate intent", "key.rotate done", "key.rotate intent", "key.rotate failed", "key.rotate intent", "key.rotate done", "key.abandon done", "key.retire done"}
			if diff := cmp.Diff(want, b.Audited("")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
