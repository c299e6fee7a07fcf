package engine

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/privacyd/privacyd"
)

// Surveyor asks the providers of places where what we keep there lies.
type Surveyor interface {
	Survey(ctx context.Context) []privacyd.Sighting
}

// ActionSurvey is what Survey is in the audit log when it finds that something
// has moved.
const ActionSurvey privacyd.Action = "place.survey"

// sightings are what the providers said last.
type sightings struct {
	mu   sync.Mutex
	seen []privacyd.Sighting
}

func (s *sightings) list() []privacyd.Sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// replace keeps what was said this time. A bucket that had moved is where it was
// while nobody says otherwise.
func (s *sightings) replace(seen []privacyd.Sighting) (before, now []privacyd.Sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, now = s.seen, slices.Clone(seen)
	for i, said := range now {
		n := slices.IndexFunc(before, func(b privacyd.Sighting) bool { return b.Use == said.Use })
		if n >= 0 {
			now[i] = said.After(before[n])
		}
	}
	s.seen = now
	return before, slices.Clone(now)
}

// Survey asks the providers where places are, and keeps what they say until
// they say something else. Nothing is written while one of them lies elsewhere
// than it is declared. It fails then with the code place_moved. Audit:
// place.survey, in the instance's log, for what has moved since the last time.
func (e *Engine) Survey(ctx context.Context) error {
	if e.Surveyor == nil {
		return nil
	}
	seen := e.Surveyor.Survey(ctx)
	for n, s := range seen {
		seen[n] = e.placeOf(s.Use).Judge(s)
		if s.Fault != "" {
			e.Log.WarnContext(ctx, "a provider could not be asked where a bucket lies", "use", s.Use, "fault", s.Fault)
		}
	}
	before, seen := e.sights.replace(seen)
	var failed error
	for _, s := range seen {
		if !s.Moved || slices.ContainsFunc(before, func(b privacyd.Sighting) bool { return b.Use == s.Use && b.Moved }) {
			continue
		}
		failed = errors.Join(failed, e.recordAlone(ctx, privacyd.AuditEvent{
			Caller: privacyd.System("survey"), Action: string(ActionSurvey), Outcome: privacyd.OutcomeFailed, Code: "place_moved",
			Target: privacyd.Target{Type: "place", ID: s.Use},
		}))
	}
	return errors.Join(e.moved(), failed)
}

// Sightings is what the providers said when they were asked last.
func (e *Engine) Sightings() []privacyd.Sighting { return e.sights.list() }

// placeOf is the place that a use of the configuration is at.
func (e *Engine) placeOf(use string) privacyd.Place {
	n := slices.IndexFunc(e.Places, func(p privacyd.Place) bool { return slices.Contains(p.Uses, use) })
	if n < 0 {
		return privacyd.Place{}
	}
	return e.Places[n]
}

// moved refuses to write or send while something lies elsewhere than it is
// declared. Code place_moved.
func (e *Engine) moved() error {
	for _, s := range e.sights.list() {
		if err := s.Refusal(e.placeOf(s.Use)); err != nil {
			return err
		}
	}
	return nil
}

// seenAt is what providers said of the buckets at a place.
func (e *Engine) seenAt(p privacyd.Place) []privacyd.Sighting {
	return slices.DeleteFunc(e.sights.list(), func(s privacyd.Sighting) bool { return !slices.Contains(p.Uses, s.Use) })
}
