// Package records is the embedded dataset: the tables in which privacyd keeps
// a workspace's records when no product's database does, the data map that
// describes them, and the import format. Its rows are read for exports and
// erasures like those of any other dataset, through the data map alone.
//
// It decides nothing: permission and audit are engine's. It must never show a
// value of a record in an error, since errors are logged.
//
// Open fields.go first: one table of typed fields is what validation, SQL and
// JSON are all made of.
package records

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/store/sqldb"
)

//go:embed schema/*.sql
var schema embed.FS

// DataMap is the data map of these tables, in the YAML form of package
// datamap: dataset "records".
//
//go:embed records.map.yaml
var DataMap string

// Migrate brings the tables up to date.
func Migrate(ctx context.Context, db *sqldb.DB) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return fmt.Errorf("open schema: %w", err)
	}
	return db.Migrate(ctx, "records", files)
}

// Authors names the accounts that records mention.
type Authors interface {
	// Resolve gives the account id of each author, by e-mail. An e-mail that
	// names no account makes one without password that cannot sign in; one
	// whose account is being erased has an empty id. It takes part in the
	// transaction of ctx.
	Resolve(ctx context.Context, authors []Author) (map[string]string, error)
}

// Author is a person whom records name by e-mail.
type Author struct {
	Email string // in its normal form
	ID    string // the id that a new account should get when it is free; empty: any
	Name  string // for a new account; may be empty
}

// Spool is a temporary file that nobody else can read: written once, then read
// once.
type Spool interface {
	io.Writer
	Rewind() (io.Reader, error)
	Close() error
}

// Store reads and writes records.
type Store struct {
	DB      *sqldb.DB
	Blobs   *blob.Store
	Authors Authors
	Spool   func() (Spool, error)
	Now     func() time.Time
}
