package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
)

const tipColumns = `t.log, t.epoch, t.size, t.root, t.checkpoint, t.signed_at, t.edge, t.no, coalesce(n.size, 0), coalesce(n.noted_at, 0)`

const newestEpoch = `t.epoch = (SELECT max(x.epoch) FROM audit_trees x WHERE x.log = t.log)`

// tip is a tip with the number of its tree.
type tip struct {
	auditlog.Tip
	no int64
}

func scanTip(row scanner) (t tip, err error) {
	var noted int64
	if err := scanHeadAnd(row, &t.Head, &t.no, &t.Noted, &noted); err != nil {
		return t, err
	}
	if t.Noted > t.Size { // nobody can have noted that: it would keep the log from being noted again
		t.Noted = 0
	}
	t.NotedAt = sqldb.Time(noted)
	return t, nil
}

// Tips gives the current epochs of logs; see auditlog.Growth.
func (s *Store) Tips(ctx context.Context, logs []string) (map[string]auditlog.Tip, error) {
	tips := map[string]auditlog.Tip{}
	if len(logs) == 0 {
		return tips, nil
	}
	wanted, args := s.rowsAs("v", 1, column{"log", logs})
	found, err := collect(ctx, s, scanTip, `SELECT `+tipColumns+` FROM `+wanted+` JOIN audit_trees t ON t.log = v.log
		LEFT JOIN audit_noted n ON n.tree = t.no WHERE `+newestEpoch, args...)
	if err != nil {
		return nil, fmt.Errorf("read the tips of audit logs: %w", err)
	}
	for _, t := range found {
		tips[t.Log] = t.Tip
	}
	return tips, nil
}

// AllTips gives the current epochs of all logs; see auditlog.Upkeep.
func (s *Store) AllTips(ctx context.Context, after int64, limit int) (tips []auditlog.Tip, next int64, err error) {
	found, err := collect(ctx, s, scanTip, `SELECT `+tipColumns+` FROM audit_trees t LEFT JOIN audit_noted n ON n.tree = t.no
		WHERE t.no > $1 AND `+newestEpoch+` ORDER BY t.no LIMIT $2`, after, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("read the tips of all audit logs: %w", err)
	}
	for _, t := range found {
		tips = append(tips, t.Tip)
	}
	if len(found) == limit {
		next = found[limit-1].no
	}
	return tips, next, nil
}

// Grow makes trees into what they are to become; see auditlog.Growth.
func (s *Store) Grow(ctx context.Context, grown []auditlog.Grown) error {
	if len(grown) == 0 {
		return nil
	}
	var made, larger []auditlog.Grown
	for _, g := range grown {
		if g.Size == int64(len(g.Entries)) {
			made = append(made, g)
		} else {
			larger = append(larger, g)
		}
	}
	for _, step := range []func() error{
		func() error { return s.insertTrees(ctx, made) },
		func() error { return s.updateTrees(ctx, larger) },
		func() error { return s.insertGrowth(ctx, grown) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("grow the trees of audit logs: %w", err)
		}
	}
	return nil
}

// states is the new states of trees as a table named v.
func (s *Store) states(grown []auditlog.Grown) (string, []any) {
	n := len(grown)
	logs := make([]string, n)
	epochs, sizes, were, at := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	edges, roots, checkpoints := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	for i, g := range grown {
		logs[i], epochs[i], sizes[i], at[i] = g.Log, int64(g.Epoch), g.Size, sqldb.Micros(g.At)
		were[i] = g.Size - int64(len(g.Entries))
		roots[i], checkpoints[i] = g.Root[:], g.Checkpoint
		for _, h := range g.Edge {
			edges[i] = append(edges[i], h[:]...)
		}
	}
	return s.rowsAs("v", 1, column{"log", logs}, column{"epoch", epochs}, column{"size", sizes}, column{"was", were},
		column{"edge", edges}, column{"root", roots}, column{"checkpoint", checkpoints}, column{"signed_at", at})
}

