package web

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/privacyd/privacyd"
)

const entriesShown = 50

// auditView is a page of the audit log.
type auditView struct {
	Entries []privacyd.AuditEntry
	Before  string // the cursor of this page; empty: the newest entries
	Older   string // the cursor of the next page; empty: there is none
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
	return d.show(w, r, http.StatusOK, auditLogPage(d.page(r, v, "Audit log"), view))
}

// auditCSVPath is where the REST door exports the log.
func auditCSVPath(slug string) string {
	return "/v1/workspaces/" + url.PathEscape(slug) + "/audit-entries/export?format=csv"
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
