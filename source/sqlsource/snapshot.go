package sqlsource

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Snapshot is one unchanging view of a database: what others write while it is
// open is not seen. It keeps a connection, is for one goroutine at a time, and
// after an error can only be closed.
type Snapshot struct {
	reader  reader
	dialect sqldb.Dialect
	tables  *tableCache
	at      time.Time
	implies bool // see builder
}

// reader is what the two databases do in their own ways.
type reader interface {
	columns(ctx context.Context, tables []string) (map[string]columns, error)
	read(ctx context.Context, p plan, fn func(datamap.Row) error) error
	// values gives fn each row as PostgreSQL's binary form has it, or as text on
	// SQLite; nil is NULL. The bytes are valid until fn returns.
	values(ctx context.Context, query string, columns int, fn func([][]byte) error) error
	estimate(ctx context.Context, query string, sel datamap.Selection) (int64, error)
	close(ctx context.Context) error
}

// Snapshot begins a view: REPEATABLE READ READ ONLY on PostgreSQL, one read
// transaction on SQLite. Close it soon: PostgreSQL cannot vacuum, nor SQLite
// shorten its write-ahead log, past an open one.
//
// Error codes: database_unavailable.
func (s *Source) Snapshot(ctx context.Context) (*Snapshot, error) {
	begin := beginSQLite
	if s.dialect == sqldb.Postgres {
		begin = beginPostgres
	}
	return s.snapshot(ctx, newTableCache(), begin)
}

// lazily begins a view with its first query.
func (s *Source) lazily(ctx context.Context, tables *tableCache) (*Snapshot, error) {
	begin := beginSQLite
	if s.dialect == sqldb.Postgres {
		begin = func(_ context.Context, conn *sql.Conn) (reader, error) {
			return &pgReader{conn: conn, begin: beginSnapshot}, nil
		}
	}
	return s.snapshot(ctx, tables, begin)
}

func (s *Source) snapshot(ctx context.Context, tables *tableCache, begin func(context.Context, *sql.Conn) (reader, error)) (*Snapshot, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", explain(ctx, err))
	}
	at := s.Now()
	r, err := begin(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open snapshot: %w", explain(ctx, err))
	}
	return &Snapshot{reader: r, dialect: s.dialect, tables: tables, at: at.UTC(), implies: s.implies()}, nil
}

// implies: of privacyd's own tables it is known that all columns compare texts
// byte by byte.
func (s *Source) implies() bool {
	_, own := s.writer.(ownWriter)
	return own && s.dialect == sqldb.SQLite
}

// Time is when the snapshot was taken, in UTC.
func (s *Snapshot) Time() time.Time { return s.at }

// Close ends the view and gives its connection back.
func (s *Snapshot) Close() error {
	const patience = 10 * time.Second // for a server that no longer answers
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.reader.close(ctx); err != nil {
		return fmt.Errorf("close snapshot: %w", explain(ctx, err))
	}
	return nil
}

// Read gives fn every row of a selection. A Row's bytes are valid until fn
// returns. It stops at the first error of fn and returns that.
//
// Error codes: database_unavailable, map_mismatch, snapshot_lost,
// source_forbidden, source_unreadable, value_invalid.
func (s *Snapshot) Read(ctx context.Context, sel datamap.Selection, fn func(datamap.Row) error) error {
	p, err := s.plan(ctx, sel)
	var failed error // of fn, which is not the database's
	if err == nil {
		err = s.reader.read(ctx, p, func(row datamap.Row) error {
			failed = fn(row)
			return failed
		})
	}
	if failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", sel.Collection.Name, explain(ctx, err))
	}
	return nil
}

// Estimate is about how many rows Read would give, cheaply: for progress, not
// for decisions.
func (s *Snapshot) Estimate(ctx context.Context, sel datamap.Selection) (int64, error) {
	n := int64(0)
	query, err := s.builder(ctx).query(sel, nil)
	if err == nil {
		n, err = s.reader.estimate(ctx, query, sel)
	}
	if err != nil {
		return 0, fmt.Errorf("estimate %s: %w", sel.Collection.Name, explain(ctx, err))
	}
	return n, nil
}

// Describe tells the type and encoding of each field that Read writes.
func (s *Snapshot) Describe(ctx context.Context, sel datamap.Selection) ([]datamap.FieldType, error) {
	p, err := s.plan(ctx, sel)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", sel.Collection.Name, explain(ctx, err))
	}
	types := make([]datamap.FieldType, len(p.outputs))
	for i, o := range p.outputs {
		types[i] = datamap.FieldType{Name: o.name, Type: o.column.declared, Encoding: o.column.encoding(o.format)}
	}
	return types, nil
}

func (s *Snapshot) builder(ctx context.Context) *builder {
	return &builder{dialect: s.dialect, implies: s.implies, columns: func(table string) (columns, error) { return s.columns(ctx, table) }}
}

func (s *Snapshot) columns(ctx context.Context, table string) (columns, error) {
	if err := s.learn(ctx, table); err != nil {
		return nil, err
	}
	known, ok := s.tables.get(table)
	if !ok {
		return nil, tableMissing(table)
	}
	return known, nil
}

// learn reads the columns of those of the tables that are not known, at once.
func (s *Snapshot) learn(ctx context.Context, tables ...string) error {
	var unknown []string
	for _, t := range tables {
		if _, ok := s.tables.get(t); !ok {
			unknown = append(unknown, t)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := s.reader.columns(ctx, unknown)
	for table, c := range found {
		s.tables.put(table, c)
	}
	return err
}
