package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

const workspace = "0190b3a0-7c1e-7000-8000-000000000001"

const columnList = "id, conversation_id, direction, author_id, body, ai_metadata, created_at"

const schema = `(workspace_id TEXT NOT NULL, id TEXT NOT NULL, conversation_id TEXT NOT NULL, direction TEXT NOT NULL,
	author_id TEXT, body TEXT NOT NULL, ai_metadata TEXT, created_at BIGINT NOT NULL, PRIMARY KEY (workspace_id, id))`

// exported are the columns of columnList.
var exported = strings.Split(columnList, ", ")

// message is row i of the made-up ones; the same for the same i.
type message struct {
	id, conversation, direction string
	author, metadata            *string
	body                        string
	created                     int64
}

// makeMessage makes message i; scattered ids come in no order, as UUIDv4 do.
func makeMessage(r *rand.Rand, i int, scattered bool) message {
	m := message{
		id: fmt.Sprintf("message-%09d", i), conversation: fmt.Sprintf("conversation-%08d", i/13),
		direction: [...]string{"inbound", "outbound", "ai"}[i%3], created: 1_700_000_000_000_000 + int64(i)*1_234_567,
	}
	if scattered {
		sum := sha256.Sum256([]byte(m.id))
		m.id = hex.EncodeToString(sum[:16])
	}
	author, metadata := fmt.Sprintf("contact-%05d", i%70_000), `{"model": "x-1", "sources": ["a", "b"], "tokens": 123}`
	if i%3 == 2 {
		m.metadata = &metadata
	} else {
		m.author = &author
	}
	m.body = body(r)
	return m
}

func body(r *rand.Rand) string {
	words := [...]string{
		"the", "table", "for", "four", "at", "half", "past", "seven", "please", "thanks", "I", "would", "like", "to", "book",
		"a", "\"quiet\"", "room", "in", "München", "with", "breakfast", "and", "parking", "tomorrow", "café", "is", "that", "okay?", "😀",
	}
	var b strings.Builder
	for range 5 + r.IntN(20) {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(' ')
	}
	return b.String()
}
