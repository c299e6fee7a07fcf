package engine

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

// Residency is where a workspace's data is and may be.
type Residency struct {
	Allowed privacyd.Countries `json:"allowed_countries"`
	Own     bool               `json:"own"` // the workspace says so itself; false: as the instance
	Places  []PlaceShown       `json:"places"`
	Held    int                `json:"held_mails"` // mails about it that wait, since the mail server is elsewhere; at most 1000 are counted
}

// PlaceShown is a place as a workspace sees it.
type PlaceShown struct {
	privacyd.Place
	Allowed bool                `json:"allowed"`         // also for what is not declared and on the server itself
	Seen    []privacyd.Sighting `json:"seen,omitempty"`  // what its provider says itself; of buckets alone
	Terms   []Terms             `json:"terms,omitempty"` // of language models alone
}

// Terms say whether a provider of language models keeps what it is sent, and
// whether calls go there.
type Terms struct {
	Provider      string              `json:"provider"`
	ZeroRetention *privacyd.Agreement `json:"zero_retention,omitempty"`
	Refused       string              `json:"refused,omitempty" doc:"Why nothing is sent there; left out: calls go."`
}

// Residency tells where a workspace's data is: every place that holds or sees
// it, from the running configuration. Members.
func (e *Engine) Residency(ctx context.Context, c privacyd.Caller, workspace string) (Residency, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return Residency{}, err
	}
	s, err := e.States.Settings(ctx, g.Workspace.ID)
	if err != nil {
		return Residency{}, err
	}
	r := Residency{Allowed: s.AllowedCountries.Or(e.allowedCountries()), Own: len(s.AllowedCountries) > 0, Places: []PlaceShown{}}
	for _, p := range e.Places {
		shown := PlaceShown{Place: p, Allowed: !p.Declared() || r.Allowed.Permit(p.Country), Seen: e.seenAt(p)}
		for _, provider := range e.Egress.Providers {
			if slices.Contains(p.Uses, "llm."+provider.Name) {
				terms := Terms{Provider: provider.Name, ZeroRetention: provider.ZeroRetention}
				if refusal := provider.Refusal(r.Allowed, e.Now()); refusal != nil {
					terms.Refused = privacyd.MessageOf(refusal)
				}
				shown.Terms = append(shown.Terms, terms)
			}
		}
		r.Places = append(r.Places, shown)
	}
	held, err := e.People.HeldMails(ctx, g.Workspace.ID, heldShown)
	r.Held = len(held)
	return r, err
}

// allowedCountries are where workspaces that say nothing let their data be.
func (e *Engine) allowedCountries() privacyd.Countries {
	return e.Allowed.Or(privacyd.Countries{privacyd.EEA})
}

// checkCountries refuses a choice of countries that the instance does not
// allow, or in which what is in use is not. Code place_country_refused.
func (e *Engine) checkCountries(chosen privacyd.Countries) error {
	if len(chosen) == 0 {
		return nil
	}
	for _, country := range chosen {
		if country != privacyd.EEA && !e.allowedCountries().Permit(country) {
			return privacyd.Errorf(privacyd.ClassRefused, "place_country_refused",
				"This instance keeps data in %s alone, so a workspace cannot allow %s. The operator can, with allowed_countries.", e.allowedCountries(), country)
		}
	}
	if slices.Contains(chosen, privacyd.EEA) && !slices.Contains(e.allowedCountries(), privacyd.EEA) {
		return privacyd.Errorf(privacyd.ClassRefused, "place_country_refused",
			"This instance keeps data in %s alone, so a workspace cannot allow %s.", e.allowedCountries(), privacyd.EEA)
	}
	return e.placesIn(chosen)
}

// placesIn refuses when data is already somewhere else. Language models are
// left out: they are refused call by call.
func (e *Engine) placesIn(allowed privacyd.Countries) error {
	for _, p := range e.Places {
		if p.Kind != privacyd.PlaceLLM && p.Declared() && !allowed.Permit(p.Country) {
			return privacyd.Errorf(privacyd.ClassRefused, "place_country_refused",
				"The place %s is in the country %s, and data of this workspace may only be in %s.", p.Name, p.Country, allowed)
		}
	}
	return nil
}

// checkResidency refuses to write or send a workspace's data while a place is
// where it may not be: the configuration changed after the workspace chose, or
// a bucket lies elsewhere than it is declared. Codes: place_country_refused,
// place_moved.
func (e *Engine) checkResidency(ctx context.Context, c privacyd.Caller, g grant, action privacyd.Action) error {
	refusal, err := e.residencyRefusal(ctx, g.Workspace.ID)
	if err == nil && refusal == nil && action != privacyd.ActionCallLLM { // calls go by no bucket
		refusal = e.moved()
	}
	if err != nil || refusal == nil {
		return err
	}
	return e.deny(ctx, c, g, action, refusal)
}

// residencyRefusal says why a workspace's own choice of countries keeps its data
// from being written or sent now; nil when it does not.
func (e *Engine) residencyRefusal(ctx context.Context, workspaceID string) (refusal, failed error) {
	s, err := e.States.Settings(ctx, workspaceID)
	if err != nil || len(s.AllowedCountries) == 0 {
		return nil, err
	}
	return e.placesIn(s.AllowedCountries), nil
}

