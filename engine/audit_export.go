package engine

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// AuditFormat is a form in which an audit log leaves the house.
type AuditFormat string

// The forms.
const (
	AuditCSV   AuditFormat = "csv"   // a table for people, newest first
	AuditJSON  AuditFormat = "json"  // one object a line with all that it takes to verify it
	AuditTiles AuditFormat = "tiles" // a C2SP tlog-tiles folder, as a tar stream
)

// AuditExport is a log that may be written out, once.
type AuditExport struct {
	Pending bool // entries that had been committed before are not covered by a checkpoint yet, and may be left out
	Write   func(w io.Writer) error
	Damaged func() int64 // after Write: entries that are not there or not whole; verification names them
}

// ExportAudit gives a workspace's log, or for the empty workspace the
// instance's own, to take away. It waits until a signed checkpoint covers what
// had been committed before, or says that this is still to come. Admins and
// auditors; the operator. Codes: format_unknown, filter_refused,
// checkpoint_pending. Audit: audit.export.
func (e *Engine) ExportAudit(ctx context.Context, c privacyd.Caller, workspace string, format AuditFormat, f privacyd.AuditFilter) (AuditExport, error) {
	g, err := e.mayReadAudit(ctx, c, workspace)
	if err != nil {
		return AuditExport{}, err
	}
	if err := checkAuditFormat(format, f); err != nil {
		return AuditExport{}, err
	}
	entry, err := e.recordExport(ctx, c, g, string(format))
	if err != nil {
		return AuditExport{}, err
	}
	if format == AuditCSV { // a table proves nothing, and need not wait
		among, err := e.among(ctx, g.Workspace.ID, f)
		if err != nil {
			return AuditExport{}, err
		}
		return auditExport(func(w io.Writer) (auditlog.Written, error) {
			return auditlog.WriteCSV(w, matching(e.Audit.List(ctx, among), f), e.exportOptions(f))
		}), nil
	}
	pending := e.settle(ctx, entry).Checkpoint == privacyd.CheckpointPending
	view, err := e.signedView(ctx, g.Workspace.ID)
	if err != nil {
		return AuditExport{Pending: pending}, err
	}
	among, err := e.among(ctx, g.Workspace.ID, f) // after the view: late entries of it are known
	if err != nil {
		return AuditExport{Pending: pending}, err
	}
	x := auditExport(func(w io.Writer) (auditlog.Written, error) {
		if format == AuditTiles {
			return writeTar(ctx, w, view, e.exportOptions(f))
		}
		o := e.exportOptions(f)
		o.Among = among
		return view.WriteJSON(ctx, w, o)
	})
	x.Pending = pending
	return x, nil
}

// among is the query for what a filter looks for, by ids as far as these tell
// when something happened.
func (e *Engine) among(ctx context.Context, log string, f privacyd.AuditFilter) (q auditlog.Query, err error) {
	q = listed(log, f)
	q.Before, err = e.Audit.Before(ctx, q)
	return q, err
}

// auditExport remembers how much of what is written was damaged.
func auditExport(write func(w io.Writer) (auditlog.Written, error)) AuditExport {
	var damaged atomic.Int64
	return AuditExport{
		Write: func(w io.Writer) error {
			written, err := write(w)
			damaged.Store(written.Damaged)
			return err
		},
		Damaged: damaged.Load,
	}
}

func checkAuditFormat(format AuditFormat, f privacyd.AuditFilter) error {
	filters := f
	filters.Limit = 0
	switch {
	case !slices.Contains([]AuditFormat{AuditCSV, AuditJSON, AuditTiles}, format):
		return privacyd.Errorf(privacyd.ClassInvalid, "format_unknown", "An audit log is exported as json, csv or tiles.")
	case format == AuditTiles && (filters != privacyd.AuditFilter{}):
		return privacyd.Errorf(privacyd.ClassInvalid, "filter_refused", "A tlog-tiles folder is always the whole log. Leave the filter out, or export as json.")
	case format != AuditCSV && (f.Limit != 0 || f.Before != ""):
		return privacyd.Errorf(privacyd.ClassInvalid, "filter_refused", "Only a table can be cut off after so many entries. Narrow an export by time, actor, action or target.")
	}
	return nil
}

// signedView gives a log with something signed. Code checkpoint_pending.
func (e *Engine) signedView(ctx context.Context, log string) (*auditlog.View, error) {
	view, err := e.Audit.View(ctx, log)
	if err != nil {
		return nil, err
	}
	if len(view.Epochs()) == 0 {
		return nil, privacyd.Errorf(privacyd.ClassUnavailable, "checkpoint_pending",
			"No checkpoint of this log is signed yet. Try again in a moment; if that does not help, a long transaction in the database may hold it up.")
	}
	return view, nil
}

