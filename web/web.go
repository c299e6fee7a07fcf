// Package web is the page door: Settings → Data & privacy and what belongs to
// it, as pages made on the server.
//
// It decides nothing: who may do what is engine's, and every refusal comes
// from there; a page only leaves out what the role could not use anyway. Every
// form works without JavaScript, nothing is loaded from elsewhere, and it must
// never import store or another door. Open web.go first for the list of
// routes, then privacy.go.
package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// Options say how the door presents itself.
type Options struct {
	Version string // of the product
	Secure  bool   // cookies go over TLS only: the browser's side of the connection has it
	Log     *slog.Logger
}

// door holds what the pages share.
type door struct {
	engine *engine.Engine
	secure bool
	log    *slog.Logger
	site   site

	answers  answers       // to forms that may be sent twice
	patience time.Duration // how long a form may take to come

	beat     time.Duration // how often an open page hears that the server is there
	live     atomic.Int64  // pages that are told of changes
	stop     chan struct{} // closed when the server stops
	stopOnce sync.Once
}

// New makes the door's handler. It answers every path; the integrator puts the
// paths of other doors before it.
func New(e *engine.Engine, o Options) http.Handler {
	files := newAssets()
	d := &door{engine: e, secure: o.Secure, log: o.Log, site: site{Version: o.Version, assets: files}, stop: make(chan struct{}), beat: liveBeat, patience: formPatience}
	d.answers = answers{now: func() time.Time { return e.Now() }, by: map[onceKey]*answered{}}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{name}", files)
	for _, routes := range d.allRoutes() {
		for pattern, a := range routes {
			mux.Handle(pattern, d.handler(a))
		}
	}
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(d.handler(func(http.ResponseWriter, *http.Request) error { return errCrossOrigin() }))
	return secureHeaders(guard.Handler(mux))
}

// action answers one request; an error becomes a page with its remedy.
type action func(w http.ResponseWriter, r *http.Request) error

func (d *door) allRoutes() []map[string]action {
	return []map[string]action{
		d.routes(), d.retentionRoutes(), d.bulkRoutes(), d.holdRoutes(), d.auditRoutes(),
		d.accountRoutes(), d.jobRoutes(), d.deletionRoutes(), d.contactRoutes(), d.residencyRoutes(), d.legalRoutes(), d.encryptionRoutes(), d.tokenRoutes(),
	}
}

func (d *door) routes() map[string]action {
	return map[string]action{
		"GET /{$}":               d.start,
		"GET /workspaces":        d.workspaces,
		"GET /sign-in":           d.signInPage,
		"POST /sign-in":          d.signIn,
		"GET /sign-in/{secret}":  d.linkPage,
		"POST /sign-in/{secret}": d.redeemLink,
		"POST /sign-out":         d.signOut,

		"GET /sign-in/code":                 d.codePage,
		"POST /sign-in/code":                d.confirmSignIn,
		"GET /sign-in/forgotten":            d.forgottenPage,
		"POST /sign-in/forgotten":           d.askReset,
		"GET /sign-in/reset/{secret}":       d.resetPage,
		"POST /sign-in/reset/{secret}":      d.resetPassword,
		"GET /sign-in/first/{secret}":       d.firstPage,
		"POST /sign-in/first/{secret}":      d.begin,
		"GET /sign-in/invitation/{secret}":  d.invitationPage,
		"POST /sign-in/invitation/{secret}": d.accept,

		"GET /account/security":                d.securityPage,
		"POST /account/password":               d.change("password", d.changePassword),
		"GET /account/second-factor":           d.factorPage,
		"POST /account/second-factor":          d.beginFactor,
		"POST /account/second-factor/confirm":  d.confirmFactor,
		"POST /account/second-factor/off":      d.change("off", d.endFactor),
		"POST /account/recovery-codes":         d.newCodes,
		"POST /account/sessions/others":        d.change("sessions", d.endOthers),
		"POST /account/sessions/{session}/end": d.change("sessions", d.endSession),
		"GET /outbox":                          d.outbox,
		"GET /outbox/{key}":                    d.wholeOutbox,

		"GET /w/{workspace}":                      d.workspaceStart,
		"GET /w/{workspace}/data-privacy":         d.privacyPage,
		"POST /w/{workspace}/data-privacy":        d.createExport,
		"POST /w/{workspace}/approval":            d.setApproval,
		"GET /w/{workspace}/data-privacy/exports": d.exportsPart,
		"GET /w/{workspace}/data-privacy/matches": d.exportMatchesPart,

		"GET /w/{workspace}/members":                                    d.membersPage,
		"POST /w/{workspace}/members":                                   d.manage("invite", d.invite),
		"POST /w/{workspace}/members/invitations/{invitation}/withdraw": d.manage("member", d.withdraw),
		"POST /w/{workspace}/members/{account}/role":                    d.manage("member", d.changeRole),
		"GET /w/{workspace}/members/{account}/remove":                   d.removePage,
		"POST /w/{workspace}/members/{account}/remove":                  d.manage("member", d.removeMember),

		"/": func(http.ResponseWriter, *http.Request) error { return errNoPage() },
	}
}

type callerKey struct{}

func callerOf(ctx context.Context) privacyd.Caller {
	c, _ := ctx.Value(callerKey{}).(privacyd.Caller)
	return c
}

// visit is a signed-in caller in a workspace.
type visit struct {
	caller    privacyd.Caller
	workspace privacyd.Workspace
	role      privacyd.Role
	closing   *privacyd.Job // the workspace's deletion in its grace period; nil: none
}

// enter finds out who calls and which workspace the path names.
func (d *door) enter(r *http.Request) (visit, error) {
	c, err := d.signedIn(r)
	if err != nil {
		return visit{}, err
	}
	w, role, err := d.engine.Workspace(r.Context(), c, r.PathValue("workspace"))
	if err != nil {
		return visit{}, err
	}
	if r.Method == http.MethodPost { // whose workspace it is comes before what is asked of it
		if err := parseForm(r); err != nil {
			return visit{}, err
		}
	}
	closing, err := d.engine.Closing(r.Context(), c, w.ID)
	return visit{caller: c, workspace: w, role: role, closing: closing}, err
}

func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func errNoPage() error {
	return privacyd.Errorf(privacyd.ClassNotFound, "page_not_found", "There is no such page. Check the address, or begin at the start page.")
}

func errCrossOrigin() error {
	return privacyd.Errorf(privacyd.ClassForbidden, "cross_origin",
		"This request comes from another site's page, so nothing was done. Open the page here and try again.")
}
