package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
)

// embeddedFile is the encrypted file in a folder.
const embeddedFile = "privacyd.db"

// writerCache is what the connection that writes keeps of the file's pages.
const writerCache = 32 << 20

// pageKey is for made-up records, which need no secrecy.
func pageKey() []byte { return make([]byte, 64) }

func openFile(ctx context.Context, dir string) (*sqldb.DB, error) {
	return sqldb.OpenSQLite(ctx, filepath.Join(dir, embeddedFile), pageKey())
}

func openEmbedded(ctx context.Context, dir string) (target, error) {
	g, err := compile(records.DataMap)
	if err != nil {
		return target{}, err
	}
	db, err := openFile(ctx, dir)
	if err != nil {
		return target{}, err
	}
	return target{source: sqlsource.Own(db), graph: g, log: func() int64 { return logSize(dir) }, close: func() { _ = db.Close() }}, nil
}

func logSize(dir string) int64 {
	info, err := os.Stat(filepath.Join(dir, embeddedFile+"-wal"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// fillEmbedded makes workspaces w0, w1 … of the same size, with ids in the order
// of time as most products' are.
func fillEmbedded(rows int) []string {
	each := rows / workspaces
	var all []string
	series := func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < %d) ", n)
	}
	for w := range workspaces {
		conversations := each / perConversation
		all = append(all,
			fmt.Sprintf("INSERT INTO contacts (workspace_id, id, name, email) %s SELECT 'w%d', 'contact-' || i, 'Person ' || i, 'person' || i || '@users.example.org' FROM c", series(conversations/perContact+1), w),
			fmt.Sprintf("INSERT INTO conversations (workspace_id, id, contact_id, status, created_at) %s SELECT 'w%d', 'conversation-' || i, 'contact-' || (i / %d), 'resolved', i FROM c", series(conversations), w, perContact),
			fmt.Sprintf(`INSERT INTO messages (workspace_id, id, conversation_id, direction, body, created_at) %s SELECT 'w%d', printf('message-%%09d', i),
				'conversation-' || (i / %d), 'inbound', 'Hello, this is message ' || i || '. I would like a table for four at half past seven, please.', i FROM c`, series(each), w, perConversation),
			fmt.Sprintf("INSERT INTO attachments (workspace_id, id, record_type, record_id, filename, blob) %s SELECT 'w%d', 'file-' || i, 'message', printf('message-%%09d', i * 10), 'file.pdf', 'blob-' || i FROM c", series(each/10), w))
	}
	return all
}

func heavyEmbedded(id string, messages int) []string {
	conversations := max(10, messages/40)
	series := func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < %d) ", n)
	}
	return []string{
		fmt.Sprintf("INSERT INTO contacts (workspace_id, id, name) VALUES ('w0', '%s', 'Heavy')", id),
		fmt.Sprintf("INSERT INTO conversations (workspace_id, id, contact_id) %s SELECT 'w0', '%s-' || i, '%s' FROM c", series(conversations), id, id),
		fmt.Sprintf("INSERT INTO messages (workspace_id, id, conversation_id, body) %s SELECT 'w0', i || '-%s', '%s-' || (i %% %d), 'Message ' || i FROM c", series(messages), id, id, conversations),
		fmt.Sprintf("INSERT INTO attachments (workspace_id, id, record_type, record_id, blob) %s SELECT 'w0', i || '-%s', 'message', (i * 10) || '-%s', 'blob' FROM c", series(messages/10), id, id),
	}
}

// embeddedByHand deletes, children first, what lies below some conversations.
func embeddedByHand(workspace, conversations, contacts string) []string {
	in := fmt.Sprintf("workspace_id = '%s' AND ", workspace)
	messages := "SELECT id FROM messages WHERE " + in + "conversation_id IN (" + conversations + ")"
	return []string{
		"DELETE FROM attachments WHERE " + in + "record_type = 'message' AND record_id IN (" + messages + ")",
		"DELETE FROM messages WHERE " + in + "conversation_id IN (" + conversations + ")",
		"DELETE FROM flow_runs WHERE " + in + "conversation_id IN (" + conversations + ")",
		"DELETE FROM conversations WHERE " + in + "id IN (" + conversations + ")",
		"DELETE FROM contacts WHERE " + in + contacts,
	}
}

