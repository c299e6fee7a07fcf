package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const exportsShown = 10

// privacyView is the page "Data & privacy".
type privacyView struct {
	Scope   exportScope
	Exports exportsView
	Contact contactForm
	Facts   []string // what is true of how exports are kept

	Searchable bool // there are records to search in
	Begun      bool // the reader has just begun

	Retention retentionView
	Bulk      bulkView
	Holds     holdsView
	Approval  approvalView
	Legal     engine.Agreed
}

// exportsView is the table of exports, which a page asks for again while one
// of them is on its way.
type exportsView struct {
	Jobs   []*privacyd.Job
	Order  sorting
	Before string // the page shown; empty: the first
	Older  string // the cursor of the next page; empty: there is none

	Downloads map[string][]privacyd.AuditEntry // job id → who downloaded it, newest first; nil: the reader may not know
}

// contactForm is the form for one person's export.
type contactForm struct {
	Kinds                   []string
	Kind, ID, Problem, Code string
	Found                   foundView // where the records can be searched
}

// exportScope is what the exports of a workspace hold.
type exportScope struct {
	JSON []collection
	CSV  []string
}

type collection struct{ Name, Description string }

func (v exportsView) pending() bool {
	for _, j := range v.Jobs {
		if j.Pending() {
			return true
		}
	}
	return false
}

// announcement is what a screen reader is told when it changes.
func (v exportsView) announcement() string {
	var pending, ready int64
	for _, j := range v.Jobs {
		switch {
		case j.Pending():
			pending++
		case j.State == privacyd.JobCompleted:
			ready++
		}
	}
	if pending == 0 && ready == 0 {
		return ""
	}
	return counted(pending, "export", "exports") + " on the way, " + count(ready) + " ready to download."
}

func (d *door) privacyPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	return d.showPrivacy(w, r, v, http.StatusOK, contactForm{})
}

func (d *door) showPrivacy(w http.ResponseWriter, r *http.Request, v visit, status int, f contactForm) error {
	exports, err := d.exports(r, v)
	if err != nil {
		return err
	}
	if f.Found, err = d.found(r, v); err != nil {
		return err
	}
	f.Kinds = d.subjectKinds(v.workspace)
	title := "Data & privacy"
	if f.Problem != "" {
		title += ": please check"
	}
	view := privacyView{Begun: r.URL.Query().Has(begun), Scope: d.scope(v.workspace), Exports: exports, Contact: f, Facts: d.facts(), Searchable: f.Found.Searchable}
	if err := d.sections(r, v, &view); err != nil {
		return err
	}
	p, err := d.exportsFrame(r, v, title, exports, view.Approval.OffBy)
	if err != nil {
		return err
	}
	return d.show(w, r, status, privacyPage(p, view))
}

// sections fills in what stands below the exports.
func (d *door) sections(r *http.Request, v visit, view *privacyView) (err error) {
	if view.Retention, err = d.retentionSection(r, v); err != nil {
		return err
	}
	if view.Bulk, err = d.bulkSection(r, v); err != nil {
		return err
	}
	if view.Holds, err = d.holdsSection(r, v); err != nil {
		return err
	}
	if view.Approval, err = d.approvalSection(r, v); err != nil {
		return err
	}
	view.Legal, err = d.engine.AgreedOf(r.Context(), v.caller, v.workspace.ID)
	return err
}

func (d *door) exportsPart(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	exports, err := d.exports(r, v)
	if err != nil {
		return err
	}
	p, err := d.exportsFrame(r, v, "", exports)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, exportsTable(p, exports))
}

// exportsFrame is a page with the names of those of whom a list of exports speaks,
// and of others.
func (d *door) exportsFrame(r *http.Request, v visit, title string, list exportsView, also ...string) (p page, err error) {
	p = d.page(r, v, title)
	p.Contacts = d.contactNames(r, v, list.Jobs...)
	p.People, err = d.people(r, v, append(actors(list.Jobs...), also...)...)
	return p, err
}

// exportMatchesPart is the list of matches alone, as somebody types.
func (d *door) exportMatchesPart(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	found, err := d.found(r, v)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, exportMatches(d.page(r, v, ""), found))
}

func (d *door) exports(r *http.Request, v visit) (exportsView, error) {
	q := r.URL.Query()
	view := exportsView{Before: q.Get("before"), Order: newSorting(q, "sort", string(privacyd.JobsNewest), "asked", "kept")}
	view.Order.Path, view.Order.At = workspacePath(v.workspace.Slug, "data-privacy"), "exports"
	f := jobFilter("exports", "")
	f.Sort, f.Before, f.Limit = privacyd.JobSort(view.Order.By), view.Before, exportsShown+1
	jobs, err := d.engine.FindJobs(r.Context(), v.caller, v.workspace.ID, f)
	if err != nil {
		return view, err
	}
	if len(jobs) > exportsShown {
		jobs = jobs[:exportsShown]
		view.Older = f.Sort.Cursor(jobs[exportsShown-1])
	}
	view.Jobs = jobs
	if !v.role.May(privacyd.ActionReadAudit) || len(jobs) == 0 {
		return view, nil
	}
	entries, err := d.downloads(r, v, jobs)
	view.Downloads = map[string][]privacyd.AuditEntry{}
	for _, e := range entries {
		view.Downloads[e.TargetID] = append(view.Downloads[e.TargetID], e)
	}
	return view, err
}

