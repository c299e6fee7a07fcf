package records

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

// write puts rows of one collection into their table, and keeps right what is
// derived from them. It is part of the transaction in ctx. accounts gives the
// account ids of the e-mails that rows name; blobs those of attachments.
//
// What the rows link to is locked until the transaction ends. Code
// reference_missing when it is not there (any more).
func (s *Store) write(ctx context.Context, ws string, c *Collection, rows []*row, accounts map[string]string, blobs []string) error {
	if blobs == nil {
		sortRows(rows)
	}
	if err := s.lockTargets(ctx, ws, c, rows); err != nil {
		return err
	}
	var moved []string
	if c.Name == "messages" {
		fresh, err := s.insertFresh(ctx, ws, c, rows, accounts)
		if err != nil {
			return err
		}
		if fresh {
			return s.derive(ctx, ws, c, rows, accounts, nil)
		}
		if moved, err = s.movedFrom(ctx, ws, rows); err != nil {
			return err
		}
	}
	if err := s.upsert(ctx, ws, c, rows, accounts, blobs); err != nil {
		return fmt.Errorf("write %s: %w", c.Name, err)
	}
	return s.derive(ctx, ws, c, rows, accounts, moved)
}

// derive keeps right what follows from rows that were written.
func (s *Store) derive(ctx context.Context, ws string, c *Collection, rows []*row, accounts map[string]string, moved []string) error {
	if err := s.noteAuthors(ctx, ws, c, rows, accounts); err != nil {
		return err
	}
	switch c.Name {
	case "messages":
		return s.touch(ctx, ws, c, rows, moved)
	case "flows":
		return s.keepVersions(ctx, ws, c, rows)
	}
	return nil
}

func sortRows(rows []*row) {
	order := func(a, b *row) int { return strings.Compare(a.id(), b.id()) }
	if !slices.IsSortedFunc(rows, order) {
		slices.SortFunc(rows, order)
	}
}

func (s *Store) upsert(ctx context.Context, ws string, c *Collection, rows []*row, accounts map[string]string, blobs []string) error {
	if c.Name == "flow_versions" {
		if err := s.replaceVersions(ctx, ws, c, rows); err != nil {
			return err
		}
	}
	_, err := s.insert(ctx, ws, c, rows, accounts, blobs, c.sql.update)
	return err
}

// insertFresh inserts messages and tells whether all of them were new. It is
// the usual case of an import, and spares looking where they were before.
func (s *Store) insertFresh(ctx context.Context, ws string, c *Collection, rows []*row, accounts map[string]string) (bool, error) {
	n, err := s.insert(ctx, ws, c, rows, accounts, nil, " ON CONFLICT (workspace_id, id) DO NOTHING")
	if err != nil {
		return false, fmt.Errorf("write %s: %w", c.Name, err)
	}
	return n == int64(len(rows)), nil
}

func (s *Store) insert(ctx context.Context, ws string, c *Collection, rows []*row, accounts map[string]string, blobs []string, conflict string) (int64, error) {
	width := c.sql.width(c)
	var inserted int64
	err := chunks(len(rows), func(from, to int) error {
		args := make([]any, 0, 1+(to-from)*width)
		args = append(args, ws)
		for n := from; n < to; n++ {
			for _, i := range c.sql.columns {
				args = append(args, rows[n].values[i].arg(accounts))
			}
			if blobs != nil {
				args = append(args, textOrNull(blobs[n]))
			}
		}
		n, err := s.DB.Exec(ctx, c.sql.insert+tuples(to-from, width)+conflict, args...)
		inserted += n
		return err
	})
	return inserted, err
}

func (v *value) arg(accounts map[string]string) any {
	switch v.state {
	case absent:
		return nil
	case numeric:
		return v.n
	case email:
		return accounts[v.s]
	default:
		return v.s
	}
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

var errVanished = privacyd.Errorf(privacyd.ClassConflict, "reference_missing",
	"A record that is linked to was deleted while this was written. Add it, or leave out what links to it.")

// lockTargets checks that what rows link to is there, and locks it: an erasure
// that is under way either takes the new rows too or makes the write fail.
func (s *Store) lockTargets(ctx context.Context, ws string, c *Collection, rows []*row) error {
	wanted := map[string][]string{}
	for _, i := range c.links {
		for _, r := range rows {
			if r.values[i].state != absent {
				to := c.target(r, i)
				if ids := wanted[to]; len(ids) == 0 || ids[len(ids)-1] != r.values[i].s {
					wanted[to] = append(ids, r.values[i].s)
				}
			}
		}
	}
	for _, to := range collections { // always in this order
		ids := sortedUnique(wanted[to.Name])
		if len(ids) == 0 {
			continue
		}
		found := 0
		lock := find{table: to.Name, value: "id", tail: s.DB.Dialect.ForUpdate()}
		if err := s.pairs(ctx, lock, ws, ids, func(string, string) { found++ }); err != nil {
			return err
		}
		if found != len(ids) {
			return errVanished
		}
	}
	return nil
}

// movedFrom finds the conversations that messages about to be written belong
// to so far: they may lose their last message.
func (s *Store) movedFrom(ctx context.Context, ws string, rows []*row) ([]string, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.id()
	}
	var from []string
	err := s.pairs(ctx, find{table: "messages", value: "conversation_id"}, ws, ids,
		func(_, conversation string) { from = append(from, conversation) })
	return sortedUnique(from), err
}

