package rest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const (
	processingPath         = "/v1/workspaces/{workspace}/processing-activities"
	instanceProcessingPath = "/v1/processing-activities"
)

// ProcessingExport asks for a record of processing activities to take away.
type ProcessingExport struct {
	Format string `query:"format" enum:"json,csv" default:"csv"`
}

// processing registers each route twice: for the record of a workspace and for
// the instance's own.
func (d *door) processing() {
	d.linkProcessing()
	huma.Register(d.api, operation("get-processing-activities", http.MethodGet, processingPath, "Make a workspace's record of processing activities (Art. 30(1) GDPR)", "Members."),
		func(ctx context.Context, in *WorkspacePath) (*answer[privacyd.ProcessingRecord], error) {
			r, err := d.engine.Processing(ctx, callerOf(ctx), in.Workspace)
			return &answer[privacyd.ProcessingRecord]{r}, d.fail(err)
		})
	huma.Register(d.api, operation("get-instance-processing-activities", http.MethodGet, instanceProcessingPath, "Make the operator's record of processing activities (Art. 30(2) GDPR)", "The operator."),
		func(ctx context.Context, _ *struct{}) (*answer[privacyd.ProcessingRecord], error) {
			r, err := d.engine.InstanceProcessing(ctx, callerOf(ctx))
			return &answer[privacyd.ProcessingRecord]{r}, d.fail(err)
		})
	huma.Register(d.api, asTable(operation("export-processing-activities", http.MethodGet, processingPath+"/export", "Export a workspace's record of processing activities", "Members.")),
		func(ctx context.Context, in *struct {
			WorkspacePath
			ProcessingExport
		},
		) (*huma.StreamResponse, error) {
			r, err := d.engine.Processing(ctx, callerOf(ctx), in.Workspace)
			return d.sendProcessing(r, in.Format, err)
		})
	huma.Register(d.api, asTable(operation("export-instance-processing-activities", http.MethodGet, instanceProcessingPath+"/export", "Export the operator's record of processing activities", "The operator.")),
		func(ctx context.Context, in *ProcessingExport) (*huma.StreamResponse, error) {
			r, err := d.engine.InstanceProcessing(ctx, callerOf(ctx))
			return d.sendProcessing(r, in.Format, err)
		})
}

// ProcessingLink leads to the page with the operator's record of processing
// activities.
type ProcessingLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (d *door) linkProcessing() {
	huma.Register(d.api, created("create-processing-link", instanceProcessingPath+"/link", "Make a link to the page with the operator's record of processing activities",
		"The operator, on the server's own machine. The link works for an hour, for whoever has it."),
		func(ctx context.Context, _ *struct{}) (*answer[ProcessingLink], error) {
			secret, expires, err := d.engine.CreateProcessingLink(ctx, callerOf(ctx))
			return &answer[ProcessingLink]{ProcessingLink{d.base + engine.ProcessingPage(secret), expires}}, d.fail(err)
		})
}

func asTable(op huma.Operation) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The record", Content: map[string]*huma.MediaType{"text/csv": {}, "application/json": {}},
	}}
	return op
}

func (d *door) sendProcessing(r privacyd.ProcessingRecord, format string, err error) (*huma.StreamResponse, error) {
	if err != nil {
		return nil, d.fail(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		h, write := w.Header(), r.WriteCSV
		h.Set("Content-Type", "text/csv; charset=utf-8")
		if format == "json" {
			h.Set("Content-Type", "application/json")
			write = func(out io.Writer) error { return json.NewEncoder(out).Encode(r) }
		}
		h.Set("Content-Disposition", `attachment; filename="processing-activities.`+format+`"`)
		d.write(w, write, "the export of a record of processing activities broke off")
	}}, nil
}
