package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

// What acts are about. All keys are known after the first of each, as in a
// server that has run for a while.
const (
	workspaces  = 4
	accounts    = 20
	contacts    = 200 // of a workspace
	messageSize = 200
)

// act is what somebody does: they write a message to a contact and change its
// custom fields.
type act struct {
	at                           time.Time
	workspace, account, contact  string
	name, email, ip, contactName string
	text                         string
	changes                      map[string]any
	nobody                       bool // is sealed for a person
}

// newActs are those of one transaction, which is one workspace's.
func newActs(n int) []act {
	acts := make([]act, n)
	w := workspaceID(rand.IntN(workspaces))
	for i := range acts {
		acts[i] = newAct(w, i)
	}
	return acts
}

func workspaceID(n int) string { return fmt.Sprintf("0190a1b2-0000-7000-8000-%012x", n) }

func accountID(n int) string { return fmt.Sprintf("0190a1b2-0000-7000-8001-%012x", n) }

func contactID(n int) string { return fmt.Sprintf("contact-%d", n) }

// meet makes the keys of everybody, which costs a file on stable storage each.
func (s *site) meet(ctx context.Context) error {
	everybody := make([]auditlog.Owner, 0, accounts+workspaces*contacts)
	for a := range accounts {
		everybody = append(everybody, auditlog.Owner{Kind: "account", ID: accountID(a)})
	}
	for c := range workspaces * contacts {
		everybody = append(everybody, auditlog.Owner{Log: workspaceID(c % workspaces), Kind: "contact", ID: contactID(c / workspaces)})
	}
	for _, o := range everybody {
		if _, _, err := s.keys.SealFor(ctx, s.keys.Reference(o.Log, o.Kind, o.ID), nil, nil); err != nil {
			return fmt.Errorf("make keys: %w", err)
		}
	}
	return nil
}

func newAct(workspace string, i int) act {
	a, c := rand.IntN(accounts), rand.IntN(contacts)
	return act{
		at: time.Now(), workspace: workspace, account: accountID(a),
		contact: contactID(c), name: fmt.Sprintf("Ben Schneider %d", a), email: fmt.Sprintf("ben.schneider.%d@example.com", a),
		ip: fmt.Sprintf("192.0.2.%d", a), contactName: fmt.Sprintf("Anna Schmidt %d", c), text: strings.Repeat("m", messageSize),
		changes: map[string]any{"plan": map[string]any{"from": "basic", "to": "pro"}, "seats": i},
	}
}

// brief is the act of a token on a record: nobody's name, address or number is
// kept, and all is sealed with the workspace's own key.
func (a act) brief() act {
	a.name, a.email, a.ip, a.contactName, a.nobody = "", "", "", "", true
	return a
}

// way is a way to keep a record of an act.
type way struct {
	name      string
	sequenced bool // a sequencer runs beside it
	brief     bool // the acts are brief
	// record writes what is kept, in the transaction of ctx, and gives its id.
	record func(ctx context.Context, s *site, a act) (string, error)
	insert string // the act itself, which refers to its record
}

// The ways, by which position each is.
const (
	bare = iota
	plain
	audited
	chained
	plainBrief
	auditedBrief
	lean
)

func ways() []way {
	return []way{
		bare:    {name: "no audit", record: none, insert: insertInto("bare")},
		plain:   {name: "plain audit row", record: plainRow, insert: insertInto("plain")},
		audited: {name: "audit entry", sequenced: true, record: entry, insert: insertInto("audited")},
		chained: {name: "hash chain in the transaction", record: chain, insert: insertInto("audited")},

		lean: {name: "plain audit row, listed by time alone", record: leanRow, insert: insertInto("lean")},

		plainBrief:   {name: "plain audit row, brief", brief: true, record: plainRow, insert: insertInto("plain")},
		auditedBrief: {name: "audit entry, brief", brief: true, sequenced: true, record: entry, insert: insertInto("audited")},
	}
}

