package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

// BeginErasures remembers that owners are being erased from the audit logs.
// One that was erased before is begun anew.
func (s *Store) BeginErasures(ctx context.Context, owners []string, intent string, at time.Time) error {
	rows, args := s.rowsAs("r", 3, column{"owner", owners})
	_, err := s.db.Exec(ctx, `INSERT INTO audit_erasures (owner, intent, begun_at) SELECT r.owner, $1, $2 FROM `+rows+` WHERE true
		ON CONFLICT (owner) DO UPDATE SET intent = EXCLUDED.intent, begun_at = EXCLUDED.begun_at, done_at = NULL`,
		append([]any{intent, sqldb.Micros(at)}, args...)...)
	if err != nil {
		return fmt.Errorf("begin to erase from the audit log: %w", err)
	}
	return nil
}

const erasureColumns = `SELECT a.owner, a.intent, e.log, a.done_at IS NOT NULL
	FROM audit_erasures a JOIN audit_entries e ON e.id = a.intent`

func scanErasure(row scanner) (a privacyd.AuditErasure, err error) {
	return a, row.Scan(&a.Owner, &a.Intent, &a.Log, &a.Done)
}

// Erasures gives what is remembered of owners, in any order.
func (s *Store) Erasures(ctx context.Context, owners []string) ([]privacyd.AuditErasure, error) {
	rows, args := s.rowsAs("r", 1, column{"owner", owners})
	all, err := collect(ctx, s, scanErasure, erasureColumns+` JOIN `+rows+` ON r.owner = a.owner`, args...)
	if err != nil {
		return nil, fmt.Errorf("read erasures from the audit log: %w", err)
	}
	return all, nil
}

// OpenErasures gives erasures that were begun before a time and are not done,
// those of the oldest intent.
func (s *Store) OpenErasures(ctx context.Context, before time.Time, limit int) ([]privacyd.AuditErasure, error) {
	all, err := collect(ctx, s, scanErasure, erasureColumns+` WHERE a.intent = (SELECT intent FROM audit_erasures
			WHERE done_at IS NULL AND begun_at < $1 ORDER BY begun_at, intent LIMIT 1)
		AND a.done_at IS NULL LIMIT $2`, sqldb.Micros(before), limit)
	if err != nil {
		return nil, fmt.Errorf("read unfinished erasures from the audit log: %w", err)
	}
	return all, nil
}

