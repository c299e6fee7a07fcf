package rest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// route is an operation of the served description.
type route struct {
	Method, Path string
	ID           string `json:"operationId"`
	Parameters   []struct {
		Name, In string
		Required bool
		Schema   schema
	}
	RequestBody *struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref                  string `json:"$ref"`
	Type                 any
	Format               string
	Properties           map[string]schema
	Required             []string
	Items                *schema
	Enum                 []any
	Minimum, MinItems    *float64
	AdditionalProperties any

	all map[string]schema
}

// routes are those of the description, in their order.
func (s *server) routes() []route {
	s.t.Helper()
	_, body, _ := s.call(http.MethodGet, s.public.URL+"/openapi.json", "")
	var api struct {
		Paths      map[string]map[string]route
		Components struct{ Schemas map[string]schema }
	}
	s.Must(json.Unmarshal([]byte(body), &api))
	var list []route
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(api.Paths[path])) {
			r := api.Paths[path][method]
			r.Method, r.Path = strings.ToUpper(method), path
			if r.RequestBody != nil {
				for kind, media := range r.RequestBody.Content {
					media.Schema.all = api.Components.Schemas
					r.RequestBody.Content[kind] = media
				}
			}
			list = append(list, r)
		}
	}
	return list
}

// sample is the least value that a schema takes.
func (s schema) sample() any {
	if s.Ref != "" {
		found := s.all[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
		found.all = s.all
		return found.sample()
	}
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	kind, _ := s.Type.(string)
	if list, ok := s.Type.([]any); ok && len(list) > 0 {
		kind, _ = list[0].(string)
	}
	switch kind {
	case "object":
		object := map[string]any{}
		for _, name := range s.Required {
			field := s.Properties[name]
			field.all = s.all
			object[name] = field.sample()
		}
		return object
	case "array":
		if s.Items == nil || s.MinItems == nil {
			return []any{}
		}
		item := *s.Items
		item.all = s.all
		return []any{item.sample()}
	case "integer", "number":
		return 1
	case "boolean":
		return false
	}
	if s.Format == "date-time" {
		return "2026-01-01T00:00:00Z"
	}
	return "x"
}

// body is the least that a route takes, with its media type.
func (r route) body() (text, kind string) {
	if r.RequestBody == nil {
		return "", ""
	}
	for kind, media := range r.RequestBody.Content {
		if kind == "application/json" {
			raw, err := json.Marshal(media.Schema.sample())
			if err != nil {
				panic(err)
			}
			switch r.ID {
			case "put-record":
				raw = []byte(`{}`)
			case "preview-gdpr-job": // exports have no plan
				raw = []byte(`{"type":"workspace_deletion"}`)
			}
			return string(raw), kind
		}
	}
	if _, ok := r.RequestBody.Content["application/x-ndjson"]; ok {
		return "", "application/x-ndjson"
	}
	return "x", "application/octet-stream"
}

// at is a route's path with names put in, and what queries it must have.
func (r route) at(names map[string]string) string {
	path := r.Path
	var query []string
	for _, p := range r.Parameters {
		switch {
		case p.In == "path":
			name := names[p.Name]
			if name == "" {
				name = "none"
			}
			path = strings.ReplaceAll(path, "{"+p.Name+"}", name)
		case p.Required:
			query = append(query, p.Name+"=contact")
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	return path
}

// try sends the least that a route takes.
func (s *server) try(r route, names map[string]string, token string) (status int, code string) {
	s.t.Helper()
	text, kind := r.body()
	headers := []string{"Authorization", "Bearer " + token}
	if kind != "" {
		headers = append(headers, "Content-Type", kind)
	}
	status, body, _ := s.call(r.Method, s.public.URL+r.at(names), text, headers...)
	var p struct{ Code string }
	_ = json.Unmarshal([]byte(body), &p) //nolint:errcheck // what is no problem has no code
	return status, p.Code
}

// TestNobodyComesInWithoutAName calls every route as nobody and as somebody
// whom nobody knows.
func TestNobodyComesInWithoutAName(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, r := range s.routes() {
			for _, token := range []string{"", "pdt_unknown", "unknown"} {
				if status, code := s.try(r, nil, token); status != http.StatusUnauthorized {
					t.Errorf("%s with %q: %d %s", r.ID, token, status, code)
				}
			}
		}
	})
}

// TestOthersWorkspaces calls every route with a workspace that is not the
// caller's, and with one that there is not: nobody can tell which is which.
func TestOthersWorkspaces(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		mine, other := s.NewWorkspace("mine"), s.NewWorkspace("other")
		for name, token := range map[string]string{
			"an admin": s.signedIn("admin@mine.example.com").Token, "a token": s.token(mine).Token,
		} {
			for _, r := range s.routes() {
				if !strings.Contains(r.Path, "{workspace}") {
					continue
				}
				for _, ref := range []string{other.ID, other.Slug, "none", "01a20759-0000-7000-8000-000000000000"} {
					status, code := s.try(r, map[string]string{"workspace": ref, "collection": "contacts", "n": "1"}, token)
					if refused := status == http.StatusForbidden && code == "operator_only"; !refused && (status != http.StatusNotFound || code != "workspace_not_found") {
						t.Errorf("%s, %s as %s: %d %s", name, r.ID, ref, status, code)
					}
				}
			}
		}
	})
}

