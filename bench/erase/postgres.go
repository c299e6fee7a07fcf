package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

//go:embed desk.map.yaml
var deskMap string

// The made-up product: five workspaces of the same size whose rows lie among
// each other, as those of a product do. Contacts from heavyFirst on are those
// to be erased.
const (
	workspaces      = 5
	perConversation = 20
	perContact      = 3 // conversations
	heavyFirst      = 1_000_000_000
	fewMessages     = 150
	manyMessages    = 12_000
	retained        = 20_000 // rows of a retention run
	atOnce          = 500    // conversations that one takes at once
)

// links are the indexes and references that a careless product lacks.
var links = []string{
	"CREATE INDEX conversations_contact ON conversations (contact_id)", "CREATE INDEX messages_conversation ON messages (conversation_id)",
	"CREATE INDEX attachments_message ON attachments (message_id)",
	"ALTER TABLE conversations ADD CONSTRAINT conversations_contact_fk FOREIGN KEY (contact_id) REFERENCES contacts (id)",
	"ALTER TABLE messages ADD CONSTRAINT messages_conversation_fk FOREIGN KEY (conversation_id) REFERENCES conversations (id)",
	"ALTER TABLE attachments ADD CONSTRAINT attachments_message_fk FOREIGN KEY (message_id) REFERENCES messages (id)",
}

var unlinks = []string{
	"ALTER TABLE attachments DROP CONSTRAINT attachments_message_fk", "ALTER TABLE messages DROP CONSTRAINT messages_conversation_fk",
	"ALTER TABLE conversations DROP CONSTRAINT conversations_contact_fk", "DROP INDEX conversations_contact, messages_conversation, attachments_message",
}

func schema(rows int) []string {
	conversations, contacts := rows/perConversation, rows/perConversation/perContact
	text := "'Hello, this is message number ' || i || '. I would like a table for four at half past seven, please. ' || repeat('Thanks. ', i % 9)"
	return []string{
		"CREATE TABLE workspaces (id BIGINT PRIMARY KEY, name TEXT)",
		"CREATE TABLE contacts (id BIGINT PRIMARY KEY, workspace_id BIGINT NOT NULL REFERENCES workspaces (id), name TEXT, email TEXT)",
		"CREATE TABLE conversations (id BIGINT PRIMARY KEY, workspace_id BIGINT NOT NULL REFERENCES workspaces (id), contact_id BIGINT NOT NULL, resolved_at TIMESTAMPTZ, last_message_at TIMESTAMPTZ)",
		"CREATE TABLE messages (id BIGINT PRIMARY KEY, conversation_id BIGINT NOT NULL, author TEXT, body TEXT, meta JSONB, created_at TIMESTAMPTZ)",
		"CREATE TABLE attachments (id BIGINT PRIMARY KEY, message_id BIGINT NOT NULL, name TEXT, blob TEXT)",
		fmt.Sprintf("INSERT INTO workspaces SELECT i, 'Workspace ' || i FROM generate_series(0, %d) i", workspaces-1),
		fmt.Sprintf("INSERT INTO contacts SELECT i, i %% %d, 'Person ' || i, 'person' || i || '@users.example.org' FROM generate_series(0, %d) i", workspaces, contacts),
		fmt.Sprintf("INSERT INTO conversations SELECT i, (i / %d) %% %d, i / %d, now() - i * interval '1 second', now() - i * interval '1 second' FROM generate_series(0, %d) i",
			perContact, workspaces, perContact, conversations-1),
		fmt.Sprintf(`INSERT INTO messages SELECT i, (i::bigint * 7919) %% %d, CASE WHEN i %% 2 = 0 THEN 'agent' END, %s, CASE WHEN i %% 4 = 1 THEN '{"model": "assistant-1"}'::jsonb END, now() FROM generate_series(0, %d) i`,
			conversations, text, rows-1),
		fmt.Sprintf("INSERT INTO attachments SELECT i, i * 10, 'file.pdf', 'blob-' || i FROM generate_series(0, %d) i", rows/10-1),
		"CREATE INDEX contacts_workspace ON contacts (workspace_id)", "CREATE INDEX conversations_workspace ON conversations (workspace_id)",
	}
}

