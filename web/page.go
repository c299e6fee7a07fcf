package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// site is what all pages share.
type site struct {
	Version string
	assets  *assets
}

// page is the frame of one page.
type page struct {
	Title     string
	Site      site
	Caller    privacyd.Caller
	Workspace privacyd.Workspace // empty outside a workspace
	Role      privacyd.Role
	Path      string
	Now       time.Time
	Closing   *privacyd.Job     // the workspace's deletion in its grace period; nil: none
	People    map[string]string // account id → name, as far as the reader may know
	Contacts  map[string]string // contact id → name, of those whom the page speaks of
	News      string            // what came of what led here; empty: nothing is to be said
}

func (d *door) page(r *http.Request, v visit, title string) page {
	return page{
		Title: title, Site: d.site, Caller: v.caller, Workspace: v.workspace, Role: v.role,
		Path: r.URL.Path, Now: d.engine.Now(), Closing: v.closing, News: joinedWords(r, v.workspace),
	}
}

// asset is where an embedded file is served.
func (p page) asset(name string) string { return p.Site.assets.path(name) }

// signedIn tells whether somebody is.
func (p page) signedIn() bool { return p.Caller.Kind == privacyd.CallerAccount }

// to is the path of a page in this workspace.
func (p page) to(parts ...string) string { return workspacePath(p.Workspace.Slug, parts...) }

// current is what aria-current says of a link of the navigation.
func (p page) current(part string) string {
	if path := p.to(part); p.Path == path || strings.HasPrefix(p.Path, path+"/") {
		return "page"
	}
	if part == "contacts" && strings.HasPrefix(p.Path, p.to("contact")) || part == "data-privacy" && p.below("delete-", "retention", "holds", "bulk", "sizes") {
		return "page"
	}
	return "false"
}

// below tells whether the page is one of these parts of the workspace.
func (p page) below(parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.HasPrefix(p.Path, p.to(part)) })
}

// contactName is the name of a contact whom the page speaks of; empty: unknown.
func (p page) contactName(kind, id string) string {
	if kind != "contact" {
		return ""
	}
	return p.Contacts[id]
}

// signInView is the sign-in form.
type signInView struct {
	Next, Email, News string
	Problem           problem
}

// codeView is the form for a code of the second factor.
type codeView struct {
	Next    string
	Problem problem
}

// errorView is an error as a page.
type errorView struct {
	Title, Message, Code string
}

// fullTitle is what the browser shows.
func fullTitle(p page) string {
	if p.Workspace.Name != "" {
		return p.Title + " · " + p.Workspace.Name + " · privacyd"
	}
	return p.Title + " · privacyd"
}

func currentIf(here bool) string {
	if here {
		return "page"
	}
	return "false"
}

// beforeQuery asks for the page after a cursor.
func beforeQuery(cursor string) string {
	if cursor == "" {
		return ""
	}
	return "?before=" + url.QueryEscape(cursor)
}
