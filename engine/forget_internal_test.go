package engine

import (
	"context"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// EraseAtOnce is how many disclosures go in the first transaction.
const EraseAtOnce = eraseAtFirst

// Forget lets tests call forget, which only other operations do.
func (e *Engine) Forget(ctx context.Context, c privacyd.Caller, workspace string, subjects ...privacyd.Subject) error {
	return e.forget(ctx, forgetting{Caller: c, Workspace: workspace, Subjects: subjects})
}

// ForgetUnder is Forget by the operator, under a lease.
func (e *Engine) ForgetUnder(ctx context.Context, lease work.Lease, workspace string, subjects ...privacyd.Subject) error {
	operator := privacyd.Caller{Kind: privacyd.CallerOperator, Name: "root"}
	return e.forget(ctx, forgetting{Caller: operator, Workspace: workspace, Subjects: subjects, Guard: lease.Check})
}
