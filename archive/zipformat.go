package archive

import (
	"encoding/binary"
	"math"
	"time"
)

// The parts of the ZIP format (APPNOTE 6.3.10) that archives use.
const (
	localSignature      = 0x04034b50
	descriptorSignature = 0x08074b50
	centralSignature    = 0x02014b50
	end64Signature      = 0x06064b50
	locatorSignature    = 0x07064b50
	endSignature        = 0x06054b50

	localSize      = 30
	descriptorSize = 24
	centralSize    = 46
	end64Size      = 56
	locatorSize    = 20
	endSize        = 22

	methodStore   = 0
	methodDeflate = 8

	flagDescriptor = 1 << 3
	flagUTF8       = 1 << 11

	versionPlain = 20
	version64    = 45
	madeBy       = 3<<8 | version64 // Unix, so that the file mode counts

	extra64   = 0x0001
	extraTime = 0x5455

	fileMode = 0o100644

	commentPrefix = FormatVersion + " sha256:"
	commentSize   = len(commentPrefix) + 64
)

// header is what the ZIP structures say about an entry.
type header struct {
	name     string
	modified int64 // Unix seconds
	streamed bool  // sizes were not known when the local header was written
	method   uint16
	crc      uint32
	packed   int64
	plain    int64
	offset   int64 // of the local header
}

func (h *header) flags() uint16 {
	if h.streamed {
		return flagUTF8 | flagDescriptor
	}
	return flagUTF8
}

// appendLocal writes the local header. A streamed entry announces 64-bit sizes,
// because APPNOTE 4.3.9.2 ties the width of its descriptor to that.
func (h *header) appendLocal(b []byte) []byte {
	version, crc, size := uint16(versionPlain), h.crc, [2]uint32{uint32(h.packed), uint32(h.plain)}
	extra := h.appendTime(nil)
	if h.streamed {
		version, crc, size = version64, 0, [2]uint32{math.MaxUint32, math.MaxUint32}
		extra = append(appendExtra64(nil, 0, 0), extra...)
	}
	b = le32(b, localSignature)
	b = le16(b, version, h.flags(), h.method)
	b = le16(b, dosTime(h.modified), dosDate(h.modified))
	b = le32(b, crc, size[0], size[1])
	b = le16(b, uint16(len(h.name)), uint16(len(extra)))
	b = append(b, h.name...)
	return append(b, extra...)
}

func (h *header) appendDescriptor(b []byte) []byte {
	b = le32(b, descriptorSignature, h.crc)
	return le64(b, uint64(h.packed), uint64(h.plain))
}

func (h *header) appendCentral(b []byte) []byte {
	var wide []uint64
	narrow := func(v int64) uint32 {
		if v < math.MaxUint32 {
			return uint32(v)
		}
		wide = append(wide, uint64(v))
		return math.MaxUint32
	}
	plain, packed, offset := narrow(h.plain), narrow(h.packed), narrow(h.offset)
	extra := h.appendTime(nil)
	if len(wide) > 0 {
		extra = append(appendExtra64(nil, wide...), extra...)
	}
	version := uint16(versionPlain)
	if h.streamed || len(wide) > 0 {
		version = version64
	}
	b = le32(b, centralSignature)
	b = le16(b, madeBy, version, h.flags(), h.method)
	b = le16(b, dosTime(h.modified), dosDate(h.modified))
	b = le32(b, h.crc, packed, plain)
	b = le16(b, uint16(len(h.name)), uint16(len(extra)), 0, 0, 0)
	b = le32(b, fileMode<<16, offset)
	b = append(b, h.name...)
	return append(b, extra...)
}

func (h *header) appendTime(b []byte) []byte {
	b = le16(b, extraTime, 5)
	b = append(b, 1)
	return le32(b, uint32(int32(min(max(h.modified, 0), math.MaxInt32))))
}

func appendExtra64(b []byte, values ...uint64) []byte {
	b = le16(b, extra64, uint16(8*len(values)))
	return le64(b, values...)
}

// appendEnd writes the end of the directory, with the 64-bit records only where
// a number does not fit without them.
func appendEnd(b []byte, entries, offset, size int64, comment string) []byte {
	if entries >= math.MaxUint16 || offset >= math.MaxUint32 || size >= math.MaxUint32 {
		b = le32(b, end64Signature)
		b = le64(b, end64Size-12)
		b = le16(b, madeBy, version64)
		b = le32(b, 0, 0)
		b = le64(b, uint64(entries), uint64(entries), uint64(size), uint64(offset))
		b = le32(b, locatorSignature, 0)
		b = le64(b, uint64(offset+size))
		b = le32(b, 1)
	}
	count := uint16(min(entries, math.MaxUint16))
	b = le32(b, endSignature)
	b = le16(b, 0, 0, count, count)
	b = le32(b, uint32(min(size, math.MaxUint32)), uint32(min(offset, math.MaxUint32)))
	b = le16(b, uint16(len(comment)))
	return append(b, comment...)
}

func le16(b []byte, values ...uint16) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func le32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func le64(b []byte, values ...uint64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// MS-DOS times have no zone; UTC is written, and the extra field says the same
// exactly for extractors that know it.
func dosDate(unix int64) uint16 {
	t := dosClock(unix)
	return uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9)
}

func dosTime(unix int64) uint16 {
	t := dosClock(unix)
	return uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11)
}

func dosClock(unix int64) time.Time {
	first := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	last := time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC).Unix()
	return time.Unix(min(max(unix, first), last), 0).UTC()
}
