package vault

import (
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/keyservice/keyservicetest"
)

// meanwhile lets others do something just before and just after a record is
// made, once.
type meanwhile struct {
	records
	before, after map[string]func()
}

func (m *meanwhile) Create(ctx context.Context, name string, record []byte) (bool, error) {
	once(m.before, name)
	made, err := m.records.Create(ctx, name, record)
	once(m.after, name)
	return made, err
}

func once(list map[string]func(), name string) {
	if do := list[name]; do != nil {
		delete(list, name)
		do()
	}
}

func wantCoded(t *testing.T, err error, code string) {
	t.Helper()
	if privacyd.CodeOf(err) != code {
		t.Errorf("not %q: %v", code, err)
	}
}

func rotatedIn(t *testing.T) (o Options, dir string) {
	t.Helper()
	dir = t.TempDir()
	return Options{Keys: filepath.Join(dir, "keys"), RootFile: filepath.Join(dir, "root.key"), Alone: true}, dir
}

func sealIn(t *testing.T, v *Vault, owners ...Owner) map[Owner][]byte {
	t.Helper()
	sealed := map[Owner][]byte{}
	for _, owner := range owners {
		b, err := v.Seal(t.Context(), owner, nil, []byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		sealed[owner] = b
	}
	return sealed
}

var erased = Owner{Workspace: "w", Kind: "contact", ID: "gone"}

// TestRivalRotations changes the root key to two places at once. Whenever the
// other comes, one is refused, and nothing is lost.
func TestRivalRotations(t *testing.T) {
	bao := keyservicetest.Transit(t)
	for name, tc := range map[string]struct {
		rival string // when it comes
		at    string
		to    func(dir string) [2]string
	}{
		"before the core": {"before", "core.2", files}, "after the core": {"after", "core.2", files},
		"services, after the key":  {"after", "root.2", func(string) [2]string { return [2]string{bao.Address("a"), bao.Address("b")} }},
		"services, the one in use": {"after", "root.2", func(string) [2]string { return [2]string{bao.Address("c"), bao.Address("d")} }},
	} {
		t.Run(name, func(t *testing.T) {
			o, dir := rotatedIn(t)
			v, rival := openIn(t, o), openIn(t, o)
			sealed := sealIn(t, v, Owner{}, Owner{Workspace: "w"}, Owner{Workspace: "w", Kind: "contact", ID: "a"})
			if err := v.Shred(t.Context(), erased); err != nil {
				t.Fatal(err)
			}
			to := tc.to(dir)
			errs := make([]error, 2)
			hook := map[string]map[string]func(){tc.rival: {tc.at: func() { errs[1] = rival.RotateRoot(t.Context(), 2, to[1]) }}}
			v.records = &meanwhile{v.records, hook["before"], hook["after"]}
			errs[0] = v.RotateRoot(t.Context(), 2, to[0])
			o.RootFile = wantOneWinner(t, errs, to)
			for i, busy := range []*Vault{v, rival} {
				sealed[Owner{Workspace: string(rune('x' + i))}] = sealIn(t, busy, Owner{Workspace: string(rune('x' + i))})[Owner{Workspace: string(rune('x' + i))}]
			}
			wantRetired(t, o, sealed)
		})
	}
}

func files(dir string) [2]string {
	return [2]string{filepath.Join(dir, "a", "root.key"), filepath.Join(dir, "b", "root.key")}
}

func wantOneWinner(t *testing.T, errs []error, to [2]string) (place string) {
	t.Helper()
	won := slices.Index(errs, nil)
	if won < 0 {
		t.Fatalf("nobody changed the root key: %v", errs)
	}
	wantCoded(t, errs[1-won], "key_rotation_running")
	return to[won]
}

func wantRetired(t *testing.T, o Options, sealed map[Owner][]byte) {
	t.Helper()
	v := openIn(t, o)
	wantOpen(t, v, sealed, erased)
	if done, err := v.RetireRoot(t.Context()); err != nil || !done {
		t.Fatalf("the change has not ended: %v", err)
	}
	wantOpen(t, openIn(t, o), sealed, erased)
}

// TestRivalsAtOnce has them run as they like.
func TestRivalsAtOnce(t *testing.T) {
	for range 8 {
		o, dir := rotatedIn(t)
		v, rival := openIn(t, o), openIn(t, o)
		sealed := sealIn(t, v, Owner{}, Owner{Workspace: "w"}, Owner{Workspace: "w", Kind: "contact", ID: "a"})
		if err := v.Shred(t.Context(), erased); err != nil {
			t.Fatal(err)
		}
		to, errs, done := files(dir), make([]error, 2), make(chan struct{})
		go func() {
			errs[1] = rival.RotateRoot(t.Context(), 2, to[1])
			close(done)
		}()
		errs[0] = v.RotateRoot(t.Context(), 2, to[0])
		<-done
		o.RootFile = wantOneWinner(t, errs, to)
		wantRetired(t, o, sealed)
	}
}

// TestFormerRootRefused changes to places that hold the key in use, and one that
// was.
func TestFormerRootRefused(t *testing.T) {
	o, dir := rotatedIn(t)
	first := o.RootFile
	for i, place := range files(dir) {
		v := openIn(t, o)
		wantCoded(t, v.RotateRoot(t.Context(), i+2, o.RootFile), "key_same")
		if i > 0 {
			wantCoded(t, v.RotateRoot(t.Context(), i+2, first), "key_same")
		}
		if err := v.RotateRoot(t.Context(), i+2, place); err != nil {
			t.Fatal(err)
		}
		o.RootFile = place
		if done, err := openIn(t, o).RetireRoot(t.Context()); err != nil || !done {
			t.Fatalf("the change has not ended: %v", err)
		}
	}
}

// TestAnotherConfigured does not end a change for a root key that has only a core
// of that generation: what keys are wrapped with decides.
func TestAnotherConfigured(t *testing.T) {
	o, _ := rotatedIn(t)
	v := openIn(t, o)
	sealed := sealIn(t, v, Owner{Workspace: "w"})
	if err := v.RotateRoot(t.Context(), 2, ""); err != nil {
		t.Fatal(err)
	}
	if err := v.roots.add(2, make([]byte, 32), v.now()); err != nil {
		t.Fatal(err)
	}
	if taken, err := v.taken(t.Context(), 2); err != nil || taken {
		t.Errorf("taken: %v, %v", taken, err)
	}
	if text, err := openIn(t, o).Open(t.Context(), Owner{Workspace: "w"}, nil, sealed[Owner{Workspace: "w"}]); err != nil || string(text) != "text" {
		t.Errorf("it opens to %q, %v", text, err)
	}
}

// TestSlowMaker makes a person's key so slowly that a change of their
// workspace's begins and ends meanwhile.
func TestSlowMaker(t *testing.T) {
	o, _ := rotatedIn(t)
	v := openIn(t, o)
	sealIn(t, v, Owner{Workspace: "w"})
	person, ended := Owner{Workspace: "w", Kind: "contact", ID: "a"}, make(chan error, 1)
	v.records = &meanwhile{v.records, map[string]func(){recordName(v.Reference("w", "contact", "a")): func() {
		if err := v.RotateWorkspace(t.Context(), "w", 2); err != nil {
			t.Error(err)
		}
		go func() {
			done, err := v.RetireWorkspace(t.Context(), "w")
			if err == nil && !done {
				err = ErrDamaged
			}
			ended <- err
		}()
		for len(ended) == 0 && v.making.TryRLock() { // until it has ended, or waits
			v.making.RUnlock()
			runtime.Gosched()
		}
	}}, nil}
	sealed := sealIn(t, v, person)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if text, err := openIn(t, o).Open(t.Context(), person, nil, sealed[person]); err != nil || string(text) != "text" {
		t.Errorf("it opens to %q, %v", text, err)
	}
}
