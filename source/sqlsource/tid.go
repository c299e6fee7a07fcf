package sqlsource

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// tid is where a version of a row lies in its table. As long as the snapshot
// that showed it is open no other row can come to lie there, and a change of
// the row puts it elsewhere: what is found at the place is what was seen. When
// the snapshot is lost that holds no more: see version.
type tid struct {
	block  uint32
	offset uint16
}

// version tells a row that was seen from one that came to lie in its place
// later. That one was written by a transaction that the snapshot did not see,
// and so by none that wrote a row which it saw; unless the whole table was
// written anew meanwhile, which puts the same rows elsewhere, in another file.
type version struct {
	xmin uint32 // the transaction that wrote it
	file uint32 // what its table lay in
}

func parseTID(text string) (tid, error) {
	block, offset, ok := strings.Cut(strings.Trim(text, "()"), ",")
	b, err := strconv.ParseUint(block, 10, 32)
	o, err2 := strconv.ParseUint(offset, 10, 16)
	if !ok || err != nil || err2 != nil {
		return tid{}, fmt.Errorf("read a row's place: %w", errMalformed)
	}
	return tid{uint32(b), uint16(o)}, nil
}

// tidList is a parameter of a statement. The server takes a fifth of the time
// of a deletion to read such a list as text.
type tidList []tid

// binary is the list as PostgreSQL's binary form of tid[].
func (l tidList) binary() []byte {
	const each = 6
	data := pgArrayOf(pgtype.TIDOID, len(l), each)
	for _, t := range l {
		data = binary.BigEndian.AppendUint32(data, each)
		data = binary.BigEndian.AppendUint32(data, t.block)
		data = binary.BigEndian.AppendUint16(data, t.offset)
	}
	return data
}

// pgArrayOf is the head of an array in PostgreSQL's binary form, with room for
// its elements, of so many bytes each.
func pgArrayOf(oid uint32, n, each int) []byte {
	const head = 20
	data := make([]byte, 0, head+(4+each)*n)
	for _, part := range []uint32{1, 0, oid, uint32(n), 1} { //nolint:gosec // at most a batch
		data = binary.BigEndian.AppendUint32(data, part)
	}
	return data
}

// xidList is a parameter, too: transactions.
type xidList []uint32

// binary is the list as PostgreSQL's binary form of xid[].
func (l xidList) binary() []byte {
	const each = 4
	data := pgArrayOf(pgtype.XIDOID, len(l), each)
	for _, x := range l {
		data = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(data, each), x)
	}
	return data
}

// typed is the list as the driver takes it.
func (l tidList) typed() []pgtype.TID {
	all := make([]pgtype.TID, len(l))
	for i, t := range l {
		all[i] = pgtype.TID{BlockNumber: t.block, OffsetNumber: t.offset, Valid: true}
	}
	return all
}
