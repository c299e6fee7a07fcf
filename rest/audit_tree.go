package rest

import (
	"bufio"
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const (
	treePath         = "/v1/workspaces/{workspace}/audit-log"
	instanceTreePath = "/v1/audit-log"
)

// EntryPath is the part of a path that names an entry of a workspace's log.
type EntryPath struct {
	WorkspacePath
	Entry string `path:"entry"`
}

// auditTree serves what it takes to check a log: how far it is, the proof of
// an entry, and the tree as C2SP tlog-tiles lays it out.
func (d *door) auditTree() {
	huma.Register(d.api, operation("get-audit-log", http.MethodGet, treePath, "Tell how far the audit log's tree is", "Admins and auditors. Below this path are the files of C2SP tlog-tiles: checkpoint, tile/…, tile/entries/…."),
		func(ctx context.Context, in *WorkspacePath) (*answer[engine.AuditState], error) {
			s, err := d.engine.AuditState(ctx, callerOf(ctx), in.Workspace)
			return &answer[engine.AuditState]{s}, d.fail(err)
		})
	huma.Register(d.api, operation("get-instance-audit-log", http.MethodGet, instanceTreePath, "Tell how far the tree of the instance's audit log is", "The operator."),
		func(ctx context.Context, _ *struct{}) (*answer[engine.AuditState], error) {
			s, err := d.engine.AuditState(ctx, callerOf(ctx), "")
			return &answer[engine.AuditState]{s}, d.fail(err)
		})
	check := operation("verify-audit-log", http.MethodPost, treePath+"/verify", "Check the whole audit log against its signed tree",
		"Admins and auditors. It is the server's word about itself: an auditor checks an exported log elsewhere.")
	check.Errors = append(check.Errors, http.StatusServiceUnavailable)
	huma.Register(d.api, check, func(ctx context.Context, in *WorkspacePath) (*answer[engine.AuditVerified], error) {
		v, err := d.engine.VerifyAudit(ctx, callerOf(ctx), in.Workspace)
		return &answer[engine.AuditVerified]{v}, d.fail(err)
	})
	huma.Register(d.api, proven(operation("prove-audit-entry", http.MethodGet, auditPath+"/{entry}/proof", "Prove that an entry is in the audit log", "Admins and auditors.")),
		func(ctx context.Context, in *EntryPath) (*huma.StreamResponse, error) {
			return d.proveAudit(ctx, in.Workspace, in.Entry)
		})
	huma.Register(d.api, proven(operation("prove-instance-audit-entry", http.MethodGet, instanceAuditPath+"/{entry}/proof", "Prove that an entry is in the instance's audit log", "The operator.")),
		func(ctx context.Context, in *struct {
			Entry string `path:"entry"`
		},
		) (*huma.StreamResponse, error) {
			return d.proveAudit(ctx, "", in.Entry)
		})
}

func proven(op huma.Operation) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A self-contained proof, C2SP tlog-proof@v1", Content: map[string]*huma.MediaType{"text/plain": {}},
	}}
	return op
}

func (d *door) proveAudit(ctx context.Context, workspace, entry string) (*huma.StreamResponse, error) {
	proof, err := d.engine.ProveAudit(ctx, callerOf(ctx), workspace, entry)
	if err != nil {
		return nil, d.fail(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="`+entry+`.tlog-proof"`)
		_, _ = w.Write(proof) // the asker has gone away
	}}, nil
}

// treeParts puts the files of the trees beside the routes of the API: their
// paths are not ours to describe.
func (d *door) treeParts(mux *http.ServeMux) {
	mux.HandleFunc("GET "+treePath+"/{path...}", func(w http.ResponseWriter, r *http.Request) {
		d.treePart(w, r, r.PathValue("workspace"))
	})
	mux.HandleFunc("GET "+instanceTreePath+"/{path...}", func(w http.ResponseWriter, r *http.Request) { d.treePart(w, r, "") })
}

func (d *door) treePart(w http.ResponseWriter, r *http.Request, workspace string) {
	part, write, err := d.engine.AuditPart(r.Context(), callerOf(r.Context()), workspace, r.PathValue("path"))
	if err != nil {
		d.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", part.ContentType())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if part.Immutable() {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	d.write(w, write, "a part of the audit log broke off")
}

// write streams an answer. What fails before anything was sent is an error
// like any other; after that the connection breaks off, so that nobody takes
// half of something for the whole.
func (d *door) write(w http.ResponseWriter, write func(io.Writer) error, failing string) {
	out := &begun{w: w}
	buffer := bufio.NewWriterSize(out, 1<<15)
	err := write(buffer)
	if err == nil {
		err = buffer.Flush()
	}
	switch {
	case err == nil:
	case !out.yes:
		for _, name := range []string{"Content-Type", "Content-Disposition", "Cache-Control", "Trailer", PendingHeader} {
			w.Header().Del(name)
		}
		w.Header().Set("Cache-Control", "no-store")
		d.refuse(w, err)
	default:
		if privacyd.ClassOf(err) != privacyd.ClassNotFound {
			d.engine.Log.Error(failing, "error", err)
		}
		panic(http.ErrAbortHandler)
	}
}

// refuse answers with an error, outside of what huma does itself.
func (d *door) refuse(w http.ResponseWriter, err error) {
	_ = d.fail(err) // it logs what is to be logged
	writeProblem(w, err)
}

// begun tells whether anything was sent.
type begun struct {
	w   io.Writer
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.w.Write(p)
}
