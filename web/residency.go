package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// residencyPage is the page "Where your data lives".
type residencyPage struct {
	Residency engine.Residency
	Calls     []privacyd.CallCount
	Registers []privacyd.Register
	Objected  map[string]int // sub-processor → the version that the workspace objected to
	Done      string
}

func (d *door) residencyRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/residency":                             d.residencyPage,
		"POST /w/{workspace}/residency/objections/{sub_processor}": d.object,
		"GET /legal/sub-processors":                                d.subProcessorsPage,
		"GET /legal/subprocessors":                                 d.subProcessorsPage, // as many write it
	}
}

func (d *door) residencyPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	view := residencyPage{Objected: map[string]int{}}
	if r.URL.Query().Get("done") == "objected" {
		view.Done = "Your objection is recorded, and whoever runs this server is told."
	}
	if view.Residency, err = d.engine.Residency(r.Context(), v.caller, v.workspace.ID); err != nil {
		return err
	}
	if view.Calls, err = d.engine.CallCounts(r.Context(), v.caller, v.workspace.ID); err != nil {
		return err
	}
	if view.Registers, err = d.engine.Register(r.Context()); err != nil {
		return err
	}
	objections, err := d.engine.Objections(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	for _, o := range objections {
		view.Objected[o.SubProcessor] = max(view.Objected[o.SubProcessor], o.Version)
	}
	return d.show(w, r, http.StatusOK, residencyPageOf(d.page(r, v, "Where your data lives"), view))
}

func (d *door) object(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	if _, err := d.engine.ObjectTo(r.Context(), v.caller, v.workspace.ID, r.PathValue("sub_processor")); err != nil {
		return err
	}
	return redirect(w, r, workspacePath(v.workspace.Slug, "residency")+"?done=objected#sub-processors")
}

// subProcessorsPage is public: who considers a product wants to read it.
func (d *door) subProcessorsPage(w http.ResponseWriter, r *http.Request) error {
	list, err := d.engine.Register(r.Context())
	if err != nil {
		return err
	}
	return d.showPublic(w, r, subProcessorsPageOf(d.stranger(r, "Sub-processors"), list))
}

// whereIs says where a place is.
func whereIs(p engine.PlaceShown) string {
	switch {
	case p.Country == "" && p.Local:
		return "This server; not declared"
	case p.Region != "":
		return p.Country + " (" + p.Region + ")"
	default:
		return p.Country
	}
}

// placeWords names a place that nobody has declared, and so named, by what it
// holds.
func placeWords(name string) string {
	if words := ownPlaces[name]; words != "" {
		return words
	}
	return name
}

var ownPlaces = map[string]string{
	"blobs.exports": "Finished exports and uploaded files",
	"database":      "privacyd's own database",
	"keys.root":     "Root key",
	"keys.store":    "Key store",
	"ledger":        "Suppression ledger",
	"mail.smtp":     "Mail server",
}

// saidOf is what a provider says of a bucket.
func saidOf(s privacyd.Sighting) string {
	text := s.String()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// hasMoved tells whether a provider says that a bucket lies elsewhere.
func hasMoved(p engine.PlaceShown) bool {
	return slices.ContainsFunc(p.Seen, func(s privacyd.Sighting) bool { return s.Moved })
}

// termsWords says by what a provider of language models keeps nothing, or why it
// is sent nothing.
func termsWords(t engine.Terms) string {
	if t.Refused != "" {
		return "No call is sent. " + t.Refused
	}
	return "Keeps no calls and no answers, by the agreement " + t.ZeroRetention.Document + " of " + privacyd.DayWords(t.ZeroRetention.Since) + "."
}

// isRefused tells whether no call is sent to any provider at a place.
func isRefused(p engine.PlaceShown) bool {
	return len(p.Terms) > 0 && !slices.ContainsFunc(p.Terms, func(t engine.Terms) bool { return t.Refused == "" })
}

// heldMails says that mails wait, and for what.
func heldMails(n int) string {
	return plural(n, "mail") + " about this workspace held back: the mail server is in a country in which its data may not be. " +
		"They are sent once it is elsewhere, or once the settings allow its country."
}

// kindOfPlace is a kind in words.
func kindOfPlace(k privacyd.PlaceKind) string {
	switch k {
	case privacyd.PlaceLLM:
		return "Language model"
	case privacyd.PlaceVector:
		return "Vector store"
	default:
		return sentence(strings.ReplaceAll(string(k), "_", " "))
	}
}

// latest is the version that is announced last.
func latest(r privacyd.Register) privacyd.SubProcessor { return r.History[0] }

// mayBe says where data may be, and who says so.
func mayBe(r engine.Residency) string {
	allowed := r.Allowed.String()
	if allowed == "EEA" {
		allowed = "the European Economic Area (EEA)"
	}
	if r.Own {
		return "Data may be in " + allowed + ", as this workspace's settings say."
	}
	return "Data may be in " + allowed + ", as for every workspace of this server."
}

// whatItDoes says what a sub-processor does, where and with what.
func whatItDoes(s privacyd.SubProcessor) string {
	return s.Purpose + ", in " + s.Country + ". Data: " + strings.Join(s.Categories, ", ") + "."
}

// sinceWhen says from when on, and what a transfer rests on.
func sinceWhen(s privacyd.SubProcessor, since string) string {
	text := since + " " + absolute(s.From) + "."
	if s.Basis != "" {
		text += " Transfer out of the EEA: " + s.Basis + "."
	}
	return text
}
