package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/ledger"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// wrapper is a key store's part: it hides the key and knows its own.
type wrapper byte

func (w wrapper) Wrap(_ context.Context, key []byte) ([]byte, error) {
	wrapped := []byte{byte(w)}
	for _, b := range key {
		wrapped = append(wrapped, b^0xa5)
	}
	return wrapped, nil
}

func (w wrapper) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	if len(wrapped) == 0 || wrapped[0] != byte(w) {
		return nil, &privacyd.Error{Code: "key_wrong", Message: "That is another key."}
	}
	var key []byte
	for _, b := range wrapped[1:] {
		key = append(key, b^0xa5)
	}
	return key, nil
}

type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func suppression(t testing.TB, address string, c *clock) *ledger.Suppression {
	t.Helper()
	l, err := ledger.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s, err := l.Suppression(t.Context(), wrapper(1), c.now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func root(id string) privacyd.Root {
	return privacyd.Root{Dataset: "records", Kind: "contact", Workspace: "w", ID: id}
}

func erased(id string, at time.Time, life time.Duration) privacyd.Erased {
	return privacyd.Erased{
		JobID: "job of " + id, At: at, Expires: at.Add(life),
		Again: privacyd.EraseAgain{Type: privacyd.JobSubjectDeletion, WorkspaceID: "w", Subject: &privacyd.Subject{Kind: "contact", ID: id}},
	}
}

// add appends the erasure of a contact.
func add(t testing.TB, s *ledger.Suppression, e privacyd.Erased) int64 {
	t.Helper()
	n, err := s.Append(t.Context(), e, []privacyd.Root{root(e.Again.Subject.ID)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func since(t testing.TB, s *ledger.Suppression, sequence int64) (list []privacyd.Erased) {
	t.Helper()
	for e, err := range s.Since(t.Context(), sequence) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func newest(t testing.TB, s *ledger.Suppression) int64 {
	t.Helper()
	n, err := s.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func contains(t testing.TB, s *ledger.Suppression, ids ...string) (found []bool) {
	t.Helper()
	for _, id := range ids {
		found = append(found, knows(t, s, root(id)))
	}
	return found
}

func knows(t testing.TB, s *ledger.Suppression, r privacyd.Root) bool {
	t.Helper()
	for m, err := range s.Marks(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if m == s.Mark(r) {
			return true
		}
	}
	return false
}

func expire(t testing.TB, s *ledger.Suppression) int64 {
	t.Helper()
	n, err := s.Expire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSuppression(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		c := &clock{start}
		s := suppression(t, address, c)
		if n := newest(t, s); n != 0 || len(since(t, s, 0)) != 0 || contains(t, s, "ann")[0] {
			t.Error("an empty ledger knows something")
		}
		var want []privacyd.Erased
		for i, id := range []string{"ann", "ben", "cleo"} {
			e := erased(id, start, time.Duration(i+1)*privacyd.Day)
			e.Sequence = add(t, s, e)
			want = append(want, e)
		}
		other := suppression(t, address, c) // another node
		if diff := cmp.Diff(want, since(t, other, 0)); diff != "" || newest(t, other) != 3 {
			t.Error(diff)
		}
		if diff := cmp.Diff(want[1:], since(t, other, 1)); diff != "" || len(since(t, s, 3)) != 0 {
			t.Error(diff)
		}
		if diff := cmp.Diff([]bool{false, true, true, false}, contains(t, other, "dan", "cleo", "ann", "an")); diff != "" {
			t.Error(diff)
		}
		for _, r := range []privacyd.Root{{Dataset: "app", Kind: "contact", Workspace: "w", ID: "ann"}, {Dataset: "records", Kind: "contact", Workspace: "wann", ID: ""}} {
			if knows(t, s, r) {
				t.Error(r)
			}
		}
		c.Time = start.Add(privacyd.Day) // the first is over, but not removed
		if diff := cmp.Diff(want[1:], since(t, s, 0)); diff != "" || contains(t, s, "ann")[0] || newest(t, s) != 3 {
			t.Error(diff)
		}
	})
}

func TestSuppressionOfManyRows(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		s := suppression(t, address, &clock{start})
		var roots []privacyd.Root
		e := privacyd.Erased{JobID: "j", At: start, Expires: start.Add(privacyd.Day), Again: privacyd.EraseAgain{
			Type: privacyd.JobRetentionRun, WorkspaceID: "w", DatasetKeys: map[string]string{"app": "7"}, Dataset: "app", Collection: "conversations",
		}}
		for i := range 1000 {
			id := fmt.Sprint(i)
			roots = append(roots, root(id))
			e.Again.Keys = append(e.Again.Keys, []string{"w", id})
		}
		n, err := s.Append(t.Context(), e, roots)
		must(t, err)
		e.Sequence = n
		if diff := cmp.Diff([]privacyd.Erased{e}, since(t, s, 0)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]bool{true, true, false}, contains(t, s, "0", "999", "1000")); diff != "" {
			t.Error(diff)
		}
		back, late := e, e // of the rows some are taken back, and one of those goes after all
		back.Again.Withdrawn, back.Again.Keys = true, e.Again.Keys[998:]
		late.Again.Keys = e.Again.Keys[998:999]
		_, err = s.Append(t.Context(), back, nil)
		must(t, err)
		if diff := cmp.Diff([]bool{true, true, false, false}, contains(t, s, "0", "997", "998", "999")); diff != "" {
			t.Error(diff)
		}
		_, err = s.Append(t.Context(), late, roots[998:999])
		must(t, err)
		if diff := cmp.Diff([]bool{true, false}, contains(t, s, "998", "999")); diff != "" {
			t.Error(diff)
		}
		if _, err := s.Append(t.Context(), e, make([]privacyd.Root, ledger.MaxRoots+1)); err == nil {
			t.Error("more roots than one entry takes")
		}
	})
}

func TestSuppressionExpires(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		c := &clock{start}
		s := suppression(t, address, c)
		for i := range 6 {
			at := start.Add(time.Duration(i) * time.Hour)
			add(t, s, erased(fmt.Sprint(i), at, 2*privacyd.Day))
		}
		for _, step := range []struct {
			after   time.Duration
			removed int64
			left    int
		}{
			{0, 0, 6},
			{30 * time.Hour, 0, 6},                 // merged
			{2*privacyd.Day + 5*time.Hour, 6, 0},   // all over
			{2*privacyd.Day + 500*time.Hour, 0, 0}, // and again
		} {
			c.Time = start.Add(step.after)
			if n := expire(t, s); n != step.removed {
				t.Errorf("after %s: %d removed", step.after, n)
			}
			if left := since(t, s, 0); len(left) != step.left || newest(t, s) != 6 {
				t.Errorf("after %s: %d left, newest %d", step.after, len(left), newest(t, s))
			}
		}
		if n := add(t, suppression(t, address, c), erased("new", c.Time, privacyd.Day)); n != 7 {
			t.Errorf("the number %d was given before", n)
		}
	})
}

// files counts the objects of a folder under a prefix.
func files(t *testing.T, dir, prefix string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, prefix), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	must(t, err)
	return names
}

