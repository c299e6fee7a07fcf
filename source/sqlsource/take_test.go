package sqlsource

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// grouped is a group of one step, whose rows were found: twenty, to go by fours.
func grouped(t *testing.T) (*sqldb.DB, *group) {
	t.Helper()
	db := sqldbtest.Postgres(t)
	execute(t, db, "CREATE SCHEMA privacyd", "CREATE TABLE t (id INT)", "INSERT INTO t SELECT i FROM generate_series(1, 20) i")
	e, err := Own(db).Eraser()
	if err != nil {
		t.Fatal(err)
	}
	e.MaxRows = 4
	c := &datamap.Collection{Name: "t", Table: "t", Key: []string{"id"}}
	g := &group{e: e, steps: []*datamap.Step{{Collection: c, Table: "t", Action: datamap.Delete}}}
	t.Cleanup(g.close)
	if few, err := g.find(t.Context()); err != nil || !few || g.total != 20 {
		t.Fatalf("%d rows: %v %v", g.total, few, err)
	}
	return db, g
}

// The snapshot in which rows were found is not kept open until others let go of
// rows that they have locked.
func TestLockedRowsEndAGroup(t *testing.T) {
	db, g := grouped(t)
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := db.Exec(ctx, "SELECT 1 FROM t WHERE id > 8 FOR UPDATE"); err != nil {
			return err
		}
		if _, err := g.erase(context.Background()); !conflict(err) || g.rows != 8 {
			t.Errorf("%d rows went: %v", g.rows, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g.close()
	if n, err := g.e.RunAll(t.Context(), g.steps, Batch{}); err != nil || n != 12 {
		t.Errorf("%d rows went: %v", n, err)
	}
}

// Nor longer than a round lasts.
func TestGroupsEndAsRoundsDo(t *testing.T) {
	_, g := grouped(t)
	g.e.round = -time.Second
	if _, err := g.erase(t.Context()); !errors.Is(err, errRoundOver) {
		t.Errorf("%d rows went: %v", g.rows, err)
	}
	g.close()
	if n, err := g.e.RunAll(t.Context(), g.steps, Batch{}); err != nil || n != 20 {
		t.Errorf("%d rows went: %v", n, err)
	}
}
