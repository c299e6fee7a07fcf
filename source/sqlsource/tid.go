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
// the row puts it elsewhere: what is found at the place is what was seen.
type tid struct {
	block  uint32
	offset uint16
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
	const head, each = 20, 10
	data := make([]byte, 0, head+each*len(l))
	for _, n := range []uint32{1, 0, pgtype.TIDOID, uint32(len(l)), 1} { //nolint:gosec // at most a batch
		data = binary.BigEndian.AppendUint32(data, n)
	}
	for _, t := range l {
		data = binary.BigEndian.AppendUint32(data, each-4)
		data = binary.BigEndian.AppendUint32(data, t.block)
		data = binary.BigEndian.AppendUint16(data, t.offset)
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
