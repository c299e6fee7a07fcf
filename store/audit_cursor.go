package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

// order is what differs between the databases in which entries are certain and
// in which order they come. Entries are e, the cursor is c.
//
// On SQLite there is one writer, so that seq is the order of commits. On
// PostgreSQL a lower seq may commit after a higher one. There an entry is
// certain when no transaction that runs may still add one before it: the order
// is that of (xid, seq), below the oldest transaction that runs.
type order struct {
	lock    string // what a transaction that grows trees selects first, of c
	xid     string // of e, as text
	by      string // the order itself
	next    string // after the cursor ($1 its xid, $2 its seq) and certain
	behind  string // the same after c
	passed  string // the cursor has passed it, or will never come to it
	ahead   string // the cursor has not come to it yet, certain or not
	xmin    string // as text, where the cursor begins when it is set back
	place   string // names the database
	moved   string // c is another database's, or one's whose transactions are counted anew
	advance string // sets xid and seq to $1 and $2
}

const (
	pgXmin  = `pg_snapshot_xmin(pg_current_snapshot())`
	pgXmax  = `pg_snapshot_xmax(pg_current_snapshot())`
	pgPlace = `((SELECT system_identifier::text FROM pg_control_system()) || '/' ||
		(SELECT oid::text FROM pg_database WHERE datname = current_database()))`
	// Batches are joined by index whatever the statistics say, which are those of
	// empty tables in a new database. What must be scanned then looks so dear that
	// it would be compiled.
	pgPlanning = `set_config('enable_seqscan', 'off', true) || set_config('enable_hashjoin', 'off', true) ||
		set_config('enable_mergejoin', 'off', true) || set_config('jit', 'off', true)`
)

func (s *Store) order() order {
	if s.db.Dialect == sqldb.Postgres {
		return order{
			lock: `c.one, ` + pgPlanning, xid: `e.xid::text`, by: `e.xid, e.seq`,
			next:   `(e.xid, e.seq) > ($1::text::xid8, $2::bigint) AND e.xid < ` + pgXmin,
			behind: `(e.xid, e.seq) > (c.xid, c.seq) AND e.xid < ` + pgXmin,
			passed: `((e.xid < ` + pgXmin + ` AND (e.xid, e.seq) <= (c.xid, c.seq)) OR e.xid >= ` + pgXmax + `)`,
			ahead:  `(e.xid, e.seq) > ((SELECT xid FROM audit_cursor), (SELECT seq FROM audit_cursor))`,
			xmin:   pgXmin + `::text`, place: pgPlace,
			moved:   `((c.place <> '' AND c.place <> ` + pgPlace + `) OR c.xid >= ` + pgXmax + `)`,
			advance: `xid = $1::text::xid8, seq = $2`,
		}
	}
	return order{
		lock: `c.one, ''`, xid: `'0'`, by: `e.seq`,
		next: `e.seq > $2`, behind: `e.seq > c.seq`, passed: `e.seq <= c.seq`, ahead: `e.seq > (SELECT seq FROM audit_cursor)`,
		xmin: `'0'`, place: `'sqlite'`, moved: `FALSE`, advance: `seq = $2`,
	}
}

const swept, unswept = 1, 0

// InLock runs fn under the lock of the cursor; see auditlog.Growth. On SQLite
// there is one writer anyway.
func (s *Store) InLock(ctx context.Context, wait bool, fn func(ctx context.Context) error) (bool, error) {
	locked := false
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		clause := s.db.Dialect.ForUpdate()
		if !wait {
			clause = s.db.Dialect.ForUpdateSkipLocked()
		}
		var one int
		var settings string
		err := s.db.QueryRow(ctx, `SELECT `+s.order().lock+` FROM audit_cursor c`+clause).Scan(&one, &settings)
		if errors.Is(err, sql.ErrNoRows) && !wait {
			return nil
		}
		if err != nil {
			return fmt.Errorf("lock the cursor of the audit log: %w", err)
		}
		locked = true
		return fn(ctx)
	})
	return locked, err
}

