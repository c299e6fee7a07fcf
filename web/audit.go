package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const (
	entriesShown = 50
	// entriesLooked is how many entries are opened for a page whose filter looks
	// for what is sealed: as many as take a moment.
	entriesLooked = 1000
	// entriesPassed is how many are gone through for one that looks for a time.
	entriesPassed = 10_000
)

// auditView is a page of the audit log.
type auditView struct {
	Filter  auditFilter
	Problem problem // with the filter
	Entries []privacyd.AuditEntry
	Before  string // the cursor of this page; empty: the newest entries
	Looked  int    // how many entries this page goes through at most
	Older   string // the cursor of the next page; empty: there is none
	State   engine.AuditState
}

func (d *door) auditRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/audit":         d.auditPage,
		"GET /w/{workspace}/audit/verify":  d.auditVerifyStart,
		"POST /w/{workspace}/audit/verify": d.auditVerify,
	}
}

func (d *door) auditPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	view := auditView{Filter: newAuditFilter(r.URL.Query()), Before: r.URL.Query().Get("before")}
	if view.State, err = d.engine.AuditState(r.Context(), v.caller, v.workspace.ID); err != nil {
		return err
	}
	f, wrong := view.Filter.filter()
	if wrong.Code != "" {
		view.Problem = wrong
		return d.show(w, r, http.StatusUnprocessableEntity, auditLogPage(d.page(r, v, "Audit log: please check"), view))
	}
	f.Before, f.Limit, f.Look = view.Before, entriesShown, entriesPassed
	if f.Actor != "" || f.Target != "" {
		f.Look = entriesLooked
	}
	view.Looked = f.Look
	page, err := d.engine.AuditPage(r.Context(), v.caller, v.workspace.ID, f)
	if err != nil {
		return err
	}
	view.Entries, view.Older = page.Items, page.Next
	return d.show(w, r, http.StatusOK, auditLogPage(d.page(r, v, "Audit log"), view))
}

// auditVerifyStart leads somebody who loads the result's address to where a
// verification is begun.
func (d *door) auditVerifyStart(w http.ResponseWriter, r *http.Request) error {
	return redirect(w, r, workspacePath(r.PathValue("workspace"), "audit"))
}

// auditVerify checks the whole log and shows what came of it.
func (d *door) auditVerify(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	result, err := d.engine.VerifyAudit(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	title := "Audit log verified"
	if !result.OK {
		title = "Audit log not verified"
	}
	return d.show(w, r, http.StatusOK, auditVerifiedPage(d.page(r, v, title), result))
}

// exportPath is where the REST door exports what the filter shows; the form
// that leaves nothing out is always the whole log.
func (v auditView) exportPath(slug, format string) string {
	q := url.Values{}
	if f, wrong := v.Filter.filter(); wrong.Code == "" && format != "tiles" {
		q = exportQuery(f)
	}
	q.Set("format", format)
	return "/v1/workspaces/" + url.PathEscape(slug) + "/audit-entries/export?" + q.Encode()
}

// auditProofPath is where the REST door proves an entry.
func auditProofPath(slug, entry string) string {
	return "/v1/workspaces/" + url.PathEscape(slug) + "/audit-entries/" + url.PathEscape(entry) + "/proof"
}

// signedWords says how much of the log is signed.
func signedWords(s engine.AuditState) string {
	newest := s.Epochs[len(s.Epochs)-1]
	words := "The newest checkpoint covers " + counted(newest.Size, "entry", "entries")
	if len(s.Epochs) > 1 {
		words += " since a backup of the database was restored"
	}
	if s.Pending {
		words += "; newer ones wait for theirs"
	}
	return words + ". It was signed"
}

// detail is one thing that an entry says beside who and what.
type detail struct{ Name, Before, After string }

// changes are the settings before and after.
func changes(a privacyd.AuditEntry) []detail {
	var list []detail
	for _, name := range sortedKeys(a.Changes) {
		c, words := a.Changes[name], valueWords
		if a.Action == "retention.set" && name == "days" {
			words = daysValue
		}
		list = append(list, detail{Name: sentence(name), Before: words(c.Before), After: words(c.After)})
	}
	return list
}

// details are counts, codes and what else is public of an entry.
func details(a privacyd.AuditEntry) []detail {
	var list []detail
	for _, name := range sortedKeys(a.Details) {
		list = append(list, detail{Name: sentence(name), After: valueWords(a.Details[name])})
	}
	for _, name := range sortedKeys(a.Facts) {
		if a.Facts[name] == 0 {
			continue // "no missing files" is no news
		}
		value := count(a.Facts[name])
		if name == "bytes" {
			name, value = "size", size(a.Facts[name])
		}
		list = append(list, detail{Name: sentence(name), After: value})
	}
	if a.Code != "" {
		list = append(list, detail{Name: "Code", After: a.Code})
	}
	if !a.RecordedAt.IsZero() && a.RecordedAt.Sub(a.At).Abs() > time.Minute {
		list = append(list, detail{Name: "Recorded", After: absolute(a.RecordedAt)})
	}
	return list
}

// valueWords writes a setting's value; nothing is "none".
func valueWords(v any) string {
	if v == nil {
		return "none"
	}
	if s, ok := v.(string); ok {
		return s
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(raw)
}

// daysValue writes the days of a retention policy.
func daysValue(v any) string {
	switch text := valueWords(v); text {
	case "0", "none":
		return "for ever"
	case "1":
		return "1 day"
	default:
		return text + " days"
	}
}

// noneAmong says how far a search has come that has found nothing yet.
func noneAmong(v auditView) string {
	if v.Before == "" {
		return "None of the newest " + count(int64(v.Looked)) + " entries matches. There are older ones to look through."
	}
	return "None of the next " + count(int64(v.Looked)) + " entries matches. There are older ones to look through."
}
