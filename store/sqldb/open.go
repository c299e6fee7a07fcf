package sqldb

import (
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb/pages"
)

const (
	sqliteReaders = 4
	pgConnections = 16
)

// OpenSQLite opens or makes the SQLite file at path, whose pages are AES-256
// (XTS) encrypted with key, 64 bytes. The file is made with mode 0600.
//
// Error codes: key_wrong when the key does not open the file.
func OpenSQLite(ctx context.Context, path string, key []byte) (*DB, error) {
	if len(key) != 64 {
		return nil, fmt.Errorf("open sqlite: the key has %d bytes, not 64", len(key))
	}
	pages.Register()
	if err := touch(path); err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	// A larger cache and rarer checkpoints: records come in the order of ids that
	// are not always sorted.
	db := &DB{Dialect: SQLite, guard: &guard{}, turn: make(chan struct{}, 1)}
	var err error
	db.write, err = sqlitePool(path, key, db.guard, "query_only=off", "cache_size=-32768", "wal_autocheckpoint=4000")
	if err != nil {
		return nil, err
	}
	db.write.SetMaxOpenConns(1)
	db.read, err = sqlitePool(path, key, db.guard, "query_only=on", "cache_size=-1024")
	if err != nil {
		return nil, err
	}
	db.read.SetMaxOpenConns(sqliteReaders)
	if err := probe(ctx, db.write); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func sqlitePool(path string, key []byte, g *guard, own ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: abs, RawQuery: "vfs=" + pages.Name + "&_txlock=immediate"}).String()
	db, err := sqlitedriver.Open(dsn, func(c *sqlite3.Conn) error { return setUp(c, key, g, own) })
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	return db, nil
}

// setUp runs on each new connection; the key comes first since nothing of the
// file can be read before it.
func setUp(c *sqlite3.Conn, key []byte, g *guard, own []string) error {
	pragmas := []string{
		"hexkey='" + hex.EncodeToString(key) + "'",
		"busy_timeout=" + strconv.FormatInt(busyPatience.Milliseconds(), 10),
		"journal_mode=WAL",
		"synchronous=FULL",      // a committed transaction survives a power cut
		"secure_delete=on",      // deleted rows are overwritten, not only unlinked
		"temp_store=memory",     // temporary files would have a weaker key
		"foreign_keys=on",       //
		"journal_size_limit=0",  // the log shrinks after each checkpoint
		"trusted_schema=off",    //
		"recursive_triggers=on", // so that REPLACE fires delete triggers
	}
	for _, p := range append(pragmas, own...) {
		if err := c.Exec("PRAGMA " + p); err != nil {
			return explainOpen(err)
		}
	}
	if _, err := c.Config(sqlite3.DBCONFIG_DEFENSIVE, true); err != nil {
		return err
	}
	if err := addFunctions(c); err != nil {
		return err
	}
	return c.SetAuthorizer(g.authorize)
}

func probe(ctx context.Context, db *sql.DB) error {
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n); err != nil {
		return fmt.Errorf("open sqlite: %w", explainOpen(err))
	}
	return nil
}

func explainOpen(err error) error {
	var known *privacyd.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, sqlite3.CORRUPT):
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_damaged",
			"The database's file is damaged or cut short. Restore it from a backup; nothing was changed. (%w)", err)
	case errors.Is(err, sqlite3.NOTADB):
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_wrong",
			"The key does not open this database. Put back the key file that was made with it (keys/root.key); "+
				"nothing was changed. (%w)", err)
	}
	return err
}

// RequireTLS refuses to send records over a network in the clear, or to a
// server that could be anybody, also as a fallback: a server on another machine
// is reached by TLS 1.2 or newer, and its certificate has to be for its name.
// Code database_not_secured.
func RequireTLS(cfg *pgx.ConnConfig) error {
	ways := map[string][]*tls.Config{cfg.Host: {cfg.TLSConfig}}
	for _, f := range cfg.Fallbacks {
		ways[f.Host] = append(ways[f.Host], f.TLSConfig)
	}
	for host, configs := range ways {
		if privacyd.LocalHost(host) {
			continue
		}
		for _, c := range configs {
			if c == nil || c.InsecureSkipVerify || c.ServerName == "" {
				return privacyd.Errorf(privacyd.ClassInvalid, "database_not_secured",
					"A PostgreSQL server on another machine is reached by TLS only, and its certificate is verified. "+
						"Add sslmode=verify-full to its address, and sslrootcert=FILE if the machine does not know who signed it.")
			}
			c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
		}
	}
	return nil
}

// PostgresSchema is the schema that holds all tables of privacyd's own.
const PostgresSchema = "privacyd"

// OpenPostgres opens a pool on dsn whose statements see the schema privacyd
// first. The schema is made by Migrate.
func OpenPostgres(ctx context.Context, dsn string) (*DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errAddress()
	}
	if err := RequireTLS(cfg); err != nil {
		return nil, err
	}
	cfg.RuntimeParams["search_path"] = PostgresSchema
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["application_name"] = "privacyd"
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(pgConnections)
	pool.SetMaxIdleConns(pgConnections)
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close()
		return nil, ExplainConnect(err)
	}
	return &DB{Dialect: Postgres, write: pool, read: pool}, nil
}

// CertificateEnd connects to a PostgreSQL server and gives when its certificate
// ends; the zero time where the connection is not encrypted. Codes: those of
// OpenPostgres.
func CertificateEnd(ctx context.Context, dsn string) (end time.Time, err error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return end, errAddress()
	}
	if err := RequireTLS(cfg); err != nil {
		return end, err
	}
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return end, ExplainConnect(err)
	}
	if secure, ok := c.PgConn().Conn().(*tls.Conn); ok {
		end = secure.ConnectionState().PeerCertificates[0].NotAfter
	}
	return end, c.Close(ctx)
}

func errAddress() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "database_url_invalid",
		"The database's address cannot be read. Give it as postgres://user:password@host:5432/name.")
}

// ExplainConnect says why a PostgreSQL server cannot be connected to, without
// the user and the database that its address names. Code database_unavailable.
func ExplainConnect(err error) error {
	if fault := privacyd.CertificateFault(err); fault != "" {
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_unavailable",
			"The database cannot be opened: %s. Nothing was sent. Renew the certificate, or name who signs it by sslrootcert=FILE in the address.", fault)
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) && strings.HasPrefix(answer.Code, "28") {
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_unavailable",
			"The database cannot be opened: PostgreSQL does not let this user in (SQLSTATE %s). Check user and password in its address, and the server's pg_hba.conf.", answer.Code)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && connect.Unwrap() != nil {
		err = connect.Unwrap()
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "database_unavailable",
		"The database cannot be opened: %w. Check that it runs and that its address and password are right.", err)
}