// mayArchive refuses to write an archive where its data may not be, although it
// was asked for when it might: for an account, of each of its workspaces. Codes:
// those of checkResidency.
func (e *Engine) mayArchive(ctx context.Context, job *privacyd.Job) error {
	ids := []string{job.WorkspaceID}
	if job.WorkspaceID == "" {
		workspaces, err := e.Workspaces.Workspaces(ctx, job.Subject.ID)
		if err != nil {
			return err
		}
		ids = ids[:0]
		for _, w := range workspaces {
			ids = append(ids, w.ID)
		}
	}
	for _, id := range ids {
		refusal, err := e.residencyRefusal(ctx, id)
		if err != nil || refusal != nil {
			return errors.Join(err, refusal)
		}
	}
	return e.moved()
}

// examinePlaces says which places nobody has declared, and what their providers
// say of them.
func (e *Engine) examinePlaces(ctx context.Context) ([]privacyd.Check, error) {
	const name = "places"
	var undeclared []string
	for _, p := range e.Places {
		if !p.Declared() {
			undeclared = append(undeclared, p.Name)
		}
	}
	check := privacyd.OK(name, "Every place that holds or sees data is declared, and in an allowed country.")
	if len(undeclared) > 0 {
		check = privacyd.Warning(name, "Nothing says in which country this server keeps: "+strings.Join(undeclared, ", ")+".",
			"Declare it under places in the configuration, with hosts: [localhost] for what is on the server itself, so that the page Where your data lives can say so (docs/residency.md).")
	}
	checks := append([]privacyd.Check{check}, e.examineSightings(ctx)...)
	checks = append(checks, e.examineProviders()...)
	processors, err := e.examineProcessors(ctx)
	return append(checks, processors), err
}

// examineSightings asks the providers again.
func (e *Engine) examineSightings(ctx context.Context) []privacyd.Check {
	if err := e.Survey(ctx); err != nil && privacyd.CodeOf(err) != "place_moved" {
		return []privacyd.Check{failedCheck(err)}
	}
	var checks []privacyd.Check
	for _, s := range e.sights.list() {
		name, place := "place."+s.Use, e.placeOf(s.Use)
		refusal := s.Refusal(place)
		switch {
		case refusal != nil:
			checks = append(checks, privacyd.Problem(name, privacyd.MessageOf(refusal), "Exports, imports and writes are refused until then; erasing is not."))
		case s.Fault != "" && s.Region != "":
			days := int(e.Now().Sub(*s.ToldAt) / privacyd.Day)
			checks = append(checks, privacyd.Warning(name, "The provider of "+s.Use+" could not be asked where the bucket lies: "+s.Fault+
				" On "+privacyd.DayWords(*s.ToldAt)+" it said "+s.Region+", "+counted(days, "day")+" ago, and the bucket is taken to be there.",
				"See whether it can be reached."))
		case s.Fault != "":
			checks = append(checks, privacyd.Warning(name, "The provider of "+s.Use+" could not be asked where the bucket lies: "+s.Fault, "See whether it can be reached, and whether s3:GetBucketLocation is granted."))
		case s.Region == "":
			checks = append(checks, privacyd.OK(name, "The provider of "+s.Use+" does not tell where the bucket lies; the place "+place.Name+" is taken at its word."))
		default:
			checks = append(checks, privacyd.OK(name, "The bucket of "+s.Use+" lies in "+s.Region+", says its provider."))
		}
	}
	return checks
}

// examineProviders says to which providers of language models nothing is sent.
func (e *Engine) examineProviders() []privacyd.Check {
	var checks []privacyd.Check
	for _, p := range e.Egress.Providers {
		name := "llm." + p.Name
		if refusal := p.Refusal(e.allowedCountries(), e.Now()); refusal != nil {
			checks = append(checks, privacyd.Warning(name, privacyd.MessageOf(refusal)+" Every call is refused.", "Record the agreement, or take the provider out of the configuration."))
			continue
		}
		if nearer := p.EndpointInEU(); nearer != "" {
			checks = append(checks, privacyd.Warning(name, "Provider "+p.Name+" is called in the country "+p.Country+", although it has an endpoint in the EU.", "Set its url to "+nearer+", and its country, if your agreement covers that endpoint."))
			continue
		}
		checks = append(checks, privacyd.OK(name, "Provider "+p.Name+" keeps neither prompts nor answers, by the agreement "+p.ZeroRetention.Document+"."))
	}
	return checks
}

// examineProcessors compares who runs the places with the public register of
// sub-processors.
func (e *Engine) examineProcessors(ctx context.Context) (privacyd.Check, error) {
	const name = "sub_processors"
	registers, err := e.Register(ctx)
	if err != nil {
		return privacyd.Check{}, err
	}
	var absent []string
	for _, p := range e.Places {
		engaged := func(r privacyd.Register) bool {
			return r.Now != nil && !r.Now.Ended && strings.EqualFold(r.Now.Name, p.Processor)
		}
		own := strings.EqualFold(p.Processor, e.Legal.Operator.Contact.Name) // the operator engages nobody by doing it itself
		if p.Processor != "" && !own && !slices.Contains(absent, p.Processor) && !slices.ContainsFunc(registers, engaged) {
			absent = append(absent, p.Processor)
		}
	}
	if len(absent) > 0 {
		return privacyd.Warning(name, "These run places, and are not in the register of sub-processors: "+strings.TrimSuffix(strings.Join(absent, "; "), ".")+".",
			"Add them: privacyd subprocessor set --name N --purpose P --country C --category D --engaged (Art. 28 GDPR). Names have to be the same."), nil
	}
	return privacyd.OK(name, "Whoever runs a place is in the register of sub-processors."), nil
}
