package verify

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
)

func coded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// FuzzDisclosure compares the fast reader of disclosures with auditlog's own.
func FuzzDisclosure(f *testing.F) {
	salt := strings.Repeat("A", 86)
	for _, d := range []string{
		`["` + salt + `","ip","192.0.2.1"]`, `["` + salt + `","_owner",{"log":"","kind":"a","id":"b"}]`, `["` + salt + `","ip",1] `,
		`["` + salt + `", "ip", 1]`, `["` + salt[1:] + `","ip",1]`, `["` + salt + `","IP",1]`, `["` + salt + `","ip",]`, `["` + salt + `","ip","a"b"]`,
		`["` + salt + `","ip",1,2]`, `["` + salt + `","ip",{"a":[1,-2,"x",true,null,{}],"b":0}]`, `["` + salt + `","ip",01]`, `["` + salt + `","ip",{"a":1,}]`,
		`["` + salt + `","ip",{"a"}]`, `["` + salt + `","ip",[1,-]]`, `["` + salt + `","ip",[1}]`, `["` + salt + `","ip","\n"]`, `["` + salt + `","ip",[[[[[[[[[]]]]]]]]]]`,
		`["` + salt[:85] + `B","ip",1]`, `["` + salt[:85] + "\n" + `","ip",1]`, `[]`, ``,
	} {
		f.Add([]byte(coded(d)))
	}
	c := newChecker("")
	f.Fuzz(func(t *testing.T, d []byte) {
		name, ok := c.name(d)
		if !ok {
			return
		}
		want, _, err := auditlog.ParseDisclosure(string(d))
		if err != nil || want != string(name) {
			t.Errorf("%q is read as %q, but ParseDisclosure says %q, %v", d, name, want, err)
		}
	})
}

// FuzzLine compares the fast reader of lines with that of any JSON.
func FuzzLine(f *testing.F) {
	hash := strings.Repeat("A", 43) + "="
	for _, l := range []string{
		`{"epoch":1,"index":5,"leaf":` + someLeaf + `}`,
		`{"epoch":1,"index":5,"leaf":` + someLeaf + `,"disclosures":["AAAA","BBBB"],"erased":["actor"],"proof":["` + hash + `"]}`,
		`{"epoch":1,"index":5,"leaf":` + someLeaf + `,"disclosures":[],"erased":[],"proof":[]}`,
		`{"epoch":1,"from":0,"hashes":"` + hash + `"}`,
		`{"epoch":-1,"from":0,"hashes":"` + hash + `"}`,
		`{"epoch":1,"index":5,"leaf":` + someLeaf + `,"disclosures":["A\u0041"]}`,
	} {
		f.Add([]byte(l))
	}
	p := newLineParser("0190a1b2-0000-7000-8000-0000000000ff")
	f.Fuzz(func(t *testing.T, line []byte) {
		var quick record
		if !p.quick(line, &quick) {
			return
		}
		for _, c := range line {
			if c < 0x20 || c >= 0x80 { // JSON has none of these in strings as we write them
				return
			}
		}
		if slow := p.slow(line); !reflect.DeepEqual(quick, slow) {
			t.Errorf("%q is read as\n%+v, slowly as\n%+v", line, quick, slow)
		}
	})
}

// FuzzDisclosureLine reads the lines of disclosures beside tiles.
func FuzzDisclosureLine(f *testing.F) {
	f.Add([]byte(`{"index":5,"disclosures":["AAAA"]}`))
	f.Add([]byte(`{ "index": 5, "disclosures": [ "AAAA" ] }`))
	f.Fuzz(func(t *testing.T, line []byte) {
		index, _, ok := (&parts{}).disclosureLine(line)
		if ok && index < 0 && !strings.Contains(string(line), "-") {
			t.Errorf("%q has the index %d", line, index)
		}
	})
}
