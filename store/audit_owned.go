package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Whose disclosures are whose: on PostgreSQL an index knows. On SQLite
// audit_owned does, for those up to a number that the cursor has, and the few
// above it are looked through.

// ownAtOnce is how many entries there are at most, and hardly more, whose
// disclosures audit_owned does not have.
const ownAtOnce = 8192

// newest are the disclosures that audit_owned does not have.
const newest = `audit_disclosures x WHERE x.no > (SELECT owned FROM audit_cursor)`

// ofOwners selects no and owner of the disclosures of the owners in a table r.
// PostgreSQL is to look by owner, whatever a limit makes it think of reading in
// another order.
func (s *Store) ofOwners(r string) string {
	if s.db.Dialect == sqldb.Postgres {
		return `SELECT x.no, x.owner FROM ` + r + ` CROSS JOIN LATERAL (SELECT no, owner FROM audit_disclosures x WHERE x.owner = r.owner OFFSET 0) x`
	}
	return `SELECT o.no, o.owner FROM ` + r + ` CROSS JOIN audit_owned o WHERE o.owner = r.owner
		UNION ALL SELECT x.no, x.owner FROM ` + newest + ` AND x.owner IN (SELECT r.owner FROM ` + r + `)`
}

// owns tells of an owner a.owner whether there are disclosures of theirs.
func (s *Store) owns() string {
	if s.db.Dialect == sqldb.Postgres {
		return `EXISTS (SELECT 1 FROM audit_disclosures d WHERE d.owner = a.owner)`
	}
	return `EXISTS (SELECT 1 FROM audit_owned o WHERE o.owner = a.owner) OR a.owner IN (SELECT x.owner FROM ` + newest + `)`
}

// beneath selects the owners of disclosures whose references hang on $1, or are
// that one.
func (s *Store) beneath() string {
	const range1 = `owner = $1 OR (owner > $1 || '/' AND owner < $1 || '0')`
	if s.db.Dialect == sqldb.Postgres {
		return `SELECT owner FROM audit_disclosures WHERE ` + range1
	}
	return `SELECT owner FROM audit_owned WHERE ` + range1 + ` UNION ALL SELECT x.owner FROM ` + newest + ` AND (` + range1 + `)`
}

// Catalogue takes down whose the newest disclosures are; see auditlog.Upkeep.
func (s *Store) Catalogue(ctx context.Context) error {
	if s.db.Dialect == sqldb.Postgres {
		return nil
	}
	var owned, last int64
	const state = `SELECT (SELECT owned FROM audit_cursor), (SELECT coalesce(max(no), 0) FROM audit_disclosures)`
	err := s.db.QueryRow(ctx, state).Scan(&owned, &last)
	if err != nil || last-owned < ownAtOnce*mostOwners {
		return catalogued(err)
	}
	return catalogued(s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.QueryRow(ctx, state).Scan(&owned, &last); err != nil {
			return err
		}
		if _, err := s.db.Exec(ctx, `INSERT INTO audit_owned (owner, no) SELECT x.owner, x.no FROM `+newest+` ORDER BY x.owner, x.no`); err != nil {
			return err
		}
		_, err := s.db.Exec(ctx, `UPDATE audit_cursor SET owned = $1`, last)
		return err
	}))
}

func catalogued(err error) error {
	if err != nil {
		return fmt.Errorf("take down whose disclosures are whose: %w", err)
	}
	return nil
}

// disown forgets whose disclosures were that are deleted.
func (s *Store) disown(ctx context.Context, which []auditlog.Disclosed) error {
	if s.db.Dialect == sqldb.Postgres {
		return nil
	}
	owners := make([]string, len(which))
	for i, d := range which {
		owners[i] = d.Owner
	}
	slices.Sort(owners)
	theirs, inList := s.listAs(1, slices.Compact(owners))
	numbers, inNumbers := s.listAs(2, numbersOf(which))
	// With the plus each owner's are gone through, and not each number looked for.
	_, err := s.db.Exec(ctx, `DELETE FROM audit_owned WHERE owner IN `+inList+` AND +no IN `+inNumbers, theirs, numbers)
	return err
}

func numbersOf(which []auditlog.Disclosed) []int64 {
	numbers := make([]int64, len(which))
	for i, d := range which {
		numbers[i] = d.Row
	}
	return numbers
}
