package egress

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// change does what readBody does, of a body that comes in parts of so many bytes.
func change(body string, size int, set map[string]json.RawMessage, drop []string) (string, error) {
	var scan scanner
	in, kept := strings.NewReader(body), &held{}
	err := kept.fill(in, -1, func(int64) error { return nil }, func(p []byte) error {
		for ; len(p) > size; p = p[size:] {
			if err := scan.write(p[:size]); err != nil {
				return err
			}
		}
		return scan.write(p)
	})
	if err == nil {
		err = scan.end()
	}
	if err != nil {
		return "", whyUnread(err)
	}
	out, err := setFields(kept, scan.fields, set, drop)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(iotest.OneByteReader(out))
	if err == nil && int64(len(text)) != out.size {
		err = fmt.Errorf("%d bytes were said, and %d came", out.size, len(text))
	}
	return string(text), err
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"f%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func TestSetFields(t *testing.T) {
	set, drop := map[string]json.RawMessage{"store": raw("false")}, []string{"metadata"}
	for _, c := range []struct{ body, want, code string }{
		{`{}`, `{"store":false}`, ""},
		{` { "model" : "m", "n":1.50 } `, `{"model":"m","n":1.50,"store":false}`, ""},
		{`{"store":true,"model":"m"}`, `{"model":"m","store":false}`, ""},
		{`{"Store":true}`, `{"store":false}`, ""},
		{`{"st\u006fre":true}`, `{"store":false}`, ""},
		{`{"metadata":{"user":"ada"},"x":{"metadata":1}}`, `{"x":{"metadata":1},"store":false}`, ""},
		{`{"big":123456789012345678901234567890}`, `{"big":123456789012345678901234567890,"store":false}`, ""},
		{`{"store":false,"store":true}`, ``, "call_key_repeated"},
		{`{"model":"a","model":"b"}`, ``, "call_key_repeated"},
		{`{"a":1} {"store":true}`, ``, "call_not_json"},
		{`{"a":1,}`, ``, "call_not_json"},
		{`[{"store":true}]`, ``, "call_not_json"},
		{`"x"`, ``, "call_not_json"},
		{``, ``, "call_not_json"},
		{"{\"a\":\"\xff\"}", ``, "call_not_json"},
		{"{\"a\":\"\xe2\x82\"}", ``, "call_not_json"},
		{"{\"a\":\"\xed\xa0\x80\"}", ``, "call_not_json"},
		{"{\"a\":\"é€𝄞\"}", "{\"a\":\"é€𝄞\",\"store\":false}", ""},
		{`{"a":-0.5e+10,"b":[0,1E9,{}],"c":null}`, `{"a":-0.5e+10,"b":[0,1E9,{}],"c":null,"store":false}`, ""},
		{`{"a":01}`, ``, "call_not_json"},
		{`{"a":1.}`, ``, "call_not_json"},
		{`{"a":-}`, ``, "call_not_json"},
		{`{"a":nul}`, ``, "call_not_json"},
		{`{"a":[1,]}`, ``, "call_not_json"},
		{`{"a":"\x"}`, ``, "call_not_json"},
		{`{"a":1`, ``, "call_not_json"},
		{`{"a":` + strings.Repeat("[", maxDepth), ``, "call_not_json"},
		{`{"` + strings.Repeat("n", maxName) + `":1}`, ``, "call_not_json"},
		{`{` + manyFields(maxFields+1) + `}`, ``, "call_not_json"},
	} {
		got, err := change(c.body, 1, set, drop)
		if code := privacyd.CodeOf(err); err == nil && c.code != "" || err != nil && code != c.code {
			t.Errorf("%s: error %v, want %q", c.body, err, c.code)
		}
		if got != c.want {
			t.Errorf("%s became %s, want %s", c.body, got, c.want)
		}
	}
	if got, err := change(`{"metadata":1}`, 1, nil, drop); err != nil || got != "{}" {
		t.Errorf("an object without any field left became %s, %v", got, err)
	}
}

// TestNoTurningBack configures fields that would have a provider keep what it is
// sent.
func TestNoTurningBack(t *testing.T) {
	call := privacyd.Call{Set: map[string]json.RawMessage{"store": raw("false")}, Drop: []string{"metadata", "previous_response_id"}}
	own := map[string]json.RawMessage{"Store": raw("true"), "STORE": raw("true"), "store": raw("true"), "Metadata": raw("{}"), "previous_response_id": raw("1"), "service_tier": raw("2")}
	want := map[string]json.RawMessage{"store": raw("false"), "service_tier": raw("2")}
	if diff := cmp.Diff(want, fieldsToSet(call, own)); diff != "" {
		t.Error(diff)
	}
	if got := fieldsToSet(privacyd.Call{}, nil); len(got) != 0 {
		t.Errorf("nothing to set became %v", got)
	}
}

func FuzzSetFields(f *testing.F) {
	for _, seed := range []string{`{}`, `{"store":true}`, `{"a":{"store":1},"b":[1,2]}`, `{"STORE":null}`, `[]`, `{"a":"\ud800"}`, `{"a":1}{"b":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		text, err := change(string(body), 3, map[string]json.RawMessage{"store": raw("false")}, []string{"metadata"})
		if valid := json.Valid(body) && utf8.Valid(body); privacyd.CodeOf(err) != "call_key_repeated" && len(body) < maxName && strings.HasPrefix(strings.TrimLeft(string(body), " \t\r\n"), "{") && valid != (err == nil) {
			t.Fatalf("%q: valid is %v, and %v", body, valid, err)
		}
		if err != nil {
			return
		}
		out := []byte(text)
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal(body, &before); err != nil {
			t.Fatalf("%q was taken and is no object: %v", body, err)
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q became %q: %v", body, out, err)
		}
		if string(after["store"]) != "false" {
			t.Fatalf("%q became %q", body, out)
		}
		for name := range before {
			if strings.EqualFold(name, "store") || strings.EqualFold(name, "metadata") {
				delete(before, name)
			}
		}
		delete(after, "store")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("%q became %q: %s", body, out, diff)
		}
	})
}
