package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
)

// Surveyor asks the providers of places where what we keep there lies.
type Surveyor interface {
	Survey(ctx context.Context) []privacyd.Sighting
}

// ActionSurvey is what Survey is in the audit log when it finds that something
// has moved.
const ActionSurvey privacyd.Action = "place.survey"

// ActionPlace is in the audit log what keeps an installation from starting: that
// something is where it may not be.
const ActionPlace privacyd.Action = "place.check"

// refusedMemo keeps why the last start was refused.
const refusedMemo = "refused_start"

// RefuseStart says in the instance's audit log that a start is refused, since
// name, a place or something at one, is where it may not be. What is tried
// again and again is said once. Audit: place.check, denied.
func (e *Engine) RefuseStart(ctx context.Context, name, code string) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		why := code + " " + name
		memos, err := e.Memos.Memos(ctx, refusedMemo)
		if err != nil || string(memos[refusedMemo]) == why {
			return err
		}
		_, err = e.record(ctx, privacyd.AuditEvent{
			Caller: privacyd.System("start"), Action: string(ActionPlace), Outcome: privacyd.OutcomeDenied, Code: code, Target: privacyd.Target{Type: "place", ID: name},
		})
		if err != nil {
			return err
		}
		return e.Memos.PutMemo(ctx, refusedMemo, []byte(why))
	})
}

// AllowStart forgets why a start was refused before.
func (e *Engine) AllowStart(ctx context.Context) error {
	memos, err := e.Memos.Memos(ctx, refusedMemo)
	if err != nil || len(memos) == 0 {
		return err
	}
	_, err = e.Memos.DeleteMemo(ctx, refusedMemo)
	return err
}

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

func (s *sightings) replace(seen []privacyd.Sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = slices.Clone(seen)
}

const sightingMemo = "sighting/" // and the use

// keptSighting is what outlives a process of what a provider said.
type keptSighting struct {
	Bucket string    `json:"bucket"`
	Region string    `json:"region"`
	Amazon bool      `json:"amazon"`
	Moved  bool      `json:"moved"` // the audit log says so
	ToldAt time.Time `json:"told_at"`
}

// Survey asks the providers where places are, and keeps what they say until
// they say something else, also from one start to the next. Nothing is written
// while one of them lies elsewhere than it is declared. It fails then with the
// code place_moved. Audit: place.survey, in the instance's log, for what has
// moved since the last time.
func (e *Engine) Survey(ctx context.Context) error {
	if e.Surveyor == nil {
		return nil
	}
	seen := e.Surveyor.Survey(ctx)
	var failed error
	for n, s := range seen {
		former, err := e.formerSighting(ctx, s.Use)
		if err != nil {
			return err
		}
		if s.Fault != "" {
			e.Log.WarnContext(ctx, "a provider could not be asked where a bucket lies", "use", s.Use, "fault", s.Fault)
		}
		seen[n] = e.placeOf(s.Use).Judge(s.After(former))
		failed = errors.Join(failed, e.keepSighting(ctx, seen[n], former))
	}
	e.sights.replace(seen)
	return errors.Join(e.moved(), failed)
}

// formerSighting is what the provider told last of what a use leads to; empty:
// nothing yet.
func (e *Engine) formerSighting(ctx context.Context, use string) (s privacyd.Sighting, err error) {
	memos, err := e.Memos.Memos(ctx, sightingMemo+use)
	if err != nil {
		return s, err
	}
	value, ok := memos[sightingMemo+use]
	if !ok {
		return s, nil
	}
	var k keptSighting
	if err := json.Unmarshal(value, &k); err != nil {
		return s, fmt.Errorf("read where a bucket was: %w", err)
	}
	return privacyd.Sighting{Use: use, Bucket: k.Bucket, Region: k.Region, Amazon: k.Amazon, Moved: k.Moved, ToldAt: &k.ToldAt}, nil
}

// keepSighting keeps what a provider told, together with the entry that says
// that something has moved.
func (e *Engine) keepSighting(ctx context.Context, s, former privacyd.Sighting) error {
	if s.Region == "" {
		return nil
	}
	value, err := json.Marshal(keptSighting{Bucket: s.Bucket, Region: s.Region, Amazon: s.Amazon, Moved: s.Moved, ToldAt: *s.ToldAt})
	if err != nil {
		return fmt.Errorf("keep where a bucket is: %w", err)
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if s.Moved && (!former.Moved || former.Bucket != s.Bucket || former.Region != s.Region) {
			_, err := e.record(ctx, privacyd.AuditEvent{
				Caller: privacyd.System("survey"), Action: string(ActionSurvey), Outcome: privacyd.OutcomeFailed, Code: "place_moved",
				Target: privacyd.Target{Type: "place", ID: s.Use},
			})
			if err != nil {
				return err
			}
		}
		return e.Memos.PutMemo(ctx, sightingMemo+s.Use, value)
	})
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
