package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

const insertThing = "INSERT INTO things (n, id) VALUES ($2, $1)"

// TestExecLaterSeen looks at what a statement did that was given before.
func TestExecLaterSeen(t *testing.T) {
	for name, next := range map[string]func(ctx context.Context, db *sqldb.DB) (int64, error){
		"exec": func(ctx context.Context, db *sqldb.DB) (int64, error) {
			return db.Exec(ctx, "UPDATE things SET n = n + 1")
		},
		"query": func(ctx context.Context, db *sqldb.DB) (n int64, err error) {
			rows, err := db.Query(ctx, "SELECT n FROM things")
			if err != nil {
				return 0, err
			}
			defer rows.Close() //nolint:errcheck // a test's
			for rows.Next() {
				n++
			}
			return n, rows.Err()
		},
		"row": func(ctx context.Context, db *sqldb.DB) (n int64, err error) {
			return n, db.QueryRow(ctx, "SELECT count(*) FROM things").Scan(&n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				open(t, db)
				err := db.InTx(t.Context(), func(ctx context.Context) error {
					for i := range 3 {
						if err := db.ExecLater(ctx, insertThing, fmt.Sprint(i), i); err != nil {
							return err
						}
					}
					n, err := next(ctx, db)
					if n != 3 {
						t.Errorf("%d rows", n)
					}
					return err
				})
				if n := count(t, db, "things"); n != 3 || err != nil {
					t.Errorf("%d things, %v", n, err)
				}
			})
		})
	}
}

// TestExecLaterFails gives a statement that fails: at the latest the commit
// says so, and nothing of the transaction is left.
func TestExecLaterFails(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		open(t, db)
		for name, next := range map[string]func(ctx context.Context) error{
			"commit": func(context.Context) error { return nil },
			"exec": func(ctx context.Context) error {
				_, err := db.Exec(ctx, insertThing, "b", 1)
				return err
			},
			"row": func(ctx context.Context) error {
				var n int
				return db.QueryRow(ctx, "SELECT count(*) FROM things").Scan(&n)
			},
			"later": func(ctx context.Context) error { return db.ExecLater(ctx, insertThing, "c", 1) },
		} {
			err := db.InTx(t.Context(), func(ctx context.Context) error {
				err := errors.Join(db.ExecLater(ctx, insertThing, "a", 1), db.ExecLater(ctx, insertThing, "a", 2))
				if err != nil {
					return err
				}
				return next(ctx)
			})
			if n := count(t, db, "things"); n != 0 || !sqldb.IsUnique(err) {
				t.Errorf("%s: %d things, %v", name, n, err)
			}
		}
	})
}

func TestExecLaterUndoneAndOutside(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		open(t, db)
		boom := errors.New("boom")
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			return errors.Join(db.ExecLater(ctx, insertThing, "a", 1), boom)
		})
		if n := count(t, db, "things"); n != 0 || !errors.Is(err, boom) {
			t.Errorf("%d things, %v", n, err)
		}
		if err := db.ExecLater(t.Context(), insertThing, "a", 1); err != nil || count(t, db, "things") != 1 {
			t.Errorf("outside of a transaction: %v", err)
		}
	})
}

// TestKeptStatements has statements compiled, the schema changed and the
// database guarded between their uses, and closes it.
func TestKeptStatements(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.db")
	db, err := sqldb.OpenSQLite(t.Context(), file, sqldbtest.Key())
	if err != nil {
		t.Fatal(err)
	}
	open(t, db)
	put := func(id string) error {
		return db.InTx(t.Context(), func(ctx context.Context) error { return db.ExecLater(ctx, insertThing, id, 1) })
	}
	for i, between := range []func(){
		func() {},
		func() {
			if _, err := db.Exec(t.Context(), "ALTER TABLE things ADD COLUMN more TEXT"); err != nil {
				t.Fatal(err)
			}
		},
		func() { db.Guard(map[string]sqldb.Rights{"things": {Insert: true}}) },
	} {
		between()
		if err := put(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	db.Guard(map[string]sqldb.Rights{"things": {}})
	if err := put("forbidden"); err == nil {
		t.Error("a statement that was compiled before is not bound by the guard")
	}
	if n := count(t, db, "things"); n != 3 {
		t.Errorf("%d things", n)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// TestAfterCommitMayWrite begins a transaction in what runs after the commit of
// another.
func TestAfterCommitMayWrite(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		open(t, db)
		put := func(id string) func(ctx context.Context) error {
			return func(ctx context.Context) error { return db.ExecLater(ctx, insertThing, id, 1) }
		}
		var second error
		first := db.InTx(t.Context(), func(ctx context.Context) error {
			db.AfterCommit(ctx, func() { second = db.InTx(t.Context(), put("b")) })
			return put("a")(ctx)
		})
		if n := count(t, db, "things"); n != 2 || first != nil || second != nil {
			t.Errorf("%d things, %v, %v", n, first, second)
		}
	})
}

// TestTurnCancelled waits for SQLite's one writer until the wait is cancelled.
func TestTurnCancelled(t *testing.T) {
	db := sqldbtest.SQLite(t)
	err := db.InTx(t.Context(), func(context.Context) error {
		soon, cancel := context.WithCancel(t.Context())
		cancel()
		return db.InTx(soon, func(context.Context) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that was cancelled ended with %v", err)
	}
}