// touch derives conversations' last_message_at: notes do not count.
func (s *Store) touch(ctx context.Context, ws string, c *Collection, rows []*row, moved []string) error {
	ids := moved
	i := c.index["conversation_id"]
	for n, r := range rows {
		if n == 0 || r.values[i].s != rows[n-1].values[i].s {
			ids = append(ids, r.values[i].s)
		}
	}
	ids = sortedUnique(ids)
	const update = `UPDATE conversations SET last_message_at = (
		SELECT m.created_at FROM messages m
		WHERE m.workspace_id = $1 AND m.conversation_id = conversations.id
		  AND m.direction IN ('inbound', 'outbound', 'ai') AND m.created_at IS NOT NULL
		ORDER BY m.created_at DESC LIMIT 1)
		WHERE workspace_id = $1 AND id IN `
	return chunks(len(ids), func(from, to int) error {
		_, err := s.DB.Exec(ctx, update+idList(to-from), idArgs(ws, ids[from:to])...)
		if err != nil {
			return fmt.Errorf("derive last messages: %w", err)
		}
		return nil
	})
}

// noteAuthors notes which accounts the workspace's records name.
func (s *Store) noteAuthors(ctx context.Context, ws string, c *Collection, rows []*row, accounts map[string]string) error {
	var ids []string
	for i, f := range c.Fields {
		if f.Kind != Account {
			continue
		}
		for _, r := range rows {
			if v := &r.values[i]; v.state == email {
				if id := accounts[v.s]; len(ids) == 0 || ids[len(ids)-1] != id {
					ids = append(ids, id)
				}
			}
		}
	}
	ids = sortedUnique(ids)
	return chunks(len(ids), func(from, to int) error {
		_, err := s.DB.Exec(ctx, "INSERT INTO record_authors (workspace_id, account_id) VALUES "+tuples(to-from, 1)+
			" ON CONFLICT (workspace_id, account_id) DO NOTHING", idArgs(ws, ids[from:to])...)
		if err != nil {
			return fmt.Errorf("note authors: %w", err)
		}
		return nil
	})
}

// keepVersions keeps the graph of each version that a flow has had.
func (s *Store) keepVersions(ctx context.Context, ws string, c *Collection, rows []*row) error {
	for _, r := range rows {
		version, graph := c.value(r, "version"), c.value(r, "graph")
		if version.state == absent {
			continue
		}
		n, err := s.DB.Exec(ctx, `UPDATE flow_versions SET graph = $1 WHERE workspace_id = $2 AND flow_id = $3 AND version = $4`,
			graph.arg(nil), ws, r.id(), version.s)
		if err == nil && n == 0 {
			_, err = s.DB.Exec(ctx, `INSERT INTO flow_versions (workspace_id, id, flow_id, version, graph) VALUES ($1, $2, $3, $4, $5)`,
				ws, versionID(r.id(), version.s), r.id(), version.s, graph.arg(nil))
		}
		if err != nil {
			return fmt.Errorf("keep a flow's version: %w", err)
		}
	}
	return nil
}

// replaceVersions makes room for versions that have other ids than ours.
func (s *Store) replaceVersions(ctx context.Context, ws string, c *Collection, rows []*row) error {
	for _, r := range rows {
		_, err := s.DB.Exec(ctx, `DELETE FROM flow_versions WHERE workspace_id = $1 AND flow_id = $2 AND version = $3 AND id <> $4`,
			ws, c.value(r, "flow_id").s, c.value(r, "version").s, r.id())
		if err != nil {
			return err
		}
	}
	return nil
}

// versionID is the id of a version that no import has given one.
func versionID(flow, version string) string {
	sum := sha256.Sum256([]byte(pair(flow, version)))
	return hex.EncodeToString(sum[:16])
}

// conflicting tells whether another transaction was preferred to this one, so
// that it should simply be done again: PostgreSQL's deadlock_detected and
// serialization_failure.
func conflicting(err error) bool {
	var pg interface{ SQLState() string }
	return errors.As(err, &pg) && (pg.SQLState() == "40P01" || pg.SQLState() == "40001")
}

const maxTries = 5

// inTx runs fn in a transaction, again when it lost to another one. It must be
// the outermost one.
func (s *Store) inTx(ctx context.Context, fn func(ctx context.Context) error) error {
	for try := 1; ; try++ {
		err := s.DB.InTx(ctx, fn)
		if err == nil || !conflicting(err) || try == maxTries {
			return err
		}
	}
}
