package vault

import (
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestNames holds the names of keys, which existing key stores have, against
// the plain way to make them, also when many are made at once.
func TestNames(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	n := newNames(key)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 1000 {
				parts := []string{"subject", "w", strings.Repeat("x", i%200)}
				if got, want := n.of(parts...), hex.EncodeToString(keyedHash(key, parts...))[:nameDigits]; got != want {
					t.Errorf("%d: %s, want %s", i, got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestIsReference(t *testing.T) {
	pattern := regexp.MustCompile(`^[0-9a-f]{40}(/[0-9a-f]{40})?$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[0-9a-g]{39,40}([/a][0-9a-f]{40,41})?`), rapid.String()).Draw(t, "text")
		if isReference(s) != pattern.MatchString(s) {
			t.Fatalf("%q: %v", s, isReference(s))
		}
	})
}
