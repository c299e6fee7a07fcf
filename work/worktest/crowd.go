package worktest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

func crowdCases() map[string]func(*bench) {
	return map[string]func(*bench){
		"each item once from two nodes": crowd,
		"no more at once than allowed":  limited,
		"enqueuers and runners at once": enqueuers,
	}
}

// worker opens a node that leaves one trace per item.
func (b *bench) worker(workers int) Node {
	n := b.node(func(o *Options) { o.Workers = workers })
	n.Handle("crowd", func(ctx context.Context, key string, l work.Lease) error {
		return batch(ctx, n.DB, l, key, "crowd", nil)
	}, 0)
	return n
}

// eachOnce expects n traces of n items.
func (b *bench) eachOnce(db *sqldb.DB, n int) {
	b.t.Helper()
	var traces, items int
	b.must(db.QueryRow(b.t.Context(), `SELECT count(*), count(DISTINCT item) FROM suite_effects`).Scan(&traces, &items))
	if traces != n || items != n {
		b.t.Fatalf("%d traces of %d items, not %d", traces, items, n)
	}
}

func crowd(b *bench) {
	nodes := []Node{b.worker(8), b.worker(8)}
	db := nodes[0].DB
	b.effects(db)
	items := 100
	if db.Dialect == sqldb.Postgres {
		items = 500
	}
	b.must(db.InTx(b.t.Context(), func(ctx context.Context) error {
		for i := range items {
			b.must(nodes[0].Enqueue(ctx, work.Item{Kind: "crowd", Key: fmt.Sprint(i)}))
		}
		return nil
	}))
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			if err := n.RunUntilIdle(b.t.Context()); err != nil {
				b.t.Error(err)
			}
		})
	}
	wg.Wait()
	b.eachOnce(db, items)
}

func limited(b *bench) {
	n := b.node(func(o *Options) { o.Workers = 3 })
	var now, most atomic.Int32
	n.Handle("limited", func(context.Context, string, work.Lease) error {
		if at := now.Add(1); at > most.Load() {
			most.Store(at)
		}
		b.clock.Settle(b.t)
		now.Add(-1)
		return nil
	}, 2)
	for i := range 6 {
		b.enqueue(n, work.Item{Kind: "limited", Key: fmt.Sprint(i)})
		b.enqueue(n, work.Item{Key: fmt.Sprint(i)})
	}
	b.start(n)
	for range 6 {
		b.next().answer <- nil
	}
	b.must(n.RunUntilIdle(b.t.Context()))
	if got := most.Load(); got != 2 {
		b.t.Fatalf("%d of a kind ran at once, not 2", got)
	}
}

// enqueuers has items enqueued, some twice, while two nodes run them: what is
// committed last is always seen by a run that begins later.
func enqueuers(b *bench) {
	n := b.node(nil)
	b.must(b.table(n.DB))
	for range 2 {
		r := b.node(nil)
		r.Handle("sum", func(ctx context.Context, key string, l work.Lease) error { return sum(ctx, r.DB, l, key) }, 0)
		b.start(r)
	}
	const rounds = 40
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range rounds {
				if err := ask(b.t.Context(), n); err != nil {
					b.t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	late := time.After(patience)
	for {
		var asked, done int
		b.must(n.DB.QueryRow(b.t.Context(), `SELECT asked, done FROM suite_sums`).Scan(&asked, &done))
		if asked == 2*rounds && done == asked {
			return
		}
		select {
		case <-late:
			b.t.Fatalf("%d of %d done", done, asked)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (b *bench) table(db *sqldb.DB) error {
	if _, err := db.Exec(b.t.Context(), `CREATE TABLE suite_sums (asked BIGINT NOT NULL, done BIGINT NOT NULL)`); err != nil {
		return err
	}
	_, err := db.Exec(b.t.Context(), `INSERT INTO suite_sums (asked, done) VALUES (0, 0)`)
	return err
}

func ask(ctx context.Context, n Node) error {
	return n.DB.InTx(ctx, func(ctx context.Context) error {
		if _, err := n.DB.Exec(ctx, `UPDATE suite_sums SET asked = asked + 1`); err != nil {
			return err
		}
		return n.Enqueue(ctx, work.Item{Kind: "sum", Key: "one"})
	})
}

func sum(ctx context.Context, db *sqldb.DB, l work.Lease, _ string) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		if err := l.Check(ctx); err != nil {
			return err
		}
		_, err := db.Exec(ctx, `UPDATE suite_sums SET done = asked`)
		return err
	})
}