func insertInto(name string) string {
	return "INSERT INTO messages_" + name + " (id, workspace, contact, body, at, audit_id) VALUES ($1, $2, $3, $4, $5, $6)"
}

// tables are those that acts write to. In all of them a message refers to its
// record, so that none can be written without.
//
// A plain audit row is what libraries that keep such rows make: who, what, whom,
// from where, and what changed as JSON, with indexes by which it is found by
// time, by who did it and by whom or what it is about. The lean one has but the
// first of them. Neither is sealed, nor bound to the others, nor kept from being
// changed.
func tables() []string {
	message := func(name, references string) string {
		return "CREATE TABLE messages_" + name + ` (id TEXT NOT NULL PRIMARY KEY, workspace TEXT NOT NULL, contact TEXT NOT NULL,
			body TEXT NOT NULL, at BIGINT NOT NULL, audit_id TEXT NOT NULL ` + references + `)`
	}
	row := func(name string) string {
		return "CREATE TABLE " + name + ` (id TEXT NOT NULL PRIMARY KEY, workspace TEXT NOT NULL, at BIGINT NOT NULL, action TEXT NOT NULL,
			outcome TEXT NOT NULL, actor_kind TEXT NOT NULL, actor_role TEXT NOT NULL, door TEXT NOT NULL, actor_id TEXT NOT NULL,
			actor TEXT NOT NULL, actor_email TEXT NOT NULL, ip TEXT NOT NULL, target_type TEXT NOT NULL, target_id TEXT NOT NULL,
			target_name TEXT NOT NULL, changes JSONB NOT NULL)`
	}
	return []string{
		row("plain_audit"),
		`CREATE INDEX plain_audit_time ON plain_audit (workspace, id)`,
		`CREATE INDEX plain_audit_actor ON plain_audit (workspace, actor_id, id)`,
		`CREATE INDEX plain_audit_target ON plain_audit (workspace, target_type, target_id, id)`,
		row("lean_audit"),
		`CREATE INDEX lean_audit_time ON lean_audit (workspace, id)`,
		`CREATE TABLE chain_heads (workspace TEXT NOT NULL PRIMARY KEY, head BYTEA NOT NULL)`,
		message("bare", ""), message("plain", "REFERENCES plain_audit (id)"), message("lean", "REFERENCES lean_audit (id)"),
		message("audited", "REFERENCES audit_entries (id)"),
	}
}

// heads begins the chains.
func heads(ctx context.Context, db *sqldb.DB) error {
	for n := range workspaces {
		_, err := db.Exec(ctx, "INSERT INTO chain_heads (workspace, head) VALUES ($1, $2)", workspaceID(n), make([]byte, sha256.Size))
		if err != nil {
			return fmt.Errorf("begin a chain: %w", err)
		}
	}
	return nil
}

// do runs some acts in one transaction and gives the ids of their records.
func (w *way) do(ctx context.Context, s *site, acts []act) ([]string, error) {
	ids := make([]string, 0, len(acts))
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		for _, a := range acts {
			if w.brief {
				a = a.brief()
			}
			id, err := w.record(ctx, s, a)
			if err != nil {
				return err
			}
			ids = append(ids, id)
			message, err := uuid.NewV7()
			if err != nil {
				return fmt.Errorf("make an id: %w", err)
			}
			_, err = s.db.Exec(ctx, w.insert, message.String(), a.workspace, a.contact, a.text, sqldb.Micros(a.at), id)
			if err != nil {
				return fmt.Errorf("insert a message: %w", err)
			}
		}
		return nil
	})
	return ids, err
}

func none(context.Context, *site, act) (string, error) { return "", nil }

