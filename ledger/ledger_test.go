package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/ledger"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

const origin = "privacyd-0123456789abcdef/instance"

func note(origin string, size int, root string) []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s=\n\n— %s AAAA\n", origin, size, root, origin)
}

func open(t *testing.T, address string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), address)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// each runs fn on a folder and on an object store.
func each(t *testing.T, fn func(t *testing.T, address string)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) { fn(t, filepath.Join(t.TempDir(), "a", "ledger")) })
	t.Run("object store", func(t *testing.T) { fn(t, buckettest.S3(t)) })
}

func wantNote(t *testing.T, l *ledger.Ledger, name string, want []byte) {
	t.Helper()
	got, err := l.Read(t.Context(), name)
	if err != nil || string(got) != string(want) {
		t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
	}
}

func TestNeverLowered(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		l := open(t, address)
		if _, err := l.Read(t.Context(), "instance"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("before anything is published: %v", err)
		}
		second := origin + "/2"
		var now []byte
		for _, step := range []struct {
			what string
			note []byte
			ok   bool
		}{
			{"the first", note(origin, 0, "A"), true},
			{"a greater one", note(origin, 9, "B"), true},
			{"again", note(origin, 9, "B"), true},
			{"another root", note(origin, 9, "C"), false},
			{"a lesser one", note(origin, 8, "B"), false},
			{"more digits", note(origin, 10, "D"), true},
			{"another epoch", note(second, 1, "E"), true},
			{"the epoch before", note(origin, 11, "F"), false},
			{"the tenth epoch", note(origin+"/10", 1, "G"), true},
			{"the second again", note(second, 2, "H"), false},
		} {
			err := l.Write(t.Context(), "instance", step.note)
			if step.ok != (err == nil) || !step.ok && !errors.Is(err, fs.ErrExist) {
				t.Fatalf("%s: %v", step.what, err)
			}
			if step.ok {
				now = step.note
			}
			wantNote(t, l, "instance", now)
			wantNote(t, open(t, address), "instance", now)
		}
	})
}

func TestNamesApart(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		l := open(t, address)
		names := []string{"instance", "0190a1b2-0000-7000-8000-00000000000a", "p/a", "p/a/2", "p"}
		for i, name := range names {
			must(t, l.Write(t.Context(), name, note(origin, i, "A")))
		}
		for i, name := range names {
			wantNote(t, l, name, note(origin, i, "A"))
		}
	})
}

func TestRefused(t *testing.T) {
	l := open(t, t.TempDir())
	for _, name := range []string{"", "/", "../x", "a/../b", "a//b", "/a", "a/", "A", "a b", ".x", strings.Repeat("a/", 4) + "a"} {
		if err := l.Write(t.Context(), name, note(origin, 1, "A")); err == nil {
			t.Errorf("the name %q was taken", name)
		}
		if _, err := l.Read(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the name %q was read: %v", name, err)
		}
	}
	for what, n := range map[string]string{
		"empty": "", "no size": "o/x\n\nr\n\n", "no root": "o/x\n1\n", "a sign": "o/x\n-1\nr\n", "zeros": "o/x\n01\nr\n", "too great": "o/x\n9223372036854775808\nr\n",
		"no log": "o\n1\nr\n", "epoch one": "o/x/1\n1\nr\n", "epoch text": "o/x/y\n1\nr\n", "great epoch": "o/x/10000000000\n1\nr\n",
	} {
		if err := l.Write(t.Context(), "instance", []byte(n)); err == nil {
			t.Errorf("%s: published", what)
		}
	}
}

// TestOneWins has many processes publish histories of their own at once.
func TestOneWins(t *testing.T) {
	each(t, func(t *testing.T, address string) {
		const processes, sizes = 6, 12
		var wg sync.WaitGroup
		for p := range processes {
			l := open(t, address)
			wg.Go(func() {
				for size := 1; size <= sizes; size++ {
					err := l.Write(context.Background(), "instance", note(origin, size, fmt.Sprint(p)))
					if err != nil && !errors.Is(err, fs.ErrExist) {
						t.Error(err)
					}
					got, err := l.Read(context.Background(), "instance")
					if err != nil || len(got) == 0 {
						t.Errorf("in between: %q, %v", got, err)
					}
				}
			})
		}
		wg.Wait()
		got, err := open(t, address).Read(t.Context(), "instance")
		if err != nil || !strings.HasPrefix(string(got), fmt.Sprintf("%s\n%d\n", origin, sizes)) {
			t.Errorf("in the end: %q, %v", got, err)
		}
	})
}

func TestSwept(t *testing.T) {
	dir := t.TempDir()
	must(t, open(t, dir).Write(t.Context(), "instance", note(origin, 1, "A")))
	left := filepath.Join(dir, "checkpoints", "instance", "0000000001-00000000000000000002.X.new")
	must(t, os.WriteFile(left, []byte("half"), 0o600))
	l := open(t, dir)
	wantNote(t, l, "instance", note(origin, 1, "A"))
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a killed process left is still there: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	_, err := ledger.Open(t.Context(), "s3://b?region=eu-central-1&endpoint=http://127.0.0.1:1&use_path_style=true")
	if privacyd.CodeOf(err) != "blob_unavailable" {
		t.Error(err)
	}
	if _, err := ledger.Open(t.Context(), "nonsense://x"); privacyd.CodeOf(err) != "blob_url_invalid" {
		t.Error(err)
	}
}

const childFolder = "PRIVACYD_TEST_LEDGER"

// TestMain lets the test binary be the process that gets killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		publishForEver(dir)
	}
	os.Exit(m.Run())
}

func publishForEver(dir string) {
	l, err := ledger.Open(context.Background(), dir)
	if err != nil {
		panic(err)
	}
	start := 0
	if n, err := l.Read(context.Background(), "instance"); err == nil {
		_, _ = fmt.Sscanf(string(n), origin+"\n%d", &start)
	}
	for size := start + 1; ; size++ {
		if err := l.Write(context.Background(), "instance", note(origin, size, "A")); err != nil {
			panic(err)
		}
		_, _ = fmt.Println(size)
	}
}

// TestKilled kills -9 a process that publishes: what it had said is published
// still is, whole, and the next goes on from there.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	for round := range 8 {
		c := exec.Command(self)
		c.Env = append(os.Environ(), childFolder+"="+dir)
		out, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		said := 0
		for range 3 + round*7%11 {
			if _, err := fmt.Fscan(out, &said); err != nil {
				t.Fatal(err)
			}
		}
		must(t, c.Process.Kill())
		_ = c.Wait()
		got, err := open(t, dir).Read(t.Context(), "instance")
		must(t, err)
		size := 0
		if _, err := fmt.Sscanf(string(got), origin+"\n%d", &size); err != nil || size < said || string(got) != string(note(origin, size, "A")) {
			t.Fatalf("said %d, found %q, %v", said, got, err)
		}
	}
}

func FuzzWrite(f *testing.F) {
	f.Add(note(origin, 7, "A"))
	f.Add([]byte("o/x/2\n0\nr\n"))
	l, err := ledger.Open(context.Background(), f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, n []byte) {
		err := l.Write(t.Context(), "instance", n)
		if _, readErr := l.Read(t.Context(), "instance"); err == nil && readErr != nil {
			t.Errorf("published %q, and reading it gives %v", n, readErr)
		}
	})
}
