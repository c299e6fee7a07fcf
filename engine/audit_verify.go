package engine

import (
	"context"
	"fmt"
	"io"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

// AuditVerified is what checking a log came to.
type AuditVerified struct {
	OK      bool                  `json:"ok" doc:"Nothing was found."`
	Log     string                `json:"log" doc:"The workspace's id, or instance."`
	Key     string                `json:"key" doc:"The verifier key that it was checked with: this server's own."`
	Entries int64                 `json:"entries" doc:"That were checked."`
	Erased  int64                 `json:"erased" doc:"Entries of which something personal was erased, as an entry of the log says."`
	Pending bool                  `json:"pending" doc:"There are newer entries that no signed checkpoint covers yet."`
	Total   int64                 `json:"findings_total"`
	Codes   map[verify.Code]int64 `json:"codes" doc:"Findings by code."`
	Found   []AuditFinding        `json:"findings" doc:"The first 100."`
	Losses  []verify.Loss         `json:"losses" doc:"What a restored backup lost, as the log itself declares."`
}

// AuditFinding is a verify.Finding. In the description of the API, what a
// check of data maps found has that name.
type AuditFinding verify.Finding

// findingsTold is how many findings a verification names; all are counted.
const findingsTold = 100

// VerifyAudit checks a workspace's whole log, or for the empty workspace the
// instance's own, as an auditor would who was sent its export: each entry
// against the signed tree, each disclosure against its entry. It is the
// server's word about itself; an auditor checks the exported log elsewhere,
// with a key from a place that they trust. Admins and auditors; the operator.
// Code: checkpoint_pending. Audit: audit.verify.
func (e *Engine) VerifyAudit(ctx context.Context, c privacyd.Caller, workspace string) (AuditVerified, error) {
	g, err := e.mayReadAudit(ctx, c, workspace)
	if err != nil {
		return AuditVerified{}, err
	}
	var entry string
	event, err := e.unfrozen(ctx, privacyd.AuditEvent{
		WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: "audit.verify", Outcome: privacyd.OutcomeDone,
	})
	if err != nil {
		return AuditVerified{}, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		entry, err = e.record(ctx, event)
		return err
	})
	if err != nil {
		return AuditVerified{}, err
	}
	v := AuditVerified{Pending: e.settle(ctx, entry).Checkpoint == privacyd.CheckpointPending}
	view, err := e.signedView(ctx, g.Workspace.ID)
	if err != nil {
		return v, err
	}
	v.Log, v.Key = auditlog.LogName(view.Log()), e.verifierKey(view.Log())
	report, err := e.verifyView(ctx, view)
	if err != nil {
		return v, err
	}
	v.OK, v.Entries, v.Erased, v.Total = report.OK(), report.Entries, report.Erased, report.Total
	v.Codes, v.Found, v.Losses = report.Codes, make([]AuditFinding, 0, len(report.Findings)), report.Losses
	for _, f := range report.Findings {
		v.Found = append(v.Found, AuditFinding(f))
	}
	return v, nil
}

// verifyView checks a log while it is written out: neither is ever whole in
// memory.
func (e *Engine) verifyView(ctx context.Context, view *auditlog.View) (*verify.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, err := view.WriteJSON(ctx, w, e.exportOptions(privacyd.AuditFilter{}))
		w.CloseWithError(err)
	}()
	report, err := verify.JSON(ctx, r, verify.Options{Key: e.PublicKey, MaxFindings: findingsTold})
	r.CloseWithError(io.ErrClosedPipe)
	<-written
	if err != nil {
		return nil, fmt.Errorf("check the audit log: %w", err)
	}
	return report, nil
}
