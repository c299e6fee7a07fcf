package datamap

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

// say writes a selection's conditions: ways are set apart by "or", conditions
// by "and", a link that may be followed again has a star.
func say(s Selection) string {
	var all []string
	for _, c := range s.All {
		var any []string
		for _, p := range c.Any {
			any = append(any, sayPath(p))
		}
		all = append(all, strings.Join(any, " or "))
	}
	return strings.Join(all, " and ")
}

func sayPath(p Path) string {
	var b strings.Builder
	for _, h := range p.Hops {
		b.WriteString("(")
		for i, w := range h.Link.When {
			if i == 0 {
				b.WriteString("when ")
			}
			b.WriteString(w.Column + "=" + w.Value + " ")
		}
		for i, j := range h.Link.On {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(j.Column + strings.TrimPrefix(j.JSONPath, "$") + ">" + j.Target)
		}
		b.WriteString(")")
		if h.Recursive {
			b.WriteString("*")
		}
		b.WriteString(h.To.Name + ".")
	}
	return b.String() + p.Column + "=" + p.Value
}

func TestSelect(t *testing.T) {
	inWorkspace := Scope{Workspace: "7"}
	contact := Scope{Workspace: "7", SubjectKind: "contact", SubjectID: "c1"}
	const merged = "(merged_into_id>id)*contacts.(id>merged_into_id)*contacts."
	const mergedHere = "(merged_into>id,workspace_id>workspace_id)*contacts.(id>merged_into,workspace_id>workspace_id)*contacts."
	const toContact = "(workspace_id>workspace_id,reporter_id>id)contacts." + mergedHere + "id=c1"
	const toTicket = "(when record_type=ticket workspace_id>workspace_id,record_id>id)tickets."
	tests := []struct {
		file, collection string
		scope            Scope
		want             string // empty: no row can be in the scope
	}{
		{"pagila", "stores", inWorkspace, "store_id=7"},
		{"pagila", "customers", inWorkspace, "store_id=7"},
		{"pagila", "payments", inWorkspace, "(customer_id>customer_id)customers.store_id=7"},
		{"pagila", "addresses", inWorkspace, "(address_id>address_id)customers.store_id=7 or (address_id>address_id)staff.store_id=7 or (address_id>address_id)stores.store_id=7"},
		{"pagila", "payments", contact, "(customer_id>customer_id)customers.store_id=7 and customer_id=c1"},
		{"pagila", "inventory", contact, ""},
		{"pagila", "stores", contact, ""},
		{"pagila", "addresses", Scope{SubjectKind: "employee", SubjectID: "3"}, "(address_id>address_id)staff.staff_id=3"},
		{"pagila", "staff", Scope{SubjectKind: "employee", SubjectID: "3"}, "staff_id=3"},
		{"pagila", "staff", Scope{Workspace: "7", SubjectKind: "employee", SubjectID: "3"}, "store_id=7 and staff_id=3"},

		{"chatwoot", "accounts", inWorkspace, "id=7"},
		{"chatwoot", "users", inWorkspace, "(id>user_id)account_users.account_id=7"},
		{"chatwoot", "messages", inWorkspace, "account_id=7"},
		{"chatwoot", "contact_inboxes", inWorkspace, "(contact_id>id)contacts.account_id=7"},
		{"chatwoot", "blobs", inWorkspace, "(id>blob_id)contact_avatars.(record_id>id)contacts.account_id=7 or (id>blob_id)user_avatars.(record_id>id)users.(id>user_id)account_users.account_id=7"},
		{"chatwoot", "contacts", contact, "account_id=7 and " + merged + "id=c1"},
		{"chatwoot", "notes", contact, "account_id=7 and (contact_id>id)contacts." + merged + "id=c1"},
		{"chatwoot", "users", contact, ""},
		{"chatwoot", "account_users", Scope{SubjectKind: "account", SubjectID: "9"}, "user_id=9"},
		{"chatwoot", "messages", Scope{SubjectKind: "account", SubjectID: "9"}, ""},

		{"helpdesk", "contacts", inWorkspace, "workspace_id=7"},
		{"helpdesk", "comments", inWorkspace, "workspace_id=7"},
		{"helpdesk", "thumbnails", inWorkspace, "(blob>blob)attachments.workspace_id=7"},
		{"helpdesk", "contacts", contact, "workspace_id=7 and " + mergedHere + "id=c1"},
		{"helpdesk", "tickets", contact, "workspace_id=7 and " + toContact},
		{"helpdesk", "comments", contact, "workspace_id=7 and (workspace_id>workspace_id,parent_id>id)*comments." + toTicket + toContact},
		{"helpdesk", "documents", contact, ""},

		{"northwind", "customers", Scope{Workspace: "ALFKI", SubjectKind: "buyer", SubjectID: "ALFKI"}, "customer_id=ALFKI and customer_id=ALFKI"},
		{"northwind", "order_details", inWorkspace, "(order_id>order_id)orders.customer_id=7"},
	}
	for _, test := range tests {
		t.Run(test.file+" "+test.collection+" "+test.scope.SubjectKind, func(t *testing.T) {
			g := mustCompile(t, example(t, "valid/"+test.file+".yaml"))
			sel, found, err := g.Select(test.collection, test.scope)
			if err != nil || found != (test.want != "") {
				t.Fatalf("found %v, error %v", found, err)
			}
			if diff := cmp.Diff(test.want, say(sel)); diff != "" {
				t.Error(diff)
			}
			if found && (sel.Collection.Name != test.collection || sel.Table != sel.Collection.Table) {
				t.Errorf("got collection %s, table %s", sel.Collection.Name, sel.Table)
			}
		})
	}
}