// heavy makes a contact of workspace 0 with so many messages, spread over its
// conversations and the table.
func heavy(id, messages int) []string {
	conversations := max(10, messages/40)
	first := int64(heavyFirst) + int64(id)*1_000_000
	return []string{
		fmt.Sprintf("INSERT INTO contacts VALUES (%d, 0, 'Heavy', 'heavy%d@users.example.org')", first, id),
		fmt.Sprintf("INSERT INTO conversations SELECT %d + i, 0, %d, now(), now() FROM generate_series(0, %d) i", first, first, conversations-1),
		fmt.Sprintf("INSERT INTO messages SELECT %d + i, %d + i %% %d, NULL, 'Message ' || i || repeat(' and more', 9), NULL, now() FROM generate_series(0, %d) i", first, first, conversations, messages-1),
		fmt.Sprintf("INSERT INTO attachments SELECT %d + i, %d + i * 10, 'file.pdf', 'blob' FROM generate_series(0, %d) i", first, first, messages/10-1),
	}
}

// byHand deletes, children first, what lies below some contacts or
// conversations.
func byHand(conversations string, more ...string) []string {
	messages := "SELECT id FROM messages WHERE conversation_id IN (" + conversations + ")"
	return append([]string{
		"DELETE FROM attachments WHERE message_id IN (" + messages + ")", "DELETE FROM messages WHERE conversation_id IN (" + conversations + ")",
	}, more...)
}

func contactByHand(id int64) []string {
	mine := fmt.Sprintf("SELECT id FROM conversations WHERE contact_id = %d", id)
	return byHand(mine, fmt.Sprintf("DELETE FROM conversations WHERE contact_id = %d", id), fmt.Sprintf("DELETE FROM contacts WHERE id = %d", id))
}

func workspaceByHand(id int) []string {
	mine := fmt.Sprintf("SELECT id FROM conversations WHERE workspace_id = %d", id)
	return byHand(mine, fmt.Sprintf("DELETE FROM conversations WHERE workspace_id = %d", id), fmt.Sprintf("DELETE FROM contacts WHERE workspace_id = %d", id),
		fmt.Sprintf("DELETE FROM workspaces WHERE id = %d", id))
}

func openProduct(ctx context.Context, dsn string) (target, error) {
	g, err := compile(deskMap)
	if err != nil {
		return target{}, err
	}
	s, err := sqlsource.OpenPostgres(ctx, dsn)
	return target{source: s, graph: g, log: noLog, close: func() { _ = s.Close() }}, err
}

// onServer is the run on PostgreSQL.
type onServer struct {
	*bench
	target
	dsn    string
	conn   *pgx.Conn
	people int // made so far
	small  tenth
}

func (b *bench) onPostgres(ctx context.Context) error {
	const name = "privacyd_bench_erase"
	u, err := url.Parse(b.postgres)
	if err != nil {
		return fmt.Errorf("read the address of the server: give it as postgres://user@host/database")
	}
	u.Path = "/" + name
	server, err := pgx.Connect(ctx, b.postgres)
	if err != nil {
		return err
	}
	defer server.Close(ctx) //nolint:errcheck // nothing to lose
	fresh := func(fn func(context.Context) error) error {
		if err := run(ctx, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)", "CREATE DATABASE "+name); err != nil {
			return err
		}
		err := fn(ctx)
		if dropping := run(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)"); err == nil {
			err = dropping
		}
		return err
	}
	few := &onServer{bench: b.tenth(), dsn: u.String()}
	if b.compares() {
		if err := fresh(few.tenth); err != nil {
			return err
		}
	}
	all := &onServer{bench: b, dsn: few.dsn, small: few.small}
	return fresh(func(ctx context.Context) error { return all.all(ctx) })
}

// tenth measures among a tenth of the rows what should not depend on them.
func (s *onServer) tenth(ctx context.Context) error {
	return s.filled(ctx, func(ctx context.Context) error {
		ours, _, err := s.contact(ctx, fewMessages)
		if err != nil {
			return err
		}
		workspace, err := eraseApart(ctx, s.dsn, "", "1")
		s.small = tenth{ours.Took, workspace.Peak}
		return err
	})
}

