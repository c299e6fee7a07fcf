package sqlsource

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

const (
	largestChunk = 20_000  // rows read in one transaction
	chunkBytes   = 8 << 20 // of what is kept of them
)

// cursor reads rows of an SQLite table in chunks, each in a short read
// transaction, so that the write-ahead log can be folded in between. The first
// chunk may take the shortest way, through an index; where there are more rows
// than that, all others come in the order of the rows, each where the last one
// ended.
type cursor struct {
	limit   int
	shape   shape
	whole   bool  // all rows in one chunk
	ordered bool  // after a first chunk that was full
	last    []any // what names the last row of an ordered chunk
	full    bool  // there may be more rows
}

// next makes ready for the chunk after a full one.
func (k *cursor) next() { k.ordered = true }

// read reads a chunk: query makes one for the names of a row and further
// conditions; row takes a row, and says how many bytes it keeps of it.
func (k *cursor) read(ctx context.Context, s *Snapshot, b *builder, query func(names, further []string) (string, error), row func(*sqlite3.Stmt) (int, error)) error {
	r, ok := s.reader.(*sqliteReader)
	if !ok {
		return fmt.Errorf("read a chunk: the snapshot is not one of SQLite")
	}
	text, err := k.query(b, query)
	if err != nil {
		return err
	}
	k.full = false
	rows, bytes := 0, 0
	err = r.raw(ctx, func(c *sqlite3.Conn) error {
		return each(c, text, func(s *sqlite3.Stmt) error {
			n, err := row(s)
			if err != nil {
				return err
			}
			if err := s.Err(); err != nil { // a value that memory did not suffice for
				return err
			}
			bytes += n
			rows++
			if k.whole || rows < k.limit && bytes < chunkBytes {
				return nil
			}
			k.full = true
			if k.ordered {
				k.last = k.name(s)
			}
			return errChunkFull
		})
	})
	if errors.Is(err, errChunkFull) {
		return nil
	}
	return err
}

// errChunkFull ends a read.
var errChunkFull = errors.New("enough for one chunk")

func (k *cursor) query(b *builder, query func(names, further []string) (string, error)) (string, error) {
	names := k.shape.names("r")
	b.extra, b.inOrder = k.shape.extra(), k.ordered
	var further []string
	if k.last != nil {
		after := make([]string, len(k.last))
		for i, v := range k.last {
			after[i] = sqliteValue(v)
		}
		further = append(further, tuple(names)+" > "+tuple(after))
	}
	text, err := query(names, further)
	if err == nil && k.ordered {
		text += " ORDER BY " + strings.Join(names, ", ")
	}
	if err == nil && !k.whole {
		text += " LIMIT " + strconv.Itoa(k.limit)
	}
	return text, err
}

func (k *cursor) name(s *sqlite3.Stmt) []any {
	name := make([]any, len(k.shape.names("r")))
	for i := range name {
		name[i] = anyColumn(s, i)
	}
	return name
}

// anyColumn is a value as the driver takes it back.
func anyColumn(s *sqlite3.Stmt, i int) any {
	switch s.ColumnType(i) {
	case sqlite3.INTEGER:
		return s.ColumnInt64(i)
	case sqlite3.FLOAT:
		return s.ColumnFloat(i)
	case sqlite3.TEXT:
		return s.ColumnText(i)
	case sqlite3.BLOB:
		return s.ColumnBlob(i, nil)
	}
	return nil
}