func (s *Store) insertTrees(ctx context.Context, grown []auditlog.Grown) error {
	if len(grown) == 0 {
		return nil
	}
	states, args := s.states(grown)
	_, err := s.db.Exec(ctx, `INSERT INTO audit_trees (log, epoch, size, edge, root, checkpoint, signed_at)
		SELECT v.log, v.epoch, v.size, v.edge, v.root, v.checkpoint, v.signed_at FROM `+states, args...)
	return err
}

func (s *Store) updateTrees(ctx context.Context, grown []auditlog.Grown) error {
	if len(grown) == 0 {
		return nil
	}
	states, args := s.states(grown)
	n, err := s.db.Exec(ctx, `UPDATE audit_trees SET size = v.size, edge = v.edge, root = v.root, checkpoint = v.checkpoint,
		signed_at = v.signed_at FROM `+states+`
		WHERE audit_trees.log = v.log AND audit_trees.epoch = v.epoch AND audit_trees.size = v.was`, args...)
	if err == nil && n != int64(len(grown)) {
		err = fmt.Errorf("%d of %d trees are not of the size that they were read with", int64(len(grown))-n, len(grown))
	}
	return err
}

// insertGrowth adds what the trees grew by.
func (s *Store) insertGrowth(ctx context.Context, grown []auditlog.Grown) error {
	numbers, err := s.numbers(ctx, grown)
	if err != nil {
		return err
	}
	if err := s.insertPositions(ctx, grown, numbers); err != nil {
		return err
	}
	if err := s.insertActions(ctx, grown); err != nil {
		return err
	}
	if err := s.insertNodes(ctx, grown, numbers); err != nil {
		return err
	}
	return s.insertKept(ctx, grown, numbers)
}

