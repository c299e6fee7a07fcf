package rest

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// PagePath is where the API is described for people.
const PagePath = "/docs"

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle []byte

// pageView is the API as the page shows it.
type pageView struct {
	Title, Version, About string
	Groups                []pageGroup
}

// pageGroup is what has the same noun in its path.
type pageGroup struct {
	ID     string
	Routes []pageRoute
}

// Name is the noun as people write it.
func (g pageGroup) Name() string {
	words := strings.Split(g.ID, "-")
	for n, w := range words {
		if w == "gdpr" || w == "llm" {
			words[n] = strings.ToUpper(w)
		} else if n == 0 {
			words[n] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

type pageRoute struct {
	ID, Method, Path, Summary, About string
	Parameters, Body, Answer         []pageField
	Answers                          []string // statuses
}

type pageField struct {
	Name, Type, About string
	Required          bool
}

// fieldsShown is how deep the page shows fields of fields.
const fieldsShown = 3

// page serves the description of the API for people: made here from the same
// description that programs read, with nothing loaded from elsewhere and no
// script.
func (d *door) page(mux *http.ServeMux) {
	whole := sync.OnceValues(d.renderPage)
	zipped := sync.OnceValues(func() ([]byte, error) { return zip(whole()) })
	mux.HandleFunc("GET "+PagePath, func(w http.ResponseWriter, r *http.Request) {
		get := whole
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			get = zipped
		}
		text, err := get()
		if err != nil {
			w.Header().Del("Content-Encoding")
			d.refuse(w, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Vary", "Accept-Encoding")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		_, _ = w.Write(text) // the asker has gone away
	})
	mux.HandleFunc("GET "+PagePath+"/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(pageStyle) // the asker has gone away
	})
}

func zip(text []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err = z.Write(text); err == nil {
		err = z.Close()
	}
	return b.Bytes(), err
}

func (d *door) renderPage() ([]byte, error) {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("read the page's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, newPage(d.api.OpenAPI())); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return b.Bytes(), nil
}

func newPage(api *huma.OpenAPI) pageView {
	v := pageView{Title: api.Info.Title, Version: api.Info.Version, About: api.Info.Description}
	groups := map[string][]pageRoute{}
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		item := api.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				groups[noun(path)] = append(groups[noun(path)], newRoute(api, op))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		v.Groups = append(v.Groups, pageGroup{ID: name, Routes: groups[name]})
	}
	return v
}

// noun is what a path is about: the first part after the version, or after the
// workspace.
func noun(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) > 3 && parts[1] == "workspaces" && strings.HasPrefix(parts[2], "{") {
		return parts[3]
	}
	return parts[min(1, len(parts)-1)]
}

func newRoute(api *huma.OpenAPI, op *huma.Operation) pageRoute {
	r := pageRoute{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, About: op.Description}
	for _, p := range op.Parameters {
		r.Parameters = append(r.Parameters, pageField{
			Name: p.Name, Type: p.In + ", " + typeOf(api, p.Schema), About: firstOf(p.Description, p.Schema.Description), Required: p.Required,
		})
	}
	if op.RequestBody != nil {
		r.Body = contentFields(api, op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r.Answers = append(r.Answers, status)
		if strings.HasPrefix(status, "2") && r.Answer == nil {
			r.Answer = contentFields(api, op.Responses[status].Content)
		}
	}
	return r
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func contentFields(api *huma.OpenAPI, content map[string]*huma.MediaType) []pageField {
	if media := content["application/json"]; media != nil && media.Schema != nil {
		return fieldsOf(api, media.Schema, "", 1)
	}
	var list []pageField
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		list = append(list, pageField{Name: kind})
	}
	return list
}

func resolved(api *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = api.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// fieldsOf lists an object's fields, and below each those of its value.
func fieldsOf(api *huma.OpenAPI, s *huma.Schema, before string, depth int) []pageField {
	s = resolved(api, s)
	if s == nil {
		return nil
	}
	if s.Type == huma.TypeArray {
		return fieldsOf(api, s.Items, before, depth)
	}
	var list []pageField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		field := s.Properties[name]
		list = append(list, pageField{
			Name: before + name, Type: typeOf(api, field), About: field.Description, Required: slices.Contains(s.Required, name),
		})
		if depth < fieldsShown {
			list = append(list, fieldsOf(api, field, before+name+".", depth+1)...)
		}
	}
	return list
}

// typeOf is a type in words: "array of string", "one of json, csv".
func typeOf(api *huma.OpenAPI, s *huma.Schema) string {
	s = resolved(api, s)
	switch {
	case s == nil || s.Type == "":
		return "any"
	case s.Type == huma.TypeArray:
		return "array of " + typeOf(api, s.Items)
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			words[i] = fmt.Sprint(v)
		}
		return "one of " + strings.Join(words, ", ")
	case s.Format != "":
		return s.Type + " (" + s.Format + ")"
	}
	return s.Type
}
