package egress

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// readBody reads a call's body and changes it as the provider's dialect and the
// configuration say. Codes: call_too_large, call_unreadable, call_not_json,
// call_key_repeated.
func readBody(w http.ResponseWriter, r *http.Request, a engine.Admission) ([]byte, error) {
	if r.Method == http.MethodGet {
		return nil, nil
	}
	if r.Header.Get("Content-Encoding") != "" || !isJSON(r.Header.Get("Content-Type")) {
		return nil, errNotJSON("Send it as application/json, in UTF-8 and not compressed.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, errTooLarge()
	}
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "call_unreadable", "The call ended before all of it had come. Nothing was sent.")
	}
	set := maps.Clone(a.Call.Set)
	if set == nil {
		set = map[string]json.RawMessage{}
	}
	maps.Copy(set, a.Provider.Set)
	maps.Copy(set, a.Call.Set) // what keeps nothing cannot be configured away
	return setFields(body, set, a.Call.Drop)
}

func isJSON(contentType string) bool {
	media, params, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json" && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8"))
}

func errNotJSON(remedy string) error {
	return privacyd.Errorf(privacyd.ClassInvalid, "call_not_json", "The call's body is no JSON object that can be changed safely. %s Nothing was sent.", remedy)
}

// setFields gives an object of JSON fields of its own and takes others away;
// all else stays to the byte. A field named twice is refused: the two ends may
// not agree on which of them counts.
func setFields(body []byte, set map[string]json.RawMessage, drop []string) ([]byte, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errNotJSON("It is not valid JSON.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, errNotJSON("It has to be an object.")
	}
	out, seen := bytes.NewBuffer(make([]byte, 0, len(body)+len(set)*32)), map[string]bool{}
	for d.More() {
		name, value, err := nextField(d)
		if err != nil {
			return nil, errNotJSON("It is not valid JSON.")
		}
		if folded := strings.ToLower(name); seen[folded] {
			return nil, privacyd.Errorf(privacyd.ClassInvalid, "call_key_repeated", "The call names a field twice. Nothing was sent.")
		} else if seen[folded] = true; taken(folded, set, drop) {
			continue
		}
		writeField(out, name, value)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		writeField(out, name, set[name])
	}
	if out.Len() == 0 {
		return []byte("{}"), nil
	}
	return append(out.Bytes(), '}'), nil
}

func nextField(d *json.Decoder) (name string, value json.RawMessage, err error) {
	token, err := d.Token()
	if err != nil {
		return "", nil, err
	}
	name, _ = token.(string)
	return name, value, d.Decode(&value)
}

func taken(name string, set map[string]json.RawMessage, drop []string) bool {
	for own := range set {
		if strings.EqualFold(own, name) {
			return true
		}
	}
	return slices.ContainsFunc(drop, func(d string) bool { return strings.EqualFold(d, name) })
}

func writeField(out *bytes.Buffer, name string, value json.RawMessage) {
	lead := byte(',')
	if out.Len() == 0 {
		lead = '{'
	}
	quoted, _ := json.Marshal(name) //nolint:errchkjson // a string always has a form
	out.WriteByte(lead)
	out.Write(quoted)
	out.WriteByte(':')
	out.Write(value)
}