// A person's messages are those of its conversations and those it wrote, by
// every way that the map knows.
func TestSelectTakesEveryWayToAPerson(t *testing.T) {
	g := mustCompile(t, example(t, "valid/chatwoot.yaml"))
	sel, _, err := g.Select("messages", Scope{Workspace: "7", SubjectKind: "contact", SubjectID: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	const merged = "(merged_into_id>id)*contacts.(id>merged_into_id)*contacts.id=c1"
	want := []string{
		"(when sender_type=Contact sender_id>id)contacts." + merged,
		"(conversation_id>id)conversations.(contact_id>id)contacts." + merged,
		"(conversation_id>id)conversations.(contact_inbox_id>id)contact_inboxes.(contact_id>id)contacts." + merged,
	}
	var got []string
	for _, p := range sel.All[1].Any {
		got = append(got, sayPath(p))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSelectFields(t *testing.T) {
	g := mustCompile(t, example(t, "valid/chatwoot.yaml"))
	names := func(s Scope, collection string) []string {
		sel, _, err := g.Select(collection, s)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, f := range sel.Fields {
			list = append(list, f.Name)
		}
		return list
	}
	if diff := cmp.Diff([]string{"id", "name", "email", "current_sign_in_ip", "current_sign_in_at"}, names(Scope{Workspace: "1"}, "users")); diff != "" {
		t.Errorf("secrets: %s", diff)
	}
	if got := names(Scope{Workspace: "1"}, "conversations"); !slices.Contains(got, "assignee_id") || slices.Contains(got, "account_id") {
		t.Errorf("workspace: %v", got)
	}
	if got := names(Scope{Workspace: "1", SubjectKind: "contact", SubjectID: "2"}, "conversations"); slices.Contains(got, "assignee_id") {
		t.Errorf("subject: %v", got)
	}
}

func TestSelectRefuses(t *testing.T) {
	g := mustCompile(t, example(t, "valid/chatwoot.yaml"))
	tests := map[string]struct {
		collection string
		scope      Scope
	}{
		"collection_unknown":   {"message", Scope{Workspace: "1"}},
		"subject_kind_unknown": {"messages", Scope{Workspace: "1", SubjectKind: "customer", SubjectID: "1"}},
	}
	for code, test := range tests {
		if _, found, err := g.Select(test.collection, test.scope); found || privacyd.CodeOf(err) != code {
			t.Errorf("%s: got %v, %v", code, found, err)
		}
	}
	for name, scope := range map[string]Scope{
		"nothing":            {},
		"whom":               {Workspace: "1", SubjectKind: "contact"},
		"in which workspace": {SubjectKind: "contact", SubjectID: "1"},
	} {
		if _, found, err := g.Select("messages", scope); found || privacyd.CodeOf(err) != "scope_incomplete" {
			t.Errorf("%s: got %v, %v", name, found, err)
		}
	}
}

// A plain link to the workspace decides alone, or a conversation that was moved
// by mistake would take its messages into a foreign export; an optional one
// leaves the decision to the others as well.
func TestOptionalLinkLetsOthersDecide(t *testing.T) {
	const text = `
dataset: app
workspace: {collection: shops, key: id}
collections:
  shops: {fields: {id: system}}
  orders:
    fields: {id: system, shop_id: internal}
    links: [{to: shops, on: {shop_id: id}, relation: belongs}]
  notes:
    fields: {id: system, shop_id: internal, order_id: system}
    links:
      - {to: orders, on: {order_id: id}, relation: belongs}
      - {to: shops, on: {shop_id: id}, relation: belongs, optional: OPTIONAL}
`
	for optional, want := range map[string]string{
		"false": "shop_id=1",
		"true":  "shop_id=1 or (order_id>id)orders.shop_id=1",
	} {
		g := mustCompile(t, strings.ReplaceAll(text, "OPTIONAL", optional))
		sel, _, err := g.Select("notes", Scope{Workspace: "1"})
		if err != nil || say(sel) != want {
			t.Errorf("optional %s: got %s, %v", optional, say(sel), err)
		}
	}
}

// Nothing belongs to a person only because its workspace does.
func TestWorkspaceOwnerDoesNotOwnEverything(t *testing.T) {
	g := mustCompile(t, `
dataset: app
workspace: {collection: shops, key: id}
subjects: {owner: {collection: people, key: id, span: all}}
collections:
  people:
    fields: {id: user.unique_id}
    links: [{to: shops, on: {id: owner_id}, relation: belongs}]
  shops:
    fields: {id: system, owner_id: user.unique_id}
    links: [{to: people, on: {owner_id: id}, relation: belongs}]
  orders:
    fields: {id: system, shop_id: internal}
    links: [{to: shops, on: {shop_id: id}, relation: belongs}]
`)
	owner := Scope{SubjectKind: "owner", SubjectID: "1"}
	if _, found, err := g.Select("orders", owner); found || err != nil {
		t.Errorf("orders: found %v, %v", found, err)
	}
	if sel, found, err := g.Select("shops", owner); !found || err != nil || say(sel) != "owner_id=1" {
		t.Errorf("shops: %s, %v, %v", say(sel), found, err)
	}
}

func TestParentsComeFirst(t *testing.T) {
	tests := map[string]string{
		"pagila":    "addresses stores staff customers inventory rentals payments",
		"chatwoot":  "accounts users account_users contacts inboxes contact_inboxes conversations messages notes blobs contact_avatars user_avatars",
		"helpdesk":  "contacts tickets documents comments attachments thumbnails",
		"northwind": "customers orders order_details",
	}
	for file, want := range tests {
		g := mustCompile(t, example(t, "valid/"+file+".yaml"))
		var got []string
		for _, c := range g.Collections() {
			got = append(got, c.Name)
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

// A map made in code is held to the same rules as a file.
func TestCompileChecksMapsMadeInCode(t *testing.T) {
	m := &Map{
		Dataset:   "app",
		Workspace: WorkspaceRoot{Collection: "shops", Key: "id"},
		Collections: []*Collection{
			{Name: "shops", Table: `shops"; --`, Key: []string{"id"}, Disposition: Disposition{Kind: Delete}, Fields: []*Field{{Column: "id", Name: "id"}}},
		},
	}
	if _, err := Compile(m); privacyd.CodeOf(err) != "map_invalid" || !strings.HasPrefix(err.Error(), "data map app: table") {
		t.Errorf("got %v", err)
	}
	m.Collections[0].Table = "shops"
	if g, err := Compile(m); err != nil || len(g.Map.Hash) != 64 {
		t.Errorf("got %v", err)
	}
}

// Where ids are unique only in a workspace, a link must not leave it.
func TestLinksStayInTheWorkspace(t *testing.T) {
	m := mustParse(t, example(t, "valid/helpdesk.yaml"))
	tickets := m.collection("tickets")
	want := []ColumnPair{{Column: "workspace_id", Target: "workspace_id"}, {Column: "reporter_id", Target: "id"}}
	if diff := cmp.Diff(want, tickets.Links[0].On); diff != "" {
		t.Error(diff)
	}
	tickets.Links[0].On = want[1:]
	if _, err := Compile(m); privacyd.CodeOf(err) != "map_invalid" || !strings.Contains(err.Error(), "leads into other workspaces") {
		t.Errorf("got %v", err)
	}
}
