package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// contactView is a contact's profile.
type contactView struct {
	Contact  contact
	List     conversationsView
	Files    filesView     // the first
	Deletion *privacyd.Job // that waits or runs; nil: none
}

// conversationsView is a part of a contact's conversations, the newest first.
type conversationsView struct {
	ContactID     string
	Conversations []conversation
	Next          string
}

type conversation struct {
	ID            string     `json:"id"`
	ContactID     string     `json:"contact_id"`
	Channel       string     `json:"channel"`
	Status        string     `json:"status"`
	Resolution    string     `json:"resolution"`
	ResolvedAt    *time.Time `json:"resolved_at"`
	CreatedAt     *time.Time `json:"created_at"`
	LastMessageAt *time.Time `json:"last_message_at"`
	Tags          []string   `json:"tags"`
}

// title says what kind of conversation it is: ids say nothing to people.
func (c conversation) title() string {
	switch c.Channel {
	case "":
		return "Conversation"
	case "email":
		return "Conversation by e-mail"
	default:
		return "Conversation by " + spelled(c.Channel)
	}
}

// spelled writes a channel as its makers do.
func spelled(channel string) string {
	for _, name := range []string{"WhatsApp", "SMS", "Facebook", "Instagram", "Telegram", "Slack"} {
		if strings.EqualFold(channel, name) {
			return name
		}
	}
	return spaced(channel)
}

type message struct {
	ID         string          `json:"id"`
	Direction  string          `json:"direction"`
	Body       string          `json:"body"`
	AIMetadata json.RawMessage `json:"ai_metadata"`
	CreatedAt  *time.Time      `json:"created_at"`

	Attachments []attachment `json:"-"`
}

// conversationView is a conversation with its messages, the oldest first.
type conversationView struct {
	Contact      contact
	Conversation conversation
	Messages     []message
	Next         string
	MoreFiles    bool // the messages have more than are shown
}

func (d *door) contactPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	id := r.URL.Query().Get("id")
	var view contactView
	if err := d.record(r, v, "contacts", id, &view.Contact); err != nil {
		return err
	}
	if view.List, err = d.conversations(r, v, id, ""); err != nil {
		return err
	}
	if view.Files, err = d.files(r, v, "contact", id, "", filesBeside); err != nil {
		return err
	}
	if view.Deletion, err = d.deletionOf(r, v, id); err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, contactPageOf(d.page(r, v, view.Contact.title()), view))
}

// deletionOf is the deletion of a contact that waits or runs.
func (d *door) deletionOf(r *http.Request, v visit, id string) (*privacyd.Job, error) {
	return d.engine.PendingDeletion(r.Context(), v.caller, v.workspace.ID, privacyd.Subject{Kind: "contact", ID: id})
}

func (d *door) conversationsPart(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	var c contact
	if err := d.record(r, v, "contacts", q.Get("id"), &c); err != nil {
		return err
	}
	list, err := d.conversations(r, v, c.ID, q.Get("after"))
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, conversationsPageOf(d.page(r, v, "Conversations of "+c.title()), c, list))
}

// record reads one record. Code record_not_found.
func (d *door) record(r *http.Request, v visit, collection, id string, into any) error {
	raw, err := d.engine.GetRecord(r.Context(), v.caller, v.workspace.ID, collection, id)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (d *door) conversations(r *http.Request, v visit, contactID, cursor string) (conversationsView, error) {
	view := conversationsView{ContactID: contactID}
	page, err := d.engine.ListRecords(r.Context(), v.caller, v.workspace.ID, "conversations", engine.RecordQuery{
		Equals: map[string]string{"contact_id": contactID}, Sort: "-created_at", Cursor: cursor, Limit: conversationsShown,
	})
	if err != nil {
		return view, err
	}
	view.Next = page.NextCursor
	view.Conversations, err = decoded[conversation](page.Items)
	return view, err
}

func (d *door) conversationPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	var view conversationView
	if err := d.record(r, v, "conversations", q.Get("conversation"), &view.Conversation); err != nil {
		return err
	}
	if err := d.record(r, v, "contacts", view.Conversation.ContactID, &view.Contact); err != nil {
		return err
	}
	page, err := d.engine.ListRecords(r.Context(), v.caller, v.workspace.ID, "messages", engine.RecordQuery{
		Equals: map[string]string{"conversation_id": view.Conversation.ID}, Sort: "created_at", Cursor: q.Get("after"), Limit: messagesShown,
	})
	if err != nil {
		return err
	}
	view.Next = page.NextCursor
	if view.Messages, err = decoded[message](page.Items); err != nil {
		return err
	}
	if view.MoreFiles, err = d.attach(r, v, view.Messages); err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, conversationPageOf(d.page(r, v, "Conversation with "+view.Contact.title()), view))
}

// exportContact begins the export of a contact from the profile.
func (d *door) exportContact(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	job, created, err := d.engine.CreateJob(r.Context(), v.caller, engine.NewJob{
		Workspace: v.workspace.ID, Type: privacyd.JobSubjectExport, Format: privacyd.FormatJSON, IdempotencyKey: r.PostForm.Get("once"),
		Subject: &privacyd.Subject{Kind: "contact", ID: r.PostForm.Get("id")},
	})
	if err != nil {
		return err
	}
	return d.leadTo(w, r, v, job, created)
}

// speaker says who wrote a message.
func (m message) speaker(c contact) string {
	switch m.Direction {
	case "inbound":
		return c.title()
	case "ai":
		return "AI"
	case "note":
		return "Internal note"
	default:
		return "The team"
	}
}

// details are a message's AI metadata, in order.
func (m message) details() [][2]string { return contact{CustomFields: m.AIMetadata}.fields() }

// conversationPath is where a conversation is shown.
func (p page) conversationPath(id, cursor string) string {
	q := url.Values{"conversation": {id}}
	if cursor != "" {
		q.Set("after", cursor)
	}
	return p.to("contact", "conversation") + "?" + q.Encode()
}

// present lists what is not empty, as name and value.
func present(pairs ...[2]string) [][2]string {
	return slices.DeleteFunc(pairs, func(pair [2]string) bool { return pair[1] == "" })
}
