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
	view, pending, err := x.settledView(ctx)
	if err != nil {
		return err
	}
	x.auditPending = pending
	epochs := view.Epochs()
	key := x.e.verifierKey(x.workspace.ID) + "\n"
	options := x.e.exportOptions(privacyd.AuditFilter{})
	for _, file := range []struct {
		name  string
		write func(w io.Writer) (auditlog.Written, error)
	}{
		{"audit/log.ndjson", func(w io.Writer) (auditlog.Written, error) { return view.WriteJSON(ctx, w, options) }},
		{"audit/log.csv", func(w io.Writer) (auditlog.Written, error) {
			return auditlog.WriteCSV(w, x.e.Audit.List(ctx, auditlog.Query{Log: x.workspace.ID}), options)
		}},
		{"audit/checkpoint", text(string(epochs[len(epochs)-1].Checkpoint))},
		{"audit/key.txt", text(key)},
	} {
		var written auditlog.Written
		err := x.stream(file.name, func(w io.Writer) (err error) {
			written, err = file.write(w)
			return err
		})
		if err != nil {
			return fmt.Errorf("export the audit log: %w", err)
		}
		if written.Damaged > 0 { // the archive's own log says which, to whoever verifies it
			x.e.Log.ErrorContext(ctx, "audit entries are damaged; verify the log", "job", x.job.ID, "file", file.name, "entries", written.Damaged)
		}
	}
	return nil
}

func text(s string) func(w io.Writer) (auditlog.Written, error) {
	return func(w io.Writer) (auditlog.Written, error) {
		_, err := strings.NewReader(s).WriteTo(w)
		return auditlog.Written{}, err
	}
}

// settleTries is how often an export waits SettleFor until a checkpoint covers
// the newest entry. A long transaction in the database holds that back, and is
// over soon, mostly.
const settleTries = 6

// settledView gives the workspace's log as it stands once a checkpoint covers
// its newest entry, or after a while as far as it is covered; pending tells
// which. Code checkpoint_pending.
func (x *extraction) settledView(ctx context.Context) (view *auditlog.View, pending bool, err error) {
	newest, err := x.newestEntry(ctx)
	if err != nil {
		return nil, false, err
	}
	pending = newest != ""
	for try := 0; pending && try < settleTries; try++ {
		pending = x.e.settle(ctx, newest).Checkpoint == privacyd.CheckpointPending
		if err := x.meter.report(ctx, 0); err != nil { // who lost the lease waits no longer
			return nil, false, err
		}
	}
	view, err = x.e.signedView(ctx, x.workspace.ID)
	return view, pending, err
}

// newestEntry is the last entry of the workspace's log that waits for its place,
// or the one with the greatest id.
func (x *extraction) newestEntry(ctx context.Context) (id string, err error) {
	if id, err = x.e.Audit.Unplaced(ctx, x.workspace.ID); err != nil || id != "" {
		return id, err
	}
	for o, err := range x.e.Audit.List(ctx, auditlog.Query{Log: x.workspace.ID, Limit: 1}) {
		if o.ID == "" {
			return "", err
		}
		return o.ID, nil
	}
	return "", nil
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
