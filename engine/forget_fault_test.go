package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/work"
)

var errDied = errors.New("the process died")

// fault lets a process die at one of its steps: what it has in a transaction
// is rolled back, what it has done is done.
type fault struct{ at, steps int }

func (f *fault) step() error {
	f.steps++
	if f.steps == f.at {
		return errDied
	}
	return nil
}

// mortal is a bench whose engine dies at f.
func mortal(b *enginetest.Bench, f *fault) {
	b.Engine.Tx = mortalTx{b.Engine.Tx, f}
	b.Engine.Audit = mortalLog{b.Engine.Audit, f}
	b.Engine.Erasures = mortalErasures{b.Engine.Erasures, f}
	b.Engine.Disclosed = mortalDisclosed{b.Engine.Disclosed, f}
	b.Engine.Keys = mortalKeys{b.Engine.Keys, f}
	b.Engine.Queue = mortalQueue{b.Engine.Queue, f}
	b.Engine.Sequencer = mortalSequencer{b.Engine.Sequencer, f}
}

type mortalTx struct {
	engine.Transactor
	*fault
}

func (m mortalTx) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if err := m.step(); err != nil {
		return err
	}
	if err := m.Transactor.InTx(ctx, fn); err != nil {
		return err
	}
	return m.step() // committed, and nobody hears of it
}

type mortalLog struct {
	engine.AuditLog
	*fault
}

func (m mortalLog) Append(ctx context.Context, r auditlog.Record) (string, error) {
	id, err := m.AuditLog.Append(ctx, r)
	return id, errors.Join(err, m.step())
}

type mortalErasures struct {
	engine.AuditErasures
	*fault
}

func (m mortalErasures) BeginErasures(ctx context.Context, owners []string, intent string, at time.Time) error {
	return errors.Join(m.AuditErasures.BeginErasures(ctx, owners, intent, at), m.step())
}

type mortalDisclosed struct {
	engine.Disclosed
	*fault
}

func (m mortalDisclosed) Disclosures(ctx context.Context, owners []string, _ int) ([]auditlog.Disclosed, error) {
	return m.Disclosed.Disclosures(ctx, owners, 2) // so that there are several batches
}

func (m mortalDisclosed) EraseDisclosures(ctx context.Context, which []auditlog.Disclosed) ([]auditlog.Gone, error) {
	gone, err := m.Disclosed.EraseDisclosures(ctx, which)
	return gone, errors.Join(err, m.step())
}

func (m mortalErasures) EndErasures(ctx context.Context, owners []string, at time.Time) (int64, error) {
	ended, err := m.AuditErasures.EndErasures(ctx, owners, at)
	return ended, errors.Join(err, m.step())
}

func (m mortalErasures) TruncateLog(ctx context.Context) (bool, error) {
	if err := m.step(); err != nil {
		return false, err
	}
	done, err := m.AuditErasures.TruncateLog(ctx)
	return done, errors.Join(err, m.step())
}

type mortalKeys struct {
	engine.Shredder
	*fault
}

func (m mortalKeys) ShredFor(ctx context.Context, references ...string) error {
	for _, r := range references {
		if err := m.step(); err != nil {
			return err
		}
		if err := m.Shredder.ShredFor(ctx, r); err != nil {
			return err
		}
	}
	return m.step()
}

type mortalQueue struct {
	work.Queue
	*fault
}

func (m mortalQueue) Enqueue(ctx context.Context, item work.Item) error {
	return errors.Join(m.Queue.Enqueue(ctx, item), m.step())
}

type mortalSequencer struct {
	engine.Sequencer
	*fault
}

func (m mortalSequencer) Wait(ctx context.Context, entry string) error {
	if err := m.step(); err != nil {
		return err
	}
	return errors.Join(m.Sequencer.Wait(ctx, entry), m.step())
}

// TestForgetDiesAtEachStep has the process die at each step in turn. Whoever
// goes on, the caller or the handler that looks after what is unfinished, ends
// where an erasure without a fault ends, and tells of each person once.
func TestForgetDiesAtEachStep(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		f := &fault{}
		mortal(b, f)
		w := b.NewWorkspace("acme")
		persons := int64(0)
		for died := true; died; persons += 2 {
			step := int(persons)/2 + 1
			died = forgetDying(t, b, f, w, step)
			if t.Failed() {
				t.Fatalf("at step %d", step)
			}
		}
		if persons < 2*20 {
			t.Errorf("there were only %d steps", persons/2)
		}
		begun, done := toldOf(t, b, w.ID)
		if diff := cmp.Diff([]int64{persons, persons}, []int64{begun, done}); diff != "" {
			t.Errorf("persons of whom the log says that their erasure began and was done: %s", diff)
		}
		explained(t, b, w.ID)
		explained(t, b, "")
	})
}

// forgetDying erases two contacts, and from their workspace an account, dying
// at a step, and goes on.
func forgetDying(t *testing.T, b *enginetest.Bench, f *fault, w privacyd.Workspace, step int) (died bool) {
	t.Helper()
	anna, ben, cyd := contact(fmt.Sprint("a", step)), contact(fmt.Sprint("b", step)), person(fmt.Sprint("c", step))
	for range 2 {
		tell(t, b, w.ID, anna, ben, cyd)
		tell(t, b, "", cyd)
	}
	sequenced(t, b)
	tell(t, b, w.ID, anna)
	*f = fault{at: step}
	err := b.Forget(t.Context(), enginetest.Operator, w.ID, anna, ben, cyd)
	died = f.steps >= step
	*f = fault{}
	if died != errors.Is(err, errDied) || !died && err != nil {
		t.Fatal(err)
	}
	if step%2 == 0 {
		b.Pass(10 * time.Minute)
		b.Must(b.RunForgotten(t.Context(), "", &lease{}))
	}
	b.Must(b.Forget(t.Context(), enginetest.Operator, w.ID, anna, ben, cyd))
	refs := []string{b.Keys.Reference(w.ID, "contact", anna.ID), b.Keys.Reference(w.ID, "contact", ben.ID)}
	if n := disclosures(t, b, refs...); n > 0 {
		t.Errorf("%d disclosures are left", n)
	}
	for _, r := range refs {
		if _, erased, err := b.Keys.SealFor(t.Context(), r, nil, nil); !erased || err != nil {
			t.Errorf("the key lives: %v", err)
		}
	}
	account := b.Keys.Reference("", "account", cyd.ID)
	if n := disclosures(t, b, account); n != 2 {
		t.Errorf("of who lives on %d disclosures are left, want those of the other log", n)
	}
	return died
}

// toldOf sums the persons of intents and outcomes.
func toldOf(t *testing.T, b *enginetest.Bench, log string) (begun, done int64) {
	t.Helper()
	for o, err := range b.Audit.List(t.Context(), auditlog.Query{Log: log, Action: "audit.erase"}) {
		b.Must(err)
		n, _ := o.Public["fact_persons"].(int64)
		if o.Outcome == string(privacyd.OutcomeIntent) {
			begun += n
		} else {
			done += n
		}
	}
	return begun, done
}
