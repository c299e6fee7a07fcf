package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"regexp"
	"slices"
	"strconv"
)

const (
	entriesPrefix = "suppression/entries/"
	floorPrefix   = "suppression/floor/"
	digits        = 16
)

var (
	objectPattern = regexp.MustCompile(`^(\d{16})-(\d{16})$`)
	floorPattern  = regexp.MustCompile(`^\d{16}$`)
)

// object is a stored run of entries with consecutive numbers. New entries lie
// alone; old ones are merged.
type object struct{ first, last int64 }

func (o object) path() string {
	return fmt.Sprintf("%s%0*d-%0*d", entriesPrefix, digits, o.first, digits, o.last)
}

func (o object) single() bool { return o.first == o.last }

// coveredBy tells whether another object holds all numbers of o.
func (o object) coveredBy(objects []object) bool {
	return slices.ContainsFunc(objects, func(p object) bool { return p != o && p.first <= o.first && o.last <= p.last })
}

// stock lists the objects, by their first number and the longer first, and
// gives the floor: entries up to that number have expired.
func (s *Suppression) stock(ctx context.Context) (objects []object, floor int64, err error) {
	// The floor first: it is raised before anything is removed.
	floors, err := s.shelf.List(ctx, floorPrefix)
	if err != nil {
		return nil, 0, err
	}
	names, err := s.shelf.List(ctx, entriesPrefix)
	if err != nil {
		return nil, 0, err
	}
	for _, name := range floors {
		if floorPattern.MatchString(name) {
			floor = max(floor, parseNumber(name))
		}
	}
	for _, name := range names {
		if m := objectPattern.FindStringSubmatch(name); m != nil {
			objects = append(objects, object{parseNumber(m[1]), parseNumber(m[2])})
		}
	}
	slices.SortFunc(objects, func(a, b object) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.last, a.last)) })
	return objects, floor, nil
}

// parseNumber reads digits that a pattern has matched.
func parseNumber(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func newest(objects []object, floor int64) int64 {
	n := floor
	for _, o := range objects {
		n = max(n, o.last)
	}
	return n
}

// errMoved says that others merged or removed objects while they were read.
var errMoved = errors.New("the suppression ledger was tidied meanwhile")

// entries gives every entry after a number that is still stored, in order,
// expired ones too. It begins anew where objects are merged under its feet.
func (s *Suppression) entries(ctx context.Context, after int64) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		at := after
		for try := 1; ; try++ {
			before := at
			stopped, err := s.pass(ctx, &at, yield)
			switch {
			case stopped || err == nil:
				return
			case !errors.Is(err, errMoved):
				yield(entry{}, err)
				return
			case at > before:
				try = 0
			case try == tries:
				yield(entry{}, errDamaged(fmt.Sprintf("entry %d is missing", at+1)))
				return
			}
		}
	}
}

// pass gives entries from the one after *at on and moves it along.
func (s *Suppression) pass(ctx context.Context, at *int64, yield func(entry, error) bool) (stopped bool, err error) {
	objects, floor, err := s.stock(ctx)
	if err != nil {
		return false, err
	}
	*at = max(*at, floor)
	for _, o := range objects {
		if o.last <= *at {
			continue
		}
		if o.first > *at+1 {
			return false, errMoved
		}
		if stopped, err = s.each(ctx, o, at, yield); stopped || err != nil {
			return stopped, err
		}
	}
	return false, nil
}

// each gives the entries of one object after *at.
func (s *Suppression) each(ctx context.Context, o object, at *int64, yield func(entry, error) bool) (stopped bool, err error) {
	b, err := s.shelf.Read(ctx, o.path())
	if errors.Is(err, fs.ErrNotExist) {
		return false, errMoved
	}
	for want := o.first; err == nil && want <= o.last; want++ {
		var sequence int64
		var sealed []byte
		if sequence, sealed, b, err = cut(b); err != nil {
			break
		}
		if sequence != want {
			return false, errDamaged("an object has other entries than its name says")
		}
		if sequence <= *at {
			continue
		}
		e, err := s.openEntry(sequence, sealed)
		if err != nil {
			return false, err
		}
		*at = sequence
		if !yield(e, nil) {
			return true, nil
		}
	}
	if err == nil && len(b) > 0 {
		err = errDamaged("an object has more entries than its name says")
	}
	return false, err
}
