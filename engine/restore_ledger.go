package engine

import (
	"bytes"
	"context"

	"github.com/privacyd/privacyd"
)

// ledgerMemo is under which a database knows which suppression ledger is its
// own.
const ledgerMemo = "suppression ledger"

// ledgerID tells ledgers apart: what their key makes of a text.
func (e *Engine) ledgerID() []byte {
	mark := e.Suppression.Mark(privacyd.Root{Kind: "the suppression ledger itself"})
	return mark[:]
}

// checkLedger refuses a suppression ledger that is not the one that this
// database knows, or has lost what it told: with either a restore would bring
// back who was erased, and nobody would notice. Code ledger_damaged.
func (e *Engine) checkLedger(ctx context.Context) error {
	memos, err := e.Memos.Memos(ctx, ledgerMemo)
	if err != nil {
		return err
	}
	newest, err := e.Suppression.Newest(ctx)
	if err != nil {
		return err
	}
	_, told, err := e.Runs.ErasureSequence(ctx)
	if err != nil {
		return err
	}
	id, own := e.ledgerID(), memos[ledgerMemo]
	switch {
	case own != nil && !bytes.Equal(own, id):
		return errLedger("It is another one than this database's: a folder that is not mounted, or a wrong address.")
	case newest < told:
		return errLedger("It ends before what this database knows of it: entries are gone, or a folder is not mounted.")
	case own != nil:
		return nil
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error { return e.Memos.PutMemo(ctx, ledgerMemo, id) })
}

func errLedger(why string) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "ledger_damaged",
		"The suppression ledger is not what it was. %s Put it back from its own copy, or mend `ledger` in the configuration. "+
			"If it is lost for good: privacyd restore replay --ledger-lost.", why)
}

// LoseLedger goes on with the suppression ledger that is there, in place of one
// that is lost: what was erased before is no more kept from coming back with a
// backup. The operator. Audit: restore.ledger_lost.
func (e *Engine) LoseLedger(ctx context.Context, c privacyd.Caller) error {
	const action = "restore.ledger_lost"
	if err := e.operatorOnly(ctx, c, action); err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		_, told, err := e.Runs.ErasureSequence(ctx)
		if err != nil {
			return err
		}
		event := privacyd.AuditEvent{Caller: c, Action: action, Outcome: privacyd.OutcomeDone, Facts: map[string]int64{"erasures": told}}
		if _, err := e.record(ctx, event); err != nil {
			return err
		}
		if err := e.Runs.ForgetErasures(ctx); err != nil {
			return err
		}
		return e.Memos.PutMemo(ctx, ledgerMemo, e.ledgerID())
	})
}
