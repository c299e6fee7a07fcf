package web

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestEveryFormSaysItsFields holds the forms against the routes.
func TestEveryFormSaysItsFields(t *testing.T) {
	there := map[string]bool{}
	for _, routes := range (&door{}).allRoutes() {
		for route := range routes {
			if _, listed := formFields[route]; strings.HasPrefix(route, "POST ") && !listed {
				t.Errorf("fields.go does not say which fields the form %s has", route)
			}
			there[route] = true
		}
	}
	for route := range formFields {
		if !there[route] {
			t.Errorf("there is no form %s", route)
		}
	}
}

var inBraces = regexp.MustCompile(`\{[a-z_]+\}`)

// TestFieldsThatAreNotThere sends a field that there is not with every form, and
// each of its own fields in another case, and twice: nothing is done.
func TestFieldsThatAreNotThere(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	me := signedInAs(t, b, "admin@acme.example.com")
	own, instance := b.Audited(w.ID), b.Audited("")
	for route, fields := range formFields {
		_, path, _ := strings.Cut(inBraces.ReplaceAllString(strings.ReplaceAll(route, "{workspace}", "acme"), "x"), " ")
		wrong := map[string]url.Values{}
		for _, name := range []string{"no_such_field", "Once", "once "} {
			wrong[name] = url.Values{name: {"x"}}
		}
		for _, name := range append(strings.Fields(fields), "once") {
			name, list := strings.CutSuffix(name, "*")
			wrong[strings.ToUpper(name[:1])+name[1:]] = url.Values{strings.ToUpper(name[:1]) + name[1:]: {"x"}}
			if !list {
				wrong[name] = url.Values{name: {"x", "x"}}
			}
		}
		for name, form := range wrong {
			for _, own := range strings.Fields(fields) {
				if own = strings.TrimSuffix(own, "*"); own != name {
					form.Set(own, "x")
				}
			}
			code := "form_field_unknown"
			if len(form[name]) > 1 {
				code = "form_field_repeated"
			}
			res := me.do(t, http.MethodPost, path, form)
			if res.Code != http.StatusUnprocessableEntity || !strings.Contains(res.Body.String(), code) {
				t.Errorf("%s with %v: status %d", route, form, res.Code)
			}
		}
	}
	if later := b.Audited(w.ID); !slices.Equal(own, later) {
		t.Errorf("the workspace's log has %q more", later[len(own):])
	}
	if later := b.Audited(""); !slices.Equal(instance, later) {
		t.Errorf("the instance's log has %q more", later[len(instance):])
	}
}

var readAsList = regexp.MustCompile(`PostForm\["([a-z_]+)"\]`)

// TestFieldsThatAreReadAsLists may come more than once, and no others.
func TestFieldsThatAreReadAsLists(t *testing.T) {
	read, marked := map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range readAsList.FindAllSubmatch(text, -1) {
			read[string(found[1])] = true
		}
	}
	for _, fields := range formFields {
		for _, name := range strings.Fields(fields) {
			if name, list := strings.CutSuffix(name, listMark); list {
				marked[name] = true
			}
		}
	}
	if !maps.Equal(read, marked) || len(read) == 0 {
		t.Errorf("read as lists: %v; fields.go marks %v", read, marked)
	}
}
