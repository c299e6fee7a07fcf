package local_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work/local"
	"github.com/privacyd/privacyd/work/worktest"
)

// The address of the database of a child process: its dialect, then where.
const (
	envDialect = "PRIVACYD_WORK_CHILD_DIALECT"
	envAddress = "PRIVACYD_WORK_CHILD_ADDRESS"
)

func TestMain(m *testing.M) {
	if dialect := os.Getenv(envDialect); dialect != "" {
		if err := child(sqldb.Dialect(dialect), os.Getenv(envAddress)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func child(dialect sqldb.Dialect, address string) error {
	ctx := context.Background()
	db, err := open(ctx, dialect, address)
	if err != nil {
		return err
	}
	return worktest.Child(ctx, worktest.Node{DB: db, Runner: local.New(db, local.Options{})})
}

func open(ctx context.Context, dialect sqldb.Dialect, address string) (*sqldb.DB, error) {
	if dialect == sqldb.Postgres {
		return sqldb.OpenPostgres(ctx, address)
	}
	return sqldb.OpenSQLite(ctx, address, sqldbtest.Key())
}

// database is a new database with the runner's table, opened as often as
// there are processes.
type database struct {
	dialect sqldb.Dialect
	address string
}

func newDatabase(t *testing.T, dialect sqldb.Dialect) database {
	t.Helper()
	d := database{dialect, filepath.Join(t.TempDir(), "work.db")}
	if dialect == sqldb.Postgres {
		d.address = sqldbtest.PostgresDSN(t)
	}
	if err := local.Migrate(t.Context(), d.open(t)); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d database) open(t *testing.T) *sqldb.DB {
	t.Helper()
	db, err := open(t.Context(), d.dialect, d.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (d database) node(t *testing.T, o worktest.Options) worktest.Node {
	t.Helper()
	db := d.open(t)
	r := local.New(db, local.Options{
		Now: o.Now, Poll: o.Poll, Lease: o.Lease, Workers: o.Workers, Backoff: o.Backoff, OnDead: o.OnDead,
		Jitter: func() float64 { return 1 },
	})
	return worktest.Node{Runner: r, DB: db}
}

func (d database) child(t *testing.T) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), envDialect+"="+string(d.dialect), envAddress+"="+d.address)
	return c
}

// each runs fn on both databases.
func each(t *testing.T, fn func(t *testing.T, d database)) {
	t.Helper()
	for _, dialect := range []sqldb.Dialect{sqldb.SQLite, sqldb.Postgres} {
		t.Run(string(dialect), func(t *testing.T) { fn(t, newDatabase(t, dialect)) })
	}
}

func TestSuite(t *testing.T) {
	for _, dialect := range []sqldb.Dialect{sqldb.SQLite, sqldb.Postgres} {
		t.Run(string(dialect), func(t *testing.T) {
			worktest.Run(t, func(t *testing.T) worktest.Backend {
				d := newDatabase(t, dialect)
				return worktest.Backend{Node: d.node, Child: d.child}
			})
		})
	}
}
