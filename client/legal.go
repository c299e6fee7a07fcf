package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/privacyd/privacyd"
)

const documentsPath = "/v1/legal/documents"

// Legal is what everybody may read of an installation.
type Legal struct {
	Operator   privacyd.Party                 `json:"operator"`
	Documents  []privacyd.Document            `json:"documents"`
	Agreements []privacyd.ProcessingAgreement `json:"agreements"` // without texts, the newest first
}

// WorkspaceLegal is whom people write to about a workspace's data, and what the
// workspace accepted.
type WorkspaceLegal struct {
	Notice    privacyd.LegalNotice `json:"notice"`
	Agreement Agreed               `json:"agreement"`
}

// Agreed is how a workspace stands to the data processing agreement.
type Agreed struct {
	Offered     int                   `json:"offered"`  // the newest version; 0: none
	Accepted    int                   `json:"accepted"` // the newest that was accepted; 0: none
	Acceptances []privacyd.Acceptance `json:"acceptances"`
}

// Legal tells whom to write to, and lists documents and versions of the
// agreement.
func (c *Client) Legal(ctx context.Context) (l Legal, err error) {
	return l, c.request(ctx, http.MethodGet, "/v1/legal", nil, &l)
}

// WorkspaceLegal is the same of a workspace. Members.
func (c *Client) WorkspaceLegal(ctx context.Context, workspace string) (l WorkspaceLegal, err error) {
	return l, c.request(ctx, http.MethodGet, in(workspace, "legal"), nil, &l)
}

// SetLegalNotice says whom people write to about a workspace's data. Admins.
func (c *Client) SetLegalNotice(ctx context.Context, workspace string, n privacyd.LegalNotice) (out privacyd.LegalNotice, err error) {
	return out, c.request(ctx, http.MethodPut, in(workspace, "legal"), n, &out)
}

// AddDocument shows a document to everybody: the bytes of content, or the link
// of d. The operator only.
func (c *Client) AddDocument(ctx context.Context, d privacyd.Document, filename string, content io.Reader) (out privacyd.Document, err error) {
	path := withQuery(documentsPath, "title", d.Title, "version", d.Version, "date", d.Date, "link", d.Link, "filename", filename)
	res, err := c.send(ctx, http.MethodPost, path, content, "Content-Type", "application/octet-stream")
	if err != nil {
		return out, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	return out, decode(res, &out)
}

// WithdrawDocument shows a document no more. The operator only.
func (c *Client) WithdrawDocument(ctx context.Context, id string) error {
	return c.request(ctx, http.MethodDelete, documentsPath+"/"+url.PathEscape(id), nil, nil)
}

// Agreement reads a version of the agreement; 0: the one in force or, before
// the first, a draft.
func (c *Client) Agreement(ctx context.Context, version int) (a privacyd.ProcessingAgreement, err error) {
	return a, c.request(ctx, http.MethodGet, "/v1/legal/agreements/"+strconv.Itoa(version), nil, &a)
}

// AgreementTemplate reads the template, filled in from the configuration.
func (c *Client) AgreementTemplate(ctx context.Context) (a privacyd.ProcessingAgreement, err error) {
	return a, c.request(ctx, http.MethodGet, "/v1/legal/agreement-template", nil, &a)
}

// PublishAgreement makes a text the next version; without one, the template. The
// operator only.
func (c *Client) PublishAgreement(ctx context.Context, text string) (a privacyd.ProcessingAgreement, err error) {
	return a, c.request(ctx, http.MethodPost, "/v1/legal/agreements", map[string]string{"text": text}, &a)
}

// Acceptances lists those of all workspaces. The operator only.
func (c *Client) Acceptances(ctx context.Context) ([]privacyd.Acceptance, error) {
	var out struct {
		Items []privacyd.Acceptance `json:"items"`
	}
	err := c.request(ctx, http.MethodGet, "/v1/agreement-acceptances", nil, &out)
	return out.Items, err
}

// Processing makes a workspace's record of processing activities; for the empty
// workspace the operator's own.
func (c *Client) Processing(ctx context.Context, workspace string) (r privacyd.ProcessingRecord, err error) {
	return r, c.request(ctx, http.MethodGet, auditOf(workspace, "processing-activities"), nil, &r)
}

// ExportProcessing writes the same to w, as json or csv.
func (c *Client) ExportProcessing(ctx context.Context, workspace, format string, w io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, withQuery(auditOf(workspace, "processing-activities", "export"), "format", format), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("read the record of processing activities: %w", err)
	}
	return nil
}

// CreateProcessingLink makes a link to the page with the operator's record of
// processing activities. It works for an hour. The operator only.
func (c *Client) CreateProcessingLink(ctx context.Context) (link string, err error) {
	var out struct {
		URL string `json:"url"`
	}
	err = c.request(ctx, http.MethodPost, "/v1/processing-activities/link", nil, &out)
	return out.URL, err
}
