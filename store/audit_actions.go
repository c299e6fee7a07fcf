package store

import (
	"context"
	"fmt"
	"math"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Which entries of a log have an action: audit_actions says of those that are
// in a tree in which stretches of ids there are any, so that a page of a rare
// action reads few others. Those that are in none yet are looked through.

// kind is the columns of an entry e that are an auditlog.Kind.
const kind = `e.action, substr(e.id, 1, 10)`

// insertActions takes down which actions entries have that are put into trees.
func (s *Store) insertActions(ctx context.Context, grown []auditlog.Grown) error {
	var logs, actions, stretches []string
	for _, g := range grown {
		for _, k := range g.Kinds {
			logs, actions, stretches = append(logs, g.Log), append(actions, k.Action), append(stretches, k.Stretch)
		}
	}
	if len(logs) == 0 {
		return nil
	}
	kinds, args := s.rowsAs("v", 1, column{"log", logs}, column{"action", actions}, column{"stretch", stretches})
	_, err := s.db.Exec(ctx, `INSERT INTO audit_actions (log, action, stretch)
		SELECT v.log, v.action, v.stretch FROM `+kinds+` WHERE true ON CONFLICT DO NOTHING`, args...)
	return err
}

// late is what audit_actions has in place of an action where entries are late.
const late = "~"

// insertLate takes down that an entry is late, if it is: of what happened before
// some time others are found by their ids.
func (s *Store) insertLate(ctx context.Context, e auditlog.Entry) error {
	if auditlog.MadeAt(e.ID).Sub(e.At) <= auditlog.LateAfter {
		return nil
	}
	return s.db.ExecLater(ctx, `INSERT INTO audit_actions (log, action, stretch) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, e.Log, late, e.ID[:stretch])
}

// stretch is how many letters of an id name 4.1 seconds.
const stretch = 10

// Late gives an id above those of late entries; see auditlog.Entries.
func (s *Store) Late(ctx context.Context, log, before, from string) (id string, err error) {
	err = s.db.QueryRow(ctx, `SELECT coalesce(max(stretch), '') FROM audit_actions
		WHERE log = $1 AND action = $2 AND stretch <= substr($3, 1, 10) AND stretch >= substr($4, 1, 10)`, log, late, before, from).Scan(&id)
	switch {
	case err != nil:
		return "", fmt.Errorf("look for late audit entries: %w", err)
	case id == "":
		return "", nil
	}
	return id + "g", nil // greater than what an id is made of
}

// entriesOfPage selects the page e of entries that a query asks for.
func (s *Store) entriesOfPage(ctx context.Context, q auditlog.Query) (string, error) {
	if q.Action == "" {
		return pageByTime, nil
	}
	known, err := s.actionsKnown(ctx)
	if err != nil || !known {
		return pageByTime, err
	}
	return s.pageByAction(), nil
}

// actionsKnown tells whether audit_actions has all entries that the cursor has
// passed: after a restore it comes to some of them later.
func (s *Store) actionsKnown(ctx context.Context) (known bool, err error) {
	err = s.db.QueryRow(ctx, `SELECT NOT (c.swept = 0 OR `+s.order().moved+`) FROM audit_cursor c`).Scan(&known)
	return known, err
}

// The parameters of a page: $1 the log, $2 an id that is greater, $3 and $4 the
// time, $5 the action, $6 the type of target, $7 how many, $8 an id that is not
// greater.
const (
	ofPage     = `log = $1 AND id < $2 AND id >= $8 AND at >= $3 AND at < $4 AND ($6 = '' OR target_type = $6)`
	pageByTime = `(SELECT * FROM audit_entries WHERE ` + ofPage + ` AND ($5 = '' OR action = $5) ORDER BY id DESC LIMIT $7) e`
)

// Pages tells where entries are; see auditlog.Entries. By time it reads an index
// and no entry.
func (s *Store) Pages(ctx context.Context, q auditlog.Query, epoch int, size int64) (pages []int64, known bool, err error) {
	args := []any{q.Log, orLast(q.Before), q.NotBefore, size, epoch}
	if q.Action != "" {
		if known, err = s.actionsKnown(ctx); err != nil || !known {
			return nil, false, err
		}
		args = []any{q.Log, orLast(q.Before), int64(0), int64(math.MaxInt64), q.Action, "", size, q.NotBefore, epoch}
	}
	err = s.byIndex(ctx, func(ctx context.Context) error {
		pages, err = collect(ctx, s, scanNumber, s.pagesOf(q.Action != ""), args...)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("look where audit entries are: %w", err)
	}
	return pages, true, nil
}

// pagesOf selects pages of $1, which is a log: of entries by their ids, of $4
// entries in the epoch $5, or of those with an action, by the parameters of a
// page, of which $7 is then how many entries a page has, and in the epoch $9.
func (s *Store) pagesOf(action bool) string {
	of, width, number := `SELECT seq FROM audit_entries WHERE log = $1 AND id < $2 AND id >= $3`, `$4`, `$5`
	if action {
		of, width, number = `SELECT e.seq FROM (`+s.inStretches()+`) x CROSS JOIN audit_entries e WHERE e.id = x.id`, `$7`, `$9`
	}
	return `SELECT n FROM (SELECT DISTINCT (SELECT p.idx / ` + width + ` FROM audit_positions p WHERE p.entry = e.seq
		AND p.tree = (SELECT no FROM audit_trees WHERE log = $1 AND epoch = ` + number + `)) AS n FROM (` + of + `) e) d WHERE n IS NOT NULL`
}

func scanNumber(row scanner) (n int64, err error) { return n, row.Scan(&n) }

// pageByAction selects the page e of entries with an action. It is for byIndex.
func (s *Store) pageByAction() string {
	return `(SELECT f.* FROM (SELECT id FROM (SELECT id FROM (` + s.inStretches() + ` LIMIT $7) x
		UNION SELECT id FROM (SELECT id FROM ` + s.inNoTree() + ` WHERE ` + ofPage + ` AND action = $5 ORDER BY id DESC LIMIT $7) x) x
		ORDER BY id DESC LIMIT $7) x CROSS JOIN audit_entries f WHERE f.id = x.id) e`
}

// inNoTree is the entries that the cursor has not come to. They are found by
// where the cursor is and by nothing else.
func (s *Store) inNoTree() string {
	if s.db.Dialect == sqldb.Postgres {
		return `(SELECT * FROM audit_entries e WHERE ` + s.order().ahead + ` OFFSET 0) e`
	}
	return `(SELECT * FROM audit_entries e NOT INDEXED WHERE ` + s.order().ahead + `) e`
}

// inStretches selects the ids of entries with an action from the stretches that
// have any, from the newest on. 'g' is greater than what an id is made of.
func (s *Store) inStretches() string {
	const (
		stretches = `SELECT stretch FROM audit_actions WHERE log = $1 AND action = $5 AND stretch <= substr($2, 1, 10) AND stretch >= substr($8, 1, 10)`
		within    = ofPage + ` AND action = $5 AND id >= a.stretch AND id < a.stretch || 'g'`
	)
	if s.db.Dialect == sqldb.Postgres { // which is to go from stretch to stretch, whatever it thinks of their number
		return `SELECT e.id FROM (` + stretches + ` ORDER BY stretch DESC OFFSET 0) a CROSS JOIN LATERAL
			(SELECT id FROM audit_entries WHERE ` + within + ` ORDER BY id DESC OFFSET 0) e ORDER BY a.stretch DESC, e.id DESC`
	}
	return `SELECT id FROM (` + stretches + `) a CROSS JOIN audit_entries WHERE ` + within + ` ORDER BY a.stretch DESC, id DESC`
}
