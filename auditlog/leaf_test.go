package auditlog_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/privacyd/privacyd/auditlog"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

const (
	someID  = "0190a1b2-0000-7000-8000-000000000001"
	someLog = "0190a1b2-0000-7000-8000-0000000000aa"
)

func someLeaf() *auditlog.Leaf {
	return &auditlog.Leaf{
		ID: someID, Log: someLog, At: noon, Action: "workspace.export", Outcome: "done", TargetType: "job",
		Public: map[string]any{
			"facts": map[string]any{"contacts": int64(3)}, "door": "rest", "ok": true,
			"sha256": strings.Repeat("0f", 32), "due": "2026-04-01T00:00:00.000000Z",
		},
		Claims:  []string{"actor", "ip"},
		Digests: []string{strings.Repeat("A", 43), strings.Repeat("B", 43), strings.Repeat("C", 43)},
	}
}

// wantLeaf is the leaf to the letter. It must never change: old leaves would
// no longer be readable.
const wantLeaf = `{"_sd":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",` +
	`"CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"],"_sd_alg":"sha-256","action":"workspace.export",` +
	`"at":"2026-03-01T12:00:00.123456Z","claims":["actor","ip"],"id":"0190a1b2-0000-7000-8000-000000000001",` +
	`"log":"0190a1b2-0000-7000-8000-0000000000aa","outcome":"done","public":{"door":"rest",` +
	`"due":"2026-04-01T00:00:00.000000Z","facts":{"contacts":3},"ok":true,` +
	`"sha256":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"},"target_type":"job","v":1}`

func TestLeafForm(t *testing.T) {
	b, err := someLeaf().Encode()
	if err != nil || string(b) != wantLeaf {
		t.Errorf("%v\n%s\nwant\n%s", err, b, wantLeaf)
	}
	back, err := auditlog.ParseLeaf(b)
	if diff := cmp.Diff(someLeaf(), back); diff != "" || err != nil {
		t.Errorf("parsed back: %v\n%s", err, diff)
	}
}

func TestLeafHash(t *testing.T) {
	// Of RFC 6962 and its known answers: the empty leaf, and "L123456".
	for leaf, want := range map[string]string{
		"":        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"L123456": "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56",
	} {
		if got := auditlog.LeafHash([]byte(leaf)); hex.EncodeToString(got[:]) != want {
			t.Errorf("%q: %x", leaf, got)
		}
	}
}