// Waiting tells whether there is something to take; see auditlog.Growth.
func (s *Store) Waiting(ctx context.Context) (bool, error) {
	o := s.order()
	var waiting bool
	err := s.db.QueryRow(ctx, `SELECT c.swept = 0 OR `+o.moved+` OR (SELECT count(*) FROM
			(SELECT 1 FROM audit_entries e WHERE `+o.behind+` ORDER BY `+o.by+` LIMIT 1) first) > 0
		FROM audit_cursor c`).Scan(&waiting)
	if err != nil {
		return false, fmt.Errorf("look for new audit entries: %w", err)
	}
	return waiting, nil
}

// cursor is the row of audit_cursor.
type cursor struct {
	xid   string
	seq   int64
	swept int64
	moved bool
}

// Take gives what is to be integrated next; see auditlog.Growth.
func (s *Store) Take(ctx context.Context, limit int) (auditlog.Taken, error) {
	c, err := s.cursor(ctx)
	if err != nil {
		return auditlog.Taken{}, fmt.Errorf("read the cursor of the audit log: %w", err)
	}
	next, err := s.next(ctx, c, limit)
	if err != nil {
		return auditlog.Taken{}, fmt.Errorf("take audit entries: %w", err)
	}
	t := auditlog.Taken{More: len(next) == limit, Sweep: c.swept == unswept}
	for _, e := range next {
		if !e.placed {
			t.Entries = append(t.Entries, e.Waiting)
		}
	}
	if len(next) > 0 {
		last := next[len(next)-1]
		if _, err := s.db.Exec(ctx, `UPDATE audit_cursor SET `+s.order().advance, last.xid, last.Seq); err != nil {
			return auditlog.Taken{}, fmt.Errorf("move the cursor of the audit log: %w", err)
		}
	}
	return t, nil
}

// cursor reads where the cursor is. Where the database is not the one that it
// was made in, it begins anew, and what is before it has to be swept.
func (s *Store) cursor(ctx context.Context) (c cursor, err error) {
	o := s.order()
	xid := `'0'`
	if s.db.Dialect == sqldb.Postgres {
		xid = `c.xid::text`
	}
	var place, here, xmin string
	err = s.db.QueryRow(ctx, `SELECT `+xid+`, c.seq, c.swept, c.place, `+o.moved+`, `+o.place+`, `+o.xmin+` FROM audit_cursor c`).
		Scan(&c.xid, &c.seq, &c.swept, &place, &c.moved, &here, &xmin)
	if err != nil || place == here && !c.moved {
		return c, err
	}
	if c.moved {
		c.xid, c.seq, c.swept = xmin, 0, unswept
	}
	_, err = s.db.Exec(ctx, `UPDATE audit_cursor SET `+o.advance+`, place = $3, swept = $4`, c.xid, c.seq, here, c.swept)
	return c, err
}

// ordered is an entry with its place in the order.
type ordered struct {
	auditlog.Waiting
	xid    string
	placed bool
}

// old tells of an entry e whether it was written before erasures were signed.
const old = `e.seq <= (SELECT unsigned_to FROM audit_cursor)`

// waitingColumns are those of an entry e that is an auditlog.Waiting.
const waitingColumns = `e.seq, e.log, e.leaf_hash, ` + old + `, ` + kind

func (s *Store) next(ctx context.Context, c cursor, limit int) ([]ordered, error) {
	o := s.order()
	return collect(ctx, s, scanOrdered, `SELECT `+waitingColumns+`, `+o.xid+`,
			(SELECT p.entry FROM audit_positions p WHERE p.entry = e.seq) IS NOT NULL
		FROM audit_entries e WHERE `+o.next+` ORDER BY `+o.by+` LIMIT $3`, c.xid, c.seq, limit)
}

func scanOrdered(row scanner) (e ordered, err error) {
	var hash []byte
	err = row.Scan(&e.Seq, &e.Log, &hash, &e.Old, &e.Kind.Action, &e.Kind.Stretch, &e.xid, &e.placed)
	copy(e.LeafHash[:], hash)
	return e, err
}

