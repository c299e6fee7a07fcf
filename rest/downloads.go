package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd/engine"
)

// DownloadLink is a signed link to a finished export.
type DownloadLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

type archiveRequest struct {
	JobPath
	Expires   int64  `query:"expires" doc:"Seconds since 1970; part of the link."`
	Signature string `query:"signature" doc:"Part of the link."`
}

func (d *door) downloads() {
	huma.Register(d.api, operation("get-download-link", http.MethodGet, jobsPath+"/{job}/link", "Get the download link of an export", "Who may ask for the export."),
		func(ctx context.Context, in *JobPath) (*answer[DownloadLink], error) {
			l, err := d.engine.DownloadLink(ctx, callerOf(ctx), in.Workspace, in.Job)
			return &answer[DownloadLink]{DownloadLink{URL: d.base + LinkPath(in.Workspace, l), ExpiresAt: l.Expires}}, d.fail(err)
		})
	get := operation("download-archive", http.MethodGet, jobsPath+"/{job}/archive", "Download an export",
		"Who may ask for the export, with a signed link that is not too old. Range requests work.")
	get.Responses = map[string]*huma.Response{"200": {
		Description: "The archive", Content: map[string]*huma.MediaType{"application/zip": {}},
	}}
	huma.Register(d.api, get, d.download)
}

// LinkPath is where a download link leads.
func LinkPath(workspace string, l engine.Link) string {
	return fmt.Sprintf("/v1/workspaces/%s/gdpr-jobs/%s/archive?expires=%d&signature=%s",
		url.PathEscape(workspace), l.JobID, l.Expires.Unix(), l.Signature)
}

func (d *door) download(ctx context.Context, in *archiveRequest) (*huma.StreamResponse, error) {
	open, err := d.engine.OpenDownload(ctx, callerOf(ctx), in.Workspace,
		engine.Link{JobID: in.Job, Expires: time.Unix(in.Expires, 0), Signature: in.Signature})
	if err != nil {
		return nil, d.fail(err)
	}
	return serveArchive(open), nil
}

func serveArchive(open engine.Download) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		defer open.Blob.Close() //nolint:errcheck // it was only read
		h := w.Header()
		h.Set("Content-Type", "application/zip")
		h.Set("Content-Disposition", "attachment; filename="+strconv.Quote(open.File.Name))
		h.Set("ETag", `"`+open.File.SHA256+`"`)
		http.ServeContent(w, r, "", open.File.CreatedAt, open.Blob)
	}}
}
