package web

import (
	"net/http"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// firstView is the page on which the first person begins.
type firstView struct {
	engine.FirstStart
	Own     bool // the workspace's records are kept here: one is made
	Problem problem
}

func (d *door) firstPage(w http.ResponseWriter, r *http.Request) error {
	if err := d.engine.CheckFirstLink(r.Context(), r.PathValue("secret")); err != nil {
		return d.deadFirst(w, r, err)
	}
	return d.show(w, r, http.StatusOK, firstForm(d.page(r, visit{}, "Begin"), firstView{Own: d.engine.Records != nil}))
}

func (d *door) begin(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	ask := engine.FirstStart{
		Email: r.PostForm.Get("email"), Name: r.PostForm.Get("name"), Password: r.PostForm.Get("password"),
		Workspace: r.PostForm.Get("workspace"), Slug: r.PostForm.Get("slug"),
	}
	in, err := d.engine.Begin(r.Context(), stranger(r), r.PathValue("secret"), ask)
	if err == nil {
		return d.welcome(w, r, in, "/?"+begun)
	}
	if code := privacyd.CodeOf(err); code == "link_used" || code == "first_start_over" {
		return d.deadFirst(w, r, err)
	}
	wrong, ok := d.wrong(w, err)
	if !ok {
		return err
	}
	view := firstView{FirstStart: ask, Own: d.engine.Records != nil, Problem: wrong}
	return d.show(w, r, statusOf(privacyd.ClassOf(err)), firstForm(d.page(r, visit{}, "Begin: please check"), view))
}

func (d *door) deadFirst(w http.ResponseWriter, r *http.Request, err error) error {
	if _, ok := d.wrong(w, err); !ok {
		return err
	}
	page := deadLink(d.page(r, visit{}, "This link does not work"), privacyd.MessageOf(err),
		"While nobody has an account, the server prints a new link each time that it starts. Did you begin just now? Then sign in.")
	return d.show(w, r, statusOf(privacyd.ClassOf(err)), page)
}

// invitationView is the page of an invitation.
type invitationView struct {
	engine.Invitation
	Secret   string
	Caller   privacyd.Caller // who is signed in here, if anybody
	Name     string
	Problem  problem
	SignInTo string // where signing in leads back to
}

// own tells whether the invitation is to whoever is signed in.
func (v invitationView) own() bool { return v.Caller.Email == v.Email }

func (d *door) invitationPage(w http.ResponseWriter, r *http.Request) error {
	return d.showInvitation(w, r, http.StatusOK, "Invitation", invitationView{})
}

func (d *door) showInvitation(w http.ResponseWriter, r *http.Request, status int, title string, view invitationView) error {
	view.Secret = r.PathValue("secret")
	var err error
	if view.Invitation, err = d.engine.FindInvitation(r.Context(), view.Secret); err != nil {
		return d.deadInvitation(w, r, err)
	}
	if c, err := d.signedIn(r); err == nil {
		view.Caller = c
	}
	view.SignInTo = engine.InvitationPath(view.Secret)
	return d.show(w, r, status, invitationForm(d.page(r, visit{}, title), view))
}

func (d *door) deadInvitation(w http.ResponseWriter, r *http.Request, err error) error {
	if _, ok := d.wrong(w, err); !ok {
		return err
	}
	page := deadLink(d.page(r, visit{}, "This link does not work"), privacyd.MessageOf(err),
		"An invitation works once, for seven days. Did you accept it already? Then sign in.")
	return d.show(w, r, statusOf(privacyd.ClassOf(err)), page)
}

// accept makes the signed-in person a member, or makes an account first.
func (d *door) accept(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	secret := r.PathValue("secret")
	if c, err := d.signedIn(r); err == nil {
		joined, err := d.engine.Join(r.Context(), c, secret)
		if err == nil {
			return redirect(w, r, joinedPath(joined))
		}
		return d.refusedInvitation(w, r, err, "")
	}
	name := r.PostForm.Get("name")
	in, joined, err := d.engine.Accept(r.Context(), stranger(r), secret, name, r.PostForm.Get("password"))
	if err == nil {
		return d.welcome(w, r, in, joinedPath(joined))
	}
	return d.refusedInvitation(w, r, err, name)
}

// joinedPath is where somebody begins who has accepted an invitation.
func joinedPath(w privacyd.Workspace) string {
	if w.Audit != nil && w.Audit.Checkpoint == privacyd.CheckpointPending {
		return workspacePath(w.Slug) + "?joined=" + pendingJoin
	}
	return workspacePath(w.Slug)
}

// pendingJoin says in an address that no signed checkpoint covers a joining yet.
const pendingJoin = "pending"

// joinedWords say so on the first page.
func joinedWords(r *http.Request, w privacyd.Workspace) string {
	if w.Name == "" || r.URL.Query().Get("joined") != pendingJoin {
		return ""
	}
	return "You are a member of " + w.Name + " now." + uncoveredWords
}

func (d *door) refusedInvitation(w http.ResponseWriter, r *http.Request, err error, name string) error {
	wrong, ok := d.wrong(w, err)
	if !ok {
		return err
	}
	if wrong.Code == "invitation_used" {
		return d.deadInvitation(w, r, err)
	}
	return d.showInvitation(w, r, statusOf(privacyd.ClassOf(err)), "Invitation: please check", invitationView{Name: name, Problem: wrong})
}
