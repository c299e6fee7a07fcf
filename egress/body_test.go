package egress

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

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
	} {
		got, err := setFields([]byte(c.body), set, drop)
		if code := privacyd.CodeOf(err); err == nil && c.code != "" || err != nil && code != c.code {
			t.Errorf("%s: error %v, want %q", c.body, err, c.code)
		}
		if string(got) != c.want {
			t.Errorf("%s became %s, want %s", c.body, got, c.want)
		}
	}
	if got, err := setFields([]byte(`{"metadata":1}`), nil, drop); err != nil || string(got) != "{}" {
		t.Errorf("an object without any field left became %s, %v", got, err)
	}
}

func FuzzSetFields(f *testing.F) {
	for _, seed := range []string{`{}`, `{"store":true}`, `{"a":{"store":1},"b":[1,2]}`, `{"STORE":null}`, `[]`, `{"a":"\ud800"}`, `{"a":1}{"b":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		out, err := setFields(body, map[string]json.RawMessage{"store": raw("false")}, []string{"metadata"})
		if err != nil {
			return
		}
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
