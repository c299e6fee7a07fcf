// Package sqlsource reads the records of a workspace or a person out of a
// PostgreSQL or SQLite database, be it privacyd's own or a product's: in one
// consistent snapshot, as fast as the database gives them, as JSON whose bytes
// do not depend on which of the two it is.
//
// It must never write to a database, hold more than a few rows in memory, or
// put a value that it read into an error.
//
// Open sqlsource.go first, then snapshot.go; select.go turns a selection into
// SQL, postgres.go and sqlite.go read it.
package sqlsource

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

const connections = 4 // to a product's database: we are its guest

// Source is a database that personal data is read from. It is safe for
// concurrent use.
type Source struct {
	db      *sql.DB
	dialect sqldb.Dialect
	owned   bool

	// Now tells the time of a snapshot; New sets it to time.Now.
	Now func() time.Time
}

// New reads from an open database, which Close leaves open. On SQLite give the
// pool that only reads: a snapshot keeps one of its connections until it is
// closed.
func New(db *sql.DB, d sqldb.Dialect) *Source {
	return &Source{db: db, dialect: d, Now: time.Now}
}

// OpenPostgres connects to a product's database. All that a source runs there
// is SELECT, EXPLAIN and COPY … TO in transactions that cannot write, and no
// setting outlives them, so that a pooler may stand between.
//
// Error codes: database_url_invalid, database_unavailable.
func OpenPostgres(ctx context.Context, dsn string) (*Source, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "database_url_invalid",
			"The address of a dataset's database cannot be read. Give it as postgres://user:password@host:5432/name.")
	}
	if err := sqldb.RequireTLS(cfg); err != nil {
		return nil, err
	}
	cfg.RuntimeParams["application_name"] = "privacyd"
	return own(ctx, stdlib.OpenDB(*cfg), sqldb.Postgres)
}

// OpenSQLite opens a product's SQLite file to read. While a snapshot of a file
// that is not in WAL mode is open, the product cannot write to it.
//
// Error codes: database_unavailable, also when there is no such file.
func OpenSQLite(ctx context.Context, path string) (*Source, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	if _, err := os.Stat(abs); err != nil {
		return nil, unavailable(err)
	}
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: abs, RawQuery: "mode=ro"}).String()
	db, err := sqlitedriver.Open(dsn, setUpSQLite)
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	return own(ctx, db, sqldb.SQLite)
}

func setUpSQLite(c *sqlite3.Conn) error {
	const pragmas = "PRAGMA busy_timeout=10000; PRAGMA query_only=on; PRAGMA trusted_schema=off; PRAGMA temp_store=memory"
	if err := c.Exec(pragmas); err != nil {
		return err
	}
	_, err := c.Config(sqlite3.DBCONFIG_DEFENSIVE, true)
	return err
}

func own(ctx context.Context, db *sql.DB, d sqldb.Dialect) (*Source, error) {
	db.SetMaxOpenConns(connections)
	s := New(db, d)
	s.owned = true
	if err := s.probe(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return s, nil
}

func (s *Source) probe(ctx context.Context) error {
	query := "SELECT 1"
	if s.dialect == sqldb.SQLite {
		query = "SELECT count(*) FROM sqlite_schema"
	}
	var n int
	err := s.db.QueryRowContext(ctx, query).Scan(&n)
	if errors.Is(err, sqlite3.NOTADB) {
		return privacyd.Errorf(privacyd.ClassInvalid, "database_url_invalid",
			"A dataset's file is not an SQLite database. Give the path of one.")
	}
	return explain(ctx, err)
}

// Close closes what OpenPostgres or OpenSQLite opened.
func (s *Source) Close() error {
	if !s.owned {
		return nil
	}
	return s.db.Close()
}
