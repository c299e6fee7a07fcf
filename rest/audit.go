package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

const auditPath = "/v1/workspaces/{workspace}/audit-entries"

// AuditQuery narrows a list of audit entries.
type AuditQuery struct {
	From       time.Time `query:"from"`
	Until      time.Time `query:"until"`
	Action     string    `query:"action"`
	TargetType string    `query:"target_type"`
	Before     string    `query:"cursor" doc:"next_cursor of the page before."`
	Limit      int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// WorkspaceAudit narrows a list of a workspace's audit entries.
type WorkspaceAudit struct {
	WorkspacePath
	AuditQuery
}

// AuditEntries is a page of the audit log, newest first.
type AuditEntries struct {
	Items      []privacyd.AuditEntry `json:"items"`
	NextCursor string                `json:"next_cursor,omitempty"`
}

func (q AuditQuery) filter(limit int) privacyd.AuditFilter {
	return privacyd.AuditFilter{From: q.From, Until: q.Until, Action: q.Action, TargetType: q.TargetType, Before: q.Before, Limit: limit}
}

func (d *door) audit() {
	huma.Register(d.api, operation("list-audit-entries", http.MethodGet, auditPath, "List audit entries, newest first", "Admins and auditors."),
		func(ctx context.Context, in *WorkspaceAudit) (*answer[AuditEntries], error) {
			return d.auditPage(ctx, in.Workspace, in.AuditQuery)
		})
	huma.Register(d.api, operation("list-instance-audit-entries", http.MethodGet, "/v1/audit-entries", "List the instance's audit entries, newest first", "The operator."),
		func(ctx context.Context, in *AuditQuery) (*answer[AuditEntries], error) {
			return d.auditPage(ctx, "", *in)
		})
	export := operation("export-audit-entries", http.MethodGet, auditPath+"/export", "Export the audit log", "Admins and auditors.")
	export.Responses = map[string]*huma.Response{"200": {
		Description: "The log, newest first", Content: map[string]*huma.MediaType{"text/csv": {}, "application/json": {}},
	}}
	huma.Register(d.api, export, d.exportAudit)
	d.auditActions()
}

func (d *door) auditPage(ctx context.Context, workspace string, q AuditQuery) (*answer[AuditEntries], error) {
	list, err := d.engine.ListAudit(ctx, callerOf(ctx), workspace, q.filter(q.Limit))
	if err != nil {
		return nil, d.fail(err)
	}
	page := AuditEntries{Items: []privacyd.AuditEntry{}}
	for entry, err := range list {
		if err != nil {
			return nil, d.fail(err)
		}
		page.Items = append(page.Items, entry)
	}
	if n := len(page.Items); n == q.Limit {
		page.NextCursor = page.Items[n-1].ID
	}
	return &answer[AuditEntries]{page}, nil
}

func (d *door) exportAudit(ctx context.Context, in *struct {
	WorkspaceAudit
	Format string `query:"format" enum:"json,csv" default:"csv"`
},
) (*huma.StreamResponse, error) {
	list, err := d.engine.ExportAudit(ctx, callerOf(ctx), in.Workspace, in.filter(0))
	if err != nil {
		return nil, d.fail(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		write, kind := auditlog.WriteCSV, "text/csv; charset=utf-8"
		if in.Format == "json" {
			write, kind = auditlog.WriteJSON, "application/x-ndjson"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Disposition", `attachment; filename="audit-log.`+in.Format+`"`)
		if err := write(w, list); err != nil {
			d.engine.Log.Error("audit export broke off", "error", err)
			panic(http.ErrAbortHandler) // so that nobody takes half a log for a whole one
		}
	}}, nil
}