// TestOthersIDs calls every route in the caller's own workspace with the ids of
// things that are another's.
func TestOthersIDs(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		mine, other := s.NewWorkspace("mine"), s.NewWorkspace("other")
		theirs := map[string]string{"workspace": mine.Slug, "collection": "contacts", "n": "1"}
		job, _, err := s.CreateJob(ctx, enginetest.Operator, engine.NewJob{
			Workspace: other.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "c-006"},
		})
		s.Must(err)
		hold, err := s.PlaceHold(ctx, enginetest.Operator, engine.NewHold{
			Workspace: other.ID, Target: privacyd.HoldTarget{Type: privacyd.HoldWorkspace}, Reason: "a claim",
		})
		s.Must(err)
		invitation, err := s.Invite(ctx, s.Member(privacyd.RoleAdmin, other), other.ID, engine.NewInvitation{Email: "new@example.com", Role: privacyd.RoleAgent})
		s.Must(err)
		_, err = s.PutRecord(ctx, enginetest.Operator, other.ID, "contacts", "theirs", []byte(`{"name":"Theirs"}`))
		s.Must(err)
		page, err := s.AuditPage(ctx, enginetest.Operator, other.ID, privacyd.AuditFilter{Limit: 1})
		s.Must(err)
		theirs["job"], theirs["hold"], theirs["invitation"] = job.ID, hold.ID, invitation.ID
		theirs["id"], theirs["entry"], theirs["account"] = "theirs", page.Items[0].ID, s.Member(privacyd.RoleAgent, other).AccountID
		token := s.signedIn("admin@mine.example.com").Token
		own := []string{"put-record", "put-attachment"} // these make one's own
		for _, r := range s.routes() {
			named := slices.ContainsFunc(r.Parameters, func(p struct {
				Name, In string
				Required bool
				Schema   schema
			},
			) bool {
				return p.In == "path" && p.Name != "workspace" && p.Name != "collection"
			})
			if !named || !strings.Contains(r.Path, "{workspace}") || slices.Contains(own, r.ID) {
				continue
			}
			if status, code := s.try(r, theirs, token); status != http.StatusNotFound || !strings.HasSuffix(code, "_not_found") {
				t.Errorf("%s: %d %s", r.ID, status, code)
			}
		}
	})
}

