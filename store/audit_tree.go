package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

const treeOf = `(SELECT no FROM audit_trees WHERE log = $1 AND epoch = $2)`

// positions is the positions [$3, $4) of a tree. The limit $5, which changes
// nothing, tells PostgreSQL how few they are: it would start workers.
const positions = `(SELECT entry, idx FROM audit_positions WHERE tree = ` + treeOf + ` AND idx >= $3 AND idx < $4
	ORDER BY idx LIMIT $5) p`

// Heads gives the head of each epoch of a log; see auditlog.Trees.
func (s *Store) Heads(ctx context.Context, log string) ([]auditlog.Head, error) {
	heads, err := collect(ctx, s, scanHead, `SELECT log, epoch, size, root, checkpoint, signed_at, edge
		FROM audit_trees WHERE log = $1 ORDER BY epoch`, log)
	if err != nil {
		return nil, fmt.Errorf("read the heads of an audit log: %w", err)
	}
	return heads, nil
}

func scanHead(row scanner) (h auditlog.Head, err error) {
	return h, scanHeadAnd(row, &h)
}

// scanHeadAnd scans a head and, after it, more columns.
func scanHeadAnd(row scanner, h *auditlog.Head, more ...any) error {
	var root, edge []byte
	var at int64
	if err := row.Scan(append([]any{&h.Log, &h.Epoch, &h.Size, &root, &h.Checkpoint, &at, &edge}, more...)...); err != nil {
		return err
	}
	copy(h.Root[:], root)
	h.Origin, _, _ = strings.Cut(string(h.Checkpoint), "\n")
	h.At = sqldb.Time(at)
	for ; len(edge) >= len(h.Root); edge = edge[len(h.Root):] {
		h.Edge = append(h.Edge, [32]byte(edge[:len(h.Root)]))
	}
	return nil
}

// Older gives the kept older checkpoints of an epoch; see auditlog.Trees.
func (s *Store) Older(ctx context.Context, log string, epoch int) ([][]byte, error) {
	older, err := collect(ctx, s, scanBytes, `SELECT checkpoint FROM audit_checkpoints
		WHERE tree = `+treeOf+` ORDER BY size`, log, epoch)
	if err != nil {
		return nil, fmt.Errorf("read older checkpoints: %w", err)
	}
	return older, nil
}

func scanBytes(row scanner) (b []byte, err error) { return b, row.Scan(&b) }

// Find gives an entry's position; see auditlog.Trees.
func (s *Store) Find(ctx context.Context, entryID string) (auditlog.Position, error) {
	var log sql.NullString
	var epoch, index sql.NullInt64
	err := s.db.QueryRow(ctx, `SELECT t.log, t.epoch, p.idx FROM audit_entries e
		LEFT JOIN audit_positions p ON p.entry = e.seq LEFT JOIN audit_trees t ON t.no = p.tree
		WHERE e.id = $1`, entryID).Scan(&log, &epoch, &index)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return auditlog.Position{}, auditlog.ErrNoEntry
	case err != nil:
		return auditlog.Position{}, fmt.Errorf("find the position of an audit entry: %w", err)
	case !epoch.Valid:
		return auditlog.Position{}, auditlog.ErrNotSequenced
	}
	return auditlog.Position{Log: log.String, Epoch: int(epoch.Int64), Index: index.Int64}, nil
}

// Unplaced gives the newest entry of a log that is in no tree; see
// auditlog.Trees.
func (s *Store) Unplaced(ctx context.Context, log string) (id string, err error) {
	err = s.db.QueryRow(ctx, `SELECT id FROM `+s.inNoTree()+` WHERE log = $1 ORDER BY seq DESC LIMIT 1`, log).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find audit entries that are in no tree: %w", err)
	}
	return id, nil
}