const plainValues = ` (id, workspace, at, action, outcome, actor_kind, actor_role, door, actor_id, actor, actor_email, ip,
	target_type, target_id, target_name, changes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

func plainRow(ctx context.Context, s *site, a act) (string, error) {
	return insertRow(ctx, s, a, "INSERT INTO plain_audit"+plainValues)
}

func leanRow(ctx context.Context, s *site, a act) (string, error) {
	return insertRow(ctx, s, a, "INSERT INTO lean_audit"+plainValues)
}

func insertRow(ctx context.Context, s *site, a act, insert string) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	changes, err := json.Marshal(a.changes)
	if err != nil {
		return "", fmt.Errorf("write changes: %w", err)
	}
	_, err = s.db.Exec(ctx, insert, id.String(), a.workspace, sqldb.Micros(a.at), "app.message.send", "done", "account", "agent", "rest",
		a.account, a.name, a.email, a.ip, "contact", a.contact, a.contactName, string(changes))
	if err != nil {
		return "", fmt.Errorf("insert a plain audit row: %w", err)
	}
	return id.String(), nil
}

// entry appends what the product writes of an act by a signed-in person that
// is about a contact.
func entry(ctx context.Context, s *site, a act) (string, error) { return appendTo(ctx, s.log, a) }

func appendTo(ctx context.Context, log *auditlog.Log, a act) (string, error) {
	actor := auditlog.Owner{Kind: "account", ID: a.account}
	target := auditlog.Owner{Log: a.workspace, Kind: "contact", ID: a.contact}
	subject := "contact:" + a.contact
	if a.nobody {
		actor, target, subject = auditlog.Owner{Log: a.workspace}, auditlog.Owner{Log: a.workspace}, ""
	}
	claims := make([]auditlog.Claim, 0, 8)
	for _, c := range []struct {
		name, value string
		owner       auditlog.Owner
	}{
		{auditlog.ClaimActor, a.name, actor},
		{"actor_id", a.account, actor},
		{auditlog.ClaimActorEmail, a.email, actor},
		{auditlog.ClaimIP, a.ip, actor},
		{auditlog.ClaimSubject, subject, target},
		{auditlog.ClaimTargetID, a.contact, target},
		{auditlog.ClaimTargetName, a.contactName, target},
	} {
		if c.value != "" {
			claims = append(claims, auditlog.Claim{Name: c.name, Value: c.value, Owner: c.owner})
		}
	}
	return log.Append(ctx, auditlog.Record{
		Log: a.workspace, Action: "app.message.send", Outcome: "done", TargetType: "contact", At: a.at,
		Public:  map[string]any{auditlog.PublicActorKind: "account", "actor_role": "agent", "door": "rest"},
		Private: append(claims, auditlog.Claim{Name: auditlog.ClaimChanges, Value: a.changes, Owner: target}),
	})
}

// chain is the entry and, in place of a sequencer, the head of a chain of
// hashes, one for each workspace, that whoever writes holds until the commit.
func chain(ctx context.Context, s *site, a act) (string, error) {
	return appendTo(ctx, &s.chain, a)
}

// chainEntries are entries that are chained as they are inserted.
type chainEntries struct {
	auditlog.Entries
	db *sqldb.DB
}

// Insert implements auditlog.Entries.
func (c chainEntries) Insert(ctx context.Context, e auditlog.Entry, d []auditlog.SealedDisclosure) error {
	if err := c.Entries.Insert(ctx, e, d); err != nil {
		return err
	}
	var head []byte
	err := c.db.QueryRow(ctx, "SELECT head FROM chain_heads WHERE workspace = $1"+c.db.Dialect.ForUpdate(), e.Log).Scan(&head)
	if err != nil {
		return fmt.Errorf("lock the head of the chain: %w", err)
	}
	next := sha256.Sum256(append(head, e.LeafHash[:]...))
	if _, err := c.db.Exec(ctx, "UPDATE chain_heads SET head = $2 WHERE workspace = $1", e.Log, next[:]); err != nil {
		return fmt.Errorf("move the head of the chain: %w", err)
	}
	return nil
}
