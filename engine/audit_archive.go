package engine

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// writeAudit adds the workspace's audit log to a full export: in the form that
// can be verified, as a table for people, and with the newest checkpoint and
// the public key beside.
func (x *extraction) writeAudit(ctx context.Context) error {
	if x.job.Type != privacyd.JobDataExport || x.job.Format != privacyd.FormatJSON {
		return nil
	}
	now := x.e.Now()
	view, err := x.e.settledView(ctx, x.workspace.ID)
	if err != nil {
		return err
	}
	epochs := view.Epochs()
	key := x.e.verifierKey(x.workspace.ID) + "\n"
	for _, file := range []struct {
		name  string
		write func(w io.Writer) error
	}{
		{"audit/log.ndjson", func(w io.Writer) error {
			_, err := view.WriteJSON(ctx, w, x.e.exportOptions(privacyd.AuditFilter{}))
			return err
		}},
		{"audit/log.csv", func(w io.Writer) error {
			return auditlog.WriteCSV(w, x.e.entries(ctx, x.workspace.ID, privacyd.AuditFilter{Until: now}))
		}},
		{"audit/checkpoint", text(string(epochs[len(epochs)-1].Checkpoint))},
		{"audit/key.txt", text(key)},
	} {
		if err := x.stream(file.name, file.write); err != nil {
			return fmt.Errorf("export the audit log: %w", err)
		}
	}
	return nil
}

func text(s string) func(w io.Writer) error {
	return func(w io.Writer) error {
		_, err := strings.NewReader(s).WriteTo(w)
		return err
	}
}

// settledView gives a log as it stands once a checkpoint covers its newest
// entry, or after SettleFor as far as it is covered. Code checkpoint_pending.
func (e *Engine) settledView(ctx context.Context, log string) (*auditlog.View, error) {
	for o, err := range e.Audit.List(ctx, auditlog.Query{Log: log, Limit: 1}) {
		if o.ID == "" {
			return nil, err
		}
		e.settle(ctx, o.ID)
	}
	return e.signedView(ctx, log)
}

// stream writes a file of the archive by a function that wants a writer, and
// ends only when that has.
func (x *extraction) stream(name string, write func(io.Writer) error) error {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(write(w))
	}()
	err := x.out.File(name, r)
	_ = r.CloseWithError(io.ErrClosedPipe) // it never fails
	<-done
	return err
}
