package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

const (
	holdsShown   = 25
	holdsCounted = 200 // for the section: enough to say how many stand
)

// holdsView is the section "Holds" of the page "Data & privacy".
type holdsView struct {
	Standing, Overdue int64
	More              bool // there are more than were counted
}

// holdsPage is the page "Legal holds".
type holdsPage struct {
	Holds   []*privacyd.Hold
	Form    holdForm
	Before  string
	Older   string
	Done    string
	Waiting []*privacyd.Job // deletions that wait for a hold
	Problem problem         // with a release
	Of      string          // the hold that it is about
}

// holdsDone says what was done, by the word in the address.
var holdsDone = map[string]string{
	"placed":   "The hold is placed. From now on nothing that it covers is deleted, whatever was confirmed before.",
	"released": "The hold is released. Deletions that waited for it go on: each plan is made again, and where it is not what was confirmed somebody has to confirm it anew.",
}

func (d *door) holdRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/holds":                 d.holdsPage,
		"POST /w/{workspace}/holds":                d.placeHold,
		"GET /w/{workspace}/holds/matches":         d.holdMatchesPart,
		"POST /w/{workspace}/holds/{hold}/release": d.releaseHold,
	}
}

func (d *door) holdsSection(r *http.Request, v visit) (holdsView, error) {
	if !v.role.May(privacyd.ActionManageHolds) {
		return holdsView{}, nil
	}
	list, err := d.engine.ListHolds(r.Context(), v.caller, v.workspace.ID, "", holdsCounted)
	if err != nil {
		return holdsView{}, err
	}
	view := holdsView{More: len(list) == holdsCounted}
	for _, h := range list {
		if h.Standing() {
			view.Standing++
		}
		if h.ReviewDue(d.engine.Now()) {
			view.Overdue++
		}
	}
	return view, nil
}

func (d *door) holdsPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	view := holdsPage{Form: d.newHoldForm(v, q), Done: holdsDone[q.Get("done")], Before: q.Get("before")}
	if err := d.chooseHeld(r, v, &view.Form); err != nil {
		return err
	}
	if view.Form.Found, err = d.found(r, v); err != nil {
		return err
	}
	status := http.StatusOK
	if view.Form.Problem.Code != "" {
		status = http.StatusUnprocessableEntity
	}
	return d.showHolds(w, r, v, status, view)
}

func (d *door) showHolds(w http.ResponseWriter, r *http.Request, v visit, status int, view holdsPage) error {
	list, err := d.engine.ListHolds(r.Context(), v.caller, v.workspace.ID, view.Before, holdsShown+1)
	if err != nil {
		return err
	}
	if len(list) > holdsShown {
		list = list[:holdsShown]
		view.Older = list[holdsShown-1].ID
	}
	view.Holds = list
	blocked, err := d.engine.FindJobs(r.Context(), v.caller, v.workspace.ID, privacyd.JobFilter{States: []privacyd.JobState{privacyd.JobBlocked}, Limit: 20})
	if err != nil {
		return err
	}
	for _, j := range blocked {
		if j.WaitingOn == privacyd.WaitHold {
			view.Waiting = append(view.Waiting, j)
		}
	}
	title := "Legal holds"
	if view.Problem.Code != "" || view.Form.Problem.Code != "" {
		title += ": please check"
	}
	p := d.page(r, v, title)
	p.Contacts = map[string]string{}
	var placed []string
	for _, h := range list {
		placed = append(placed, h.PlacedBy, h.ReleasedBy)
		if h.Target.Subject != nil && h.Target.Subject.ID != "" {
			d.addName(r, v, *h.Target.Subject, p.Contacts)
		}
	}
	if p.People, err = d.people(r, v, placed...); err != nil {
		return err
	}
	return d.show(w, r, status, holdsPageOf(p, view))
}

func (d *door) releaseHold(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	id := r.PathValue("hold")
	_, err = d.engine.ReleaseHold(r.Context(), v.caller, v.workspace.ID, id, strings.TrimSpace(r.PostForm.Get("reason")))
	switch privacyd.CodeOf(err) {
	case "", "hold_released": // pressed twice
		if err != nil && privacyd.CodeOf(err) == "" {
			return err
		}
		return redirect(w, r, workspacePath(v.workspace.Slug, "holds")+"?done=released")
	case "hold_reason_invalid":
		wrong := problem{Message: privacyd.MessageOf(err), Code: privacyd.CodeOf(err), Field: "reason"}
		return d.showHolds(w, r, v, http.StatusUnprocessableEntity, holdsPage{Form: d.newHoldForm(v, url.Values{}), Problem: wrong, Of: id})
	}
	return err
}

// holdTitle names what a hold covers.
func holdTitle(p page, h *privacyd.Hold) string {
	switch h.Target.Type {
	case privacyd.HoldWorkspace:
		return "The whole workspace " + p.Workspace.Name
	case privacyd.HoldConversation:
		if n := len(h.Target.Key); n > 0 {
			return "Conversation " + h.Target.Key[n-1]
		}
		return "Conversation"
	default:
		if h.Target.Subject == nil || h.Target.Subject.ID == "" {
			return "An erased person"
		}
		return sentence(h.Target.Subject.Kind) + " " + subjectWords(p, *h.Target.Subject)
	}
}

// groundWords is a ground of Art. 17(3) GDPR in plain words.
func groundWords(g privacyd.Ground) string {
	switch g {
	case privacyd.GroundExpression:
		return "Freedom of expression and information"
	case privacyd.GroundLegalObligation:
		return "A legal obligation to keep it"
	case privacyd.GroundPublicHealth:
		return "Public interest in public health"
	case privacyd.GroundArchiving:
		return "Archiving, research or statistics in the public interest"
	case privacyd.GroundLegalClaims:
		return "Legal claims: to establish, exercise or defend them"
	default:
		return sentence(string(g))
	}
}

// holdState gives a hold's state and its style.
func holdState(h *privacyd.Hold, now time.Time) (word, style string) {
	switch {
	case !h.Standing():
		return "Released", "state-off"
	case h.ReviewDue(now):
		return "Review overdue", "state-bad"
	default:
		return "Stands", "state-good"
	}
}

// releaseWords says what happens once a hold is released.
func releaseWords(h *privacyd.Hold) string {
	switch h.Target.Type {
	case privacyd.HoldWorkspace:
		return "Everything in the workspace can be deleted again, and retention takes what is due at its next run."
	case privacyd.HoldConversation:
		return "The conversation can be deleted again. If it is due under the retention policy, it goes at the next run."
	default:
		return "This person can be deleted again, and retention takes what is due of their conversations at its next run."
	}
}
