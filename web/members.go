package web

import (
	"net/http"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// membersView is the page "Members".
type membersView struct {
	Members     []privacyd.MemberProfile
	Admins      int // of the workspace, who are not leaving
	Invitations []privacyd.Invitation
	MembersAt   pager
	InvitedAt   pager
	Mail        engine.MailState
	Email       string
	Role        privacyd.Role
	Problem     problem
	Form        string // "invite", or empty: about a member
	Done        string
	Gone        bool // what a form is about: somebody else was faster, or it never was here
}

func (v membersView) at(form string) problem {
	if v.Form == form {
		return v.Problem
	}
	return problem{}
}

// lastAdmin tells whether a member is the only admin there is; those who are
// leaving are none.
func (v membersView) lastAdmin(m privacyd.MemberProfile) bool {
	if m.Role != privacyd.RoleAdmin {
		return false
	}
	others := v.Admins
	if m.LeavingAt == nil {
		others--
	}
	return others <= 0
}

const (
	membersShown = 50
	invitedShown = 25
)

// listed reads the pages of both lists that the address asks for.
func (d *door) listed(r *http.Request, v visit, view *membersView) error {
	q, path := r.URL.Query(), workspacePath(v.workspace.Slug, "members")
	members := newSorting(q, "sort", "email", "email", "name", "role", "since")
	invited := newSorting(q, "invited-sort", "-sent", "email", "role", "sent", "until")
	view.MembersAt = newPager(q, members, "members", "after")
	view.InvitedAt = newPager(q, invited, "invitations", "invited-after")
	var err error
	view.Members, err = readPage(&view.MembersAt, membersShown, func(part privacyd.PageQuery) (privacyd.Page[privacyd.MemberProfile], error) {
		page, err := d.engine.MembersPage(r.Context(), v.caller, v.workspace.ID, part)
		view.Admins = page.Admins
		return page.Page, err
	})
	if err != nil {
		return err
	}
	view.Invitations, err = readPage(&view.InvitedAt, invitedShown, func(part privacyd.PageQuery) (privacyd.Page[privacyd.Invitation], error) {
		return d.engine.InvitationsPage(r.Context(), v.caller, v.workspace.ID, part)
	})
	view.MembersAt.beside(path, "members-title", view.InvitedAt)
	view.InvitedAt.beside(path, "open-title", view.MembersAt)
	return err
}

// membersDone says what was done, by the word in the address.
var membersDone = map[string]string{
	"invited":   "The invitation is on its way.",
	"withdrawn": "The invitation is withdrawn. Its link does not work any more.",
	"role":      "The role is changed.",
	"removed":   "The member is removed. They have no access any more.",

	"role" + uncovered:    "The role is changed." + uncoveredWords,
	"removed" + uncovered: "The member is removed. They have no access any more." + uncoveredWords,
}

const (
	uncovered      = "-uncovered" // ends the word of what no signed checkpoint covers yet
	uncoveredWords = " The signed checkpoint over its audit entry is still to come."
)

// doneAs is the word for what was done.
func doneAs(word string, a *privacyd.Audited) string {
	if a != nil && a.Checkpoint == privacyd.CheckpointPending {
		return word + uncovered
	}
	return word
}

func (d *door) membersPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	return d.showMembers(w, r, v, http.StatusOK, membersView{Done: membersDone[r.URL.Query().Get("done")]})
}

func (d *door) showMembers(w http.ResponseWriter, r *http.Request, v visit, status int, view membersView) error {
	if err := d.listed(r, v, &view); err != nil {
		return err
	}
	view.Mail = d.engine.MailState()
	if view.Role == "" {
		view.Role = privacyd.RoleAgent
	}
	title := "Members"
	if view.Problem.Code != "" {
		title += ": please check"
	}
	return d.show(w, r, status, membersPageOf(d.page(r, v, title), view))
}

// manage runs one of the page's forms and leads back to the page.
func (d *door) manage(form string, do func(r *http.Request, v visit) (done string, err error)) action {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := d.enter(r)
		if err != nil {
			return err
		}
		if err := parseForm(r); err != nil {
			return err
		}
		done, err := do(r, v)
		if err == nil {
			return redirect(w, r, workspacePath(v.workspace.Slug, "members")+"?done="+done)
		}
		if code := privacyd.CodeOf(err); code == "member_not_found" || code == "invitation_not_found" {
			return d.showMembers(w, r, v, http.StatusNotFound, membersView{Gone: true})
		}
		wrong, ok := d.wrong(w, err)
		if !ok || privacyd.CodeOf(err) == "role_missing" {
			return err
		}
		return d.showMembers(w, r, v, statusOf(privacyd.ClassOf(err)), membersView{
			Problem: wrong, Form: form, Email: r.PostForm.Get("email"), Role: privacyd.Role(r.PostForm.Get("role")),
		})
	}
}

func (d *door) invite(r *http.Request, v visit) (string, error) {
	_, err := d.engine.Invite(r.Context(), v.caller, v.workspace.ID, engine.NewInvitation{
		Email: r.PostForm.Get("email"), Role: privacyd.Role(r.PostForm.Get("role")),
	})
	return "invited", err
}

func (d *door) withdraw(r *http.Request, v visit) (string, error) {
	return "withdrawn", d.engine.Withdraw(r.Context(), v.caller, v.workspace.ID, r.PathValue("invitation"))
}

func (d *door) changeRole(r *http.Request, v visit) (string, error) {
	m, err := d.engine.ChangeRole(r.Context(), v.caller, v.workspace.ID, r.PathValue("account"), privacyd.Role(r.PostForm.Get("role")))
	return doneAs("role", m.Audit), err
}

func (d *door) removeMember(r *http.Request, v visit) (string, error) {
	audited, err := d.engine.RemoveMember(r.Context(), v.caller, v.workspace.ID, r.PathValue("account"))
	return doneAs("removed", audited), err
}

// removePage asks before it removes somebody.
func (d *door) removePage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	m, err := d.engine.Member(r.Context(), v.caller, v.workspace.ID, r.PathValue("account"))
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, removePageOf(d.page(r, v, "Remove a member"), m))
}

// leavingOn says when a member's account is deleted.
func leavingOn(at time.Time) string { return "The account is deleted on " + absolute(at) + "." }
