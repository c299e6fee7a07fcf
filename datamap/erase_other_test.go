package datamap

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

func TestClocked(t *testing.T) {
	g := mustCompile(t, example(t, "valid/helpdesk.yaml"))
	if list := g.ClockCollections(); len(list) != 1 || list[0].Name != "tickets" {
		t.Fatalf("got %v", list)
	}
	sel, err := g.Clocked("7", "tickets")
	if err != nil || say(sel) != "workspace_id=7" || sel.Collection.Clock.Resolved != "open = 0" {
		t.Fatalf("got %s, %v", say(sel), err)
	}
	var names []string
	for _, f := range sel.Fields {
		names = append(names, f.Column+" "+string(f.Format))
	}
	if diff := cmp.Diff([]string{"id ", "closed_at unix_micros"}, names); diff != "" {
		t.Error(diff)
	}
	for collection, code := range map[string]string{"contacts": "clock_missing", "ticket": "collection_unknown"} {
		if _, err := g.Clocked("7", collection); privacyd.CodeOf(err) != code {
			t.Errorf("%s: %v", collection, err)
		}
	}
}

func TestFreeText(t *testing.T) {
	g := mustCompile(t, example(t, "valid/chatwoot.yaml"))
	for collection, want := range map[string][]string{
		"messages": {"content", "content_attributes"}, "contacts": {"custom_attributes"}, "users": nil, "nothing": nil,
		"conversations": nil, "notes": {"content"},
	} {
		if diff := cmp.Diff(want, g.FreeText(collection)); diff != "" {
			t.Errorf("%s: %s", collection, diff)
		}
	}
}

func TestQuotedAndUnexported(t *testing.T) {
	text := strings.Replace(example(t, "valid/everything.yaml"), "export: false", "export: false\n    key: id", 1)
	g := mustCompile(t, text)
	if q := g.Quoted(); len(q) != 1 || q[0].Collection.Name != "people" || q[0].Fields[0].Column != "score" {
		t.Errorf("got %+v", q)
	}
	sel, found, err := g.Select("visits", Scope{Workspace: "1"})
	if err != nil || !found || len(sel.Fields) > 0 || len(sel.All) == 0 {
		t.Errorf("got %+v, %v, %v", sel, found, err)
	}
}

func TestUnquote(t *testing.T) {
	m, err := Parse("shop.yaml", strings.NewReader(strings.Replace(shopMap, "id: user.unique_id", "id: {category: user.unique_id, quoted: null}", 1)))
	if err == nil {
		_, err = Compile(m)
	}
	if privacyd.CodeOf(err) != "map_invalid" {
		t.Errorf("a key that would become NULL: %v", err)
	}
	g := mustCompile(t, example(t, "valid/everything.yaml"))
	q := g.Quoted()[0]
	if !q.Has("score") || q.Has("name") {
		t.Errorf("got %+v", q)
	}
	everywhere, err := g.Unquote(EraseScope{}, q, [][]string{{"7", "1"}})
	if err != nil || !strings.Contains(sayErasure(everywhere), "delete people\n    where team_id,id in [[7 1]]\n") {
		t.Errorf("in all workspaces: %v, %s", err, sayErasure(everywhere))
	}
	if names := g.Only("people").Collections(); len(names) != 1 || names[0].Name != "people" || len(g.Collections()) < 2 {
		t.Errorf("got %+v", names)
	}
}

func TestCheckClock(t *testing.T) {
	text := strings.Replace(shopMap, "    links:\n      - {to: people, on: {person_id", "    clock: {resolved: id > 0, resolved_at: person_id}\n    links:\n      - {to: people, on: {person_id", 1)
	found := Check(mustCompile(t, text), shopCatalog())
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Code == BlockedErasure && f.Column == "person_id" }) {
		t.Errorf("got %+v", found)
	}
}

// Check says of a map what would block an erasure.
func TestCheckTriesErasures(t *testing.T) {
	text := strings.Replace(shopMap, "  orders:\n", "  orders:\n    disposition: {keep: legal_claims}\n", 1)
	found := Check(mustCompile(t, text), shopCatalog())
	blocked := slices.DeleteFunc(found, func(f Finding) bool { return f.Code != BlockedErasure })
	if len(blocked) != 1 || blocked[0].Collection != "orders" || blocked[0].Fatal {
		t.Errorf("got %+v", found)
	}
}