func run(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%.60s: %w", s, err)
		}
	}
	return nil
}

func (s *onServer) all(ctx context.Context) error {
	return s.filled(ctx, func(ctx context.Context) error {
		indexed := func(ctx context.Context) error { return s.contacts(ctx, true) }
		bare := func(ctx context.Context) error { return s.contacts(ctx, false) }
		return s.each(ctx, part{"contact", indexed}, part{"retention", s.retention}, part{"search", s.search}, part{"workspace", s.workspace}, part{"unindexed", bare})
	})
}

func (s *onServer) filled(ctx context.Context, fn func(context.Context) error) (err error) {
	if s.conn, err = pgx.Connect(ctx, s.dsn); err != nil {
		return err
	}
	defer s.conn.Close(ctx) //nolint:errcheck // nothing to lose
	say("PostgreSQL: filling the tables with %s messages, not timed", count(int64(s.rows)))
	if err := run(ctx, s.conn, append(schema(s.rows), append(links, "VACUUM (ANALYZE)", "CHECKPOINT")...)...); err != nil {
		return err
	}
	if s.target, err = openProduct(ctx, s.dsn); err != nil {
		return err
	}
	defer s.close()
	return fn(ctx)
}

// settle lets the server do outside of the measurement what it would do by
// itself in time.
func (s *onServer) settle(ctx context.Context) error {
	return run(ctx, s.conn, "VACUUM (ANALYZE)", "CHECKPOINT")
}

// hand times statements in one transaction.
func (s *onServer) hand(ctx context.Context, statements []string) (time.Duration, error) {
	start := time.Now()
	tx, err := s.conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback(ctx) //nolint:errcheck // after a commit it does nothing
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return 0, fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	err = tx.Commit(ctx)
	return time.Since(start), err
}

// contacts measures contacts of two sizes. Each round erases two alike, in
// turn by privacyd and by hand.
func (s *onServer) contacts(ctx context.Context, indexed bool) error {
	with := "links indexed"
	if !indexed {
		with = "no index on the links"
		if err := run(ctx, s.conn, unlinks...); err != nil {
			return err
		}
	}
	for _, messages := range []int{fewMessages, manyMessages} {
		ours, theirs, err := s.contact(ctx, messages)
		if err != nil {
			return err
		}
		head := fmt.Sprintf("PostgreSQL, contact with %s messages among %s, %s: ", count(int64(messages)), count(int64(s.rows)), with)
		say("%sprivacyd %v, by hand %v", head, ours.Took, theirs)
		figures := contactFigures(head, messages, indexed, ours, theirs)
		if indexed && messages == fewMessages {
			figures = append(figures, s.small.contact(head, ours))
		}
		if err := s.report(figures...); err != nil {
			return err
		}
	}
	return nil
}

func contactFigures(head string, messages int, indexed bool, ours outcome, theirs time.Duration) []measure.Figure {
	bar, limit := barFew, barQuick
	if messages == manyMessages {
		bar, limit = barMany, 0
	}
	if !indexed {
		limit = barUnindexed
	}
	return []measure.Figure{
		ratio(head+"time / child-first SQL in one transaction", ours.Took.Seconds()/theirs.Seconds(), bar),
		within(head+"time", ours.Took, limit), within(head+"longest batch", ours.percentile(100), barBatch),
	}
}

