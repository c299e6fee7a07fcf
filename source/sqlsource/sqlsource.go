// Package sqlsource reads the records of a workspace or a person out of a
// PostgreSQL or SQLite database, be it privacyd's own or a product's: in one
// consistent snapshot, as fast as the database gives them, as JSON whose bytes
// do not depend on which of the two it is. And it erases them: in bounded
// batches, set by set, until nothing of a set is left.
//
// It must never write but what a step of an erasure says, hold more than a
// batch of rows in memory, or put a value that it read into an error.
//
// Open sqlsource.go first, then snapshot.go; select.go turns a selection into
// SQL, postgres.go and sqlite.go read it. Erasing begins in eraser.go and run.go.
package sqlsource

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Connections to a product's database: we are its guest. Those that write are
// apart, or else erasures could wait for each other's snapshots.
const (
	connections = 4
	writers     = 2
)

const busyPatience = 10 * time.Second // for another connection of a product's file

// Source is a database that personal data is read from. It is safe for
// concurrent use.
type Source struct {
	db      *sql.DB
	dialect sqldb.Dialect
	owned   bool
	writer  writer // nil: nothing is erased

	// Now tells the time of a snapshot; New sets it to time.Now.
	Now func() time.Time
}

// New reads from an open database, which Close leaves open. On SQLite give the
// pool that only reads: a snapshot keeps one of its connections until it is
// closed.
func New(db *sql.DB, d sqldb.Dialect) *Source {
	return &Source{db: db, dialect: d, Now: time.Now}
}

// Own reads and erases in privacyd's own database, which Close leaves open.
// What is written with the context of a batch's callbacks commits with it.
func Own(db *sqldb.DB) *Source {
	s := New(db.Reader(), db.Dialect)
	s.writer = ownWriter{db}
	return s
}

// OpenPostgres connects to a product's database. All that a source runs there
// is SELECT, EXPLAIN and COPY … TO in transactions that cannot write, and what
// an Eraser is told to erase. No setting outlives a transaction, so that a
// pooler may stand between.
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
	writes := stdlib.OpenDB(*cfg)
	writes.SetMaxOpenConns(writers)
	return own(ctx, stdlib.OpenDB(*cfg), sqldb.Postgres, &guestWriter{writes})
}

// OpenSQLite opens a product's SQLite file to read. While a snapshot of a file
// that is not in WAL mode is open, the product cannot write to it.
//
// Error codes: database_unavailable, also when there is no such file.
func OpenSQLite(ctx context.Context, path string) (*Source, error) {
	db, err := openFile(path, "mode=ro", "query_only=on")
	if err != nil {
		return nil, err
	}
	return own(ctx, db, sqldb.SQLite, nil)
}

// OpenSQLiteToErase is OpenSQLite for a file from which rows are to be erased.
// What they held is overwritten. What the product itself deleted before, or
// moved about, without PRAGMA secure_delete, is in the file's free space until
// its next VACUUM.
//
// Error codes: those of OpenSQLite.
func OpenSQLiteToErase(ctx context.Context, path string) (*Source, error) {
	reads, err := openFile(path, "mode=rw", "query_only=on")
	if err != nil {
		return nil, err
	}
	// Foreign keys are off by default: a reference that the map does not know
	// would be left dangling in silence.
	writes, err := openFile(path, "mode=rw&_txlock=immediate", "query_only=off", "foreign_keys=on", "secure_delete=on", "journal_size_limit=0")
	if err != nil {
		_ = reads.Close()
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	return own(ctx, reads, sqldb.SQLite, &fileWriter{writes})
}

func openFile(path, query string, pragmas ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	if _, err := os.Stat(abs); err != nil {
		return nil, unavailable(err)
	}
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: abs, RawQuery: query}).String()
	db, err := sqlitedriver.Open(dsn, func(c *sqlite3.Conn) error { return setUpSQLite(c, pragmas) })
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	return db, nil
}

func setUpSQLite(c *sqlite3.Conn, own []string) error {
	for _, p := range append([]string{"busy_timeout=" + strconv.FormatInt(busyPatience.Milliseconds(), 10), "trusted_schema=off", "temp_store=memory"}, own...) {
		if err := c.Exec("PRAGMA " + p); err != nil {
			return err
		}
	}
	_, err := c.Config(sqlite3.DBCONFIG_DEFENSIVE, true)
	return err
}

// own makes a source of a pool, and of a writer where there is one.
func own(ctx context.Context, db *sql.DB, d sqldb.Dialect, w writer) (*Source, error) {
	db.SetMaxOpenConns(connections)
	s := New(db, d)
	s.owned, s.writer = true, w
	if err := s.probe(ctx); err != nil {
		_ = s.Close()
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

// Close closes what was opened here.
func (s *Source) Close() error {
	if !s.owned {
		return nil
	}
	err := s.db.Close()
	if s.writer != nil {
		err = errors.Join(err, s.writer.close())
	}
	return err
}
