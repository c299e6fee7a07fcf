package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

func (d *door) legalRoutes() map[string]action {
	return map[string]action{
		"GET /legal":                          d.legalPage,
		"GET /legal/agreement":                d.agreementPage,
		"GET /legal/agreement/{version}":      d.agreementPage,
		"GET /legal/agreement/{version}/text": d.agreementFile,
		"GET /legal/documents/{document}":     d.documentFile,
		"GET /legal/w/{workspace}":            d.noticePage,
		"GET /legal/processing/{link}":        d.linkedProcessingPage,
		"GET /legal/processing/{link}/export": d.linkedProcessingFile,

		"GET /w/{workspace}/legal":                      d.ownLegalPage,
		"POST /w/{workspace}/legal":                     d.setLegal,
		"POST /w/{workspace}/legal/accept":              d.acceptAgreement,
		"GET /w/{workspace}/legal/agreements/{version}": d.acceptedFile,
		"GET /w/{workspace}/legal/processing":           d.processingPage,
		"GET /w/{workspace}/legal/processing/export":    d.processingFile,
	}
}

// showPublic answers with a page that is the same for everybody: it may be kept
// for five minutes, also by what stands in between.
func (d *door) showPublic(w http.ResponseWriter, r *http.Request, c templ.Component) error {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		return err
	}
	sum := sha256.Sum256(b.Bytes())
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	writeBody(w, r, http.StatusOK, b.Bytes(), zipped(b.Bytes()))
	return nil
}

// stranger is the frame of a page that is the same for everybody.
func (d *door) stranger(r *http.Request, title string) page { return d.page(r, visit{}, title) }

// legalPage is public: what an installation says of itself.
func (d *door) legalPage(w http.ResponseWriter, r *http.Request) error {
	l, err := d.engine.LegalPage(r.Context())
	if err != nil {
		return err
	}
	return d.showPublic(w, r, legalPageOf(d.stranger(r, "Legal"), l))
}

// agreementPage is public: who considers a product wants to read it.
func (d *door) agreementPage(w http.ResponseWriter, r *http.Request) error {
	a, err := d.agreement(r)
	if err != nil {
		return err
	}
	return d.showPublic(w, r, agreementPageOf(d.stranger(r, "Data processing agreement"), a))
}

// agreement is the version that a path names, or the one in force. Before the
// first there is a draft.
func (d *door) agreement(r *http.Request) (privacyd.ProcessingAgreement, error) {
	version := 0
	if name := r.PathValue("version"); name != "" && name != "draft" {
		n, err := strconv.Atoi(name)
		if err != nil || n < 1 {
			n = -1
		}
		version = n
	}
	if r.PathValue("version") == "draft" {
		return d.engine.AgreementDraft(r.Context())
	}
	return d.engine.Agreement(r.Context(), version)
}

func (d *door) agreementFile(w http.ResponseWriter, r *http.Request) error {
	a, err := d.agreement(r)
	if err != nil {
		return err
	}
	return sendText(w, agreementName(a.Version), a.Text)
}

func agreementName(version int) string {
	if version == 0 {
		return "data-processing-agreement-draft.md"
	}
	return "data-processing-agreement-" + strconv.Itoa(version) + ".md"
}

// agreementPath is where a version is read.
func agreementPath(version int, parts ...string) string {
	name := "draft"
	if version > 0 {
		name = strconv.Itoa(version)
	}
	return strings.Join(append([]string{"/legal/agreement", name}, parts...), "/")
}

func sendText(w http.ResponseWriter, name, text string) error {
	h := w.Header()
	h.Set("Content-Type", "text/markdown; charset=utf-8")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	_, _ = w.Write([]byte(text)) // the asker has gone away
	return nil
}

// documentFile is public. What it hands over is saved, never shown: a browser
// runs nothing of it.
func (d *door) documentFile(w http.ResponseWriter, r *http.Request) error {
	blob, doc, err := d.engine.OpenDocument(r.Context(), r.PathValue("document"))
	if err != nil {
		return err
	}
	defer blob.Close() //nolint:errcheck // it was only read
	h := w.Header()
	h.Set("Content-Type", doc.ContentType)
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": doc.FileName()}))
	h.Set("ETag", `"`+doc.SHA256+`"`)
	h.Set("Cache-Control", "public, max-age=300")
	http.ServeContent(w, r, "", doc.AddedAt, blob)
	return nil
}

// noticePage is public where the workspace's admins said so.
func (d *door) noticePage(w http.ResponseWriter, r *http.Request) error {
	workspace, n, err := d.engine.PublicNotice(r.Context(), r.PathValue("workspace"))
	if err != nil {
		return err
	}
	p := d.stranger(r, "Privacy contact of "+workspace.Name)
	return d.showPublic(w, r, noticePageOf(p, workspace.Name, n, d.engine.Legal.Operator))
}

// ownLegal is the page "Legal" of a workspace.
type ownLegal struct {
	Notice  privacyd.LegalNotice // as it is, or as it was typed
	Agreed  engine.Agreed
	Offered privacyd.ProcessingAgreement // the version in force; version 0: none
	Done    string
	Problem problem
}

