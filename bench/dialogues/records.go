package dialogues

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Record is the value of a record's fields as JSON has them; a field that is
// not there is null.
type Record map[string]any

// Attachment is a made-up file of a record.
type Attachment struct {
	Record  Record // without its content
	Content []byte
}

// Conversation is a dialogue as the records of a workspace.
type Conversation struct {
	Contact      Record // nil when an earlier conversation had the same one
	Conversation Record
	Messages     []Record
	Attachments  []Attachment
}

const (
	perContact   = 3  // dialogues of one person
	perFile      = 40 // messages to one attachment
	agents       = 7
	timeForm     = time.RFC3339Nano
	longestFile  = 40_000
	repeatsEvery = 5 // files that compress well, as texts do
)

// epoch is when the first dialogue began. Real ones have no time.
var epoch = time.Date(2024, 1, 31, 22, 59, 59, 0, time.UTC)

// fileNames are what people and attackers call their files.
var fileNames = []string{
	"invoice.pdf", "invoice.pdf", "Müllers Rechnung №3.txt", "../../etc/passwd", "CON", "a/b\\c.txt", "…", "photo 1 (2).jpeg",
	"日本語.png", strings.Repeat("long", 40) + ".docx", ".hidden", "trailing. ",
}

// Convert makes the n-th dialogue into records. The same dialogue gives the
// same records always.
func Convert(n int, turns []Turn) Conversation {
	first := turns[0]
	id := first.Split + "-" + first.Dialogue
	contact := fmt.Sprintf("user-%06d", n/perContact)
	began := epoch.Add(time.Duration(n) * 97 * time.Second).Add(time.Duration(n%1_000_000) * time.Microsecond)
	var c Conversation
	if n%perContact == 0 {
		c.Contact = makeContact(contact, n, first, began)
	}
	last := began
	for _, t := range turns {
		m := makeMessage(fmt.Sprintf("%s-%03d", id, t.Number), id, contact, t, began)
		c.Messages = append(c.Messages, m)
		last = began.Add(time.Duration(t.Number) * 31 * time.Second)
		if seed := seedOf(m["id"].(string)); seed%perFile == 0 {
			c.Attachments = append(c.Attachments, makeFile(m["id"].(string), seed))
		}
	}
	c.Conversation = makeConversation(id, contact, n, first, began, last)
	return c
}

func makeContact(id string, n int, t Turn, at time.Time) Record {
	r := Record{
		"id": id, "name": fmt.Sprintf("Person %d", n/perContact), "email": id + "@users.example.org",
		"tags": list(t.Services), "language": "en", "created_at": at.Format(timeForm),
		"custom_fields": map[string]any{"first_service": t.Services[0], "split": t.Split, "vip": n%9 == 0},
		"identities":    []any{map[string]any{"kind": "webchat", "value": fmt.Sprintf("visitor-%d", n)}},
	}
	if n%2 == 0 {
		r["phone"] = fmt.Sprintf("+3120%07d", n)
	}
	return r
}

func makeConversation(id, contact string, n int, t Turn, began, last time.Time) Record {
	r := Record{
		"id": id, "contact_id": contact, "channel": t.Services[0], "status": "open", "tags": list(t.Services),
		"assignee_id": agent(n), "created_at": began.Format(timeForm), "last_message_at": last.Format(timeForm),
	}
	if n%4 != 0 {
		r["status"], r["resolution"] = "resolved", "answered"
		r["resolved_at"] = last.Add(time.Hour).Format(timeForm)
	}
	return r
}

func makeMessage(id, conversation, contact string, t Turn, began time.Time) Record {
	r := Record{
		"id": id, "conversation_id": conversation, "direction": "inbound", "author_id": contact, "body": t.Text,
		"created_at": began.Add(time.Duration(t.Number) * 31 * time.Second).Format(timeForm),
	}
	if t.Speaker == "SYSTEM" {
		r["direction"], r["author_id"] = "outbound", agent(t.Number)
		r["ai_metadata"] = map[string]any{"services": list(t.Services), "suggested": t.Number%3 == 0}
	}
	return r
}

func makeFile(message string, seed uint64) Attachment {
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // made-up content needs no secrecy
	content := make([]byte, r.IntN(longestFile))
	for i := range content {
		content[i] = byte(r.Uint64())
		if seed%repeatsEvery == 0 && i > 0 {
			content[i] = "abcdefgh\n"[i%9]
		}
	}
	sum := sha256.Sum256(content)
	return Attachment{Content: content, Record: Record{
		"id": "file-of-" + message, "record_type": "message", "record_id": message,
		"filename": fileNames[seed/perFile%uint64(len(fileNames))], "content_type": "application/octet-stream",
		"size": len(content), "sha256": hex.EncodeToString(sum[:]),
	}}
}

func seedOf(id string) uint64 {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:])
}

// agent is the e-mail of the account that answered.
func agent(n int) string { return fmt.Sprintf("agent%d@service.example.org", n%agents) }

func list(texts []string) []any {
	all := make([]any, len(texts))
	for i, t := range texts {
		all[i] = t
	}
	return all
}