// createExport begins an export and leads to its page.
func (d *door) createExport(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	ask := newJob(v.workspace, r.PostForm)
	job, created, err := d.engine.CreateJob(r.Context(), v.caller, ask)
	if err != nil && ask.Type == privacyd.JobSubjectExport && correctable(err) {
		return d.showPrivacy(w, r, v, http.StatusUnprocessableEntity, contactForm{
			Kind: ask.Subject.Kind, ID: ask.Subject.ID, Problem: contactProblem(err), Code: privacyd.CodeOf(err),
		})
	}
	if err != nil {
		return err
	}
	to := workspacePath(v.workspace.Slug, "jobs", job.ID)
	if !created {
		to += "?known"
	}
	return redirect(w, r, to)
}

func newJob(w privacyd.Workspace, form url.Values) engine.NewJob {
	ask := engine.NewJob{
		Workspace: w.ID, Type: privacyd.JobType(form.Get("type")), Format: privacyd.Format(form.Get("format")),
		IdempotencyKey: form.Get("once"),
	}
	if ask.Type == privacyd.JobSubjectExport {
		ask.Subject = &privacyd.Subject{Kind: form.Get("kind"), ID: strings.TrimSpace(form.Get("id"))}
	}
	return ask
}

// correctable tells whether the form itself can be put right.
func correctable(err error) bool {
	class := privacyd.ClassOf(err)
	return class == privacyd.ClassInvalid || class == privacyd.ClassNotFound
}

// contactProblem is the engine's message, but for codes that a form can put
// better than an interface.
func contactProblem(err error) string {
	switch privacyd.CodeOf(err) {
	case "subject_invalid":
		return "Type the id of the contact that you want to export."
	case "subject_not_found":
		return "No contact of this workspace has this id. Check it for typing errors: upper and lower case matter."
	default:
		return privacyd.MessageOf(err)
	}
}

// maps gives the data maps by which a workspace is exported.
func (d *door) maps(w privacyd.Workspace) []engine.Dataset {
	var list []engine.Dataset
	for _, set := range d.engine.Datasets {
		if _, ok := w.DatasetKeys[set.Name]; ok || set.Own {
			list = append(list, set)
		}
	}
	return list
}

func (d *door) scope(w privacyd.Workspace) exportScope {
	var s exportScope
	for _, set := range d.maps(w) {
		for _, c := range set.Graph.Collections() {
			text := c.Description
			if text == "" {
				text = c.Purpose
			}
			s.JSON = append(s.JSON, collection{Name: spaced(c.Name), Description: text})
			if len(c.CSV) > 0 {
				s.CSV = append(s.CSV, spaced(c.Name))
			}
		}
	}
	return s
}

// subjectKinds are the kinds of persons whom an agent may look for: those of
// the records, not the accounts that sign in.
func (d *door) subjectKinds(w privacyd.Workspace) []string {
	kinds := map[string]bool{}
	for _, set := range d.maps(w) {
		for _, k := range set.Graph.Map.Subjects {
			if k.Kind != "account" {
				kinds[k.Kind] = true
			}
		}
	}
	return sortedKeys(kinds)
}

// facts says how data is kept, and only what this instance does.
func (d *door) facts() []string {
	list := []string{
		"Finished exports lie encrypted with AES-256-GCM, each workspace under a key of its own, and are deleted " +
			span(d.engine.ExportLife) + " after they are ready.",
		"A download needs a signed link and somebody who is signed in and may ask for that export at that moment. Each one is in the audit log.",
		"Passwords are kept as bcrypt hashes; sessions, API tokens and links as hashes only. None of them is ever in an export.",
		"Names, e-mail addresses and IP addresses in the audit log are stored sealed with AES-256-GCM.",
	}
	if d.engine.Records != nil {
		list = append(list, "Attachments of your records are encrypted with AES-256-GCM, too.")
	}
	return list
}

// sectionsFor lists the sections that a role sees, as id of the heading and
// title, in their order.
func sectionsFor(r privacyd.Role) [][2]string {
	var list [][2]string
	for _, s := range []struct {
		id, title string
		action    privacyd.Action
	}{
		{"export-title", "Export data", privacyd.ActionReadJobs},
		{"delete-contact-title", "Delete a contact", privacyd.ActionDeleteSubject},
		{"retention-title", "Retention", privacyd.ActionManageRetention},
		{"bulk-title", "Bulk delete by date", privacyd.ActionDeleteRecords},
		{"holds-title", "Holds", privacyd.ActionManageHolds},
		{"approval-title", "Approval", privacyd.ActionReadJobs},
		{"legal-title", "Legal", privacyd.ActionReadJobs},
		{"roles-title", "Who can do what", privacyd.ActionReadJobs},
		{"danger-title", "Danger zone", privacyd.ActionDeleteWorkspace},
	} {
		if r.May(s.action) {
			list = append(list, [2]string{s.id, s.title})
		}
	}
	return list
}