func scanWaiting(row scanner) (w auditlog.Waiting, err error) {
	var hash []byte
	err = row.Scan(&w.Seq, &w.Log, &hash, &w.Old, &w.Kind.Action, &w.Kind.Stretch)
	copy(w.LeafHash[:], hash)
	return w, err
}

// Lost gives entries that the cursor has passed; see auditlog.Growth.
func (s *Store) Lost(ctx context.Context, after int64, limit int) (lost []auditlog.Waiting, next int64, err error) {
	var n int
	err = s.db.QueryRow(ctx, `SELECT count(*), coalesce(max(seq), 0) FROM
		(SELECT seq FROM audit_entries WHERE seq > $1 ORDER BY seq LIMIT $2) e`, after, limit).Scan(&n, &next)
	if err != nil {
		return nil, 0, fmt.Errorf("look for lost audit entries: %w", err)
	}
	lost, err = collect(ctx, s, scanWaiting, `SELECT `+waitingColumns+` FROM audit_cursor c CROSS JOIN audit_entries e
		WHERE e.seq > $1 AND e.seq <= $2 AND `+s.order().passed+`
			AND NOT EXISTS (SELECT 1 FROM audit_positions p WHERE p.entry = e.seq) ORDER BY e.seq`, after, next)
	if err != nil {
		return nil, 0, fmt.Errorf("look for lost audit entries: %w", err)
	}
	if n < limit {
		next = 0
	}
	return lost, next, nil
}

// Misplaced counts entries whose position is one that no tree has; see
// auditlog.Upkeep. Whoever may insert could keep them out of the log by that.
func (s *Store) Misplaced(ctx context.Context) (n int64, err error) {
	err = s.db.QueryRow(ctx, `SELECT count(*) FROM audit_positions p
		WHERE NOT EXISTS (SELECT 1 FROM audit_trees t WHERE t.no = p.tree AND p.idx >= 0 AND p.idx < t.size)`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("look for misplaced audit entries: %w", err)
	}
	return n, nil
}

// Swept says that Lost has been through all; see auditlog.Growth.
func (s *Store) Swept(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, `UPDATE audit_cursor SET swept = $1`, swept); err != nil {
		return fmt.Errorf("end the sweep of the audit log: %w", err)
	}
	return nil
}

// Entry gives an entry of this transaction; see auditlog.Growth.
func (s *Store) Entry(ctx context.Context, id string) (auditlog.Waiting, error) {
	w, err := scanWaiting(s.db.QueryRow(ctx, `SELECT `+waitingColumns+` FROM audit_entries e WHERE e.id = $1`, id))
	return one(w, err, auditlog.ErrNoEntry, "read an audit entry")
}

// lagCounted bounds what Lag looks at.
const lagCounted = 100_000

// Lag tells what no signed checkpoint covers; see auditlog.Upkeep.
func (s *Store) Lag(ctx context.Context) (oldest time.Time, waiting int64, err error) {
	o := s.order()
	var at sql.NullInt64
	err = s.byIndex(ctx, func(ctx context.Context) error {
		return s.db.QueryRow(ctx, `SELECT count(*), min(first.at) FROM
			(SELECT e.at FROM audit_entries e WHERE `+o.ahead+`
				AND NOT EXISTS (SELECT 1 FROM audit_positions p WHERE p.entry = e.seq) ORDER BY `+o.by+` LIMIT $1) first`, lagCounted).
			Scan(&waiting, &at)
	})
	if err != nil {
		return time.Time{}, 0, fmt.Errorf("measure the lag of the audit log: %w", err)
	}
	if !at.Valid {
		return time.Time{}, 0, nil
	}
	return sqldb.Time(at.Int64), waiting, nil
}

// byIndex runs fn where PostgreSQL plans as in InLock, without the lock.
func (s *Store) byIndex(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.db.Dialect != sqldb.Postgres {
		return fn(ctx)
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		var settings string
		if err := s.db.QueryRow(ctx, `SELECT `+pgPlanning).Scan(&settings); err != nil {
			return err
		}
		return fn(ctx)
	})
}
