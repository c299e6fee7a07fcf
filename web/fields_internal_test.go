package web

import (
	"net/http"
	"net/url"
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
// each of its own fields in another case: nothing is done.
func TestFieldsThatAreNotThere(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	me := signedInAs(t, b, "admin@acme.example.com")
	own, instance := b.Audited(w.ID), b.Audited("")
	for route, fields := range formFields {
		_, path, _ := strings.Cut(inBraces.ReplaceAllString(strings.ReplaceAll(route, "{workspace}", "acme"), "x"), " ")
		wrong := []string{"no_such_field", "Once", "once "}
		for _, name := range strings.Fields(fields) {
			wrong = append(wrong, strings.ToUpper(name[:1])+name[1:])
		}
		for _, name := range wrong {
			form := url.Values{name: {"x"}}
			for _, own := range strings.Fields(fields) {
				form.Set(own, "x")
			}
			res := me.do(t, http.MethodPost, path, form)
			if res.Code != http.StatusUnprocessableEntity || !strings.Contains(res.Body.String(), "form_field_unknown") {
				t.Errorf("%s with %s: status %d", route, name, res.Code)
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
