package local_test

import (
	"context"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work"
	"github.com/privacyd/privacyd/work/local"
)

func TestSmoke(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if err := local.Migrate(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		r := local.New(db, local.Options{})
		n := 0
		r.Handle("k", func(ctx context.Context, key string, l work.Lease) error {
			n++
			return db.InTx(ctx, func(ctx context.Context) error { return l.Check(ctx) })
		}, 1)
		for _, k := range []string{"a", "b", "a"} {
			if err := r.Enqueue(t.Context(), work.Item{Kind: "k", Key: k}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.RunUntilIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n != 2 {
			t.Fatal(n)
		}
	})
}
