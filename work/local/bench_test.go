package local_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work"
	"github.com/privacyd/privacyd/work/local"
)

// BenchmarkItems runs items that do nothing: the cost of a claim and an end.
func BenchmarkItems(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *sqldb.DB{"sqlite": sqldbtest.SQLite, "postgres": sqldbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			if err := local.Migrate(b.Context(), db); err != nil {
				b.Fatal(err)
			}
			r := local.New(db, local.Options{})
			r.Handle("k", func(context.Context, string, work.Lease) error { return nil }, 0)
			err := db.InTx(b.Context(), func(ctx context.Context) error {
				for i := range b.N {
					if err := r.Enqueue(ctx, work.Item{Kind: "k", Key: fmt.Sprint(i)}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			if err := r.RunUntilIdle(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
