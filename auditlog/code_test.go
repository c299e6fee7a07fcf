package auditlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTexts holds what is asked by hand against the patterns that say it.
func TestTexts(t *testing.T) {
	for name, tc := range map[string]struct {
		is      func(string) bool
		pattern string
		alike   string // texts that are nearly one
	}{
		"code":   {isCode, `^(?:[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*)$`, `[a-z0-9._A-]{0,12}`},
		"name":   {isName, `^[A-Za-z][A-Za-z0-9_.-]{0,63}$`, `[a-zA-Z0-9._ -]{0,12}`},
		"log":    {isLog, `^([0-9a-z][0-9a-z-]{0,63})?$`, `[0-9a-zA-]{0,12}`},
		"id":     {isID, `^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, `[0-9a-g]{8}-[0-9a-f]{4}-[67][0-9a-fA]{3}-[89abc][0-9a-f]{3}-[0-9a-f]{11,12}`},
		"digest": {isDigest, `^[A-Za-z0-9_-]{43}$`, `[A-Za-z0-9_+-]{42,44}`},
	} {
		t.Run(name, func(t *testing.T) {
			pattern := regexp.MustCompile(tc.pattern)
			check := func(t interface{ Errorf(string, ...any) }, s string) {
				want := pattern.MatchString(s) && (name != "code" || len(s) <= maxCode)
				if tc.is(s) != want {
					t.Errorf("%q: %v, want %v", s, !want, want)
				}
			}
			for _, s := range []string{"", "-", "a", "A", "a.", ".a", "a..b", "a\n", "ä", strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("0", 64)} {
				check(t, s)
			}
			rapid.Check(t, func(t *rapid.T) {
				check(t, rapid.OneOf(rapid.StringMatching(tc.alike), rapid.String()).Draw(t, "text"))
			})
		})
	}
}

// TestEncodeIsJSON holds what is written by hand against encoding/json.
func TestEncodeIsJSON(t *testing.T) {
	code := rapid.StringMatching(`[a-z][a-z0-9]{0,9}(\.[a-z]{1,9})?`)
	value := rapid.OneOf(rapid.Int64Range(-1<<53+1, 1<<53-1).AsAny(), rapid.Bool().AsAny(), code.AsAny())
	key := rapid.StringMatching(`[A-Za-z][A-Za-z0-9_.-]{0,9}`)
	rapid.Check(t, func(t *rapid.T) {
		l := Leaf{
			ID: "0190a1b2-0000-7000-8000-000000000001", Action: code.Draw(t, "action"), Outcome: "done", At: time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")),
			Public: rapid.MapOf(key, rapid.OneOf(value, rapid.MapOf(key, value).AsAny())).Draw(t, "public"),
			Claims: []string{}, Digests: []string{strings.Repeat("_", 43)},
		}
		got, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(wire{
			Digests: l.Digests, Method: digestMethod, Action: l.Action, At: formatTime(l.At), Claims: l.Claims,
			ID: l.ID, Outcome: l.Outcome, Public: l.Public, Version: leafVersion,
		})
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v\n%s\nwant\n%s", err, got, want)
		}
	})
}

// TestPairIsJSON wants a disclosure's value to be what encoding/json reads
// back as the same.
func TestPairIsJSON(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, value any) {
		b, err := appendPair(nil, "ip", value, new(bytes.Buffer))
		if err != nil {
			t.Fatalf("%v", err)
		}
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode([]any{"ip", value}); err != nil {
			t.Fatalf("%v", err)
		}
		if got := "[" + string(b) + "]\n"; got != want.String() {
			t.Fatalf("%q, want %q", got, want.String())
		}
	}
	for _, v := range []any{nil, true, 7, "", `"`, `\`, "<b> & \u2028", "\x00\x7f", "Müller", "\xff", map[string]any{"b": 1, "a": []int{2}}, owner{"l", "contact", `"7"`}} {
		check(t, v)
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.String().Draw(t, "text"))
		check(t, owner{rapid.String().Draw(t, "log"), "contact", rapid.String().Draw(t, "id")})
	})
	if _, err := appendPair(nil, "ip", func() {}, new(bytes.Buffer)); err == nil {
		t.Error("a function was written")
	}
}

func FuzzUnbundle(f *testing.F) {
	one := appendBundled(make([]byte, saltSize), []byte(`"ip","192.0.2.7"`))
	for form := range 3 {
		f.Add(one, form)
		f.Add(append(one, one...), form)
		f.Add(one[:len(one)-1], form)
		f.Add(append(make([]byte, saltSize), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), form)
	}
	f.Fuzz(func(t *testing.T, b []byte, form int) {
		disclosures, err := unbundle(b, form)
		if err != nil && !errors.Is(err, ErrDisclosure) {
			t.Error(err)
		}
		if most := len(b); err == nil && len(disclosures) > most {
			t.Errorf("%d disclosures of %d bytes", len(disclosures), len(b))
		}
	})
}
