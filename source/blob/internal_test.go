package blob

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault"
)

// Later gives the store two days older.
func Later(s *Store) *Store {
	c := *s
	c.now = func() time.Time { return time.Now().Add(abandonedAfter + time.Minute) }
	return &c
}

func TestDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), t.TempDir(), testCipher(t))
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context(), "w", "w/a")
	if err != nil {
		t.Fatal(err)
	}
	under := w.under
	w.under, w.cipher = full, nil
	_, err = w.Write(make([]byte, 100))
	if privacyd.CodeOf(err) != "disk_full" {
		t.Errorf("writing on a full disk: %v", err)
	}
	w.under = under
	if _, err := w.Commit(); privacyd.CodeOf(err) != "disk_full" {
		t.Errorf("committing after it: %v", err)
	}
	for key := range s.List(context.Background(), "") {
		t.Errorf("it left %s", key)
	}
	entries, err := os.ReadDir(s.folder + "/w")
	if err != nil || len(entries) > 0 {
		t.Errorf("it left %v (%v)", entries, err)
	}
}

func testCipher(t *testing.T) Cipher {
	t.Helper()
	v, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}