// TestUnknownFields adds to every body a field that there is not.
func TestUnknownFields(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.NewWorkspace("acme")
		token := s.signedIn("admin@acme.example.com").Token
		tried := 0
		for _, r := range s.routes() {
			text, kind := r.body()
			if kind != "application/json" || !strings.HasPrefix(text, "{") || r.ID == "put-record" || r.ID == "set-dataset-keys" {
				continue
			}
			tried++
			text = strings.Replace(text, "{", `{"no_such_field":1,`, 1)
			text = strings.Replace(text, ",}", "}", 1)
			status, body, _ := s.call(r.Method, s.public.URL+r.at(map[string]string{"workspace": "acme", "n": "1"}), text, "Authorization", "Bearer "+token)
			if status != http.StatusUnprocessableEntity || !strings.Contains(body, `"code":"request_invalid"`) || !strings.Contains(body, "no_such_field") {
				t.Errorf("%s: %d %s", r.ID, status, body)
			}
		}
		if tried < 20 {
			t.Errorf("only %d routes were tried", tried)
		}
	})
}

// fields are the names of an object's fields, with those of objects in it as
// outer.inner.
func (s schema) fields() []string {
	if s.Ref != "" {
		found := s.all[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
		found.all = s.all
		return found.fields()
	}
	var names []string
	for name, field := range s.Properties {
		names = append(names, name)
		field.all = s.all
		for _, inner := range field.fields() {
			names = append(names, name+"."+inner)
		}
	}
	slices.Sort(names)
	return names
}

// TestFieldsInAnotherCase sends every field of every body with a capital: it is
// not the field that has none.
func TestFieldsInAnotherCase(t *testing.T) {
	s := newServer(t, enginetest.NewSQLite(t))
	s.NewWorkspace("acme")
	token := s.signedIn("admin@acme.example.com").Token
	tried := 0
	for _, r := range s.routes() {
		if _, kind := r.body(); kind != "application/json" {
			continue
		}
		for _, name := range r.RequestBody.Content["application/json"].Schema.fields() {
			tried++
			outer, inner, nested := strings.Cut(name, ".")
			wrong := strings.ToUpper(outer[:1]) + outer[1:]
			body := `{"` + wrong + `":"x"}`
			if nested {
				inner = inner[strings.LastIndexByte(inner, '.')+1:]
				wrong = strings.ToUpper(inner)
				body = strings.ReplaceAll(name, ".", `":{"`)
				body = `{"` + strings.TrimSuffix(body, inner) + wrong + `":"x"` + strings.Repeat("}", strings.Count(name, ".")+1)
			}
			status, text, _ := s.call(r.Method, s.public.URL+r.at(map[string]string{"workspace": "acme", "n": "1"}), body, "Authorization", "Bearer "+token)
			if status != http.StatusUnprocessableEntity || !strings.Contains(text, `"code":"request_invalid"`) || !strings.Contains(text, wrong+": unexpected property") {
				t.Errorf("%s with %s: %d %s", r.ID, body, status, text)
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d fields were tried", tried)
	}
}

// TestHundredMegabytes sends them to every route that takes JSON.
func TestHundredMegabytes(t *testing.T) {
	s := newServer(t, enginetest.NewSQLite(t))
	s.NewWorkspace("acme")
	token := s.signedIn("admin@acme.example.com").Token
	for _, r := range s.routes() {
		if _, kind := r.body(); kind != "application/json" {
			continue
		}
		const size = 100 << 20
		req, err := http.NewRequestWithContext(t.Context(), r.Method, s.public.URL+r.at(map[string]string{"workspace": "acme", "collection": "contacts", "n": "1"}),
			io.LimitReader(spaces{}, size))
		s.Must(err)
		req.ContentLength = size
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Expect", "100-continue")
		res, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: 1 << 40}}).Do(req)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		body, err := io.ReadAll(res.Body)
		s.Must(err)
		s.Must(res.Body.Close())
		large := res.StatusCode == http.StatusRequestEntityTooLarge && strings.Contains(string(body), `"code":"request_too_large"`)
		if !large && !strings.Contains(string(body), `"code":"record_too_large"`) {
			t.Errorf("%s: %d %s", r.ID, res.StatusCode, body)
		}
	}
}

// spaces are as many as somebody reads.
type spaces struct{}

// Read implements io.Reader.
func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
