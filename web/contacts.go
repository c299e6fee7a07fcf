package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const (
	contactsShown      = 25
	matchesShown       = 20
	conversationsShown = 10
	messagesShown      = 100
)

// contact is a person of the embedded records, as far as pages show them.
type contact struct {
	Kind         string          `json:"-"` // of a person in a product's database; empty: a contact of ours, who has a profile
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Email        string          `json:"email"`
	Phone        string          `json:"phone"`
	Language     string          `json:"language"`
	Company      string          `json:"company"`
	Tags         []string        `json:"tags"`
	CustomFields json.RawMessage `json:"custom_fields"`
	Identities   []identity      `json:"identities"`
	CreatedAt    *time.Time      `json:"created_at"`
}

type identity struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// title is what a contact is called.
func (c contact) title() string {
	for _, s := range []string{c.Name, c.Email, c.Phone} {
		if s != "" {
			return s
		}
	}
	return c.ID
}

// fields are a contact's custom fields, in order.
func (c contact) fields() [][2]string {
	values := map[string]json.RawMessage{}
	if json.Unmarshal(c.CustomFields, &values) != nil {
		return nil
	}
	list := make([][2]string, 0, len(values))
	for _, name := range sortedKeys(values) {
		list = append(list, [2]string{name, plainJSON(values[name])})
	}
	return list
}

// plainJSON writes a text without its quotation marks, anything else as it is.
func plainJSON(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// foundView is what a search for contacts found.
type foundView struct {
	Searchable bool // there are records to search in
	Query      string
	Contacts   []contact
	More       bool
	Anywhere   bool // nothing begins with it: parts were looked through
}

// contactsView is the page "Contacts".
type contactsView struct {
	Found  foundView
	Order  sorting
	Cursor string // of this page; empty: the first
	Next   string // of the next page; empty: there is none
}

func (d *door) contactRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/contacts":              d.contactsPage,
		"GET /w/{workspace}/contacts/matches":      d.contactMatches,
		"GET /w/{workspace}/contact":               d.contactPage,
		"GET /w/{workspace}/contact/conversation":  d.conversationPage,
		"GET /w/{workspace}/contact/attachment":    d.attachment,
		"GET /w/{workspace}/contact/files":         d.filesPage,
		"POST /w/{workspace}/contact/export":       d.exportContact,
		"GET /w/{workspace}/contact/conversations": d.conversationsPart,
	}
}

// found looks for contacts: by the beginning of name, e-mail, phone or id, and
// where none begins with it by any part; beside a product by what its data map
// says people are known by.
func (d *door) found(r *http.Request, v visit) (foundView, error) {
	view := foundView{Searchable: len(d.subjectKinds(v.workspace)) > 0, Query: strings.TrimSpace(r.URL.Query().Get("q"))}
	if view.Query == "" || !view.Searchable {
		return view, nil
	}
	err := d.search(r, v, &view)
	if len(view.Contacts) > matchesShown {
		view.Contacts, view.More = view.Contacts[:matchesShown], true
	}
	return view, err
}

func (d *door) search(r *http.Request, v visit, view *foundView) error {
	if d.engine.Records == nil {
		return d.searchProduct(r, v, view)
	}
	page, err := d.engine.ListRecords(r.Context(), v.caller, v.workspace.ID, "contacts", engine.RecordQuery{Begins: view.Query, Limit: matchesShown + 1})
	if err == nil && len(page.Items) == 0 {
		view.Anywhere = true
		page, err = d.engine.ListRecords(r.Context(), v.caller, v.workspace.ID, "contacts", engine.RecordQuery{Search: view.Query, Limit: matchesShown + 1})
	}
	if err != nil {
		return err
	}
	view.Contacts, err = decoded[contact](page.Items)
	return err
}

func (d *door) searchProduct(r *http.Request, v visit, view *foundView) error {
	list, err := d.engine.FindSubjects(r.Context(), v.caller, v.workspace.ID, view.Query, matchesShown+1)
	for _, s := range list {
		view.Contacts = append(view.Contacts, contact{Kind: s.Kind, ID: s.ID, Name: s.Name})
	}
	return err
}

