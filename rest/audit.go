package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const (
	auditPath         = "/v1/workspaces/{workspace}/audit-entries"
	instanceAuditPath = "/v1/audit-entries"

	// PendingHeader is "true" in the answer to an export that may lack the newest
	// entries, since no signed checkpoint covers them yet.
	PendingHeader = "Privacyd-Audit-Pending"
	// DamagedTrailer follows an export: how many of its entries are not there or
	// not whole.
	DamagedTrailer = "Privacyd-Audit-Damaged"
)

// AuditSearch narrows a list or export of audit entries.
type AuditSearch struct {
	From       time.Time `query:"from" doc:"Of occurrence, included."`
	Until      time.Time `query:"until" doc:"Not included."`
	Action     string    `query:"action"`
	Actor      string    `query:"actor" doc:"Name, e-mail, id or kind of who acted; case does not count."`
	Target     string    `query:"target" doc:"Type or id of what was acted on, or the person it is about as kind:id."`
	TargetType string    `query:"target_type"`
}

// AuditQuery asks for a page of audit entries.
type AuditQuery struct {
	AuditSearch
	Before string `query:"cursor" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// AuditExportQuery asks for a log to take away.
type AuditExportQuery struct {
	AuditSearch
	Format engine.AuditFormat `query:"format" enum:"json,csv,tiles" default:"csv" doc:"json: one object a line, with proofs. csv: a table, newest first. tiles: a tlog-tiles folder as a tar file."`
	Limit  int                `query:"limit" minimum:"0" default:"0" doc:"Of a table: at most so many; 0: all."`
}

func (q AuditSearch) filter() privacyd.AuditFilter {
	return privacyd.AuditFilter{From: q.From, Until: q.Until, Action: q.Action, Actor: q.Actor, Target: q.Target, TargetType: q.TargetType}
}

// audit registers each route twice: for the log of a workspace and for the
// instance's own.
func (d *door) audit() {
	huma.Register(d.api, operation("list-audit-entries", http.MethodGet, auditPath, "List audit entries, newest first", "Admins and auditors."),
		func(ctx context.Context, in *struct {
			WorkspacePath
			AuditQuery
		},
		) (*answer[engine.AuditPage], error) {
			return d.auditPage(ctx, in.Workspace, in.AuditQuery)
		})
	huma.Register(d.api, operation("list-instance-audit-entries", http.MethodGet, instanceAuditPath, "List the instance's audit entries, newest first", "The operator."),
		func(ctx context.Context, in *AuditQuery) (*answer[engine.AuditPage], error) {
			return d.auditPage(ctx, "", *in)
		})
	huma.Register(d.api, streamed(operation("export-audit-entries", http.MethodGet, auditPath+"/export", "Export the audit log", "Admins and auditors.")),
		func(ctx context.Context, in *struct {
			WorkspacePath
			AuditExportQuery
		},
		) (*huma.StreamResponse, error) {
			return d.exportAudit(ctx, in.Workspace, in.AuditExportQuery)
		})
	huma.Register(d.api, streamed(operation("export-instance-audit-entries", http.MethodGet, instanceAuditPath+"/export", "Export the instance's audit log", "The operator.")),
		func(ctx context.Context, in *AuditExportQuery) (*huma.StreamResponse, error) {
			return d.exportAudit(ctx, "", *in)
		})
	d.auditActions()
	d.auditTree()
}

func streamed(op huma.Operation) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The log", Content: map[string]*huma.MediaType{"text/csv": {}, "application/x-ndjson": {}, "application/x-tar": {}},
	}}
	return op
}

func (d *door) auditPage(ctx context.Context, workspace string, q AuditQuery) (*answer[engine.AuditPage], error) {
	f := q.filter()
	f.Before, f.Limit = q.Before, q.Limit
	page, err := d.engine.AuditPage(ctx, callerOf(ctx), workspace, f)
	return &answer[engine.AuditPage]{page}, d.fail(err)
}

func (d *door) exportAudit(ctx context.Context, workspace string, q AuditExportQuery) (*huma.StreamResponse, error) {
	f := q.filter()
	f.Limit = q.Limit
	x, err := d.engine.ExportAudit(ctx, callerOf(ctx), workspace, q.Format, f)
	if err != nil {
		return nil, d.fail(err)
	}
	kind := map[engine.AuditFormat][2]string{
		engine.AuditCSV:   {"text/csv; charset=utf-8", "audit-log.csv"},
		engine.AuditJSON:  {"application/x-ndjson", "audit-log.ndjson"},
		engine.AuditTiles: {"application/x-tar", "audit-log.tar"},
	}[q.Format]
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", kind[0])
		w.Header().Set("Content-Disposition", `attachment; filename="`+kind[1]+`"`)
		if x.Pending {
			w.Header().Set(PendingHeader, "true")
		}
		w.Header().Set("Trailer", DamagedTrailer)
		d.write(w, x.Write, "audit export broke off")
		w.Header().Set(DamagedTrailer, strconv.FormatInt(x.Damaged(), 10))
	}}, nil
}