// legalDone is what was done, by the word in the address.
var legalDone = map[string]string{
	"saved": "It is saved.", "accepted": "The agreement is accepted. A copy with the acceptance is below.",
}

func (d *door) ownLegalPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	n, err := d.engine.LegalNotice(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	return d.showOwnLegal(w, r, v, http.StatusOK, ownLegal{Notice: n, Done: legalDone[r.URL.Query().Get("done")]})
}

func (d *door) showOwnLegal(w http.ResponseWriter, r *http.Request, v visit, status int, view ownLegal) (err error) {
	if view.Agreed, err = d.engine.AgreedOf(r.Context(), v.caller, v.workspace.ID); err != nil {
		return err
	}
	if view.Agreed.Offered > 0 {
		if view.Offered, err = d.engine.Agreement(r.Context(), view.Agreed.Offered); err != nil {
			return err
		}
	}
	title := "Legal"
	if view.Problem.Code != "" {
		title += ": please check"
	}
	return d.show(w, r, status, ownLegalPageOf(d.page(r, v, title), view))
}

func (d *door) setLegal(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	n := newNotice(r.PostForm)
	if _, err = d.engine.SetLegalNotice(r.Context(), v.caller, v.workspace.ID, n); err == nil {
		return redirect(w, r, workspacePath(v.workspace.Slug, "legal")+"?done=saved")
	}
	if privacyd.ClassOf(err) != privacyd.ClassInvalid {
		return err
	}
	return d.showOwnLegal(w, r, v, http.StatusUnprocessableEntity, ownLegal{
		Notice: n, Problem: problem{Message: privacyd.MessageOf(err), Code: privacyd.CodeOf(err)},
	})
}

func newNotice(f url.Values) privacyd.LegalNotice {
	contact := func(prefix string) privacyd.Contact {
		return privacyd.Contact{
			Name: strings.TrimSpace(f.Get(prefix + "name")), Email: strings.TrimSpace(f.Get(prefix + "email")), Address: strings.TrimSpace(f.Get(prefix + "address")),
		}
	}
	return privacyd.LegalNotice{Party: privacyd.Party{Contact: contact(""), Officer: contact("officer_")}, Published: f.Get("published") != ""}
}

func (d *door) acceptAgreement(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		version = -1
	}
	if _, err := d.engine.AcceptAgreement(r.Context(), v.caller, v.workspace.ID, version, r.PostForm.Get("sha256")); err != nil {
		return err
	}
	return redirect(w, r, workspacePath(v.workspace.Slug, "legal")+"?done=accepted#agreement")
}

func (d *door) acceptedFile(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(r.PathValue("version"))
	if err != nil {
		version = -1
	}
	text, err := d.engine.AcceptedCopy(r.Context(), v.caller, v.workspace.ID, version)
	if err != nil {
		return err
	}
	return sendText(w, strings.TrimSuffix(agreementName(version), ".md")+"-accepted.md", text)
}

// acceptedBy names who accepted, as far as it is still known.
func acceptedBy(a privacyd.Acceptance) string {
	if a.Name == "" {
		return "an admin whose account has been deleted"
	}
	return a.Name
}

// addressOf gives the lines of a postal address.
func addressOf(c privacyd.Contact) []string {
	if c.Address == "" {
		return nil
	}
	return strings.Split(c.Address, "\n")
}

// whereDocument is where a document is read.
func whereDocument(doc privacyd.Document) string {
	if doc.Link != "" {
		return doc.Link
	}
	return "/legal/documents/" + doc.ID
}

// documentWords says what a document is, beside its title.
func documentWords(doc privacyd.Document) string {
	text := "Version " + doc.Version + ", " + doc.Date
	if doc.Link != "" {
		host := doc.Link
		if u, err := url.Parse(doc.Link); err == nil {
			host = u.Host
		}
		return text + ", at " + host
	}
	kind := strings.ToUpper(strings.TrimPrefix(doc.FileName()[strings.LastIndexByte(doc.FileName(), '.'):], "."))
	return text + ", " + kind + ", " + size(doc.Size)
}

// agreementSince says since when a version is there.
func agreementSince(a privacyd.ProcessingAgreement, inForce bool) string {
	if inForce {
		return "in force since " + absolute(a.PublishedAt)
	}
	return "published " + absolute(a.PublishedAt)
}

// agreementLine says which version a text is.
func agreementLine(a privacyd.ProcessingAgreement) string {
	if a.Version == 0 {
		return "The template that comes with the server, filled in from its configuration."
	}
	return "Version " + strconv.Itoa(a.Version) + ", published " + absolute(a.PublishedAt) + "."
}

// waitingWords says what waits to be accepted.
func waitingWords(a engine.Agreed) string {
	text := "Version " + strconv.Itoa(a.Offered) + " of the data processing agreement waits for an admin to accept it."
	if a.Accepted > 0 {
		text += " Version " + strconv.Itoa(a.Accepted) + ", which was accepted, remains in force until then."
	}
	return text
}
