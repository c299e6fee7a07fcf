package sqlsource

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/ncruces/go-sqlite3"
)

const (
	batchSize  = 128 << 10 // bytes after which a batch is handed on
	batchCount = 3         // one is filled, one waits, one is read
)

// batch is a stretch of rows copied out of SQLite's memory, value behind
// value: a type, and then a number of 8 bytes or a length and bytes.
type batch struct {
	data []byte
	rows int
}

// batches go round between who fills and who empties them.
type batches struct{ full, empty chan batch }

func newBatches() *batches {
	b := &batches{full: make(chan batch, batchCount), empty: make(chan batch, batchCount)}
	for range batchCount {
		b.empty <- batch{}
	}
	return b
}

// fill runs the query; the batches that it makes are whole rows.
func (b *batches) fill(ctx context.Context, c *sqlite3.Conn, p plan) error {
	current := <-b.empty
	err := each(c, p.query, func(s *sqlite3.Stmt) error {
		for i := range p.columns {
			current.data = appendCell(current.data, s, i)
		}
		if err := s.Err(); err != nil { // a value that memory did not suffice for
			return err
		}
		current.rows++
		if len(current.data) < batchSize {
			return nil
		}
		b.full <- current
		current = batch{}
		select {
		case next := <-b.empty:
			current = next.reset()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if current.rows > 0 && err == nil {
		b.full <- current
	}
	return err
}

// reset empties a batch, and lets go of the memory of an unusual row.
func (b batch) reset() batch {
	if cap(b.data) > 8*batchSize {
		return batch{}
	}
	return batch{data: b.data[:0]}
}

func appendCell(dst []byte, s *sqlite3.Stmt, i int) []byte {
	typ := s.ColumnType(i)
	dst = append(dst, byte(typ))
	switch typ {
	case sqlite3.INTEGER:
		return binary.LittleEndian.AppendUint64(dst, uint64(s.ColumnInt64(i))) //nolint:gosec // its bits
	case sqlite3.FLOAT:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(s.ColumnFloat(i)))
	case sqlite3.TEXT:
		return appendBytes(dst, s.ColumnRawText(i))
	case sqlite3.BLOB:
		return appendBytes(dst, s.ColumnRawBlob(i))
	}
	return dst
}

func appendBytes(dst, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(value)))
	return append(dst, value...)
}

// cell reads the value at an index and gives the index behind it.
func (b *batch) cell(at int) (cell, int) {
	c := cell{typ: sqlite3.Datatype(b.data[at])}
	at++
	switch c.typ {
	case sqlite3.INTEGER, sqlite3.FLOAT:
		c.number = int64(binary.LittleEndian.Uint64(b.data[at:])) //nolint:gosec // its bits
		return c, at + 8
	case sqlite3.TEXT, sqlite3.BLOB:
		size := int(binary.LittleEndian.Uint64(b.data[at:])) //nolint:gosec // a length from appendBytes
		at += 8
		c.bytes = b.data[at : at+size]
		return c, at + size
	}
	return c, at
}
