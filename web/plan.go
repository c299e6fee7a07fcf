package web

import (
	"errors"
	"regexp"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// restWords say that what is not on hold goes: at once, or after the grace period.
func restWords(t privacyd.JobType) string {
	if rules, _ := t.Rules(); rules.Grace > 0 {
		return "Delete the rest when the time comes. What is on hold stays."
	}
	return "Delete the rest now. What is on hold stays."
}

// confirmForm is what a person types to confirm a plan.
type confirmForm struct {
	Action  string // where it is posted to
	Type    privacyd.JobType
	Hidden  [][2]string // name, value
	Name    string      // what has to be typed; empty: nothing
	Count   int64       // what has to be typed; where the rules want one
	Button  string
	Back    string // where one goes who does not confirm
	Keep    string // what that link says; empty: that everything is kept
	Typed   string
	Wait    bool
	Problem problem
	ByLink  bool // they have no password and sign in by link
	Changed bool // the plan is another one than was shown
}

// asks tells whether the operation's rules want a proof.
func (f confirmForm) asks(p privacyd.Proof) bool {
	rules, _ := f.Type.Rules()
	return slices.Contains(rules.Proofs, p)
}

// confirmProblem makes the refusal of a confirmation a problem of its form, with
// the plan as it is now where that is another one.
func confirmProblem(err error) (wrong problem, now *privacyd.Plan, ok bool) {
	wrong = problem{Message: privacyd.MessageOf(err), Code: privacyd.CodeOf(err)}
	wrong.Field = map[string]string{
		"confirm_name_wrong": "name", "confirm_count_wrong": "count", "confirm_password_missing": "password", "password_wrong": "password",
	}[wrong.Code]
	var refused *engine.RefusedPlan
	if errors.As(err, &refused) {
		return wrong, refused.Plan, true
	}
	switch wrong.Code {
	case "plan_not_found", "plan_expired", "too_many_attempts", "sign_in_again", "confirm_plan_missing":
		return wrong, nil, true
	}
	return wrong, nil, wrong.Field != ""
}

// fateWords says what happens to rows of a collection, and how it looks.
func fateWords(c privacyd.PlannedCollection) (word, style string) {
	switch {
	case c.Rows == 0 && c.Held > 0:
		return "Stays: on hold", "state-warn"
	case c.Fate == privacyd.FateDelete:
		return "Deleted", "state-bad"
	case c.Fate == privacyd.FateKeep:
		return "Kept", "state-warn"
	case c.Fate == privacyd.FateReplace:
		return "Stays, names nobody", "state-off"
	default:
		return "Stays, fields blanked", "state-off"
	}
}

// reasonWords says what of the rows changes, or why they stay.
func reasonWords(c privacyd.PlannedCollection) string {
	text := ""
	switch {
	case c.Fate == privacyd.FateKeep && c.Ground != "":
		text = sentence(string(c.Ground)) + ", " + c.Ground.Article()
	case c.Fate == privacyd.FateNull && len(c.Fields) > 0:
		text = "Blanked: " + spaced(joined(c.Fields))
	case c.Fate == privacyd.FateReplace && len(c.Fields) > 0:
		text = "Replaced by a text about nobody: " + spaced(joined(c.Fields))
	}
	if c.Mentions {
		text = sentencesOf(text, "Rows of others that only name what goes")
	}
	return text
}

var fieldOfCollection = regexp.MustCompile(`\b([a-z_]+)\.([a-z_]+)\b`)

// noteWords is a note of a plan without the names by which a program knows fields.
func noteWords(note string) string {
	return spaced(fieldOfCollection.ReplaceAllString(note, "$2 of $1"))
}

func sentencesOf(list ...string) string {
	text := ""
	for _, s := range list {
		if s == "" {
			continue
		}
		if text != "" {
			text += " "
		}
		text += s + "."
	}
	return text
}

// planned are the collections in which something happens.
func planned(plan *privacyd.Plan) []privacyd.PlannedCollection {
	return slices.DeleteFunc(slices.Clone(plan.Collections), func(c privacyd.PlannedCollection) bool { return c.Rows == 0 && c.Held == 0 && c.Files == 0 })
}

// stat is a number of a plan or result in large print.
type stat struct {
	Label string
	Value int64
	Style string
}

func planStats(plan *privacyd.Plan) []stat {
	t := plan.Totals()
	list := []stat{
		{wordFor(int(t.Deleted), "record deleted", "records deleted"), t.Deleted, "text-error"},
		{wordFor(int(t.Files), "file deleted", "files deleted"), t.Files, ""},
		{wordFor(int(t.Blanked), "record changed", "records changed"), t.Blanked, ""},
	}
	if t.Kept > 0 {
		list = append(list, stat{"records kept by law", t.Kept, "text-warning"})
	}
	if t.Held > 0 {
		list = append(list, stat{"records on hold", t.Held, "text-warning"})
	}
	return list
}

// runnable tells whether a plan may be confirmed.
func runnable(plan *privacyd.Plan) bool { return plan.Runnable() == nil }