// recordExport says that a log leaves the house, and gives that entry's id.
func (e *Engine) recordExport(ctx context.Context, c privacyd.Caller, g grant, format string) (id string, err error) {
	event, err := e.unfrozen(ctx, privacyd.AuditEvent{
		WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: "audit.export", Outcome: privacyd.OutcomeDone,
		Changes: map[string]privacyd.Change{"format": {After: format}},
	})
	if err != nil {
		return "", err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		id, err = e.record(ctx, event)
		return err
	})
	return id, err
}

// exportOptions say how to write a log: an entry whose disclosures fail is
// written without them, so that verification names it.
func (e *Engine) exportOptions(f privacyd.AuditFilter) auditlog.Export {
	o := auditlog.Export{
		At: e.Now(), Key: e.PublicKey,
		Tolerate: func(err error) bool {
			return slices.Contains([]string{"sealed_damaged", "key_damaged", "key_missing"}, privacyd.CodeOf(err))
		},
	}
	if f == (privacyd.AuditFilter{}) {
		return o
	}
	o.Filter = map[string]string{}
	for name, value := range map[string]string{
		"from": timeText(f.From), "until": timeText(f.Until), "actor": f.Actor, "action": f.Action, "target": f.Target, "target_type": f.TargetType,
	} {
		if value != "" {
			o.Filter[name] = value
		}
	}
	o.Keep = func(o auditlog.Opened) bool {
		return (f.From.IsZero() || !o.At.Before(f.From)) && (f.Until.IsZero() || o.At.Before(f.Until)) &&
			(f.Action == "" || f.Action == o.Action) && (f.TargetType == "" || f.TargetType == o.TargetType) && matches(o, f)
	}
	return o
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ProveAudit gives the proof that one entry is in a log (C2SP tlog-proof), with
// what can be read of it. It waits for the checkpoint that covers the entry.
// Admins and auditors; for the empty workspace, which is the instance's own
// log, the operator. Codes: audit_entry_not_found, checkpoint_pending,
// audit_entry_damaged.
func (e *Engine) ProveAudit(ctx context.Context, c privacyd.Caller, workspace, entryID string) ([]byte, error) {
	g, err := e.mayReadAudit(ctx, c, workspace)
	if err != nil {
		return nil, err
	}
	proof, err := e.prove(ctx, g.Workspace.ID, entryID)
	if errors.Is(err, auditlog.ErrNotSequenced) {
		e.settle(ctx, entryID)
		proof, err = e.prove(ctx, g.Workspace.ID, entryID)
	}
	switch {
	case errors.Is(err, auditlog.ErrNoEntry):
		return nil, privacyd.Errorf(privacyd.ClassNotFound, "audit_entry_not_found", "The log has no such entry. Its id is shown by the list of entries.")
	case errors.Is(err, auditlog.ErrNotSequenced):
		return nil, privacyd.Errorf(privacyd.ClassUnavailable, "checkpoint_pending", "No signed checkpoint covers this entry yet. Try again in a moment.")
	case errors.Is(err, auditlog.ErrLeaf) || errors.Is(err, auditlog.ErrHash) || errors.Is(err, auditlog.ErrDisclosure):
		return nil, privacyd.Errorf(privacyd.ClassUnavailable, "audit_entry_damaged",
			"This entry fails its check, so nothing can be proven of it. Export the log and verify it to see what was changed.").Because(err)
	case err != nil:
		return nil, err
	}
	return proof.Encode(), nil
}

func (e *Engine) prove(ctx context.Context, log, entryID string) (*auditlog.Proof, error) {
	view, err := e.Audit.View(ctx, log)
	if err != nil {
		return nil, err
	}
	return view.Proof(ctx, entryID)
}

// writeTar writes a log as a tlog-tiles folder in a tar stream.
func writeTar(ctx context.Context, w io.Writer, view *auditlog.View, o auditlog.Export) (auditlog.Written, error) {
	out := tar.NewWriter(w)
	written, err := view.WriteParts(ctx, o, func(p auditlog.Part, content []byte) error {
		header := &tar.Header{Name: p.Path(), Mode: 0o600, Size: int64(len(content)), ModTime: o.At, Format: tar.FormatPAX}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		_, err := out.Write(content)
		return err
	})
	if err != nil {
		return written, err
	}
	return written, out.Close()
}
