package rest

import (
	"context"
	"mime"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const (
	legalPath         = "/v1/legal"
	documentsPath     = legalPath + "/documents"
	agreementsPath    = legalPath + "/agreements"
	workspaceLegal    = "/v1/workspaces/{workspace}/legal"
	ownAgreementsPath = "/v1/workspaces/{workspace}/agreements/{n}"
	maxAgreementBody  = 4 << 20 // the longest text, escaped
)

// NewLegalNotice says whom people write to about a workspace's data.
type NewLegalNotice struct {
	Contact   *privacyd.Contact `json:"contact,omitempty" doc:"Of the organisation, which is the controller; left out: nobody."`
	Officer   *privacyd.Contact `json:"data_protection_officer,omitempty"`
	Published bool              `json:"published,omitempty" doc:"Strangers may read it at /legal/w/SLUG."`
}

// WorkspaceLegal is whom people write to about a workspace's data, and how it
// stands to the data processing agreement.
type WorkspaceLegal struct {
	Notice    privacyd.LegalNotice `json:"notice"`
	Agreement engine.Agreed        `json:"agreement"`
}

// NewAgreement is a version of the data processing agreement.
type NewAgreement struct {
	Text string `json:"text,omitempty" doc:"Markdown or plain text; left out: privacyd's own template, filled in from the configuration."`
}

// Accept accepts a version.
type Accept struct {
	SHA256 string `json:"sha256" doc:"Of the text that was read."`
}

// Acceptances lists who accepted the data processing agreement.
type Acceptances struct {
	Items []privacyd.Acceptance `json:"items"`
}

// AcceptedCopy is the text of a version with who accepted it when.
type AcceptedCopy struct {
	Text string `json:"text"`
}

type (
	newLegalNotice struct {
		WorkspacePath
		Body NewLegalNotice
	}
	newAgreement  struct{ Body NewAgreement }
	agreementPath struct {
		N string `path:"n" doc:"Version; 0: the one in force or, before the first, a draft."`
	}
	ownAgreement struct {
		WorkspacePath
		N string `path:"n" doc:"Version."`
	}
	acceptRequest struct {
		WorkspacePath
		N    string `path:"n" doc:"Version."`
		Body Accept
	}
	documentPath struct {
		Document string `path:"document"`
	}
	newDocument struct {
		Stream
		Title    string `query:"title" required:"true"`
		Version  string `query:"version" doc:"1 where left out."`
		Date     string `query:"date" doc:"YYYY-MM-DD; today where left out."`
		Link     string `query:"link" doc:"Where it is, an address with TLS; there is no body then."`
		Filename string `query:"filename" doc:"Its end says what the body is: .pdf, .odt, .docx, .csv, .md or .txt."`
	}
)

func (d *door) legal() {
	huma.Register(d.api, operation("get-legal", http.MethodGet, legalPath, "Tell whom to write to; list documents and versions of the data processing agreement", "Any caller; the page /legal is public."),
		func(ctx context.Context, _ *struct{}) (*answer[engine.LegalPage], error) {
			l, err := d.engine.LegalPage(ctx)
			l.Documents, l.Agreements = append([]privacyd.Document{}, l.Documents...), append([]privacyd.ProcessingAgreement{}, l.Agreements...)
			return &answer[engine.LegalPage]{l}, d.fail(err)
		})
	huma.Register(d.api, operation("get-workspace-legal", http.MethodGet, workspaceLegal, "Tell whom people write to about a workspace's data, and what it accepted", "Members."), d.workspaceLegal)
	huma.Register(d.api, operation("set-workspace-legal", http.MethodPut, workspaceLegal, "Say whom people write to about a workspace's data", "Admins."),
		func(ctx context.Context, in *newLegalNotice) (*answer[privacyd.LegalNotice], error) {
			n := privacyd.LegalNotice{Published: in.Body.Published}
			if in.Body.Contact != nil {
				n.Contact = *in.Body.Contact
			}
			if in.Body.Officer != nil {
				n.Officer = *in.Body.Officer
			}
			n, err := d.engine.SetLegalNotice(ctx, callerOf(ctx), in.Workspace, n)
			return &answer[privacyd.LegalNotice]{n}, d.fail(err)
		})
	d.agreements()
	d.documents()
}

func (d *door) workspaceLegal(ctx context.Context, in *WorkspacePath) (*answer[WorkspaceLegal], error) {
	n, err := d.engine.LegalNotice(ctx, callerOf(ctx), in.Workspace)
	if err != nil {
		return nil, d.fail(err)
	}
	a, err := d.engine.AgreedOf(ctx, callerOf(ctx), in.Workspace)
	a.Acceptances = append([]privacyd.Acceptance{}, a.Acceptances...)
	return &answer[WorkspaceLegal]{WorkspaceLegal{n, a}}, d.fail(err)
}

func (d *door) agreements() {
	publish := created("publish-agreement", agreementsPath, "Publish a version of the data processing agreement", "The operator. Admins of all workspaces are asked to accept it.")
	publish.MaxBodyBytes = maxAgreementBody
	huma.Register(d.api, publish, func(ctx context.Context, in *newAgreement) (*answer[privacyd.ProcessingAgreement], error) {
		a, err := d.engine.PublishAgreement(ctx, callerOf(ctx), in.Body.Text)
		return &answer[privacyd.ProcessingAgreement]{a}, d.fail(err)
	})
	huma.Register(d.api, operation("get-agreement", http.MethodGet, agreementsPath+"/{n}", "Read a version of the data processing agreement", "Any caller; the page /legal/agreement is public."),
		func(ctx context.Context, in *agreementPath) (*answer[privacyd.ProcessingAgreement], error) {
			a, err := d.engine.Agreement(ctx, versionOf(in.N))
			return &answer[privacyd.ProcessingAgreement]{a}, d.fail(err)
		})
	huma.Register(d.api, operation("get-agreement-template", http.MethodGet, legalPath+"/agreement-template", "Read the template of the data processing agreement, filled in from the configuration", "The operator."),
		func(ctx context.Context, _ *struct{}) (*answer[privacyd.ProcessingAgreement], error) {
			a, err := d.engine.AgreementTemplate(ctx, callerOf(ctx))
			return &answer[privacyd.ProcessingAgreement]{a}, d.fail(err)
		})
	huma.Register(d.api, operation("list-acceptances", http.MethodGet, "/v1/agreement-acceptances", "List who accepted the data processing agreement, of all workspaces", "The operator."),
		func(ctx context.Context, _ *struct{}) (*answer[Acceptances], error) {
			list, err := d.engine.AllAcceptances(ctx, callerOf(ctx))
			return &answer[Acceptances]{Acceptances{append([]privacyd.Acceptance{}, list...)}}, d.fail(err)
		})
	huma.Register(d.api, operation("get-accepted-agreement", http.MethodGet, ownAgreementsPath, "Read a version that the workspace accepted, with who accepted it when", "Members."),
		func(ctx context.Context, in *ownAgreement) (*answer[AcceptedCopy], error) {
			text, err := d.engine.AcceptedCopy(ctx, callerOf(ctx), in.Workspace, versionOf(in.N))
			return &answer[AcceptedCopy]{AcceptedCopy{text}}, d.fail(err)
		})
	huma.Register(d.api, refusable(created("accept-agreement", ownAgreementsPath+"/accept", "Accept the data processing agreement for a workspace", "Admins who have signed in; no token and no operator.")),
		func(ctx context.Context, in *acceptRequest) (*answer[privacyd.Acceptance], error) {
			a, err := d.engine.AcceptAgreement(ctx, callerOf(ctx), in.Workspace, versionOf(in.N), in.Body.SHA256)
			return &answer[privacyd.Acceptance]{a}, d.fail(err)
		})
}

// versionOf is the version that a path names; what is no number names none.
func versionOf(n string) int {
	version, err := strconv.Atoi(n)
	if err != nil {
		return -1
	}
	return version
}

func (d *door) documents() {
	add := created("add-document", documentsPath, "Show a document to everybody: its bytes are the body", "The operator. At most 16 MiB.")
	add.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"*/*": {}}}
	add.MaxBodyBytes = privacyd.MaxDocument + 1
	huma.Register(d.api, add, func(ctx context.Context, in *newDocument) (*answer[privacyd.Document], error) {
		doc, err := d.engine.AddDocument(ctx, callerOf(ctx), privacyd.Document{Title: in.Title, Version: in.Version, Date: in.Date, Link: in.Link}, in.Filename, in.body)
		return &answer[privacyd.Document]{doc}, d.fail(err)
	})
	get := operation("get-document", http.MethodGet, documentsPath+"/{document}", "Download a document", "Any caller; the page /legal leads to it, too.")
	get.Responses = map[string]*huma.Response{"200": {Description: "Its bytes", Content: map[string]*huma.MediaType{"*/*": {}}}}
	huma.Register(d.api, get, func(ctx context.Context, in *documentPath) (*huma.StreamResponse, error) {
		blob, doc, err := d.engine.OpenDocument(ctx, in.Document)
		if err != nil {
			return nil, d.fail(err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			defer blob.Close() //nolint:errcheck // it was only read
			h := w.Header()
			h.Set("Content-Type", doc.ContentType)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Content-Security-Policy", "sandbox")
			h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": doc.FileName()}))
			http.ServeContent(w, r, "", doc.AddedAt, blob)
		}}, nil
	})
	huma.Register(d.api, operation("withdraw-document", http.MethodDelete, documentsPath+"/{document}", "Show a document no more, and delete its file", "The operator."),
		func(ctx context.Context, in *documentPath) (*struct{}, error) {
			return nil, d.fail(d.engine.WithdrawDocument(ctx, callerOf(ctx), in.Document))
		})
}
