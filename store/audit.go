package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

const auditPage = 500

// mostOwners is how many owners the disclosures of one entry can have: their
// numbers are those from seq * 100 on.
const mostOwners = 100

const (
	insertEntry = `INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	disclosureColumns = ` INTO audit_disclosures (no, owner, sealed, form, digests) `
	// The first follows its entry, each other one the one before it.
	insertFirst = `INSERT` + disclosureColumns + `VALUES (last_insert_rowid() * 100, $1, $2, $3, $4)`
	insertNext  = `INSERT` + disclosureColumns + `VALUES (last_insert_rowid() + 1, $1, $2, $3, $4)`
)

// Insert adds an audit entry and its sealed disclosures; see auditlog.Entries.
// It takes part in nearly every transaction, so on PostgreSQL it is one
// statement that is sent with the next one, on SQLite compiled ones.
func (s *Store) Insert(ctx context.Context, e auditlog.Entry, disclosures []auditlog.SealedDisclosure) error {
	if len(disclosures) > mostOwners {
		return fmt.Errorf("insert audit entry: it discloses something of %d owners, more than %d", len(disclosures), mostOwners)
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.insertLate(ctx, e); err != nil {
			return err
		}
		args := []any{e.ID, e.Log, sqldb.Micros(e.At), e.Action, e.Outcome, e.TargetType, e.Leaf, e.LeafHash[:]}
		if s.db.Dialect == sqldb.Postgres && len(disclosures) > 0 {
			query, args := withDisclosures(args, disclosures)
			return s.db.ExecLater(ctx, query, args...)
		}
		if err := s.db.ExecLater(ctx, insertEntry, args...); err != nil {
			return err
		}
		for i, d := range disclosures {
			insert := insertNext
			if i == 0 {
				insert = insertFirst
			}
			if err := s.db.ExecLater(ctx, insert, d.Owner, d.Sealed, d.Form, d.Digests); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("insert audit entry: %w", err)
	}
	return nil
}

// withDisclosures makes one statement of the insertion of an entry, whose
// parameters are given, and that of its disclosures.
func withDisclosures(entry []any, disclosures []auditlog.SealedDisclosure) (query string, args []any) {
	args = slices.Grow(entry, len(disclosures)*disclosureArgs)
	for _, d := range disclosures {
		args = append(args, d.Owner, d.Sealed, d.Form, d.Digests)
	}
	switch len(disclosures) {
	case 1:
		return insertWithOne, args
	case 2:
		return insertWithTwo, args
	}
	return insertWith(len(disclosures)), args
}

// How many parameters an entry and a disclosure have.
const entryArgs, disclosureArgs = 8, 4

// Most entries disclose something of one owner or of two.
const (
	insertWithOne = `WITH entry AS (` + insertEntry + ` RETURNING seq) INSERT` + disclosureColumns +
		`SELECT seq * 100, $9::text, $10::bytea, $11::smallint, $12::smallint FROM entry`
	insertWithTwo = insertWithOne + ` UNION ALL SELECT seq * 100 + 1, $13::text, $14::bytea, $15::smallint, $16::smallint FROM entry`
)

func insertWith(disclosures int) string {
	var b strings.Builder
	b.WriteString(insertWithTwo)
	for i := 2; i < disclosures; i++ {
		n := entryArgs + i*disclosureArgs
		fmt.Fprintf(&b, " UNION ALL SELECT seq * 100 + %d, $%d::text, $%d::bytea, $%d::smallint, $%d::smallint FROM entry", i, n+1, n+2, n+3, n+4)
	}
	return b.String()
}

// Newest gives the greatest id below one; see auditlog.Entries.
func (s *Store) Newest(ctx context.Context, below string) (id string, err error) {
	err = s.db.QueryRow(ctx, `SELECT coalesce(max(id), '') FROM audit_entries WHERE id < $1`, below).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("find the newest audit entry: %w", err)
	}
	return id, nil
}

// List gives audit entries, newest first, page by page so that no cursor stays
// open while the reader thinks; see auditlog.Entries.
func (s *Store) List(ctx context.Context, q auditlog.Query) iter.Seq2[auditlog.Stored, error] {
	return func(yield func(auditlog.Stored, error) bool) {
		left := q.Limit
		for {
			page := auditPage
			if q.Limit > 0 {
				page = min(page, left)
			}
			entries, err := s.auditPage(ctx, q, page)
			if err != nil {
				yield(auditlog.Stored{}, fmt.Errorf("list audit entries: %w", err))
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			left -= len(entries)
			if len(entries) < page || (q.Limit > 0 && left == 0) {
				return
			}
			q.Before = entries[len(entries)-1].ID
		}
	}
}

func (s *Store) auditPage(ctx context.Context, q auditlog.Query, limit int) (page []auditlog.Stored, err error) {
	plan := func(ctx context.Context, fn func(ctx context.Context) error) error { return fn(ctx) }
	if q.Action != "" {
		plan = s.byIndex
	}
	err = plan(ctx, func(ctx context.Context) error {
		page, err = s.readPage(ctx, q, limit)
		return err
	})
	return page, err
}

func (s *Store) readPage(ctx context.Context, q auditlog.Query, limit int) ([]auditlog.Stored, error) {
	from, until := int64(0), int64(math.MaxInt64)
	if !q.From.IsZero() {
		from = sqldb.Micros(q.From)
	}
	if !q.Until.IsZero() {
		until = sqldb.Micros(q.Until)
	}
	entries, err := s.entriesOfPage(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, `SELECT e.id, e.log, e.at, e.action, e.outcome, e.target_type, e.leaf, e.leaf_hash,
			coalesce(d.owner, ''), d.sealed, coalesce(d.form, 0)
		FROM `+entries+` `+s.leftJoinDisclosures()+` ORDER BY e.id DESC, d.no`,
		q.Log, orLast(q.Before), from, until, q.Action, q.TargetType, limit, q.NotBefore)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var page []auditlog.Stored
	for rows.Next() {
		if page, err = addStored(page, rows); err != nil {
			return nil, err
		}
	}
	return page, rows.Err()
}

// Nth gives the id of the n-th entry that List would give; see
// auditlog.Entries. Without an action it reads an index and no entry.
func (s *Store) Nth(ctx context.Context, q auditlog.Query, n int) (id string, err error) {
	query, args := `SELECT id FROM audit_entries WHERE log = $1 AND id < $2 ORDER BY id DESC LIMIT 1 OFFSET $3`, []any{q.Log, orLast(q.Before), n - 1}
	plan := func(ctx context.Context, fn func(ctx context.Context) error) error { return fn(ctx) }
	if q.Action != "" {
		page, err := s.entriesOfPage(ctx, q)
		if err != nil {
			return "", err
		}
		query = `SELECT e.id FROM ` + page + ` ORDER BY e.id DESC LIMIT 1 OFFSET $9`
		args, plan = []any{q.Log, orLast(q.Before), int64(0), int64(math.MaxInt64), q.Action, "", n, "", n - 1}, s.byIndex
	}
	err = plan(ctx, func(ctx context.Context) error { return s.db.QueryRow(ctx, query, args...).Scan(&id) })
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("count audit entries: %w", err)
	}
	return id, nil
}

// leftJoinDisclosures joins d, the disclosures of the entries e. The limit,
// which changes nothing, tells PostgreSQL how few they are.
func (s *Store) leftJoinDisclosures() string {
	if s.db.Dialect == sqldb.Postgres {
		return `LEFT JOIN LATERAL (SELECT * FROM audit_disclosures x WHERE x.no >= e.seq * 100 AND x.no < e.seq * 100 + 100 LIMIT 100) d ON true`
	}
	return `LEFT JOIN audit_disclosures d ON d.no >= e.seq * 100 AND d.no < e.seq * 100 + 100`
}

// addStored adds a row to the page: an entry comes once for each disclosure.
func addStored(page []auditlog.Stored, row scanner) ([]auditlog.Stored, error) {
	var e auditlog.Stored
	var at int64
	var hash []byte
	var d auditlog.SealedDisclosure
	if err := row.Scan(&e.ID, &e.Log, &at, &e.Action, &e.Outcome, &e.TargetType, &e.Leaf, &hash, &d.Owner, &d.Sealed, &d.Form); err != nil {
		return nil, err
	}
	e.At = sqldb.Time(at)
	copy(e.LeafHash[:], hash)
	if n := len(page); n == 0 || page[n-1].ID != e.ID {
		page = append(page, e)
	}
	if d.Owner != "" {
		last := &page[len(page)-1]
		d.EntryID = last.ID
		last.Disclosures = append(last.Disclosures, d)
	}
	return page, nil
}
