package verify

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
)

const someLeaf = `{"_sd":["` + digestA + `","` + digestB + `"],"_sd_alg":"sha-256","action":"workspace.export",` +
	`"at":"2026-03-01T12:00:00.123456Z","claims":["actor","ip"],"id":"0190a1b2-0000-7000-8000-00000000000a",` +
	`"log":"0190a1b2-0000-7000-8000-0000000000ff","outcome":"done","public":{"a":-7,"door":"rest","facts":{"contacts":3,"ok":true}},` +
	`"target_type":"job","v":1}`

const (
	digestA = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	digestB = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// sameLeaf compares the fast reader with auditlog's own.
func sameLeaf(t *testing.T, b []byte) {
	t.Helper()
	want, err := auditlog.ParseLeaf(b)
	var got leaf
	if ok := got.readAll(b); ok != (err == nil) {
		t.Errorf("%q: read %v, but ParseLeaf says %v", b, ok, err)
		return
	}
	if err != nil {
		return
	}
	if string(got.id) != want.ID || string(got.log) != want.Log || string(got.action) != want.Action ||
		!slices.Equal(texts(got.digests), want.Digests) || !slices.Equal(texts(got.claims), want.Claims) {
		t.Errorf("%q: read as %s, want %+v", b, got, want)
	}
}

func texts(list [][]byte) []string {
	out := []string{}
	for _, b := range list {
		out = append(out, string(b))
	}
	return out
}

func TestLeaf(t *testing.T) {
	swap := func(old, with string) string { return strings.Replace(someLeaf, old, with, 1) }
	for _, text := range []string{
		someLeaf, "", "{}", someLeaf + "\n", someLeaf + someLeaf, someLeaf[:len(someLeaf)-1], someLeaf[1:],
		swap(`"v":1`, `"v": 1`), swap(`"v":1`, `"v":2`), swap(`"v":1`, `"v":01`), swap(`"job"`, `""`), swap(`"job"`, `"Job"`),
		swap(digestA, digestB), swap(digestA, "A"), swap(`"`+digestA+`",`, ""), swap(digestB, digestB[:42]+"="),
		swap(`["actor","ip"]`, `[]`), swap(`["actor","ip"]`, `["ip","actor"]`), swap(`["actor","ip"]`, `["ip","ip"]`), swap(`["actor","ip"]`, `null`),
		swap("2026-03-01", "2026-02-29"), swap("2026-03-01", "2024-02-29"), swap("2026-03-01", "2000-02-29"), swap("2026-03-01", "2100-02-29"),
		swap("2026-03-01", "2026-02-30"), swap("2026-03-01", "2026-04-31"), swap("2026-03-01", "2026-12-31"), swap("2026-03-01", "2026-13-01"),
		swap("2026-03-01", "2026-00-01"), swap("2026-03-01", "2026-01-00"), swap("2026-03-01", "0000-01-01"), swap("2026-03-01", "2026-03-32"),
		swap("T12:", "T24:"), swap(":00:00.", ":60:00."), swap(":00:00.", ":00:60."), swap(".123456Z", ".123456z"), swap(".123456Z", ".12345Z"),
		swap(`-7,`, `-0,`), swap(`-7,`, `0,`), swap(`-7,`, `07,`), swap(`-7,`, `9007199254740991,`), swap(`-7,`, `9007199254740992,`),
		swap(`-7,`, `-9007199254740991,`), swap(`-7,`, `99999999999999999999,`), swap(`-7,`, `-,`), swap(`-7,`, `7.0,`), swap(`-7,`, `7e1,`),
		swap(`"a":-7,`, ``), swap(`"a":`, `"x":`), swap(`"a":`, `"":`), swap(`"a":`, `"1":`), swap(`"a":`, `"A-_.9":`), swap(`"a":`, `"door":`),
		swap(`"a":-7,`, `"a":`+strings.Repeat("[", 9)), swap(`"rest"`, `"r\u0065st"`), swap(`"rest"`, `"Rest"`), swap(`"rest"`, `null`), swap(`"rest"`, `[]`),
		swap(`"rest"`, `"`+strings.Repeat("a", 64)+`"`), swap(`"rest"`, `"`+strings.Repeat("a", 65)+`"`), swap(`"rest"`, `"a.b-c_d"`), swap(`"rest"`, `"a..b"`),
		swap(`"rest"`, `"a."`), swap(`"rest"`, `"1a"`), swap(`"rest"`, `"`+strings.Repeat("0f", 32)+`"`), swap(`"rest"`, `"`+strings.Repeat("0f", 64)+`"`),
		swap(`"rest"`, `"`+strings.Repeat("0F", 32)+`"`), swap(`"rest"`, `"2026-99-99T99:99:99.000000Z"`), swap(`"rest"`, `"0190a1b2-0000-7000-8000-00000000000a"`),
		swap(`"rest"`, `"0190a1b2-0000-4000-8000-00000000000a"`), swap(`"rest"`, `"0190A1B2-0000-7000-8000-00000000000a"`),
		swap(`{"contacts":3,"ok":true}`, `{}`), swap(`{"contacts":3,"ok":true}`, `{"a":{}}`), swap(`{"contacts":3,"ok":true}`, `{"b":1,"a":1}`),
		swap("-7000-8000-00000000000a", "-4000-8000-00000000000a"), swap("-7000-8000-00000000000a", "-7000-c000-00000000000a"),
		swap(`"log":"0190a1b2-0000-7000-8000-0000000000ff"`, `"log":""`), swap(`"log":"0`, `"log":"-0`), swap(`"log":"0`, `"log":"A`),
		strings.Repeat(" ", 70_000), swap(`"a":-7,`, `"a":-7,`+many("b", 1500)+`,`), swap(`"a":-7,`, `"a":-7,`+many("b", 7000)+`,`),
	} {
		sameLeaf(t, []byte(text))
	}
}

// many makes n public values with names in order.
func many(prefix string, n int) string {
	var all []string
	for i := range n {
		all = append(all, `"`+prefix+string(rune('a'+i/17576%26))+string(rune('a'+i/676%26))+string(rune('a'+i/26%26))+string(rune('a'+i%26))+`":1`)
	}
	return strings.Join(all, ",")
}

func FuzzLeaf(f *testing.F) {
	f.Add([]byte(someLeaf))
	f.Add([]byte(strings.Replace(someLeaf, `"rest"`, `"0190a1b2-0000-7000-8000-00000000000a"`, 1)))
	f.Add(bytes.Replace([]byte(someLeaf), []byte(`"a":-7,`), nil, 1))
	f.Fuzz(func(t *testing.T, b []byte) { sameLeaf(t, b) })
}

func BenchmarkLeaf(b *testing.B) {
	text := []byte(someLeaf)
	b.SetBytes(int64(len(text)))
	var l leaf
	for b.Loop() {
		if !l.readAll(text) {
			b.Fatal("not read")
		}
	}
}
