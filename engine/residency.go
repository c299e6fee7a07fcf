package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

// Residency is where a workspace's data is and may be.
type Residency struct {
	Allowed privacyd.Countries `json:"allowed_countries"`
	Own     bool               `json:"own"` // the workspace says so itself; false: as the instance
	Places  []PlaceShown       `json:"places"`
}

// PlaceShown is a place as a workspace sees it.
type PlaceShown struct {
	privacyd.Place
	Allowed bool `json:"allowed"` // also for what is not declared and on the server itself
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
		r.Places = append(r.Places, PlaceShown{Place: p, Allowed: !p.Declared() || r.Allowed.Permit(p.Country)})
	}
	return r, nil
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
// where it may not be: the configuration changed after the workspace chose. Code
// place_country_refused.
func (e *Engine) checkResidency(ctx context.Context, c privacyd.Caller, g grant, action privacyd.Action) error {
	s, err := e.States.Settings(ctx, g.Workspace.ID)
	if err != nil || len(s.AllowedCountries) == 0 {
		return err
	}
	if refusal := e.placesIn(s.AllowedCountries); refusal != nil {
		return e.deny(ctx, c, g, action, refusal)
	}
	return nil
}

// examinePlaces says which places nobody has declared.
func (e *Engine) examinePlaces(context.Context) ([]privacyd.Check, error) {
	const name = "places"
	var undeclared []string
	for _, p := range e.Places {
		if !p.Declared() {
			undeclared = append(undeclared, p.Name)
		}
	}
	if len(undeclared) > 0 {
		return []privacyd.Check{privacyd.Warning(name, "Nothing says in which country this server keeps: "+strings.Join(undeclared, ", ")+".",
			"Declare it under places in the configuration, so that the page Where your data lives can say so (docs/residency.md).")}, nil
	}
	return []privacyd.Check{privacyd.OK(name, "Every place that holds or sees data is declared, and in an allowed country.")}, nil
}
