package web

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const entriesShown = 50

// auditView is a page of the audit log.
type auditView struct {
	Entries []privacyd.AuditEntry
	Before  string // the cursor of this page; empty: the newest entries
	Older   string // the cursor of the next page; empty: there is none
	State   engine.AuditState
}

func (d *door) auditPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	view := auditView{Before: r.URL.Query().Get("before")}
	page, err := d.engine.AuditPage(r.Context(), v.caller, v.workspace.ID, privacyd.AuditFilter{Before: view.Before, Limit: entriesShown})
	if err != nil {
		return err
	}
	view.Entries, view.Older = page.Items, page.Next
	if view.State, err = d.engine.AuditState(r.Context(), v.caller, v.workspace.ID); err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, auditLogPage(d.page(r, v, "Audit log"), view))
}

// auditExportPath is where the REST door exports the log.
func auditExportPath(slug, format string) string {
	return "/v1/workspaces/" + url.PathEscape(slug) + "/audit-entries/export?format=" + format
}

// auditProofPath is where the REST door proves an entry.
func auditProofPath(slug, entry string) string {
	return "/v1/workspaces/" + url.PathEscape(slug) + "/audit-entries/" + url.PathEscape(entry) + "/proof"
}

// signedWords says how much of the log is signed.
func signedWords(s engine.AuditState) string {
	newest := s.Epochs[len(s.Epochs)-1]
	words := "The newest checkpoint covers " + count(newest.Size) + " entries"
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

// details lists changes first, then counts.
func details(a privacyd.AuditEntry) []detail {
	var list []detail
	for _, name := range sortedKeys(a.Changes) {
		c := a.Changes[name]
		list = append(list, detail{Name: sentence(name), Before: valueWords(c.Before), After: valueWords(c.After)})
	}
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
