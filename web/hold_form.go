package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// holdForm is a hold as somebody makes it: first what it is to cover, then why.
type holdForm struct {
	Type, ID, Kind         string
	Ground, Reason, Review string
	Kinds                  []string // of persons that there are
	Found                  foundView
	Problem                problem

	About string // what is chosen, in words; empty: nothing is chosen yet
	Line  string // by what else it is known
	Page  string // where it is seen; empty: nowhere
}

// newHoldForm is a form as it was sent, or is to be filled in.
func (d *door) newHoldForm(v visit, q url.Values) holdForm {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	f := holdForm{
		Type: get("type"), ID: get("id"), Kind: get("kind"), Ground: get("ground"), Reason: q.Get("reason"), Review: get("review"),
		Kinds: d.subjectKinds(v.workspace), Found: foundView{Searchable: len(d.subjectKinds(v.workspace)) > 0},
	}
	if f.Type == "" {
		f.Type = string(privacyd.HoldSubject)
	}
	if f.Ground == "" {
		f.Ground = string(privacyd.GroundLegalClaims)
	}
	if f.Review == "" {
		f.Review = d.engine.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	}
	if f.Kind == "" && len(f.Kinds) > 0 {
		f.Kind = f.Kinds[0]
	}
	return f
}

// target is what the form names.
func (f holdForm) target() privacyd.HoldTarget {
	t := privacyd.HoldTarget{Type: privacyd.HoldType(f.Type)}
	switch t.Type {
	case privacyd.HoldSubject:
		t.Subject = &privacyd.Subject{Kind: f.Kind, ID: f.ID}
	case privacyd.HoldConversation:
		t.Key = []string{f.ID}
	}
	return t
}

// chooseHeld finds what the form names. What is not there is the form's problem.
func (d *door) chooseHeld(r *http.Request, v visit, f *holdForm) (err error) {
	switch {
	case !v.role.May(privacyd.ActionManageHolds):
		return nil // the list of holds refuses, and is audited
	case f.Type == string(privacyd.HoldWorkspace):
		f.About = "The whole workspace " + v.workspace.Name
	case f.ID == "":
	case f.Type == string(privacyd.HoldSubject):
		err = d.choosePerson(r, v, f)
	case f.Type == string(privacyd.HoldConversation):
		err = d.chooseConversation(r, v, f)
	}
	if code := privacyd.CodeOf(err); holdFields[code] != "" {
		f.Problem = problem{Message: holdProblem(err, *f), Code: code, Field: holdFields[code]}
		return nil
	}
	return err
}

func (d *door) choosePerson(r *http.Request, v visit, f *holdForm) error {
	s := privacyd.Subject{Kind: f.Kind, ID: f.ID}
	name, err := d.engine.NameToType(r.Context(), v.caller, v.workspace.ID, privacyd.JobSubjectDeletion, &s)
	if err != nil {
		return err
	}
	f.About, f.Line = sentence(spaced(s.Kind))+" "+name, s.ID
	if c := d.contactOf(r, v, s); c != nil {
		f.About, f.Line, f.Page = "Contact "+c.title(), contactLine(*c), contactPath(v.workspace.Slug, c.ID)
	}
	return nil
}

func (d *door) chooseConversation(r *http.Request, v visit, f *holdForm) error {
	f.About, f.Line = "Conversation "+f.ID, ""
	if d.engine.Records == nil {
		return nil // a product's own: placing the hold looks whether it is there
	}
	f.About = ""
	var talk conversation
	if err := d.record(r, v, "conversations", f.ID, &talk); err != nil {
		return err
	}
	f.About, f.Line = talk.title(), f.ID
	if c := d.contactOf(r, v, privacyd.Subject{Kind: "contact", ID: talk.ContactID}); c != nil {
		f.About += " with " + c.title()
	}
	f.Page = workspacePath(v.workspace.Slug, "contact", "conversation") + "?conversation=" + url.QueryEscape(f.ID)
	return nil
}

// holdMatchesPart is the list of matches alone, as somebody types.
func (d *door) holdMatchesPart(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	if _, err := d.engine.ListHolds(r.Context(), v.caller, v.workspace.ID, "", 1); err != nil {
		return err
	}
	found, err := d.found(r, v)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, holdMatches(d.page(r, v, ""), found))
}

// holdPath is where a hold on something is placed.
func (p page) holdPath(t privacyd.HoldType, kind, id string) string {
	q := url.Values{"type": {string(t)}}
	if kind != "" {
		q.Set("kind", kind)
	}
	if id != "" {
		q.Set("id", id)
	}
	return p.to("holds") + "?" + q.Encode() + "#place"
}

// holdFields says at which field a code is shown.
var holdFields = map[string]string{
	"hold_target_invalid": "id", "subject_not_found": "id", "record_not_found": "id",
	"hold_ground_invalid": "ground", "hold_reason_invalid": "reason", "hold_review_invalid": "review",
}

func (d *door) placeHold(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	f := d.newHoldForm(v, r.PostForm)
	review, wrong := day(f.Review, "hold_review")
	if wrong.Code == "" {
		_, err = d.engine.PlaceHold(r.Context(), v.caller, engine.NewHold{
			Workspace: v.workspace.ID, Target: f.target(), Ground: privacyd.Ground(f.Ground), Reason: f.Reason, ReviewAt: review,
		})
		if err == nil {
			return redirect(w, r, workspacePath(v.workspace.Slug, "holds")+"?done=placed")
		}
		code := privacyd.CodeOf(err)
		wrong = problem{Message: holdProblem(err, f), Code: code}
		if holdFields[code] == "" {
			return err
		}
	}
	wrong.Field = holdFields[wrong.Code]
	if wrong.Field != "id" {
		if err := d.chooseHeld(r, v, &f); err != nil {
			return err
		}
	}
	f.Problem = wrong
	return d.showHolds(w, r, v, http.StatusUnprocessableEntity, holdsPage{Form: f})
}

// holdProblem is the engine's message, but where the form can put it better.
func holdProblem(err error, f holdForm) string {
	switch privacyd.CodeOf(err) {
	case "hold_target_invalid":
		return "Type the id of the " + holdWord(f) + " that is to be held."
	case "subject_not_found":
		return "No " + holdWord(f) + " of this workspace has this id. Check it for typing errors: upper and lower case matter."
	default:
		return privacyd.MessageOf(err)
	}
}

func holdWord(f holdForm) string {
	if f.Type == string(privacyd.HoldSubject) && f.Kind != "" {
		return spaced(f.Kind)
	}
	return "conversation"
}