func TestSuppressionStaysSmall(t *testing.T) {
	dir := t.TempDir()
	c := &clock{start}
	s := suppression(t, dir, c)
	for day := range 20 {
		for i := range 10 {
			c.Time = start.Add(time.Duration(day)*privacyd.Day + time.Duration(i)*time.Minute)
			add(t, s, erased(fmt.Sprint(day, "-", i), c.Time, 7*privacyd.Day))
		}
		c.Time = c.Add(2 * time.Hour)
		expire(t, s)
	}
	if n := len(files(t, dir, "suppression/entries")); n > 8 {
		t.Errorf("%d objects for 70 entries of 7 days", n)
	}
	if n := len(files(t, dir, "suppression/floor")); n != 1 {
		t.Errorf("%d floors", n)
	}
	if n := len(since(t, s, 0)); n != 70 {
		t.Errorf("%d entries left, want 70", n)
	}
	if diff := cmp.Diff([]bool{false, true, true}, contains(t, s, "12-9", "13-0", "19-9")); diff != "" {
		t.Error(diff)
	}
}

func TestSuppressionShowsNothing(t *testing.T) {
	dir := t.TempDir()
	s := suppression(t, dir, &clock{start})
	add(t, s, erased("find-this-marker", start, privacyd.Day))
	for _, name := range files(t, dir, "") {
		b, err := os.ReadFile(name)
		must(t, err)
		if bytes.Contains(b, []byte("marker")) || bytes.Contains(b, []byte("contact")) || bytes.Contains(b, []byte("subject_deletion")) {
			t.Errorf("%s is readable", name)
		}
	}
}