func embeddedWorkspaceByHand(workspace string) []string {
	var all []string
	for _, table := range []string{
		"attachments", "comments", "documents", "tickets", "flow_runs", "flow_versions", "flows", "knowledge_chunks", "knowledge_sources", "messages", "conversations", "contacts", "record_authors",
	} {
		all = append(all, fmt.Sprintf("DELETE FROM %s WHERE workspace_id = '%s'", table, workspace))
	}
	return all
}

// inFile is the run on the encrypted file.
type inFile struct {
	*bench
	target
	db     *sqldb.DB
	people int
	small  tenth
}

func (b *bench) onEmbedded(ctx context.Context) error {
	f := &inFile{bench: b.tenth()}
	if b.compares() {
		if err := f.filled(ctx, f.tenth); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(b.dir, embeddedFile)); err != nil {
			return err
		}
	}
	f = &inFile{bench: b, small: f.small}
	return f.filled(ctx, func(ctx context.Context) error {
		return f.each(ctx, part{"contact", f.contacts}, part{"search", f.search}, part{"retention", f.retention}, part{"workspace", f.workspace})
	})
}

// filled runs what is measured. The last of it leaves the file closed.
func (f *inFile) filled(ctx context.Context, measure func(context.Context) error) (err error) {
	if f.db, err = openFile(ctx, f.dir); err != nil {
		return err
	}
	say("embedded: filling the tables with %s messages, not timed", count(int64(f.rows)))
	if err := records.Migrate(ctx, f.db); err != nil {
		return err
	}
	for _, statement := range fillEmbedded(f.rows) {
		if _, err := f.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.80s: %w", statement, err)
		}
	}
	if f.target, err = openEmbedded(ctx, f.dir); err != nil {
		return err
	}
	f.close()
	f.source = sqlsource.Own(f.db)
	return measure(ctx)
}

// tenth measures among a tenth of the rows what should not depend on them.
func (f *inFile) tenth(ctx context.Context) error {
	ours, _, err := f.contact(ctx, fewMessages)
	if err != nil {
		return err
	}
	if err := f.db.Close(); err != nil {
		return err
	}
	workspace, err := eraseApart(ctx, "", f.dir, "w1")
	f.small = tenth{ours.Took, workspace.Peak}
	return err
}

// retention takes conversations by their keys, half by privacyd, half by hand.
func (f *inFile) retention(ctx context.Context) error {
	n := min(retained/(perConversation+perConversation/10+1), f.rows/perConversation/workspaces/3)
	key := func(i int) string { return fmt.Sprintf("conversation-%d", i) }
	var ours outcome
	if err := f.settle(ctx); err != nil {
		return err
	}
	e, err := f.source.Eraser()
	if err != nil {
		return err
	}
	for from := 0; from < n; from += atOnce {
		scope := datamap.EraseScope{Scope: datamap.Scope{Workspace: "w4"}, Rows: &datamap.RowScope{Collection: "conversations"}}
		for i := from; i < min(n, from+atOnce); i++ {
			scope.Rows.Keys = append(scope.Rows.Keys, []string{"w4", key(i)})
		}
		o, err := erase(ctx, e, f.graph, scope, f.log)
		if err != nil {
			return err
		}
		ours.add(o)
	}
	list := make([]string, n)
	for i := range list {
		list[i] = "'" + key(n+i) + "'"
	}
	statements := embeddedByHand("w4", strings.Join(list, ","), "FALSE")
	theirs, err := f.hand(ctx, statements[:len(statements)-1])
	if err != nil {
		return err
	}
	head := fmt.Sprintf("embedded, %s conversations (%s rows) as a retention run has them: ", count(int64(n)), count(ours.Rows))
	say("%sprivacyd %v, by hand %v", head, ours.Took, theirs)
	return f.report(append(ours.figures(head), ratio(head+"time / the same DELETEs in one transaction", ours.Took.Seconds()/theirs.Seconds(), barRetention))...)
}

func (f *inFile) hand(ctx context.Context, statements []string) (time.Duration, error) {
	if err := f.settle(ctx); err != nil {
		return 0, err
	}
	start := time.Now()
	err := f.db.InTx(ctx, func(ctx context.Context) error {
		for _, s := range statements {
			if _, err := f.db.Exec(ctx, s); err != nil {
				return fmt.Errorf("%.60s: %w", s, err)
			}
		}
		return nil
	})
	return time.Since(start), err
}

