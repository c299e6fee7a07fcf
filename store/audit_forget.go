package store

import (
	"context"
	"fmt"
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
		AND EXISTS (SELECT 1 FROM audit_disclosures d WHERE d.owner = a.owner) LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("look for disclosures of erased persons: %w", err)
	}
	return all, nil
}

func scanText(row scanner) (text string, err error) { return text, row.Scan(&text) }

// Joins below are CROSS JOINs since SQLite takes these in the order in which
// they are written: from few rows to their matches, whatever its statistics say
// of tables that have grown meanwhile.

// Disclosures gives at most limit of the disclosures of owners, without what
// is sealed, in the order of their entries.
func (s *Store) Disclosures(ctx context.Context, owners []string, limit int) ([]auditlog.SealedDisclosure, error) {
	rows, args := s.rowsAs("r", 2, column{"owner", owners})
	found, err := collect(ctx, s, scanDisclosureKey, `SELECT d.entry_id, d.owner FROM `+rows+`
		CROSS JOIN audit_disclosures d WHERE d.owner = r.owner ORDER BY d.entry_id LIMIT $1`, append([]any{limit}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("find disclosures to erase: %w", err)
	}
	return found, nil
}

func scanDisclosureKey(row scanner) (d auditlog.SealedDisclosure, err error) {
	return d, row.Scan(&d.EntryID, &d.Owner)
}

// placed is a disclosure and where its entry is.
type placed struct {
	entry, owner string
	at           auditlog.Position
}

func scanPlacedDisclosure(row scanner) (p placed, err error) {
	return p, row.Scan(&p.entry, &p.owner, &p.at.Log, &p.at.Epoch, &p.at.Index)
}

// EraseDisclosures deletes disclosures from entries that are in a tree, and
// gives where those entries are, each once. It takes part in a transaction. Of
// several that delete the same, one counts it.
func (s *Store) EraseDisclosures(ctx context.Context, which []auditlog.SealedDisclosure) ([]auditlog.Position, error) {
	if len(which) == 0 {
		return nil, nil
	}
	var entries, owners []string
	for _, d := range which {
		entries, owners = append(entries, d.EntryID), append(owners, d.Owner)
	}
	rows, args := s.rowsAs("r", 1, column{"entry_id", entries}, column{"owner", owners})
	found, err := collect(ctx, s, scanPlacedDisclosure, `SELECT r.entry_id, r.owner, t.log, t.epoch, p.idx FROM `+rows+`
		CROSS JOIN audit_entries e CROSS JOIN audit_positions p CROSS JOIN audit_trees t
		WHERE e.id = r.entry_id AND p.entry = e.seq AND t.no = p.tree`, args...)
	if err != nil {
		return nil, fmt.Errorf("find the places of entries: %w", err)
	}
	return s.deleteDisclosures(ctx, found)
}

func (s *Store) deleteDisclosures(ctx context.Context, found []placed) ([]auditlog.Position, error) {
	if len(found) == 0 {
		return nil, nil
	}
	var entries, owners []string
	at := make(map[string]auditlog.Position, len(found))
	for _, p := range found {
		entries, owners = append(entries, p.entry), append(owners, p.owner)
		at[p.entry] = p.at
	}
	rows, args := s.rowsAs("r", 1, column{"entry_id", entries}, column{"owner", owners})
	deleted, err := collect(ctx, s, scanText, `DELETE FROM audit_disclosures
		WHERE (owner, entry_id) IN (SELECT r.owner, r.entry_id FROM `+rows+`) RETURNING entry_id`, args...)
	if err != nil {
		return nil, fmt.Errorf("erase disclosures: %w", err)
	}
	var gone []auditlog.Position
	for _, entry := range deleted {
		if p, ok := at[entry]; ok {
			gone = append(gone, p)
			delete(at, entry)
		}
	}
	return gone, nil
}

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