func TestSuppressionDamaged(t *testing.T) {
	for name, damage := range map[string]func(entries []string) error{
		"one in the middle is missing": func(e []string) error { return os.Remove(e[1]) },
		"the oldest is missing":        func(e []string) error { return os.Remove(e[0]) },
		"cut short":                    func(e []string) error { return os.Truncate(e[1], 20) },
		"emptied":                      func(e []string) error { return os.Truncate(e[1], 0) },
		"another one's bytes":          func(e []string) error { return copyFile(e[0], e[1]) },
		"a bit":                        func(e []string) error { return flip(e[1]) },
		"more bytes": func(e []string) error {
			return os.WriteFile(e[1], append(must1(os.ReadFile(e[1])), must1(os.ReadFile(e[2]))...), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := suppression(t, dir, &clock{start})
			for _, id := range []string{"ann", "ben", "cleo"} {
				add(t, s, erased(id, start, privacyd.Day))
			}
			must(t, damage(files(t, dir, "suppression/entries")))
			var err error
			for _, err = range s.Since(t.Context(), 0) {
				if err != nil {
					break
				}
			}
			if privacyd.CodeOf(err) != "ledger_damaged" {
				t.Errorf("since: %v", err)
			}
			for _, err = range s.Marks(t.Context()) {
				if err != nil {
					break
				}
			}
			if privacyd.CodeOf(err) != "ledger_damaged" {
				t.Errorf("marks: %v", err)
			}
		})
	}
}

func must1(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func copyFile(from, to string) error { return os.WriteFile(to, must1(os.ReadFile(from)), 0o600) }

func flip(name string) error {
	b := must1(os.ReadFile(name))
	b[len(b)-1] ^= 1
	return os.WriteFile(name, b, 0o600)
}

func TestSuppressionKey(t *testing.T) {
	dir := t.TempDir()
	c := &clock{start}
	add(t, suppression(t, dir, c), erased("ann", start, privacyd.Day))
	l := open(t, dir)
	if _, err := l.Suppression(t.Context(), wrapper(2), c.now); privacyd.CodeOf(err) != "key_wrong" {
		t.Errorf("with another key store: %v", err)
	}
	must(t, os.Remove(filepath.Join(dir, "suppression", "key")))
	if _, err := l.Suppression(t.Context(), wrapper(1), c.now); privacyd.CodeOf(err) != "ledger_damaged" {
		t.Errorf("without its key: %v", err)
	}
}

// TestSuppressionOfManyNodes has several nodes add, tidy and read at once.
func TestSuppressionOfManyNodes(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		const nodes, own = 4, 12
		c := &clock{start}
		var wg sync.WaitGroup
		numbers := make([][]int64, nodes)
		for node := range nodes {
			s := suppression(t, address, c)
			wg.Go(func() {
				for i := range own {
					// Old enough to be merged at once.
					n, err := s.Append(t.Context(), erased(fmt.Sprint(node, "-", i), start.Add(-2*time.Hour), privacyd.Day), []privacyd.Root{root(fmt.Sprint(node, "-", i))})
					if err != nil {
						t.Error(err)
						return
					}
					numbers[node] = append(numbers[node], n)
					if i%4 == 3 {
						if _, err := s.Expire(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		all := slices.Concat(numbers...)
		slices.Sort(all)
		s := suppression(t, address, c)
		found := map[string]int64{}
		for _, e := range since(t, s, 0) {
			found[e.Again.Subject.ID] = e.Sequence
		}
		for node, given := range numbers {
			for i, n := range given {
				if found[fmt.Sprint(node, "-", i)] == 0 || n < 1 {
					t.Errorf("the %d-th entry of node %d is lost", i, node)
				}
			}
		}
		if len(slices.Compact(all)) != nodes*own {
			t.Errorf("numbers were given twice: %v", all)
		}
	})
}

// TestSuppressionProperties compares a ledger with a list.
func TestSuppressionProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		c := &clock{start}
		s := suppression(t, dir, c)
		var model []privacyd.Erased
		for range rapid.IntRange(1, 14).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0:
				c.Time = c.Add(time.Duration(rapid.IntRange(0, 40).Draw(r, "hours")) * time.Hour)
			case 1:
				expire(t, s)
			default:
				e := erased(fmt.Sprint(len(model)), c.Time, time.Duration(rapid.IntRange(1, 72).Draw(r, "life"))*time.Hour)
				e.Sequence = add(t, s, e)
				model = append(model, e)
			}
			checkModel(r, t, s, c.Time, model)
		}
	})
}

func checkModel(r *rapid.T, t *testing.T, s *ledger.Suppression, now time.Time, model []privacyd.Erased) {
	var want []privacyd.Erased
	var ids []string
	var known []bool
	for i, e := range model {
		if e.Sequence != int64(i+1) {
			r.Fatalf("the %d-th entry got the number %d", i+1, e.Sequence)
		}
		alive := e.Expires.After(now)
		if alive {
			want = append(want, e)
		}
		ids, known = append(ids, e.Again.Subject.ID), append(known, alive)
	}
	if diff := cmp.Diff(want, since(t, s, 0)); diff != "" {
		r.Fatal(diff)
	}
	if got := contains(t, s, ids...); !slices.Equal(got, known) {
		r.Fatalf("contains %v, want %v", got, known)
	}
	if n := newest(t, s); n != int64(len(model)) {
		r.Fatalf("newest is %d of %d", n, len(model))
	}
}
