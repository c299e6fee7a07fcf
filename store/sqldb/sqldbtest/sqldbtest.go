// Package sqldbtest gives tests real databases: a new encrypted SQLite file, or
// a new database on a real PostgreSQL server that it starts where there is
// none. It never skips: a machine without PostgreSQL fails with the remedy.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd/store/sqldb"
)

// Key is the page key of every test database.
func Key() []byte {
	key := make([]byte, 64)
	for i := range key {
		key[i] = byte(i)
	}
	return key
}

// Each runs fn once on SQLite and once on PostgreSQL, each on a new database.
func Each(t *testing.T, fn func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite opens a new encrypted file in the test's folder.
func SQLite(t testing.TB) *sqldb.DB {
	t.Helper()
	db, err := sqldb.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "test.db"), Key())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Postgres opens a new database, dropped when the test ends.
func Postgres(t testing.TB) *sqldb.DB {
	t.Helper()
	db, err := sqldb.OpenPostgres(t.Context(), PostgresDSN(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// PostgresDSN makes a new database and gives its address.
func PostgresDSN(t testing.TB) string {
	t.Helper()
	server := serverDSN(t)
	name := "t_" + randomHex(t)
	admin(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { admin(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	cfg, err := pgx.ParseConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	return dsnFor(cfg, name)
}

// Role makes a role of the server that may do nothing yet, dropped when the
// test ends. Ask for it before the databases that it is used with.
func Role(t testing.TB) string {
	t.Helper()
	name := "r_" + randomHex(t)
	server := serverDSN(t)
	admin(t, server, "CREATE ROLE "+name+" LOGIN")
	t.Cleanup(func() { admin(t, server, "DROP ROLE "+name) })
	return name
}

// As gives the address of a database for another role.
func As(t testing.TB, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	return u.String()
}

func admin(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing to lose
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

func randomHex(t testing.TB) string {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
}