// TestNothingPersonalInLeaf tries to get personal data and free text in.
func TestNothingPersonalInLeaf(t *testing.T) {
	type code string
	for name, tc := range map[string]struct {
		value any
		ok    bool
	}{
		"code":              {"rest", true},
		"dotted code":       {"workspace.export", true},
		"own string type":   {code("rest"), true},
		"whole number":      {42, true},
		"unsigned":          {uint16(42), true},
		"greatest number":   {1<<53 - 1, true},
		"boolean":           {false, true},
		"time":              {noon, true},
		"hash":              {strings.Repeat("ab", 32), true},
		"counts":            {map[string]int64{"contacts": 1}, true},
		"name":              {"Anna Schmidt", false},
		"capital":           {"Anna", false},
		"e-mail":            {"anna@example.com", false},
		"phone":             {"+49 170 1234567", false},
		"digits":            {"491701234567", false},
		"IP address":        {"192.0.2.1", false},
		"IPv6 address":      {"2001:db8::1", false},
		"id of ours":        {someID, true},
		"another UUID":      {"0190a1b2-c3d4-4567-89ab-0123456789ab", false},
		"free text":         {"left the company", false},
		"umlaut":            {"müller", false},
		"empty":             {"", false},
		"long":              {strings.Repeat("a", 65), false},
		"nothing":           {nil, false},
		"fraction":          {1.5, false},
		"whole fraction":    {2.0, false},
		"not a number":      {math.NaN(), false},
		"number too great":  {uint64(1 << 53), false},
		"list":              {[]string{"rest"}, false},
		"bytes":             {[]byte("rest"), false},
		"raw JSON":          {json.RawMessage(`"Anna"`), false},
		"struct":            {struct{ Name string }{"Anna"}, false},
		"pointer":           {new(int), false},
		"text in counts":    {map[string]any{"contacts": "Anna Schmidt"}, false},
		"map in a map":      {map[string]any{"a": map[string]any{"b": 1}}, false},
		"e-mail as a key":   {map[string]int{"anna@example.com": 1}, false},
		"number as a key":   {map[int]int{1: 1}, false},
		"year five figures": {time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		t.Run(name, func(t *testing.T) {
			l := someLeaf()
			l.Public = map[string]any{"value": tc.value}
			b, err := l.Encode()
			if name == "year five figures" { // a time is formatted before it is looked at
				l.At, l.Public = tc.value.(time.Time), nil
				b, err = l.Encode()
			}
			if tc.ok != (err == nil) || !tc.ok && !errors.Is(err, auditlog.ErrPublic) {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "nna") {
				t.Errorf("the error repeats the value: %v", err)
			}
			if err == nil {
				if _, err := auditlog.ParseLeaf(b); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestLeafFieldsRefused(t *testing.T) {
	for name, spoil := range map[string]func(l *auditlog.Leaf){
		"id":           func(l *auditlog.Leaf) { l.ID = "anna" },
		"another UUID": func(l *auditlog.Leaf) { l.ID = strings.Replace(l.ID, "-7", "-4", 1) },
		"log":          func(l *auditlog.Leaf) { l.Log = "Acme GmbH" },
		"action":       func(l *auditlog.Leaf) { l.Action = "Deleted Anna" },
		"no action":    func(l *auditlog.Leaf) { l.Action = "" },
		"outcome":      func(l *auditlog.Leaf) { l.Outcome = "" },
		"target type":  func(l *auditlog.Leaf) { l.TargetType = "contact Anna" },
		"claims":       func(l *auditlog.Leaf) { l.Claims = []string{"anna@example.com"} },
		"claim order":  func(l *auditlog.Leaf) { l.Claims = []string{"ip", "actor"} },
		"claim twice":  func(l *auditlog.Leaf) { l.Claims = []string{"ip", "ip"} },
		"digest":       func(l *auditlog.Leaf) { l.Digests = []string{"anna"} },
		"digest order": func(l *auditlog.Leaf) { l.Digests[0], l.Digests[1] = l.Digests[1], l.Digests[0] },
		"key":          func(l *auditlog.Leaf) { l.Public["Anna Schmidt"] = 1 },
		"too long": func(l *auditlog.Leaf) {
			for i := range 2000 {
				l.Public[strings.Repeat("k", 50)+hex.EncodeToString([]byte{byte(i >> 8), byte(i)})] = 1
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := someLeaf()
			l.Public = maps.Clone(l.Public)
			spoil(l)
			if _, err := l.Encode(); !errors.Is(err, auditlog.ErrPublic) {
				t.Errorf("error %v, want ErrPublic", err)
			}
		})
	}
}

func TestParseLeafRefused(t *testing.T) {
	swap := func(old, with string) string { return strings.Replace(wantLeaf, old, with, 1) }
	for name, text := range map[string]string{
		"nothing":        "",
		"not JSON":       "anna",
		"cut":            wantLeaf[:len(wantLeaf)-1],
		"newline":        wantLeaf + "\n",
		"twice":          wantLeaf + wantLeaf,
		"space":          swap(`"v":1`, `"v": 1`),
		"order":          swap(`"target_type":"job","v":1`, `"v":1,"target_type":"job"`),
		"key twice":      swap(`"v":1`, `"v":1,"v":1`),
		"unknown key":    swap(`"v":1`, `"v":1,"x":1`),
		"key missing":    swap(`,"v":1`, ``),
		"version":        swap(`"v":1`, `"v":2`),
		"digest method":  swap("sha-256", "sha-512"),
		"number form":    swap(`"contacts":3`, `"contacts":3.0`),
		"big number":     swap(`"contacts":3`, `"contacts":90071992547409921`),
		"minus nought":   swap(`"contacts":3`, `"contacts":-0`),
		"escape":         swap(`"rest"`, `"\u0072est"`),
		"free text":      swap(`"rest"`, `"Anna Schmidt"`),
		"null":           swap(`"rest"`, `null`),
		"list":           swap(`"rest"`, `["rest"]`),
		"no list":        swap(`["actor","ip"]`, `null`),
		"time form":      swap("123456Z", "123Z"),
		"time zone":      swap("123456Z", "123456+00:00"),
		"30 February":    swap("2026-03-01", "2026-02-30"),
		"capital key":    swap(`"public"`, `"Public"`),
		"byte order":     "\ufeff" + wantLeaf,
		"deep":           swap(`{"contacts":3}`, `{"contacts":{"a":1}}`),
		"longer than it": strings.Repeat(" ", 70_000),
	} {
		if l, err := auditlog.ParseLeaf([]byte(text)); !errors.Is(err, auditlog.ErrLeaf) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}

func TestLeafRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.StringMatching(`[a-z][a-z0-9]{0,9}(\.[a-z]{1,9})?`)
		l := someLeaf()
		l.Action = code.Draw(t, "action")
		l.At = time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC()
		l.Public = rapid.MapOf(rapid.StringMatching(`[A-Za-z][A-Za-z0-9_.-]{0,9}`), rapid.OneOf(
			rapid.Int64Range(-1<<53+1, 1<<53-1).AsAny(), rapid.Bool().AsAny(), code.AsAny(),
		)).Draw(t, "public")
		b, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := auditlog.ParseLeaf(b)
		if err != nil || !cmp.Equal(l, back) {
			t.Fatal(err, cmp.Diff(l, back))
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	f.Add([]byte(wantLeaf))
	f.Add([]byte(`{"_sd":[],"_sd_alg":"sha-256","v":1}`))
	f.Add([]byte(`{"public":{"a":{"b":-0}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := auditlog.ParseLeaf(b)
		if err != nil {
			return
		}
		again, err := l.Encode()
		if err != nil || string(again) != string(b) {
			t.Errorf("%q is written again as %q, %v", b, again, err)
		}
	})
}