// kind is what the person is to the data map.
func (c contact) kind() string {
	if c.Kind == "" {
		return "contact"
	}
	return c.Kind
}

// foundText says what a search found; empty: nothing was looked for.
func foundText(f foundView) string {
	n := int64(len(f.Contacts))
	switch {
	case f.Query == "":
		return ""
	case n == 0:
		return "No contact matches “" + f.Query + "”. Try the beginning of a name, an e-mail address, a phone number or an id."
	case f.More:
		return "The first " + count(n) + " that match “" + f.Query + "”. Type more to narrow them down."
	case f.Anywhere:
		return counted(n, "contact has", "contacts have") + " “" + f.Query + "” somewhere inside."
	default:
		return counted(n, "contact matches", "contacts match") + " “" + f.Query + "”."
	}
}

// decoded reads records.
func decoded[T any](items []json.RawMessage) ([]T, error) {
	list := make([]T, len(items))
	for i, raw := range items {
		if err := json.Unmarshal(raw, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// contactOf is the record of a person; nil where there are no records of ours.
func (d *door) contactOf(r *http.Request, v visit, s privacyd.Subject) *contact {
	if s.Kind != "contact" || d.engine.Records == nil {
		return nil
	}
	raw, err := d.engine.GetRecord(r.Context(), v.caller, v.workspace.ID, "contacts", s.ID)
	var c contact
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return nil
	}
	return &c
}

// contactNames gives the names of the contacts whom jobs are about, to whoever
// may read records.
func (d *door) contactNames(r *http.Request, v visit, jobs ...*privacyd.Job) map[string]string {
	names := map[string]string{}
	for _, j := range jobs {
		if j.Subject == nil || j.Subject.ID == "" {
			continue
		}
		d.addName(r, v, *j.Subject, names)
	}
	return names
}

func (d *door) addName(r *http.Request, v visit, s privacyd.Subject, names map[string]string) {
	if _, known := names[s.ID]; known || !v.role.May(privacyd.ActionReadRecords) {
		return
	}
	if c := d.contactOf(r, v, s); c != nil {
		names[s.ID] = c.title()
	}
}

func (d *door) contactsPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	view, err := d.contacts(r, v)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, contactsPageOf(d.page(r, v, "Contacts"), view))
}

func (d *door) contactMatches(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	view, err := d.contacts(r, v)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, contactsTable(d.page(r, v, ""), view))
}

func (d *door) contacts(r *http.Request, v visit) (contactsView, error) {
	q := r.URL.Query()
	view := contactsView{Order: newSorting(q, "sort", "name", "name", "email", "created_at", "id"), Cursor: q.Get("after")}
	view.Order.Path = workspacePath(v.workspace.Slug, "contacts")
	if d.engine.Records == nil {
		return view, nil
	}
	var err error
	if view.Found, err = d.found(r, v); err != nil || view.Found.Query != "" {
		return view, err
	}
	page, err := d.engine.ListRecords(r.Context(), v.caller, v.workspace.ID, "contacts", engine.RecordQuery{
		Sort: view.Order.By, Cursor: view.Cursor, Limit: contactsShown,
	})
	if err != nil {
		return view, err
	}
	view.Next = page.NextCursor
	view.Found.Contacts, err = decoded[contact](page.Items)
	return view, err
}

// contactPath is where a contact's profile is. Ids may be anything, so that
// they do not go into the path.
func (p page) contactPath(id string, more ...string) string {
	return contactPath(p.Workspace.Slug, id, more...)
}

func contactPath(slug, id string, more ...string) string {
	return workspacePath(slug, append([]string{"contact"}, more...)...) + "?id=" + url.QueryEscape(id)
}

// deletionPath is where the plan for a person is.
func (p page) deletionPath(kind, id string) string {
	return p.to("delete-contact") + "?" + url.Values{"kind": {kind}, "id": {id}}.Encode()
}

func typedCount(s string) *int64 {
	n, err := strconv.ParseInt(strings.NewReplacer(",", "", " ", "", ".", "").Replace(strings.TrimSpace(s)), 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// contactLine says by what a contact is known.
func contactLine(c contact) string {
	var parts []string
	for _, s := range []string{c.Email, c.Phone, c.Company, c.ID} {
		if s != "" && s != c.title() {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}
