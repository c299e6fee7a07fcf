package sqlsource

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/datamap"
)

// read steps through the rows on a second goroutine, which does little but
// decrypt pages, while this one makes JSON of the rows before and gives them
// out: an export is then bound by neither alone.
func (r *sqliteReader) read(ctx context.Context, p plan, fn func(datamap.Row) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	b := newBatches()
	ended := make(chan error, 1)
	go func() {
		defer close(b.full)
		ended <- r.fill(ctx, b, p)
	}()
	w := &sqliteRows{plan: &p, cells: make([]cell, len(p.columns)), fn: fn}
	var failed error
	for batch := range b.full {
		if failed == nil {
			if failed = w.batch(batch); failed != nil {
				stop()
			}
		}
		b.empty <- batch
	}
	if err := <-ended; failed == nil {
		failed = err
	}
	return failed
}

// fill makes an error of a panic: the driver panics when memory runs out, and
// nobody above this goroutine could recover.
func (r *sqliteReader) fill(ctx context.Context, b *batches, p plan) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("step through rows: %v", cause)
		}
	}()
	return r.raw(ctx, func(c *sqlite3.Conn) error { return b.fill(ctx, c, p) })
}

// values gives each value as the text that a key or a file's name is.
func (r *sqliteReader) values(ctx context.Context, query string, columns int, fn func([][]byte) error) error {
	row, buffer := make([][]byte, columns), []byte(nil)
	return r.raw(ctx, func(c *sqlite3.Conn) error {
		return each(c, query, func(s *sqlite3.Stmt) error {
			buffer = buffer[:0]
			for i := range row {
				row[i], buffer = plainColumn(s, i, buffer)
			}
			if err := s.Err(); err != nil {
				return err
			}
			return fn(row)
		})
	})
}

// plainColumn is a column as text; nil for NULL. Numbers are written behind
// buffer.
func plainColumn(s *sqlite3.Stmt, i int, buffer []byte) (value, rest []byte) {
	from := len(buffer)
	switch s.ColumnType(i) {
	case sqlite3.INTEGER:
		buffer = strconv.AppendInt(buffer, s.ColumnInt64(i), 10)
	case sqlite3.FLOAT:
		buffer = appendFloat(buffer, s.ColumnFloat(i), 64)
	case sqlite3.TEXT:
		return notNil(s.ColumnRawText(i)), buffer
	case sqlite3.BLOB:
		return notNil(s.ColumnRawBlob(i)), buffer
	default:
		return nil, buffer
	}
	return buffer[from:], buffer
}

// notNil tells an empty value from NULL.
func notNil(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// sqliteRows turns rows into JSON. Stepping through columns takes less than
// json_object() in SQL; bench/sourceform measures it.
type sqliteRows struct {
	plan      *plan
	cells     []cell // of the row at hand
	compactor compactor
	out       []byte
	files     []datamap.File
	fn        func(datamap.Row) error
}

func (w *sqliteRows) batch(b batch) error {
	for rows, at := b.rows, 0; rows > 0; rows-- {
		for i := range w.cells {
			w.cells[i], at = b.cell(at)
		}
		if err := w.row(); err != nil {
			return err
		}
	}
	return nil
}

func (w *sqliteRows) row() error {
	out := w.out[:0]
	for i := range w.plan.outputs {
		o := &w.plan.outputs[i]
		out = w.value(o.start(out), &w.cells[i], o)
	}
	w.out = w.plan.end(out)
	if len(w.plan.files) > 0 {
		w.files = w.plan.filesOf(w.files[:0], w.text)
	}
	return w.fn(datamap.Row{JSON: w.out, Files: w.files})
}

// value goes by the type of the value, not of the column: SQLite keeps any
// value in any column.
func (w *sqliteRows) value(dst []byte, c *cell, o *output) []byte {
	switch c.typ {
	case sqlite3.INTEGER:
		if o.format == datamap.FormatPlain {
			return strconv.AppendInt(dst, c.number, 10)
		}
		return appendUnix(dst, c.number, o.format)
	case sqlite3.FLOAT:
		return appendRealUnix(dst, c.float(), 64, o.format)
	case sqlite3.TEXT:
		switch {
		case o.column.kind == kindBlob:
			return appendBase64(dst, c.bytes)
		case o.format == datamap.FormatJSON:
			return w.compactor.appendJSON(dst, c.bytes)
		}
		return appendString(dst, c.bytes)
	case sqlite3.BLOB:
		if o.column.kind == kindBlob {
			return appendBase64(dst, c.bytes)
		}
		return appendFlagged(dst, c.bytes)
	default:
		return append(dst, "null"...)
	}
}

// text is the plain text of a value that names a file; none for NULL.
func (w *sqliteRows) text(i int) string {
	switch c := &w.cells[i]; c.typ {
	case sqlite3.INTEGER:
		return strconv.FormatInt(c.number, 10)
	case sqlite3.FLOAT:
		return string(appendFloat(nil, c.float(), 64))
	default:
		return string(c.bytes)
	}
}

// cell is one value of SQLite's.
type cell struct {
	typ    sqlite3.Datatype
	number int64  // INTEGER, or the bits of a FLOAT
	bytes  []byte // TEXT and BLOB
}

func (c *cell) float() float64 { return math.Float64frombits(uint64(c.number)) } //nolint:gosec // its bits
