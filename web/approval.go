package web

import (
	"net/http"

	"github.com/privacyd/privacyd"
)

// approvalView is the section "Approval by a second admin" of the page "Data &
// privacy".
type approvalView struct {
	On    bool
	OffBy string // account of the admin who asks to do without; empty: nobody does
	Alone bool   // there is one admin, so that nobody could approve
	Done  string
}

// approvalDone says what was done, by the word in the address.
func approvalDone(word string) string {
	switch word {
	case "approval-on":
		return "From now on a second admin approves what cannot be undone."
	case "approval-asked":
		return "You asked to do without a second admin. Approval stays on until another admin switches it off, too."
	case "approval-off":
		return "Approval is switched off: two admins asked for it. What waits for an approval already still needs it."
	default:
		return ""
	}
}

func (d *door) approvalSection(r *http.Request, v visit) (approvalView, error) {
	s, err := d.engine.Settings(r.Context(), v.caller, v.workspace.ID)
	view := approvalView{On: s.Approval, OffBy: s.ApprovalOffBy, Done: approvalDone(r.URL.Query().Get("done"))}
	if err != nil || v.closing != nil || !v.role.May(privacyd.ActionManageMembers) {
		return view, err
	}
	members, err := d.engine.MembersPage(r.Context(), v.caller, v.workspace.ID, privacyd.PageQuery{Limit: 1})
	view.Alone = members.Admins < 2
	return view, err
}

// asked tells whether the reader asks to do without a second admin.
func (v approvalView) asked(p page) bool { return v.OffBy != "" && v.OffBy == p.Caller.AccountID }

// setApproval switches it on, or asks to switch it off, and leads back.
func (d *door) setApproval(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	on := r.PostForm.Get("approval") == "on"
	if !on && r.PostForm.Get("approval") != "off" {
		return privacyd.Errorf(privacyd.ClassInvalid, "form_invalid", "The form cannot be read. Open the page again and send it once more.")
	}
	s, err := d.engine.SetApproval(r.Context(), v.caller, v.workspace.ID, on)
	if err != nil {
		return err
	}
	done := "approval-off"
	switch {
	case on:
		done = "approval-on"
	case s.Approval:
		done = "approval-asked"
	}
	return redirect(w, r, workspacePath(v.workspace.Slug, "data-privacy")+"?done="+done+"#approval")
}

// aloneWords end the sentence that begins with making somebody an admin.
func aloneWords(on bool) string {
	if on {
		return ", or ask the operator of this server to switch it off."
	}
	return " before you switch it on."
}
