package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"
)

const (
	busyPatience     = 10 * time.Second       // for another connection's write
	truncatePatience = 200 * time.Millisecond // how long writers are held up for readers
)

// TruncateLog folds SQLite's write-ahead log into the file and cuts it to
// nothing: only then is what was deleted gone from both. It is false when a
// reader of an older state holds that back, an export for example; ask again
// when it may have ended. On PostgreSQL, whose log is its own, it is true.
//
// It cannot be called in a transaction.
func (db *DB) TruncateLog(ctx context.Context) (bool, error) {
	if db.Dialect != SQLite {
		return true, nil
	}
	if db.current(ctx) != nil {
		return false, errors.New("truncate the log: not within a transaction")
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("truncate the log: %w", db.Dialect.explain(err))
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	err = conn.Raw(func(c any) error { return truncateLog(ctx, c.(sqlitedriver.Conn).Raw()) })
	if errors.Is(err, sqlite3.BUSY) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("truncate the log: %w", db.Dialect.explain(err))
	}
	return true, nil
}

func truncateLog(ctx context.Context, c *sqlite3.Conn) (err error) {
	defer c.SetInterrupt(c.SetInterrupt(ctx))
	if err := c.BusyTimeout(truncatePatience); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.BusyTimeout(busyPatience)) }()
	// A passive one holds up nobody, and tells whether the other can succeed.
	frames, folded, err := c.WALCheckpoint("main", sqlite3.CHECKPOINT_PASSIVE)
	if err != nil {
		return err
	}
	if folded < frames {
		return sqlite3.BUSY
	}
	_, _, err = c.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
	return err
}
