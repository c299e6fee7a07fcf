package store

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

const auditPage = 500

// Insert adds an audit entry and its sealed disclosures; see auditlog.Entries.
func (s *Store) Insert(ctx context.Context, e auditlog.Entry, disclosures []auditlog.SealedDisclosure) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.db.Exec(ctx, `INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			e.ID, e.Log, sqldb.Micros(e.At), e.Action, e.Outcome, e.TargetType, e.Leaf, e.LeafHash[:])
		if err != nil {
			return fmt.Errorf("insert audit entry: %w", err)
		}
		for _, d := range disclosures {
			if err := s.insertDisclosure(ctx, e.ID, d); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) insertDisclosure(ctx context.Context, entryID string, d auditlog.SealedDisclosure) error {
	_, err := s.db.Exec(ctx, `INSERT INTO audit_disclosures (entry_id, owner, sealed) VALUES ($1, $2, $3)`, entryID, d.Owner, d.Sealed)
	if err != nil {
		return fmt.Errorf("insert audit disclosure: %w", err)
	}
	return nil
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

func (s *Store) auditPage(ctx context.Context, q auditlog.Query, limit int) ([]auditlog.Stored, error) {
	from, until := int64(0), int64(math.MaxInt64)
	if !q.From.IsZero() {
		from = sqldb.Micros(q.From)
	}
	if !q.Until.IsZero() {
		until = sqldb.Micros(q.Until)
	}
	rows, err := s.db.Query(ctx, `SELECT e.id, e.log, e.at, e.action, e.outcome, e.target_type, e.leaf, e.leaf_hash,
			coalesce(d.owner, ''), d.sealed
		FROM (SELECT * FROM audit_entries WHERE log = $1 AND id < $2 AND at >= $3 AND at < $4
			AND ($5 = '' OR action = $5) AND ($6 = '' OR target_type = $6) ORDER BY id DESC LIMIT $7) e
		LEFT JOIN audit_disclosures d ON d.entry_id = e.id ORDER BY e.id DESC, d.owner`,
		q.Log, orLast(q.Before), from, until, q.Action, q.TargetType, limit)
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

// addStored adds a row to the page: an entry comes once for each disclosure.
func addStored(page []auditlog.Stored, row scanner) ([]auditlog.Stored, error) {
	var e auditlog.Stored
	var at int64
	var hash []byte
	var d auditlog.SealedDisclosure
	if err := row.Scan(&e.ID, &e.Log, &at, &e.Action, &e.Outcome, &e.TargetType, &e.Leaf, &hash, &d.Owner, &d.Sealed); err != nil {
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
