package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

var errFault = errors.New("the disk is gone")

// faulty fails its n-th change, before or after it is made, and all that
// follow: the process is dead.
type faulty struct {
	shelf
	left  int
	after bool
}

func (f *faulty) fails(change func() error) error {
	f.left--
	switch {
	case f.left > 0:
		return change()
	case f.left == 0 && f.after:
		return errors.Join(change(), errFault)
	default:
		return errFault
	}
}

func (f *faulty) Create(ctx context.Context, name string, data []byte) (made bool, err error) {
	err = f.fails(func() error {
		made, err = f.shelf.Create(ctx, name, data)
		return err
	})
	return made && err == nil, err
}

func (f *faulty) Remove(ctx context.Context, name string) error {
	return f.fails(func() error { return f.shelf.Remove(ctx, name) })
}

type plain struct{}

func (plain) Wrap(_ context.Context, key []byte) ([]byte, error)       { return key, nil }
func (plain) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) { return wrapped, nil }

// TestSuppressionFaults ends a process at each change that it makes to the
// ledger; the next one goes on, and nothing that was added is lost.
func TestSuppressionFaults(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			ended := lifeWithFault(t, n, after)
			if ended {
				if n < 20 {
					t.Fatalf("the whole life has only %d changes", n)
				}
				break
			}
		}
	}
}

// lifeWithFault adds, expires and merges; it tells whether the fault never
// came.
func lifeWithFault(t *testing.T, n int, after bool) bool {
	t.Helper()
	dir, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	now := day
	broken := &faulty{shelf: dir, left: n, after: after}
	var added []string
	live := func(l *Ledger, from int) error {
		s, err := l.Suppression(t.Context(), plain{}, func() time.Time { return now })
		if err != nil {
			return err
		}
		for i := from; i < 9; i++ {
			now = day.Add(time.Duration(i) * 8 * time.Hour)
			id := fmt.Sprint(i)
			e := privacyd.Erased{JobID: id, At: now, Expires: now.Add(30 * time.Hour)}
			if _, err := s.Append(t.Context(), e, nil); err != nil {
				return err
			}
			added = append(added, id)
			now = now.Add(2 * time.Hour)
			if _, err := s.Expire(t.Context()); err != nil {
				return err
			}
		}
		return nil
	}
	err = live(&Ledger{broken}, 0)
	if err != nil && !errors.Is(err, errFault) {
		t.Fatalf("fault %d: %v", n, err)
	}
	checkLife(t, fmt.Sprintf("fault %d, after %v", n, after), &Ledger{dir}, added, now)
	if err := live(&Ledger{dir}, len(added)); err != nil {
		t.Fatalf("after fault %d: %v", n, err)
	}
	checkLife(t, fmt.Sprintf("fault %d, after %v, mended", n, after), &Ledger{dir}, added, now)
	return broken.left > 0
}

func checkLife(t *testing.T, name string, l *Ledger, added []string, now time.Time) {
	t.Helper()
	s, err := l.Suppression(t.Context(), plain{}, func() time.Time { return now })
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var found []string
	last := int64(0)
	for e, err := range s.Since(t.Context(), 0) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if last != 0 && e.Sequence != last+1 {
			t.Errorf("%s: %d comes after %d", name, e.Sequence, last)
		}
		last = e.Sequence
		found = append(found, e.JobID)
	}
	for i, id := range added {
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 8 * time.Hour)
		if at.Add(30*time.Hour).After(now) != slices.Contains(found, id) {
			t.Errorf("%s: at %s the ledger has %v", name, now, found)
		}
	}
	if n, err := s.Newest(t.Context()); err != nil || n < int64(len(added)) {
		t.Errorf("%s: newest %d after %d entries, %v", name, n, len(added), err)
	}
}

// TestAppendAfterAPause has a process take a number that was given, merged or
// expired while it stood still.
func TestAppendAfterAPause(t *testing.T) {
	dir, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	open := func(s shelf) *Suppression {
		p, err := (&Ledger{s}).Suppression(t.Context(), plain{}, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	add := func(s *Suppression, id string, life time.Duration) int64 {
		n, err := s.Append(t.Context(), privacyd.Erased{JobID: id, At: now, Expires: now.Add(life)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	brisk := open(dir)
	paused := &pausing{shelf: dir}
	slow := open(paused)
	paused.pause = func() {
		for i := range 3 {
			add(brisk, fmt.Sprint("merged", i), 24*time.Hour)
		}
		now = now.Add(2 * time.Hour)
		if _, err := brisk.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := add(slow, "late", 24*time.Hour); n != 4 {
		t.Errorf("after a merge the number is %d", n)
	}
	paused.pause = func() {
		add(brisk, "expires", 24*time.Hour)
		now = now.Add(48 * time.Hour)
		if _, err := brisk.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := add(slow, "later", 1000*time.Hour); n != 6 {
		t.Errorf("after an expiry the number is %d", n)
	}
	var jobs []string
	for e, err := range brisk.Since(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, e.JobID)
	}
	if !slices.Equal(jobs, []string{"later"}) {
		t.Errorf("the ledger has %v", jobs)
	}
}

// pausing stands still once, just before it writes.
type pausing struct {
	shelf
	pause func()
}

func (p *pausing) Create(ctx context.Context, name string, data []byte) (bool, error) {
	if pause := p.pause; pause != nil {
		p.pause = nil
		pause()
	}
	return p.shelf.Create(ctx, name, data)
}

func FuzzObject(f *testing.F) {
	f.Add([]byte{})
	f.Add(frame(frame(nil, 1, []byte("a")), 2, nil))
	f.Add(frame(nil, -1, []byte("a")))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		rest := b
		for len(rest) > 0 {
			sequence, sealed, after, err := cut(rest)
			if err != nil {
				return
			}
			again, rest = frame(again, sequence, sealed), after
		}
		if string(again) != string(b) {
			t.Errorf("%x was read as %x", b, again)
		}
	})
}
