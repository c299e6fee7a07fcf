package records

import (
	"encoding/binary"
	"errors"
	"strings"
)

// A row on its way from the check to the tables is kept as bytes: its id,
// U+0000 (so that rows sort by their ids), its position, and then each other
// value's state and text or number.

func (r *row) appendTo(b []byte) []byte {
	b = append(b, r.id()...)
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(r.at))
	for i := 1; i < len(r.values); i++ {
		v := &r.values[i]
		b = append(b, byte(v.state))
		switch v.state {
		case absent:
		case numeric:
			b = binary.AppendVarint(b, v.n)
		default:
			b = binary.AppendUvarint(b, uint64(len(v.s)))
			b = append(b, v.s...)
		}
	}
	return b
}

var errRow = errors.New("read a temporary file: not a row")

// decodeRow reads what appendTo wrote for a collection with n fields.
func decodeRow(b []byte, n int) (*row, error) {
	id, rest, ok := strings.Cut(string(b), "\x00")
	if !ok {
		return nil, errRow
	}
	d := decoder{s: rest}
	r := &row{at: position(d.uvarint()), values: make([]value, n)}
	r.values[0].set(textual, id, 0)
	for i := 1; i < n; i++ {
		v := &r.values[i]
		v.state = state(d.byte())
		switch v.state {
		case absent:
		case numeric:
			v.n = d.varint()
		default:
			v.s = d.text()
		}
	}
	if d.bad || d.s != "" {
		return nil, errRow
	}
	return r, nil
}

// decoder reads numbers and texts; the texts are parts of s.
type decoder struct {
	s   string
	bad bool
}

func (d *decoder) byte() byte {
	if d.s == "" {
		d.bad = true
		return 0
	}
	b := d.s[0]
	d.s = d.s[1:]
	return b
}

func (d *decoder) uvarint() (n uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := d.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	d.bad = true
	return 0
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	n := int64(u >> 1) //nolint:gosec // zigzag
	if u&1 != 0 {
		return ^n
	}
	return n
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.s)) {
		d.bad = true
		return ""
	}
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}