// numbers gives the number of each tree.
func (s *Store) numbers(ctx context.Context, grown []auditlog.Grown) ([]int64, error) {
	logs, epochs, at := make([]string, len(grown)), make([]int64, len(grown)), make([]int64, len(grown))
	for i, g := range grown {
		logs[i], epochs[i], at[i] = g.Log, int64(g.Epoch), int64(i)
	}
	wanted, args := s.rowsAs("v", 1, column{"log", logs}, column{"epoch", epochs}, column{"at", at})
	rows, err := s.db.Query(ctx, `SELECT v.at, t.no FROM `+wanted+` JOIN audit_trees t ON t.log = v.log AND t.epoch = v.epoch`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	numbers := make([]int64, len(grown))
	for rows.Next() {
		var i, no int64
		if err := rows.Scan(&i, &no); err != nil {
			return nil, err
		}
		numbers[i] = no
	}
	return numbers, rows.Err()
}

func (s *Store) insertPositions(ctx context.Context, grown []auditlog.Grown, numbers []int64) error {
	if s.db.Dialect == sqldb.SQLite {
		return s.insertPositionsOf(ctx, grown, numbers)
	}
	var entries, trees, indexes []int64
	for i, g := range grown {
		for k, seq := range g.Entries {
			entries = append(entries, seq)
			trees = append(trees, numbers[i])
			indexes = append(indexes, g.Size-int64(len(g.Entries)-k))
		}
	}
	positions, args := s.rowsAs("v", 1, column{"entry", entries}, column{"tree", trees}, column{"idx", indexes})
	_, err := s.db.Exec(ctx, `INSERT INTO audit_positions (entry, tree, idx) SELECT v.entry, v.tree, v.idx FROM `+positions, args...)
	return err
}

// insertPositionsOf is insertPositions a tree at a time. A list of values would
// take SQLite longer to compile than to insert.
func (s *Store) insertPositionsOf(ctx context.Context, grown []auditlog.Grown, numbers []int64) error {
	for i, g := range grown {
		list, _ := s.listAs(1, g.Entries)
		err := s.db.ExecLater(ctx, `INSERT INTO audit_positions (entry, tree, idx) SELECT value, $2, $3 + key FROM json_each($1)`,
			list, numbers[i], g.Size-int64(len(g.Entries)))
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) insertNodes(ctx context.Context, grown []auditlog.Grown, numbers []int64) error {
	var trees, levels, places []int64
	var hashes [][]byte
	for i, g := range grown {
		for _, n := range g.Nodes {
			trees, levels, places = append(trees, numbers[i]), append(levels, int64(n.Level)), append(places, n.N)
			hashes = append(hashes, n.Hash[:])
		}
	}
	if len(trees) == 0 {
		return nil
	}
	nodes, args := s.rowsAs("v", 1, column{"tree", trees}, column{"level", levels}, column{"n", places}, column{"hash", hashes})
	_, err := s.db.Exec(ctx, `INSERT INTO audit_nodes (tree, level, n, hash) SELECT v.tree, v.level, v.n, v.hash FROM `+nodes, args...)
	return err
}

func (s *Store) insertKept(ctx context.Context, grown []auditlog.Grown, numbers []int64) error {
	var trees, sizes, at []int64
	var checkpoints [][]byte
	for i, g := range grown {
		if g.Kept != nil {
			trees, sizes, at = append(trees, numbers[i]), append(sizes, g.Kept.Size), append(at, sqldb.Micros(g.Kept.At))
			checkpoints = append(checkpoints, g.Kept.Checkpoint)
		}
	}
	if len(trees) == 0 {
		return nil
	}
	kept, args := s.rowsAs("v", 1, column{"tree", trees}, column{"size", sizes}, column{"at", at}, column{"checkpoint", checkpoints})
	_, err := s.db.Exec(ctx, `INSERT INTO audit_checkpoints (tree, size, signed_at, checkpoint)
		SELECT v.tree, v.size, v.at, v.checkpoint FROM `+kept, args...)
	return err
}

// SetNoted remembers what the instance's log says; see auditlog.Upkeep.
func (s *Store) SetNoted(ctx context.Context, heads []auditlog.Head, at time.Time) error {
	if len(heads) == 0 {
		return nil
	}
	logs, epochs, sizes := make([]string, len(heads)), make([]int64, len(heads)), make([]int64, len(heads))
	for i, h := range heads {
		logs[i], epochs[i], sizes[i] = h.Log, int64(h.Epoch), h.Size
	}
	noted, args := s.rowsAs("v", 2, column{"log", logs}, column{"epoch", epochs}, column{"size", sizes})
	_, err := s.db.Exec(ctx, `INSERT INTO audit_noted (tree, size, noted_at)
		SELECT t.no, v.size, $1 FROM `+noted+` JOIN audit_trees t ON t.log = v.log AND t.epoch = v.epoch WHERE TRUE
		ON CONFLICT (tree) DO UPDATE SET size = excluded.size, noted_at = excluded.noted_at`,
		append([]any{sqldb.Micros(at)}, args...)...)
	if err != nil {
		return fmt.Errorf("remember what the instance's audit log says: %w", err)
	}
	return nil
}

// Thin deletes older checkpoints; see auditlog.Upkeep.
func (s *Store) Thin(ctx context.Context, before time.Time) (int64, error) {
	const day = 24 * 60 * 60 * 1_000_000
	n, err := s.db.Exec(ctx, `DELETE FROM audit_checkpoints WHERE signed_at < $1 AND signed_at / $2 = (
		SELECT later.signed_at / $2 FROM audit_checkpoints later WHERE later.tree = audit_checkpoints.tree
			AND later.size > audit_checkpoints.size ORDER BY later.size LIMIT 1)`, sqldb.Micros(before), int64(day))
	if err != nil {
		return 0, fmt.Errorf("thin out older checkpoints: %w", err)
	}
	return n, nil
}