// LateErasures gives erasures that are done although there are disclosures
// of their owners, of which a process knew the key longer than it lived.
func (s *Store) LateErasures(ctx context.Context, limit int) ([]privacyd.AuditErasure, error) {
	all, err := collect(ctx, s, scanErasure, erasureColumns+` WHERE a.done_at IS NOT NULL
		AND (`+s.owns()+`) LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("look for disclosures of erased persons: %w", err)
	}
	return all, nil
}

func scanText(row scanner) (text string, err error) { return text, row.Scan(&text) }

// Joins below are CROSS JOINs since SQLite takes these in the order in which
// they are written: from few rows to their matches, whatever its statistics say
// of tables that have grown meanwhile.

// Disclosures gives at most limit of the disclosures of owners and where their
// entries are, in the order of these.
func (s *Store) Disclosures(ctx context.Context, owners []string, limit int) ([]auditlog.Disclosed, error) {
	return s.disclosuresWhere(ctx, "", nil, owners, limit)
}

// DisclosuresIn is Disclosures of one log.
func (s *Store) DisclosuresIn(ctx context.Context, log string, owners []string, limit int) ([]auditlog.Disclosed, error) {
	return s.disclosuresWhere(ctx, ` WHERE EXISTS (SELECT 1 FROM audit_entries i WHERE i.seq = d.no / 100 AND i.log = $2)`, []any{log}, owners, limit)
}

func (s *Store) disclosuresWhere(ctx context.Context, where string, args []any, owners []string, limit int) (found []auditlog.Disclosed, err error) {
	err = s.byIndex(ctx, func(ctx context.Context) error {
		found, err = s.disclosed(ctx, where, args, owners, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find disclosures to erase: %w", err)
	}
	return found, nil
}

func (s *Store) disclosed(ctx context.Context, where string, more []any, owners []string, limit int) ([]auditlog.Disclosed, error) {
	rows, args := s.rowsAs("r", 2+len(more), column{"owner", owners})
	found, err := collect(ctx, s, scanDisclosed, `SELECT d.no, `+waitingEntry+`, d.owner, coalesce(p.tree, 0), coalesce(p.idx, 0)
		FROM (SELECT d.no, d.owner FROM (`+s.ofOwners(rows)+`) d`+where+` ORDER BY d.no LIMIT $1) d
		LEFT JOIN audit_positions p ON p.entry = d.no / 100 ORDER BY d.no`, slices.Concat([]any{limit}, more, args)...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return s.located(ctx, found)
}

// waitingEntry is the id of the entry of d if it is in no tree. The others'
// would have every page of a large log read.
const waitingEntry = `CASE WHEN p.tree IS NULL THEN (SELECT e.id FROM audit_entries e WHERE e.seq = d.no / 100) ELSE '' END`

// disclosedIn is a disclosure and the number of the tree that its entry is in;
// 0: in none.
type disclosedIn struct {
	auditlog.Disclosed
	tree int64
}

func scanDisclosed(row scanner) (d disclosedIn, err error) {
	return d, row.Scan(&d.Row, &d.EntryID, &d.Owner, &d.tree, &d.At.Index)
}

// located says of which logs the trees are: there are few of them.
func (s *Store) located(ctx context.Context, found []disclosedIn) ([]auditlog.Disclosed, error) {
	var numbers []int64
	for _, d := range found {
		if d.tree != 0 && !slices.Contains(numbers, d.tree) {
			numbers = append(numbers, d.tree)
		}
	}
	trees, err := s.treesOf(ctx, numbers)
	if err != nil {
		return nil, err
	}
	all := make([]auditlog.Disclosed, len(found))
	for i, d := range found {
		all[i] = d.Disclosed
		if of, ok := trees[d.tree]; ok {
			all[i].Placed, all[i].At.Log, all[i].At.Epoch = true, of.Log, of.Epoch
		}
	}
	slices.SortFunc(all, func(a, b auditlog.Disclosed) int { return cmp.Compare(a.Row, b.Row) })
	return all, nil
}

// treesOf gives the log and epoch of trees, by their numbers.
func (s *Store) treesOf(ctx context.Context, numbers []int64) (map[int64]auditlog.Position, error) {
	trees := make(map[int64]auditlog.Position, len(numbers))
	for some := range slices.Chunk(numbers, rowsAtOnce) {
		rows, args := s.rowsAs("r", 1, column{"no", some})
		found, err := collect(ctx, s, scanTree, `SELECT t.no, t.log, t.epoch FROM `+rows+` CROSS JOIN audit_trees t WHERE t.no = r.no`, args...)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			trees[t.no] = t.of
		}
	}
	return trees, nil
}

// numberedTree is a tree's number, log and epoch.
type numberedTree struct {
	no int64
	of auditlog.Position
}

func scanTree(row scanner) (t numberedTree, err error) {
	return t, row.Scan(&t.no, &t.of.Log, &t.of.Epoch)
}

// rowsAtOnce is how many rows with one column one statement of SQLite takes:
// it has 32,766 parameters.
const rowsAtOnce = 30_000

// EraseDisclosures deletes disclosures from entries that are in a tree, and
// gives where those entries are, each once. It takes part in a transaction. Of
// several that delete the same, one counts it.
func (s *Store) EraseDisclosures(ctx context.Context, which []auditlog.Disclosed) (gone []auditlog.Gone, err error) {
	var all []erasing
	at := make(map[int64]int, len(which)) // in all, by entry
	for some := range slices.Chunk(which, rowsAtOnce) {
		some = slices.DeleteFunc(slices.Clone(some), func(d auditlog.Disclosed) bool { return !d.Placed })
		for _, d := range some {
			if _, ok := at[d.Row/mostOwners]; !ok {
				at[d.Row/mostOwners] = len(all)
				all = append(all, erasing{Gone: auditlog.Gone{Position: d.At}})
			}
		}
		deleted, err := s.deleteDisclosures(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("erase disclosures: %w", err)
		}
		for _, d := range deleted {
			all[at[d.no/mostOwners]].count(d.digests)
		}
	}
	for _, e := range all {
		if e.unknown {
			e.Digests = 0
		}
		if e.deleted {
			gone = append(gone, e.Gone)
		}
	}
	return gone, nil
}

// erasing is an entry of which disclosures are being deleted.
type erasing struct {
	auditlog.Gone
	deleted, unknown bool
}

func (e *erasing) count(digests int) {
	e.deleted, e.unknown, e.Digests = true, e.unknown || digests == 0, e.Digests+digests
}

// deleteDisclosures gives those that were still there.
func (s *Store) deleteDisclosures(ctx context.Context, which []auditlog.Disclosed) ([]deletedRow, error) {
	if len(which) == 0 {
		return nil, nil
	}
	numbers, inNumbers := s.listAs(1, numbersOf(which))
	deleted, err := collect(ctx, s, scanDeleted, `DELETE FROM audit_disclosures WHERE no IN `+inNumbers+` RETURNING no, digests`, numbers)
	if err != nil {
		return nil, err
	}
	return deleted, s.disown(ctx, which)
}

// deletedRow is a disclosure that is gone.
type deletedRow struct {
	no      int64
	digests int
}

func scanDeleted(row scanner) (d deletedRow, err error) { return d, row.Scan(&d.no, &d.digests) }

// EndErasures remembers that the erasures of owners are done, and tells of how
// many this was not known.
func (s *Store) EndErasures(ctx context.Context, owners []string, at time.Time) (int64, error) {
	rows, args := s.rowsAs("r", 2, column{"owner", owners})
	ended, err := s.db.Exec(ctx, `UPDATE audit_erasures SET done_at = $1
		WHERE done_at IS NULL AND owner IN (SELECT r.owner FROM `+rows+`)`, append([]any{sqldb.Micros(at)}, args...)...)
	if err != nil {
		return 0, fmt.Errorf("end erasures from the audit log: %w", err)
	}
	return ended, nil
}

// DropErasures forgets erasures that were done before a time.
func (s *Store) DropErasures(ctx context.Context, before time.Time) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM audit_erasures WHERE done_at < $1`, sqldb.Micros(before)); err != nil {
		return fmt.Errorf("forget erasures from the audit log: %w", err)
	}
	return nil
}

// TruncateLog makes what was deleted unreadable in the database's own files;
// see sqldb.DB.TruncateLog.
func (s *Store) TruncateLog(ctx context.Context) (bool, error) { return s.db.TruncateLog(ctx) }
