package store_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// viewed is a view of a log of n leaves, signed at several sizes.
func viewed(t *testing.T, db *sqldb.DB, n int) (*logBench, *auditlog.View) {
	t.Helper()
	b := newLogBench(t, db)
	for left := n; left > 0; {
		batch := min(left, 173)
		must(t, db.InTx(t.Context(), func(ctx context.Context) error {
			for range batch {
				if _, err := b.Append(ctx, auditlog.Record{Log: logA, Action: "test.done", Outcome: "done"}); err != nil {
					return err
				}
			}
			return nil
		}))
		b.pass(t)
		left -= batch
	}
	return b, b.view(t, logA)
}

// TestViewProofs holds proofs of all kinds against an independent
// implementation.
func TestViewProofs(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const n = 777
		_, v := viewed(t, db, n)
		root := v.Epochs()[0].Root
		hashes, err := v.LeafHashes(t.Context(), 1, 0, n)
		must(t, err)
		for i := int64(0); i < n; i += 7 {
			p, err := v.Prove(t.Context(), 1, i)
			must(t, err)
			must(t, proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), n, hashes[i][:], slicesOf(p), root[:]))
		}
		for _, size := range []int64{1, 2, 173, 255, 256, 257, 512, 768, n - 1, n} {
			old, err := v.RootAt(t.Context(), 1, size)
			must(t, err)
			p, err := v.ProveConsistency(t.Context(), 1, size)
			must(t, err)
			must(t, proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(size), n, slicesOf(p), old[:], root[:]))
		}
	})
}

// TestViewTiles rebuilds the tree from tiles alone, as a client of tlog-tiles
// does, and the leaves from bundles.
func TestViewTiles(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const n = 600
		_, v := viewed(t, db, n)
		h := v.Epochs()[0]
		root, err := tlog.TreeHash(n, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			var hashes []tlog.Hash
			for _, x := range indexes {
				tile := tlog.TileForIndex(8, x)
				data, err := v.Tile(t.Context(), 1, tile.L, tile.N, tile.W)
				must(t, err)
				hash, err := tlog.HashFromTile(tile, data, x)
				must(t, err)
				hashes = append(hashes, hash)
			}
			return hashes, nil
		}))
		if err != nil || root != h.Root {
			t.Errorf("the root of the tiles is %v, %v", root, err)
		}
		for tile, width := range []int{256, 256, 88} {
			bundle, err := v.Bundle(t.Context(), 1, int64(tile), width)
			must(t, err)
			hashes, err := v.Tile(t.Context(), 1, 0, int64(tile), width)
			must(t, err)
			for ; len(bundle) > 0; hashes = hashes[32:] {
				size := 2 + int(binary.BigEndian.Uint16(bundle))
				if auditlog.LeafHash(bundle[2:size]) != [32]byte(hashes[:32]) {
					t.Error("a leaf of a bundle is not the one of the tile")
				}
				bundle = bundle[size:]
			}
			if len(hashes) != 0 {
				t.Errorf("%d bytes of hashes without a leaf", len(hashes))
			}
		}
	})
}