// Placed gives entries by their indexes; see auditlog.Trees.
func (s *Store) Placed(ctx context.Context, log string, epoch int, from, to int64) ([]auditlog.Placed, error) {
	rows, err := s.db.Query(ctx, `SELECT p.idx, coalesce(e.id, ''), coalesce(e.log, ''), coalesce(e.at, 0), coalesce(e.action, ''),
			coalesce(e.outcome, ''), coalesce(e.target_type, ''), e.leaf, e.leaf_hash, coalesce(d.owner, ''), d.sealed, coalesce(d.form, 0)
		FROM `+positions+` LEFT JOIN audit_entries e ON e.seq = p.entry `+s.leftJoinDisclosures()+`
		ORDER BY p.idx, d.no`, log, epoch, from, to, to-from)
	if err != nil {
		return nil, fmt.Errorf("read audit entries: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var page []auditlog.Placed
	for rows.Next() {
		if page, err = addPlaced(page, rows); err != nil {
			return nil, fmt.Errorf("read audit entries: %w", err)
		}
	}
	return page, rows.Err()
}

// addPlaced adds a row to the page: an entry comes once for each disclosure.
func addPlaced(page []auditlog.Placed, row scanner) ([]auditlog.Placed, error) {
	var e auditlog.Placed
	var at int64
	var hash []byte
	var d auditlog.SealedDisclosure
	err := row.Scan(&e.Index, &e.ID, &e.Log, &at, &e.Action, &e.Outcome, &e.TargetType, &e.Leaf, &hash, &d.Owner, &d.Sealed, &d.Form)
	if err != nil {
		return nil, err
	}
	e.At = sqldb.Time(at)
	copy(e.LeafHash[:], hash)
	if n := len(page); n == 0 || page[n-1].Index != e.Index {
		page = append(page, e)
	}
	if d.Owner != "" {
		last := &page[len(page)-1]
		d.EntryID = last.ID
		last.Disclosures = append(last.Disclosures, d)
	}
	return page, nil
}

// indexed is a value at an index of a tree; nil: it is gone.
type indexed struct {
	at    int64
	bytes []byte
}

func scanIndexed(row scanner) (v indexed, err error) { return v, row.Scan(&v.at, &v.bytes) }

// Leaves gives leaves by their indexes; see auditlog.Trees.
func (s *Store) Leaves(ctx context.Context, log string, epoch int, from, to int64) ([][]byte, error) {
	found, err := s.ofEntries(ctx, "leaf", log, epoch, from, to)
	if err != nil {
		return nil, fmt.Errorf("read leaves: %w", err)
	}
	leaves := make([][]byte, to-from)
	for _, v := range found {
		leaves[v.at-from] = v.bytes
	}
	return leaves, nil
}

// LeafHashes gives the hashes of leaves; see auditlog.Trees.
func (s *Store) LeafHashes(ctx context.Context, log string, epoch int, from, to int64) ([][32]byte, error) {
	found, err := s.ofEntries(ctx, "leaf_hash", log, epoch, from, to)
	if err != nil {
		return nil, fmt.Errorf("read leaf hashes: %w", err)
	}
	return hashesOf(found, from, to, auditlog.ErrNoEntry)
}

func (s *Store) ofEntries(ctx context.Context, column, log string, epoch int, from, to int64) ([]indexed, error) {
	return collect(ctx, s, scanIndexed, `SELECT p.idx, e.`+column+` FROM `+positions+` LEFT JOIN audit_entries e ON e.seq = p.entry
		ORDER BY p.idx`, log, epoch, from, to, to-from)
}

// Nodes gives roots of complete subtrees; see auditlog.Trees.
func (s *Store) Nodes(ctx context.Context, log string, epoch, level int, from, to int64) ([][32]byte, error) {
	found, err := collect(ctx, s, scanIndexed, `SELECT n, hash FROM audit_nodes
		WHERE tree = `+treeOf+` AND level = $3 AND n >= $4 AND n < $5 ORDER BY n`, log, epoch, level, from, to)
	if err != nil {
		return nil, fmt.Errorf("read nodes of an audit log's tree: %w", err)
	}
	return hashesOf(found, from, to, auditlog.ErrNoTile)
}

// hashesOf is the hashes [from, to); gone is the error when one is not there.
func hashesOf(found []indexed, from, to int64, gone error) ([][32]byte, error) {
	hashes := make([][32]byte, to-from)
	next := from
	for _, v := range found {
		if v.at != next || len(v.bytes) != len(hashes[0]) {
			break
		}
		hashes[v.at-from] = [32]byte(v.bytes)
		next++
	}
	if next != to {
		return nil, fmt.Errorf("read the hash at %d: %w", next, gone)
	}
	return hashes, nil
}
