package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// AuditState is an audit log as it stands.
type AuditState struct {
	Log     string       `json:"log" doc:"The workspace's id, or instance."`
	Key     string       `json:"key" doc:"The verifier key: what audit verify needs, from a place that you trust."`
	Epochs  []AuditEpoch `json:"epochs" doc:"Oldest first. A second one begins when a restored database has lost entries that were published."`
	Pending bool         `json:"pending" doc:"There are entries that no signed checkpoint covers yet."`
	Lag     float64      `json:"lag_seconds" doc:"The age of the oldest entry of this server that no checkpoint covers."`
	Waiting *int64       `json:"waiting,omitempty" doc:"How many entries of all logs wait. For the operator."`
}

// AuditEpoch is one epoch of a log's tree.
type AuditEpoch struct {
	Epoch      int       `json:"epoch"`
	Origin     string    `json:"origin"`
	Size       int64     `json:"size" doc:"Entries."`
	Root       string    `json:"root" doc:"RFC 6962 root, base64."`
	Checkpoint string    `json:"checkpoint" doc:"A signed note, C2SP tlog-checkpoint."`
	SignedAt   time.Time `json:"signed_at"`
}

// AuditState tells how far a log's tree is. Admins and auditors; for the empty
// workspace, which is the instance's own log, the operator.
func (e *Engine) AuditState(ctx context.Context, c privacyd.Caller, workspace string) (AuditState, error) {
	g, err := e.mayReadAudit(ctx, c, workspace)
	if err != nil {
		return AuditState{}, err
	}
	view, err := e.Audit.View(ctx, g.Workspace.ID)
	if err != nil {
		return AuditState{}, err
	}
	s := AuditState{Log: auditlog.LogName(view.Log()), Key: e.verifierKey(view.Log()), Epochs: []AuditEpoch{}}
	for _, h := range view.Epochs() {
		s.Epochs = append(s.Epochs, AuditEpoch{
			Epoch: h.Epoch, Origin: h.Origin, Size: h.Size, Root: base64.StdEncoding.EncodeToString(h.Root[:]),
			Checkpoint: string(h.Checkpoint), SignedAt: h.At,
		})
	}
	if s.Pending, err = e.pending(ctx, view); err != nil {
		return s, err
	}
	lag, waiting, err := e.Sequencer.Lag(ctx)
	if err != nil {
		return s, fmt.Errorf("tell how far the audit log is: %w", err)
	}
	s.Lag = lag.Seconds()
	if c.Kind == privacyd.CallerOperator {
		s.Waiting = &waiting
	}
	return s, nil
}

// verifierKey is the key that checks a log. It stays the same when a new epoch
// begins.
func (e *Engine) verifierKey(log string) string {
	return auditlog.VerifierKey(e.PublicKey, auditlog.Origin(e.PublicKey, log, 1))
}

// pending tells whether an entry of a log is not covered. After a restore the
// sequencer comes to some later that it has passed: the newest may be one.
func (e *Engine) pending(ctx context.Context, view *auditlog.View) (bool, error) {
	if unplaced, err := e.Audit.Unplaced(ctx, view.Log()); err != nil || unplaced != "" {
		return err == nil, err
	}
	for o, err := range e.Audit.List(ctx, auditlog.Query{Log: view.Log(), Limit: 1}) {
		if o.ID == "" {
			return false, err
		}
		_, _, err := view.Find(ctx, o.ID)
		if errors.Is(err, auditlog.ErrNotSequenced) {
			return true, nil
		}
		return false, err
	}
	return false, nil
}

// AuditPart gives one file of a log's tree, as C2SP tlog-tiles lays it out:
// checkpoint, tile/…, tile/entries/…, disclosures/…, and the same in epoch-N/.
// write writes it. Admins and auditors; for the empty workspace, which is the
// instance's own log, the operator. Code: audit_part_not_found. Audit:
// audit.export, once an hour for a caller who reads disclosures.
func (e *Engine) AuditPart(ctx context.Context, c privacyd.Caller, workspace, path string) (p auditlog.Part, write func(w io.Writer) error, err error) {
	g, err := e.mayReadAudit(ctx, c, workspace)
	if err != nil {
		return p, nil, err
	}
	if p, err = auditlog.ParsePart(path); err != nil {
		return p, nil, errNoPart()
	}
	if p.Kind == auditlog.PartDisclosures && e.readers.first(g.Workspace.ID, c, e.Now()) {
		if _, err := e.recordExport(ctx, c, g, "tiles"); err != nil {
			return p, nil, err
		}
	}
	view, err := e.Audit.View(ctx, g.Workspace.ID)
	if err != nil {
		return p, nil, err
	}
	return p, func(w io.Writer) error {
		err := view.WritePart(ctx, w, p, e.exportOptions(privacyd.AuditFilter{}))
		if errors.Is(err, auditlog.ErrNoTile) {
			return errNoPart()
		}
		return err
	}, nil
}

func errNoPart() error {
	return privacyd.Errorf(privacyd.ClassNotFound, "audit_part_not_found",
		"The log has no such part. Its checkpoint says how large the tree is; paths are those of C2SP tlog-tiles.")
}

const readersForget = time.Hour

// readers remembers who has read a log lately.
type readers struct {
	mu   sync.Mutex
	last map[[3]string]time.Time
}

// first tells whether a caller has not read the log for an hour, and remembers
// that it does now.
func (r *readers) first(log string, c privacyd.Caller, now time.Time) bool {
	const kept = 10_000
	key := [3]string{log, string(c.Kind), c.ID()}
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.last[key]
	if gone := now.Sub(last); known && gone >= 0 && gone < readersForget {
		return false
	}
	if r.last == nil || len(r.last) > kept {
		r.last = map[[3]string]time.Time{}
	}
	r.last[key] = now
	return true
}
