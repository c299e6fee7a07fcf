package egress

import (
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// bodyPatience is how long all of a call may take to come: the memory that it
// has is somebody else's meanwhile.
const bodyPatience = 2 * time.Minute

// readBody reads a call's body, into memory that r has room for, and changes it
// as the provider's dialect and the configuration say. Codes: call_too_large,
// call_unreadable, call_cancelled, call_not_json, call_key_repeated.
func readBody(w http.ResponseWriter, r *http.Request, a engine.Admission, place *place) (*outgoing, error) {
	if r.Header.Get("Content-Encoding") != "" || !isJSON(r.Header.Get("Content-Type")) {
		return nil, errNotJSON("Send it as application/json, in UTF-8 and not compressed.")
	}
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(bodyPatience)) // not every connection has one
	var scan scanner
	body := &held{}
	err := body.fill(http.MaxBytesReader(w, r.Body, MaxBody), r.ContentLength, place.want, scan.write)
	if err == nil {
		err = scan.end()
	}
	if err != nil { // the deadline stays: an answer would wait for the rest of the call
		return nil, whyUnread(err)
	}
	_ = c.SetReadDeadline(time.Time{}) // it would end what is asked for, too
	return setFields(body, scan.fields, fieldsToSet(a.Call, a.Provider.Set), a.Call.Drop)
}

// fieldsToSet gives the fields that a call gets: those of its dialect, and what
// is configured beside them. That a provider keeps nothing cannot be configured
// away, in whatever case.
func fieldsToSet(c privacyd.Call, own map[string]json.RawMessage) map[string]json.RawMessage {
	set := map[string]json.RawMessage{}
	for name, value := range own {
		if !taken(name, c.Set, c.Drop) {
			set[name] = value
		}
	}
	maps.Copy(set, c.Set)
	return set
}

func whyUnread(err error) error {
	var known *privacyd.Error
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &tooLarge):
		return errTooLarge()
	case errors.Is(err, errObject):
		return errNotJSON("It has to be an object.")
	case errors.Is(err, errFields):
		return errNotJSON("It has too many fields, or one with too long a name.")
	case errors.Is(err, errSyntax):
		return errNotJSON("It is not valid JSON.")
	}
	return privacyd.Errorf(privacyd.ClassInvalid, "call_unreadable", "The call ended, or took too long, before all of it had come. Nothing was sent.")
}

func isJSON(contentType string) bool {
	media, params, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json" && (params["charset"] == "" || strings.EqualFold(params["charset"], "utf-8"))
}

func errNotJSON(remedy string) error {
	return privacyd.Errorf(privacyd.ClassInvalid, "call_not_json", "The call's body is no JSON object that can be changed safely. %s Nothing was sent.", remedy)
}

// setFields gives an object of JSON fields of its own and takes others away;
// values stay to the byte, where they are. A field named twice is refused: the
// two ends may not agree on which of them counts.
func setFields(body *held, fields []field, set map[string]json.RawMessage, drop []string) (*outgoing, error) {
	out, seen, lead := &outgoing{body: body, closed: func() {}}, map[string]bool{}, "{"
	begin := func(name string) {
		quoted, _ := json.Marshal(name) //nolint:errchkjson // a string always has a form
		out.add(part{text: []byte(lead + string(quoted) + ":")})
		lead = ","
	}
	for _, f := range fields {
		var name string
		if err := json.Unmarshal(f.name, &name); err != nil {
			return nil, errNotJSON("It is not valid JSON.")
		}
		if folded := strings.ToLower(name); seen[folded] {
			return nil, privacyd.Errorf(privacyd.ClassInvalid, "call_key_repeated", "The call names a field twice. Nothing was sent.")
		} else if seen[folded] = true; taken(folded, set, drop) {
			continue
		}
		begin(name)
		out.add(part{from: f.from, to: f.to})
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		begin(name)
		out.add(part{text: set[name]})
	}
	if out.size == 0 {
		out.add(part{text: []byte("{")})
	}
	out.add(part{text: []byte("}")})
	return out, nil
}

func taken(name string, set map[string]json.RawMessage, drop []string) bool {
	for own := range set {
		if strings.EqualFold(own, name) {
			return true
		}
	}
	return slices.ContainsFunc(drop, func(d string) bool { return strings.EqualFold(d, name) })
}