func (f *inFile) settle(ctx context.Context) error {
	_, err := f.db.TruncateLog(ctx)
	return err
}

func (f *inFile) contacts(ctx context.Context) error {
	for _, messages := range []int{fewMessages, manyMessages} {
		ours, theirs, err := f.contact(ctx, messages)
		if err != nil {
			return err
		}
		head := fmt.Sprintf("embedded, contact with %s messages among %s: ", count(int64(messages)), count(int64(f.rows)))
		say("%sprivacyd %v, by hand %v", head, ours.Took, theirs)
		figures := contactFigures(head, messages, true, ours, theirs)
		if messages == fewMessages {
			figures = append(figures, f.small.contact(head, ours))
		}
		if err := f.report(figures...); err != nil {
			return err
		}
	}
	return nil
}

// contact erases two people alike in each round, one by privacyd and one by
// hand. Who was written last, and who goes first, takes turns: the pages of one
// are still in memory, and the other finds the tables' own pages there.
func (f *inFile) contact(ctx context.Context, messages int) (ours outcome, theirs time.Duration, err error) {
	for round := range f.rounds + 1 {
		ids, err := f.pair(ctx, messages)
		if err != nil {
			return ours, 0, err
		}
		if round%2 == 1 {
			ids[0], ids[1] = ids[1], ids[0]
		}
		var o outcome
		var h time.Duration
		privacyd := func() error {
			scope := datamap.EraseScope{Scope: datamap.Scope{Workspace: "w0", SubjectKind: "contact", SubjectID: ids[0]}}
			o, err = eraseOnce(ctx, f.source, f.graph, scope, f.log)
			return err
		}
		hand := func() error {
			mine := fmt.Sprintf("SELECT id FROM conversations WHERE workspace_id = 'w0' AND contact_id = '%s'", ids[1])
			h, err = f.hand(ctx, embeddedByHand("w0", mine, "id = '"+ids[1]+"'"))
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

// pair writes two contacts alike.
func (f *inFile) pair(ctx context.Context, messages int) (ids [2]string, err error) {
	for i := range ids {
		f.people++
		ids[i] = fmt.Sprintf("heavy%d", f.people)
		for _, s := range heavyEmbedded(ids[i], messages) {
			if _, err := f.db.Exec(ctx, s); err != nil {
				return ids, err
			}
		}
	}
	return ids, f.settle(ctx)
}

func (f *inFile) search(ctx context.Context) error {
	e, err := f.source.Eraser()
	if err != nil {
		return err
	}
	ids := []sqlsource.Identifier{{Kind: "email", Value: "jane.doe@users.example.org"}, {Kind: "phone", Value: "+31 20 5551234"}, {Kind: "handle", Value: "visitor-12345678"}}
	start := time.Now()
	if err := e.Search(ctx, f.graph, "w0", ids, func(sqlsource.Hit) error { return nil }); err != nil {
		return err
	}
	return f.report(within(fmt.Sprintf("embedded, a fifth of %s messages: search for three identifiers", count(int64(f.rows))), time.Since(start), 0))
}

func (f *inFile) workspace(ctx context.Context) error {
	if err := f.settle(ctx); err != nil {
		return err
	}
	if err := f.db.Close(); err != nil {
		return err
	}
	ours, err := eraseApart(ctx, "", f.dir, "w1")
	if err != nil {
		return err
	}
	if f.db, err = openFile(ctx, f.dir); err != nil {
		return err
	}
	defer f.db.Close() //nolint:errcheck // nothing to lose
	theirs, err := f.hand(ctx, embeddedWorkspaceByHand("w2"))
	if err != nil {
		return err
	}
	byHand := logSize(f.dir)
	head := fmt.Sprintf("embedded, a workspace of %s rows, a fifth of all: ", count(ours.Rows))
	say("%sprivacyd %v, by hand %v", head, ours.Took, theirs)
	figures := append(ours.figures(head), ratio(head+"time / child-first SQL in one transaction", ours.Took.Seconds()/theirs.Seconds(), barWorkspace),
		size(head+"write-ahead log at most", ours.Log, barLog), size(head+"peak memory of the process", ours.Peak, barMemory+writerCache), f.small.memory(head, ours, writerCache))
	return f.report(append(figures, measure.Figure{What: head + "write-ahead log of the one transaction", Value: fmt.Sprintf("%d MB", byHand>>20)})...)
}
