package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
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
	const ofRuns = ` CROSS JOIN audit_owned o `
	return `SELECT o.no, o.owner FROM ` + r + ofRuns + `WHERE o.owner = r.owner
		UNION ALL SELECT o.no + m.value, o.owner FROM ` + r + ofRuns + `CROSS JOIN json_each(o.more) m WHERE o.owner = r.owner
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
	for more := err == nil && last-owned >= ownAtOnce*mostOwners; more && err == nil; {
		err = s.db.InTx(ctx, func(ctx context.Context) error {
			more, err = s.catalogueSome(ctx)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("take down whose disclosures are whose: %w", err)
	}
	return nil
}

// catalogueSome takes down so many disclosures at most, and tells whether there
// may be more.
func (s *Store) catalogueSome(ctx context.Context) (more bool, err error) {
	found, err := collect(ctx, s, scanOwned, `SELECT x.no, x.owner FROM `+newest+` ORDER BY x.no LIMIT $1`, ownedMost)
	if err != nil || len(found) == 0 {
		return false, err
	}
	if err := s.own(ctx, found); err != nil {
		return false, err
	}
	_, err = s.db.Exec(ctx, `UPDATE audit_cursor SET owned = $1`, found[len(found)-1].no)
	return len(found) == ownedMost, err
}

const (
	ownedMost = 65_536 // disclosures that are taken down in one transaction
	// longestRun bounds what is written anew where one of a run is deleted.
	longestRun = 512
)

// owned is a disclosure and whose it is.
type owned struct {
	no    int64
	owner string
}

func scanOwned(row scanner) (o owned, err error) { return o, row.Scan(&o.no, &o.owner) }

// own writes runs of disclosures, which come by their numbers.
func (s *Store) own(ctx context.Context, all []owned) error {
	runs := map[string][]int64{}
	for _, d := range all {
		runs[d.owner] = append(runs[d.owner], d.no)
	}
	for _, owner := range slices.Sorted(maps.Keys(runs)) {
		for run := range slices.Chunk(runs[owner], longestRun) {
			first := run[0]
			for i := range run {
				run[i] -= first
			}
			text, _ := s.listAs(1, run[1:])
			if err := s.db.ExecLater(ctx, `INSERT INTO audit_owned (owner, no, more) VALUES ($1, $2, $3)`, owner, first, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// disown forgets whose disclosures were that are deleted. Of a run of which
// some are left, these are written anew.
func (s *Store) disown(ctx context.Context, which []auditlog.Disclosed) error {
	if s.db.Dialect == sqldb.Postgres || len(which) == 0 {
		return nil
	}
	gone, spans := make(map[owned]bool, len(which)), map[string]span{}
	for _, d := range which {
		gone[owned{d.Row, d.Owner}] = true
		if of, ok := spans[d.Owner]; ok {
			spans[d.Owner] = span{min(of.First, d.Row), max(of.Last, d.Row)}
		} else {
			spans[d.Owner] = span{d.Row, d.Row}
		}
	}
	list, _ := s.listAs(1, spans)
	runs, err := collect(ctx, s, scanRun, `DELETE FROM audit_owned WHERE (owner, no) IN (SELECT o.owner, o.no
		FROM (SELECT key AS owner, value ->> 'First' AS first, value ->> 'Last' AS last FROM json_each($1)) r CROSS JOIN audit_owned o
		WHERE o.owner = r.owner AND o.no <= r.last AND o.no >= coalesce((SELECT max(i.no) FROM audit_owned i WHERE i.owner = r.owner AND i.no <= r.first), 0))
		RETURNING no, owner, more`, list)
	if err != nil {
		return err
	}
	var left []owned
	for _, r := range runs {
		for _, d := range r {
			if !gone[d] {
				left = append(left, d)
			}
		}
	}
	slices.SortFunc(left, func(a, b owned) int { return cmp.Compare(a.no, b.no) })
	return s.own(ctx, left)
}

// span is the numbers of some of an owner's disclosures.
type span struct{ First, Last int64 }

// scanRun reads a run as the disclosures that it is of.
func scanRun(row scanner) ([]owned, error) {
	var first owned
	var text string
	if err := row.Scan(&first.no, &first.owner, &text); err != nil {
		return nil, err
	}
	var more []int64
	if err := json.Unmarshal([]byte(text), &more); err != nil {
		return nil, fmt.Errorf("read a run of disclosures: %w", err)
	}
	run := []owned{first}
	for _, by := range more {
		run = append(run, owned{first.no + by, first.owner})
	}
	return run, nil
}

func numbersOf(which []auditlog.Disclosed) []int64 {
	numbers := make([]int64, len(which))
	for i, d := range which {
		numbers[i] = d.Row
	}
	return numbers
}