func TestViewRefuses(t *testing.T) {
	_, v := viewed(t, sqldbtest.SQLite(t), 600)
	for name, ask := range map[string]func(ctx context.Context) error{
		"epoch 2":            func(ctx context.Context) error { _, err := v.Tile(ctx, 2, 0, 0, 1); return err },
		"negative level":     func(ctx context.Context) error { _, err := v.Tile(ctx, 1, -1, 0, 1); return err },
		"level 2":            func(ctx context.Context) error { _, err := v.Tile(ctx, 1, 2, 0, 1); return err },
		"level 100":          func(ctx context.Context) error { _, err := v.Tile(ctx, 1, 100, 0, 1); return err },
		"wide level 1":       func(ctx context.Context) error { _, err := v.Tile(ctx, 1, 1, 0, 3); return err },
		"no width":           func(ctx context.Context) error { _, err := v.Tile(ctx, 1, 0, 0, 0); return err },
		"too wide":           func(ctx context.Context) error { _, err := v.Tile(ctx, 1, 0, 0, 257); return err },
		"past the end":       func(ctx context.Context) error { _, err := v.Tile(ctx, 1, 0, 2, 89); return err },
		"far past the end":   func(ctx context.Context) error { _, err := v.Tile(ctx, 1, 0, 1<<60, 1); return err },
		"negative tile":      func(ctx context.Context) error { _, err := v.Tile(ctx, 1, 0, -1, 1); return err },
		"bundle past it":     func(ctx context.Context) error { _, err := v.Bundle(ctx, 1, 2, 89); return err },
		"hashes past it":     func(ctx context.Context) error { _, err := v.LeafHashes(ctx, 1, 0, 601); return err },
		"proof past it":      func(ctx context.Context) error { _, err := v.Prove(ctx, 1, 600); return err },
		"negative proof":     func(ctx context.Context) error { _, err := v.Prove(ctx, 1, -1); return err },
		"consistency with 0": func(ctx context.Context) error { _, err := v.ProveConsistency(ctx, 1, 0); return err },
		"root of the future": func(ctx context.Context) error { _, err := v.RootAt(ctx, 1, 601); return err },
		"older of epoch 2":   func(ctx context.Context) error { _, err := v.Older(ctx, 2); return err },
		"entries past it": func(ctx context.Context) error {
			for p, err := range v.Entries(ctx, 1, 0, 601) {
				if p.Index != -1 {
					t.Errorf("index %d", p.Index)
				}
				return err
			}
			return nil
		},
	} {
		if err := ask(t.Context()); !errors.Is(err, auditlog.ErrNoTile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestViewStaysAsItIs adds entries behind a view's back.
func TestViewStaysAsItIs(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b, v := viewed(t, db, 3)
		id := b.append(t, logA)
		if _, _, err := v.Find(t.Context(), id); !errors.Is(err, auditlog.ErrNotSequenced) {
			t.Errorf("found what waits: %v", err)
		}
		b.pass(t)
		if _, _, err := v.Find(t.Context(), id); !errors.Is(err, auditlog.ErrNotSequenced) {
			t.Errorf("found what came later: %v", err)
		}
		if epoch, index, err := b.view(t, logA).Find(t.Context(), id); epoch != 1 || index != 3 || err != nil {
			t.Errorf("found at %d, %d, %v", epoch, index, err)
		}
		if _, _, err := b.view(t, logB).Find(t.Context(), id); !errors.Is(err, auditlog.ErrNoEntry) {
			t.Errorf("found in another log: %v", err)
		}
		if ids := checkLog(t, v); len(ids) != 3 {
			t.Errorf("%d entries", len(ids))
		}
	})
}

// TestViewOfTampered takes an entry out of the middle, past the triggers.
func TestViewOfTampered(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		_, v := viewed(t, db, 5)
		disable := `DROP TRIGGER audit_entries_no_delete`
		if db.Dialect == sqldb.Postgres {
			disable = `ALTER TABLE audit_entries DISABLE TRIGGER ALL`
		}
		for _, s := range []string{disable, `DELETE FROM audit_entries WHERE id = (SELECT id FROM audit_entries WHERE log = '` + logA + `' ORDER BY seq LIMIT 1 OFFSET 2)`} {
			_, err := db.Exec(t.Context(), s)
			must(t, err)
		}
		index := int64(0)
		for p, err := range v.Entries(t.Context(), 1, 0, 5) {
			if p.Index != index || (index == 2) != errors.Is(err, auditlog.ErrNoEntry) || (index != 2 && err != nil) {
				t.Errorf("entry %d has the index %d and the error %v", index, p.Index, err)
			}
			index++
		}
		if index != 5 {
			t.Errorf("%d entries", index)
		}
		for name, err := range map[string]error{
			"prove":  second(v.Prove(t.Context(), 1, 0)),
			"hashes": second(v.LeafHashes(t.Context(), 1, 0, 5)),
			"bundle": second(v.Bundle(t.Context(), 1, 0, 5)),
		} {
			if !errors.Is(err, auditlog.ErrNoEntry) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
