package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"
)

// zipWriter puts entries one behind the other into a stream that cannot seek.
//
// Only one entry at a time can own the stream. An entry that is written while
// another owns it goes to a spool, and from there into the archive as soon as
// the stream is free.
type zipWriter struct {
	out     io.Writer
	offset  atomic.Int64
	digest  hash.Hash // of everything before the end records
	open    func() (Spool, error)
	packer  *packer
	main    *lane
	aside   *lane   // entries that came while the stream was owned
	waiting []*lane // finished, to be copied
	lanes   []*lane // every lane with a spool, to be closed
	owner   *entry
	briefs  int64 // brief entries so far
}

// lane is where the bytes of entries go, with the list of those entries.
type lane struct {
	w     io.Writer
	n     int64
	index frames
	spool Spool
	flush func() error
}

func newZipWriter(out io.Writer, o Options) *zipWriter {
	z := &zipWriter{
		out: out, digest: sha256.New(), open: o.Spool,
		packer: newPacker(o.Level, o.Workers),
	}
	z.main = &lane{w: z, index: frames{open: o.Spool}}
	return z
}

// Write puts bytes into the archive itself.
func (z *zipWriter) Write(p []byte) (int, error) {
	n, err := z.out.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	_, _ = z.digest.Write(p[:n])
	z.offset.Add(int64(n))
	if err != nil {
		return n, fmt.Errorf("writing the archive: %w", err)
	}
	return n, nil
}

func (l *lane) write(p []byte) error {
	n, err := l.w.Write(p)
	l.n += int64(n)
	return err
}

func (z *zipWriter) newLane() (*lane, error) {
	spool, err := z.open()
	if err != nil {
		return nil, fmt.Errorf("opening a spool: %w", err)
	}
	w := bufio.NewWriterSize(spool, 64<<10)
	l := &lane{w: w, spool: spool, flush: w.Flush, index: frames{open: z.open}}
	z.lanes = append(z.lanes, l)
	return l, nil
}

// laneFor chooses where e goes. whole says that all of e is there already.
func (z *zipWriter) laneFor(e *entry, whole bool) (*lane, error) {
	overtaken := e.briefs != z.briefs
	switch {
	case z.owner == nil && (whole || e.brief || !overtaken):
		z.owner = e
		return z.main, nil
	case !e.brief:
		// Brief entries come between its own pieces: they may have the stream.
		return z.newLane()
	case z.aside == nil:
		l, err := z.newLane()
		z.aside = l
		return l, err
	default:
		return z.aside, nil
	}
}

// leave lists a finished entry and frees the stream if the entry owned it.
func (z *zipWriter) leave(e *entry, done listed) error {
	l := e.lane
	if err := l.index.add(done.append(nil)); err != nil {
		return err
	}
	switch l {
	case z.main:
		z.owner = nil
		if z.aside != nil {
			z.waiting = append(z.waiting, z.aside)
			z.aside = nil
		}
	case z.aside:
		return nil
	default:
		z.waiting = append(z.waiting, l)
	}
	return z.drain()
}

func (z *zipWriter) drain() error {
	for z.owner == nil && len(z.waiting) > 0 {
		l := z.waiting[0]
		z.waiting = z.waiting[1:]
		if err := z.join(l); err != nil {
			return err
		}
	}
	return nil
}

// join copies a lane into the archive.
func (z *zipWriter) join(l *lane) error {
	base := z.offset.Load()
	if err := l.flush(); err != nil {
		return fmt.Errorf("writing a spool: %w", err)
	}
	r, err := l.spool.Rewind()
	if err != nil {
		return fmt.Errorf("rewinding a spool: %w", err)
	}
	if n, err := io.Copy(z, r); err != nil {
		return fmt.Errorf("copying a spool into the archive: %w", err)
	} else if n != l.n {
		return fmt.Errorf("copying a spool into the archive: %w", io.ErrUnexpectedEOF)
	}
	z.main.n = z.offset.Load()
	err = l.index.each(func(frame []byte) error {
		e, err := parseListed(frame)
		if err != nil {
			return err
		}
		e.offset += base
		return z.main.index.add(e.append(nil))
	})
	l.close()
	return err
}

func (l *lane) close() {
	l.index.close()
	if l.spool != nil {
		_ = l.spool.Close()
		l.spool = nil
	}
}

// finish writes the directory: the frames of central are its records.
func (z *zipWriter) finish(central *frames) error {
	start := z.offset.Load()
	w := bufio.NewWriterSize(z, 64<<10)
	err := central.each(func(record []byte) error {
		_, err := w.Write(record)
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return fmt.Errorf("writing the directory: %w", err)
	}
	comment := commentPrefix + hex.EncodeToString(z.digest.Sum(nil))
	_, err = z.Write(appendEnd(nil, central.count, start, z.offset.Load()-start, comment))
	return err
}

func (z *zipWriter) close() {
	for _, l := range z.lanes {
		l.close()
	}
	z.main.index.close()
}

// listed is what is remembered of an entry until the manifest and the directory
// are written.
type listed struct {
	header
	sha256     [sha256.Size]byte
	records    int64 // -1: the file has none to count
	original   string
	incomplete bool
}

func (e *listed) append(b []byte) []byte {
	flag := func(is bool, bit byte) byte {
		if is {
			return bit
		}
		return 0
	}
	b = append(b, flag(e.streamed, 1)|flag(e.incomplete, 2)|flag(e.method == methodDeflate, 4))
	b = append(b, e.sha256[:]...)
	for _, v := range []int64{e.modified, int64(e.crc), e.packed, e.plain, e.offset, e.records, int64(len(e.name))} {
		b = binary.AppendVarint(b, v)
	}
	b = append(b, e.name...)
	return append(b, e.original...)
}

func parseListed(b []byte) (listed, error) {
	bad := errors.New("a spool does not hold what was written to it")
	var e listed
	if len(b) < 1+sha256.Size {
		return e, bad
	}
	e.streamed, e.incomplete = b[0]&1 != 0, b[0]&2 != 0
	if b[0]&4 != 0 {
		e.method = methodDeflate
	}
	copy(e.sha256[:], b[1:])
	b = b[1+sha256.Size:]
	var crc, name int64
	for _, v := range []*int64{&e.modified, &crc, &e.packed, &e.plain, &e.offset, &e.records, &name} {
		n := 0
		if *v, n = binary.Varint(b); n <= 0 {
			return e, bad
		}
		b = b[n:]
	}
	if name < 0 || name > int64(len(b)) {
		return e, bad
	}
	e.crc, e.name, e.original = uint32(crc), string(b[:name]), string(b[name:])
	return e, nil
}
