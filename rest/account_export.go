package rest

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const ownExportsPath = "/v1/me/exports"

// OwnExportPath is the part of a path that names an export of one's own account.
type OwnExportPath struct {
	Job string `path:"job"`
}

type ownArchive struct {
	OwnExportPath
	Expires   int64  `query:"expires" doc:"Seconds since 1970; part of the link."`
	Signature string `query:"signature" doc:"Part of the link."`
}

const whoOwnExport = "The account itself, also in the grace period of its deletion."

func (d *door) ownExports() {
	create := operation("export-account", http.MethodPost, ownExportsPath, "Export everything about my account",
		whoOwnExport+" Over all its workspaces. Asking again for what is pending gives that job with status 200.")
	create.DefaultStatus = http.StatusCreated
	huma.Register(d.api, create, func(ctx context.Context, _ *struct{}) (*jobAnswer, error) {
		job, isNew, err := d.engine.ExportAccount(ctx, callerOf(ctx))
		if err != nil {
			return nil, d.fail(err)
		}
		status := http.StatusOK
		if isNew {
			status = http.StatusCreated
		}
		return &jobAnswer{Status: status, Location: ownExportsPath + "/" + job.ID, Body: job}, nil
	})
	huma.Register(d.api, operation("list-account-exports", http.MethodGet, ownExportsPath, "List the exports of my account", whoOwnExport),
		func(ctx context.Context, _ *struct{}) (*answer[Jobs], error) {
			list, err := d.engine.AccountExports(ctx, callerOf(ctx))
			return &answer[Jobs]{Jobs{Items: append([]*privacyd.Job{}, list...)}}, d.fail(err)
		})
	huma.Register(d.api, operation("get-account-export", http.MethodGet, ownExportsPath+"/{job}", "Read an export of my account", whoOwnExport),
		func(ctx context.Context, in *OwnExportPath) (*answer[*privacyd.Job], error) {
			job, err := d.engine.AccountExport(ctx, callerOf(ctx), in.Job)
			return &answer[*privacyd.Job]{job}, d.fail(err)
		})
	huma.Register(d.api, operation("cancel-account-export", http.MethodPost, ownExportsPath+"/{job}/cancel", "Cancel an export of my account", whoOwnExport),
		func(ctx context.Context, in *OwnExportPath) (*answer[*privacyd.Job], error) {
			job, err := d.engine.CancelAccountExport(ctx, callerOf(ctx), in.Job)
			return &answer[*privacyd.Job]{job}, d.fail(err)
		})
	d.ownDownloads()
}

func (d *door) ownDownloads() {
	huma.Register(d.api, operation("get-account-export-link", http.MethodGet, ownExportsPath+"/{job}/link", "Get the download link of an export of my account", whoOwnExport),
		func(ctx context.Context, in *OwnExportPath) (*answer[DownloadLink], error) {
			l, err := d.engine.AccountDownloadLink(ctx, callerOf(ctx), in.Job)
			return &answer[DownloadLink]{DownloadLink{URL: d.base + OwnLinkPath(l), ExpiresAt: l.Expires}}, d.fail(err)
		})
	get := operation("download-account-export", http.MethodGet, ownExportsPath+"/{job}/archive", "Download an export of my account",
		whoOwnExport+" With a signed link that is not too old. Range requests work.")
	get.Responses = map[string]*huma.Response{"200": {
		Description: "The archive", Content: map[string]*huma.MediaType{"application/zip": {}},
	}}
	huma.Register(d.api, get, func(ctx context.Context, in *ownArchive) (*huma.StreamResponse, error) {
		link := engine.Link{JobID: in.Job, Expires: time.Unix(in.Expires, 0), Signature: in.Signature}
		open, err := d.engine.OpenAccountDownload(ctx, callerOf(ctx), link)
		if err != nil {
			return nil, d.fail(err)
		}
		return serveArchive(open), nil
	})
}

// OwnLinkPath is where the download link of an account's own export leads.
func OwnLinkPath(l engine.Link) string {
	return fmt.Sprintf("%s/%s/archive?expires=%d&signature=%s", ownExportsPath, l.JobID, l.Expires.Unix(), l.Signature)
}