func (s *onServer) contact(ctx context.Context, messages int) (ours outcome, theirs time.Duration, err error) {
	people := make([]int64, 2*(s.rounds+1)) // two for each round, of which the first warms up
	for i := range people {
		s.people++
		people[i] = int64(heavyFirst) + int64(s.people)*1_000_000
		if err := run(ctx, s.conn, heavy(s.people, messages)...); err != nil {
			return ours, 0, err
		}
	}
	if err := s.settle(ctx); err != nil {
		return ours, 0, err
	}
	for round := range s.rounds + 1 {
		var o outcome
		var h time.Duration
		privacyd := func() (err error) {
			scope := datamap.EraseScope{Scope: datamap.Scope{Workspace: "0", SubjectKind: "contact", SubjectID: fmt.Sprint(people[2*round])}}
			o, err = eraseOnce(ctx, s.source, s.graph, scope, s.log)
			return err
		}
		hand := func() (err error) {
			h, err = s.hand(ctx, contactByHand(people[2*round+1]))
			return err
		}
		if err := inTurn(round, privacyd, hand); err != nil {
			return ours, 0, err
		}
		ours.keep(o, round)
		theirs = faster(theirs, h, round)
	}
	return ours, theirs, nil
}

// retention takes conversations by their keys, half by privacyd, half by hand.
func (s *onServer) retention(ctx context.Context) error {
	n := min(retained/(perConversation+perConversation/10+1), s.rows/perConversation/workspaces/3)
	var keys [2][]string
	for i := range keys {
		rows, err := s.conn.Query(ctx, "SELECT id::text FROM conversations WHERE workspace_id = 4 ORDER BY id LIMIT $1 OFFSET $2", n, i*n)
		if err != nil {
			return err
		}
		if keys[i], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	e, err := s.source.Eraser()
	if err != nil {
		return err
	}
	var ours outcome
	for some := range slices.Chunk(keys[0], atOnce) {
		scope := datamap.EraseScope{Scope: datamap.Scope{Workspace: "4"}, Rows: &datamap.RowScope{Collection: "conversations"}}
		for _, k := range some {
			scope.Rows.Keys = append(scope.Rows.Keys, []string{k})
		}
		o, err := erase(ctx, e, s.graph, scope, s.log)
		if err != nil {
			return err
		}
		ours.add(o)
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	list := "SELECT unnest('{" + strings.Join(keys[1], ",") + "}'::bigint[])"
	theirs, err := s.hand(ctx, byHand(list, "DELETE FROM conversations WHERE id IN ("+list+")"))
	if err != nil {
		return err
	}
	head := fmt.Sprintf("PostgreSQL, %s conversations (%s rows) as a retention run has them: ", count(int64(n)), count(ours.Rows))
	say("%sprivacyd %v, by hand %v", head, ours.Took, theirs)
	return s.report(append(ours.figures(head), ratio(head+"time / the same DELETEs in one transaction", ours.Took.Seconds()/theirs.Seconds(), barRetention))...)
}

// search looks through a workspace for what is left of a person.
func (s *onServer) search(ctx context.Context) error {
	e, err := s.source.Eraser()
	if err != nil {
		return err
	}
	ids := []sqlsource.Identifier{{Kind: "email", Value: "jane.doe@users.example.org"}, {Kind: "phone", Value: "+31 20 5551234"}, {Kind: "handle", Value: "visitor-12345678"}}
	start := time.Now()
	if err := e.Search(ctx, s.graph, "0", ids, func(sqlsource.Hit) error { return nil }); err != nil {
		return err
	}
	return s.report(within(fmt.Sprintf("PostgreSQL, a fifth of %s messages: search for three identifiers", count(int64(s.rows))), time.Since(start), 0))
}

// workspace erases one workspace by privacyd and one by hand.
func (s *onServer) workspace(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	ours, err := eraseApart(ctx, s.dsn, "", "1")
	if err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	theirs, err := s.hand(ctx, workspaceByHand(2))
	if err != nil {
		return err
	}
	total := int64(s.rows) + int64(s.rows)/10 + int64(s.rows)/perConversation + int64(s.rows)/perConversation/perContact
	head := fmt.Sprintf("PostgreSQL, a workspace of %s rows, a fifth of %s: ", count(ours.Rows), count(total))
	say("%sprivacyd %v, by hand %v", head, ours.Took, theirs)
	figures := append(ours.figures(head), ratio(head+"time / child-first SQL in one transaction", ours.Took.Seconds()/theirs.Seconds(), barWorkspace))
	return s.report(append(figures, size(head+"peak memory of the process", ours.Peak, barMemory), s.small.memory(head, ours, 0))...)
}
