package engine

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

// TestCodesAreThoseOfRFC6238 has the last six digits of the vectors for SHA-1
// in appendix B.
func TestCodesAreThoseOfRFC6238(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		step, err := matchingStep(secret, code, time.Unix(at, 0))
		if err != nil || step != at/30 {
			t.Errorf("at %d: step %d, %v", at, step, err)
		}
		for _, off := range []int64{-90, 90} {
			if step, _ := matchingStep(secret, code, time.Unix(at+off, 0)); step != 0 {
				t.Errorf("at %d%+d the code is still right", at, off)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for kind, l := range limits {
		a := l.next(privacyd.Attempts{At: now}, now)
		for range l.free - 1 {
			a = l.next(a, now)
		}
		if !a.Until.Equal(now) {
			t.Errorf("%s waits after %d tries", kind, l.free)
		}
		last := time.Duration(0)
		for n := range 40 {
			a = l.next(a, now)
			wait := a.Until.Sub(now)
			if wait < last || wait > l.longest || (n == 0 && wait != l.first) {
				t.Errorf("%s waits %s after %d tries too many", kind, wait, n+1)
			}
			last = wait
		}
		if last != l.longest {
			t.Errorf("%s waits at most %s, not %s", kind, last, l.longest)
		}
		calm := now.Add(l.drain * time.Duration(a.N))
		if a = l.next(a, calm); a.N != 1 || !a.Until.Equal(calm) {
			t.Errorf("%s is not forgotten: %+v", kind, a)
		}
		if back := l.next(privacyd.Attempts{At: now, N: 3}, now.Add(-time.Hour)); back.N != 4 {
			t.Errorf("%s forgets when the clock is put back: %+v", kind, back)
		}
	}
}

func TestSlugOf(t *testing.T) {
	for name, want := range map[string]string{
		"Acme": "acme", "  Zoë & Söhne  GmbH ": "zo-s-hne-gmbh", "中文": "workspace", "": "workspace",
		"a very long name that goes on and on, and then some more of it": "a-very-long-name-that-goes-on-and-on-and-then-some",
	} {
		if got := slugOf(name); got != want {
			t.Errorf("%q becomes %q, not %q", name, got, want)
		}
	}
}
