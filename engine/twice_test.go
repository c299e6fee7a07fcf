package engine_test

import (
	"sync"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestTwiceAtOnce has somebody do to the own account the same twice at once, as
// a double click does: it happens once, and is in the log once.
func TestTwiceAtOnce(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		personWith(b, "ada@example.com")
		me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
		enter(b, from("192.0.2.2"), "ada@example.com")
		elsewhere, _ := enter(b, from("192.0.2.3"), "ada@example.com")
		once := func(action, code string, do func() error) {
			t.Helper()
			before := occurrences(b.Audited(""), action+" done")
			failed := atOnce(do, do)
			for _, err := range failed {
				if err != nil && privacyd.CodeOf(err) != code {
					t.Errorf("%s: %v", action, err)
				}
			}
			if n := occurrences(b.Audited(""), action+" done") - before; n != 1 {
				t.Errorf("%s is %d times in the log", action, n)
			}
		}
		once("session.delete", "", func() error { return b.SignOut(ctx, elsewhere) })
		once("session.end", "", func() error { _, err := b.EndOtherSessions(ctx, me); return err })
		once("account.password", "password_wrong", func() error { return b.ChangePassword(ctx, me, secretWords, otherWords) })
		plan, err := b.PreviewAccountDeletion(ctx, me)
		b.Must(err)
		with := privacyd.Confirmation{PlanHash: plan.Hash, Password: otherWords}
		once("account_deletion.create", "", func() error { _, err := b.DeleteAccount(ctx, me, with); return err })
	})
}

func atOnce(all ...func() error) []error {
	failed := make([]error, len(all))
	var wait sync.WaitGroup
	for i, do := range all {
		wait.Go(func() { failed[i] = do() })
	}
	wait.Wait()
	return failed
}

func occurrences(log []string, entry string) (n int) {
	for _, e := range log {
		if e == entry {
			n++
		}
	}
	return n
}
