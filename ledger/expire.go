package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	mergeAfter = time.Hour // so that nobody who writes now is in the way
	mergeBytes = 4 << 20
)

// Expire removes entries whose time is over, the oldest first and up to the
// first that is still needed, and merges what lies in single objects, so that
// their number stays small. It is meant to run daily, on any node, and may be
// repeated after a crash. It gives the number of entries removed.
//
// Error codes: ledger_damaged, blob_unavailable, disk_full.
func (s *Suppression) Expire(ctx context.Context) (int64, error) {
	removed, err := s.expire(ctx)
	if err == nil {
		err = s.merge(ctx)
	}
	if err != nil {
		return removed, fmt.Errorf("tidy the suppression ledger: %w", err)
	}
	return removed, nil
}

func (s *Suppression) expire(ctx context.Context) (int64, error) {
	objects, floor, err := s.stock(ctx)
	if err != nil {
		return 0, err
	}
	now, last := s.now(), floor
	for e, err := range s.entries(ctx, floor) {
		if err != nil {
			return 0, err
		}
		if e.Expires.After(now) {
			break
		}
		last = e.Sequence
	}
	// An object goes as a whole, so the floor is where one ends.
	raised := floor
	for _, o := range objects {
		if o.last <= last {
			raised = max(raised, o.last)
		}
	}
	if raised > floor {
		if _, err := s.shelf.Create(ctx, fmt.Sprintf("%s%0*d", floorPrefix, digits, raised), []byte("\n")); err != nil {
			return 0, err
		}
	}
	return raised - floor, s.sweep(ctx)
}

// sweep removes what lies below the floor, the lower floors, and objects that a
// merged one covers: also what a process left that died here.
func (s *Suppression) sweep(ctx context.Context) error {
	objects, floor, err := s.stock(ctx)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.last <= floor || o.coveredBy(objects) {
			if err := s.shelf.Remove(ctx, o.path()); err != nil {
				return err
			}
		}
	}
	floors, err := s.shelf.List(ctx, floorPrefix)
	if err != nil {
		return err
	}
	for _, name := range floors {
		if floorPattern.MatchString(name) && parseNumber(name) < floor {
			if err := s.shelf.Remove(ctx, floorPrefix+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// run is what is being merged.
type run struct {
	object
	bytes []byte
	day   string // on which all of it expires
	count int
}

// merge puts single objects with consecutive numbers that expire on one day
// into one.
func (s *Suppression) merge(ctx context.Context) error {
	objects, floor, err := s.stock(ctx)
	if err != nil {
		return err
	}
	var r run
	for _, o := range objects {
		if !o.single() || o.last <= floor || o.coveredBy(objects) {
			continue
		}
		b, day, err := s.mergeable(ctx, o)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another process merges
		}
		if err != nil {
			return err
		}
		if day == "" || day != r.day || o.first != r.last+1 || len(r.bytes)+len(b) > mergeBytes {
			if err := s.close(ctx, r); err != nil {
				return err
			}
			r = run{object: object{o.first, o.first}, day: day}
		}
		r.last, r.bytes, r.count = o.last, append(r.bytes, b...), r.count+1
	}
	return s.close(ctx, r)
}

// mergeable gives the bytes of a single object and the day on which it
// expires, which is empty for one that is too young.
func (s *Suppression) mergeable(ctx context.Context, o object) (b []byte, day string, err error) {
	if b, err = s.shelf.Read(ctx, o.path()); err != nil {
		return nil, "", err
	}
	sequence, sealed, _, err := cut(b)
	if err != nil || sequence != o.first {
		return nil, "", errDamaged("an object has other entries than its name says")
	}
	e, err := s.openEntry(sequence, sealed)
	if err != nil || e.At.Add(mergeAfter).After(s.now()) {
		return b, "", err
	}
	return b, e.Expires.Format(time.DateOnly), nil
}

// close writes a merged object and then removes what it is made of.
func (s *Suppression) close(ctx context.Context, r run) error {
	if r.count < 2 || r.day == "" {
		return nil
	}
	if _, err := s.shelf.Create(ctx, r.path(), r.bytes); err != nil {
		return err
	}
	for n := r.first; n <= r.last; n++ {
		if err := s.shelf.Remove(ctx, object{n, n}.path()); err != nil {
			return err
		}
	}
	return nil
}
