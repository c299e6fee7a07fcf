// Package store keeps privacyd's own tables: accounts, workspaces, members,
// sessions, API tokens, jobs, export files and audit entries. One SQL text
// serves both databases; what differs is in sqldb and in the schema folder.
//
// It decides nothing: permission, transitions and audit are engine's. Secrets
// reach it only as hashes. Each method takes part in the transaction that
// sqldb.InTx put in its context. Open jobs.go first.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/privacyd/privacyd/store/sqldb"
)

//go:embed schema/*.sql
var schema embed.FS

// DataMap is the data map of these tables: dataset "privacyd".
//
//go:embed privacyd.map.yaml
var DataMap string

// Store is the tables in one database.
type Store struct{ db *sqldb.DB }

// New makes a store on a database that Migrate has been run on.
func New(db *sqldb.DB) *Store { return &Store{db: db} }

// Migrate brings the tables up to date.
func Migrate(ctx context.Context, db *sqldb.DB) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return fmt.Errorf("open schema: %w", err)
	}
	return db.Migrate(ctx, "store", files)
}

// InTx runs fn in one transaction; see sqldb.DB.InTx.
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.db.InTx(ctx, fn)
}

// collect scans every row of a query.
func collect[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

type scanner interface{ Scan(dest ...any) error }

// one turns "no rows" into notFound and says what was being read otherwise.
func one[T any](v T, err error, notFound error, doing string) (T, error) {
	var zero T
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return zero, notFound
	case err != nil:
		return zero, fmt.Errorf("%s: %w", doing, err)
	default:
		return v, nil
	}
}

// orLast is where a list that goes from the newest id down begins: at a
// cursor, or past every id.
func orLast(cursor string) string {
	if cursor == "" {
		return "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
	}
	return cursor
}

func toInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
