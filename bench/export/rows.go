package main

import (
	"errors"
	"fmt"
	"iter"

	"github.com/privacyd/privacyd/bench/dialogues"
)

// text is what messages say: the dialogues, repeated over made-up ids.
type text struct{ dialogues [][]dialogues.Turn }

const madeUp = 5000

func readText(file string) (text, error) {
	var t text
	source := dialogues.Read(file, 0)
	for {
		var err error
		var turns []dialogues.Turn
		for turns, err = range source {
			if err == nil {
				t.dialogues = append(t.dialogues, turns)
			}
		}
		if !errors.Is(err, dialogues.ErrAbsent) {
			return t, err
		}
		say("%v", err)
		say("the messages are made-up text instead: ratios of sizes are not those of real text")
		source = dialogues.MadeUp(madeUp)
	}
}

// The rows as they lie in the tables, without the workspace.
type (
	contact struct {
		id, name, email, tags, custom string
		created                       int64 // microseconds
	}
	conversation struct {
		id, contact, channel, status, tags string
		resolved, created, last            int64
	}
	message struct {
		id, conversation, direction string
		author, body                string
		metadata                    string // empty: NULL
		created                     int64
	}
)

const (
	perContact = 3
	agent      = "01a205e9-af36-7ac2-b5f9-5070aba3bf32"
	epoch      = 1_700_000_000_000_000
	hour       = 3_600_000_000
	minute     = 60_000_000
)

// conversations gives as many as hold so many messages, with the messages.
func (t text) conversations(messages int) iter.Seq2[conversation, []message] {
	return func(yield func(conversation, []message) bool) {
		left := messages
		var buffer []message
		for n := 0; left > 0; n++ {
			turns := t.dialogues[n%len(t.dialogues)]
			turns = turns[:min(len(turns), left)]
			left -= len(turns)
			c := makeConversation(n, turns[0])
			buffer = buffer[:0]
			for i, turn := range turns {
				buffer = append(buffer, makeMessage(c, i, turn))
			}
			c.last = buffer[len(buffer)-1].created
			if !yield(c, buffer) {
				return
			}
		}
	}
}

func makeConversation(n int, t dialogues.Turn) conversation {
	c := conversation{
		id: fmt.Sprintf("conversation-%08d", n), contact: fmt.Sprintf("contact-%08d", n/perContact), channel: t.Services[0],
		status: "open", tags: fmt.Sprintf(`["%s", "%s"]`, t.Services[0], t.Split), created: epoch + int64(n)*97_000_001,
	}
	if n%4 != 0 {
		c.status, c.resolved = "resolved", c.created+hour
	}
	return c
}

func makeMessage(c conversation, i int, t dialogues.Turn) message {
	m := message{
		id: fmt.Sprintf("message-%s-%03d", c.id[len("conversation-"):], i), conversation: c.id, direction: "inbound", author: c.contact,
		body: t.Text, created: c.created + int64(i)*minute + int64(i),
	}
	if t.Speaker == "SYSTEM" {
		m.direction, m.author = "outbound", agent
		if i%4 == 1 {
			m.direction = "ai"
			m.metadata = fmt.Sprintf(`{"model": "assistant-1", "sources": ["kc-%d", "kc-%d"], "confidence": 0.%d}`, i, i+7, 50+i)
		}
	}
	return m
}

// contacts gives those of the conversations.
func (t text) contacts(messages int) iter.Seq[contact] {
	return func(yield func(contact) bool) {
		n := -1
		for range t.conversations(messages) {
			if n++; n%perContact != 0 {
				continue
			}
			id := n / perContact
			c := contact{
				id: fmt.Sprintf("contact-%08d", id), name: fmt.Sprintf("Person %d", id), email: fmt.Sprintf("person%d@users.example.org", id),
				tags: `["trial"]`, custom: fmt.Sprintf(`{"plan": "pro", "seats": %d}`, id%50), created: epoch + int64(n),
			}
			if !yield(c) {
				return
			}
		}
	}
}

// table is a table to fill: every store takes the same rows in the same order.
type table struct {
	name    string
	columns []string
	rows    func(messages int, yield func(values []any) bool)
}

func (t text) tables() []table {
	return []table{
		{"contacts", []string{"id", "name", "email", "tags", "custom_fields", "created_at"}, func(n int, yield func([]any) bool) {
			for c := range t.contacts(n) {
				if !yield([]any{c.id, c.name, c.email, c.tags, c.custom, c.created}) {
					return
				}
			}
		}},
		{"conversations", []string{"id", "contact_id", "channel", "status", "tags", "resolved_at", "created_at", "last_message_at"}, func(n int, yield func([]any) bool) {
			for c := range t.conversations(n) {
				if !yield([]any{c.id, c.contact, c.channel, c.status, c.tags, number(c.resolved), c.created, c.last}) {
					return
				}
			}
		}},
		{"messages", []string{"id", "conversation_id", "direction", "author_id", "body", "ai_metadata", "created_at"}, func(n int, yield func([]any) bool) {
			for _, messages := range t.conversations(n) {
				for _, m := range messages {
					if !yield([]any{m.id, m.conversation, m.direction, m.author, m.body, words(m.metadata), m.created}) {
						return
					}
				}
			}
		}},
	}
}

func number(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func words(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// exported are the columns of an export, in the order of the data map.
func exported() map[string]string {
	return map[string]string{
		"contacts":      "id, name, email, phone, language, company, tags, custom_fields, identities, created_at",
		"conversations": "id, contact_id, channel, status, resolution, resolved_at, priority, tags, assignee_id, created_at, last_message_at",
		"messages":      "id, conversation_id, direction, author_id, body, ai_metadata, created_at",
	}
}
