package datamap

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

// ofContact is the erasure of one person of shopMap.
func ofContact(t *testing.T, text string, catalog *Catalog) Erasure {
	t.Helper()
	e, err := mustCompile(t, text).Erasure(EraseScope{Scope: Scope{Workspace: "1", SubjectKind: "contact", SubjectID: "2"}, Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func codes(problems []Problem) string {
	var list []string
	for _, p := range problems {
		if p.Message == "" || p.Remedy == "" {
			list = append(list, "(says nothing)")
		}
		list = append(list, p.Code+" "+p.Collection)
	}
	return strings.Join(list, ", ")
}

// What a map alone shows to be impossible.
func TestBlockers(t *testing.T) {
	const keeps = "  orders:\n    disposition: {keep: legal_claims}\n    fields: {id:"
	tests := map[string]struct{ text, want string }{
		"nothing":                     {shopMap, ""},
		"kept and guarded":            {strings.Replace(shopMap, "  orders:\n    fields: {id:", keeps, 1), "kept_refers orders"},
		"kept and let go":             {strings.NewReplacer("  orders:\n    fields: {id:", keeps, "person_id: id}, relation: belongs}", "person_id: id}, relation: belongs, disposition: null}").Replace(shopMap), ""},
		"kept and undeclared":         {strings.NewReplacer("  orders:\n    fields: {id:", keeps, "person_id: id}, relation: belongs}", "person_id: id}, relation: belongs, undeclared: true}").Replace(shopMap), ""},
		"masked, so that it may stay": {strings.NewReplacer("  orders:\n    fields: {id:", keeps, "  people:\n", "  people:\n    disposition: null\n").Replace(shopMap), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := codes(ofContact(t, test.text, nil).Blockers); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A row that stays names in its key what goes with the workspace.
func TestKeyThatNamesWhatGoes(t *testing.T) {
	g := mustCompile(t, `
dataset: app
workspace: {collection: shops, key: id}
subjects: {account: {collection: users, key: id, span: all}}
collections:
  shops: {fields: {id: system}}
  users:
    fields: {id: user.unique_id}
    links: [{to: seats, on: {id: user_id}, relation: belongs}]
  seats:
    key: [shop_id, user_id]
    fields: {shop_id: system, user_id: user.unique_id}
    links:
      - {to: shops, on: {shop_id: id}, relation: belongs}
      - {to: users, on: {user_id: id}, relation: belongs}
  items:
    fields: {id: system, shop_id: system}
    links: [{to: shops, on: {shop_id: id}, relation: belongs}]
  marks:
    key: [user_id, item_id]
    fields: {user_id: user.unique_id, item_id: system}
    links:
      - {to: users, on: {user_id: id}, relation: belongs}
      - {to: items, on: {item_id: id}, relation: mentions}
`)
	e, err := g.Erasure(EraseScope{Scope: Scope{Workspace: "1"}})
	if err != nil || codes(e.Blockers) != "in_key marks" {
		t.Errorf("got %q, %v", codes(e.Blockers), err)
	}
}

// What the database would not let happen.
func TestErasureCheck(t *testing.T) {
	person := ForeignKey{Columns: []string{"id"}, Table: "people", Targets: []string{"id"}}
	cascades := person
	cascades.OnDelete = "cascade"
	tests := map[string]struct {
		replace []string
		change  func(*Catalog)
		want    string
	}{
		"nothing":           {nil, func(*Catalog) {}, ""},
		"not null":          {nil, func(c *Catalog) { orders(c).Columns[3].Nullable = false }, "not_nullable orders"},
		"unfit":             {[]string{"{about_type: Person}, relation: mentions}", "{about_type: Person}, relation: mentions, disposition: {replace: gone}}"}, func(*Catalog) {}, "value_unfit orders"},
		"a view":            {nil, func(c *Catalog) { orders(c).View = true }, "view orders"},
		"an ignored table":  {nil, func(c *Catalog) { c.table("films").ForeignKeys = []ForeignKey{person} }, "ignored_reference people"},
		"one that cascades": {nil, func(c *Catalog) { c.table("films").ForeignKeys = []ForeignKey{cascades} }, ""},
		"an unmapped key": {nil, func(c *Catalog) {
			orders(c).ForeignKeys = []ForeignKey{{Columns: []string{"id"}, Table: "people", Targets: []string{"id"}}}
		}, "unmapped_reference orders"},
		"a key that is said not to be there": {[]string{"person_id: id}, relation: belongs}", "person_id: id}, relation: belongs, undeclared: true}"}, func(c *Catalog) {
			orders(c).ForeignKeys = []ForeignKey{{Columns: []string{"person_id"}, Table: "people", Targets: []string{"id"}}}
		}, "undeclared_reference orders"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := shopCatalog()
			test.change(&c)
			e := ofContact(t, strings.NewReplacer(test.replace...).Replace(shopMap), &c)
			if got := codes(e.Blockers); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestUnindexed(t *testing.T) {
	c := shopCatalog()
	e := ofContact(t, shopMap, &c)
	if got := e.Unindexed(c); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
	people(&c).Indexes, orders(&c).Indexes = nil, nil
	orders(&c).ForeignKeys = []ForeignKey{{Columns: []string{"person_id"}, Table: "people", Targets: []string{"id"}}}
	c.table("orders_2026").Indexes = nil
	var statements, guarded []string
	c.table("orders_2026").Rows = 1_000_000
	for _, r := range e.Unindexed(c) {
		if r.Rows != 1_000_000 || r.Collection != "orders" {
			t.Errorf("%+v", r)
		}
		if statements = append(statements, r.Statement); r.ForEach != "" {
			guarded = append(guarded, r.ForEach)
		}
	}
	slices.Sort(statements)
	statements = slices.Compact(statements)
	if !slices.Equal(guarded, []string{"people"}) { // each of whose rows the database looks up
		t.Errorf("for each of %v", guarded)
	}
	want := []string{ // not shop_id: the person is found by her key
		"CREATE INDEX CONCURRENTLY ON orders_2026 (about_type, about_id);\nCREATE INDEX ON orders (about_type, about_id);",
		"CREATE INDEX CONCURRENTLY ON orders_2026 (person_id);\nCREATE INDEX ON orders (person_id);",
	}
	if diff := cmp.Diff(want, statements); diff != "" {
		t.Error(diff)
	}
}

// The plan's hash covers what is done, not to whom, nor in which order the map
// says things.
func TestCanonical(t *testing.T) {
	text := example(t, "valid/links.yaml")
	canonical := func(text string, s EraseScope) string {
		e, err := mustCompile(t, text).Erasure(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(e.Canonical())
	}
	s := EraseScope{Scope: Scope{Workspace: "1", SubjectKind: "person", SubjectID: "2"}}
	want := canonical(text, s)
	for name, scope := range map[string]EraseScope{
		"another person": {Scope: Scope{Workspace: "3", SubjectKind: "person", SubjectID: "4"}},
		"merged rows":    {Scope: s.Scope, Merged: []string{"2", "5"}},
		"a hold":         {Scope: s.Scope, Held: []RowRef{{Collection: "tasks", Key: []string{"7"}}}},
	} {
		if got := canonical(text, scope); got != want {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
	const one, two = "{to: teams, on: {team_id: id}, relation: belongs}\n      - {to: people, on: {person_id: id}, relation: belongs}",
		"{to: people, on: {person_id: id}, relation: belongs}\n      - {to: teams, on: {team_id: id}, relation: belongs}"
	if got := canonical(strings.ReplaceAll(text, one, two), s); got != want || !strings.Contains(text, one) {
		t.Errorf("the order of links: %s", cmp.Diff(want, got))
	}
	if got := canonical(strings.Replace(text, "replace: Anonymous", "replace: Nobody", 1), s); got == want {
		t.Error("another replacement gives the same form")
	}
	if got := canonical(text, EraseScope{Scope: Scope{Workspace: "1"}}); got == want {
		t.Error("another kind of scope gives the same form")
	}
}

func TestErasureRefuses(t *testing.T) {
	g := mustCompile(t, example(t, "valid/helpdesk.yaml"))
	whole := Scope{Workspace: "1"}
	tests := map[string][]EraseScope{
		"scope_incomplete": {
			{},
			{Scope: Scope{SubjectKind: "contact", SubjectID: "1"}},
			{Scope: Scope{Workspace: "1", SubjectKind: "contact"}},
			{Scope: Scope{Workspace: "1", SubjectKind: "contact", SubjectID: "1"}, Rows: &RowScope{Collection: "tickets"}},
		},
		"subject_kind_unknown": {{Scope: Scope{Workspace: "1", SubjectKind: "customer", SubjectID: "1"}}},
		"collection_unknown":   {{Scope: whole, Rows: &RowScope{Collection: "ticket"}}, {Scope: whole, Held: []RowRef{{Collection: "ticket"}}}},
		"key_invalid":          {{Scope: whole, Rows: &RowScope{Collection: "tickets", Keys: [][]string{{"1"}}}}, {Scope: whole, Held: []RowRef{{Collection: "tickets", Key: []string{"1"}}}}},
	}
	for code, list := range tests {
		for i, s := range list {
			if _, err := g.Erasure(s); privacyd.CodeOf(err) != code {
				t.Errorf("%s %d: got %v", code, i, err)
			}
		}
	}
}
