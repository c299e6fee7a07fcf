package archive

import (
	"fmt"
)

// entry is one file of the archive while it is written.
type entry struct {
	zip      *zipWriter
	name     string
	original string // the name it came with, where the archive gives it another
	modified int64
	brief    bool  // opened and closed within one call
	briefs   int64 // brief entries there were when this one was opened
	lane     *lane // nil until the first block is full
	offset   int64
	digest   *digest
	current  *block
	before   *block // the last block that was started
	queue    []*block
	plain    int64
	packed   int64
}

func (z *zipWriter) create(name, original string, modified int64, brief bool) (*entry, error) {
	if brief {
		z.briefs++
	}
	b, err := z.packer.take()
	if err != nil {
		return nil, err
	}
	return &entry{
		zip: z, name: name, original: original, modified: modified,
		brief: brief, briefs: z.briefs, digest: newDigest(), current: b,
	}, nil
}

// Write takes plain bytes.
func (e *entry) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		b := e.current
		if len(b.plain) == cap(b.plain) {
			if err := e.send(false); err != nil {
				return total - len(p), err
			}
			continue
		}
		n := min(len(p), cap(b.plain)-len(b.plain))
		b.plain = append(b.plain, p[:n]...)
		p = p[n:]
		e.plain += int64(n)
	}
	return total, nil
}

// send gives the current block to the compressor and writes out what the
// compressor must finish before another block may be begun.
func (e *entry) send(final bool) error {
	if e.lane == nil {
		if err := e.begin(true, methodDeflate, false); err != nil {
			return err
		}
	}
	for len(e.queue) > e.zip.packer.workers {
		if err := e.receive(); err != nil {
			return err
		}
	}
	b := e.current
	b.final = final
	b.start(e.digest, e.before)
	e.before = b
	e.queue = append(e.queue, b)
	next, err := e.zip.packer.take()
	e.current = next
	return err
}

// receive writes the oldest block out.
func (e *entry) receive() error {
	b := e.queue[0]
	e.queue = e.queue[1:]
	if err := <-b.done; err != nil {
		return fmt.Errorf("compressing an entry: %w", err)
	}
	e.packed += int64(b.packed.Len())
	err := e.lane.write(b.packed.Bytes())
	e.recycle(b)
	return err
}

// recycle keeps the block's own channel for the one that waits for it.
func (e *entry) recycle(b *block) {
	if b == e.before {
		e.before = nil
	}
	e.zip.packer.give(b)
}

// begin chooses the lane and writes the local header.
func (e *entry) begin(streamed bool, method uint16, whole bool) error {
	l, err := e.zip.laneFor(e, whole)
	if err != nil {
		return err
	}
	e.lane, e.offset = l, l.n
	h := e.header(streamed, method)
	return l.write(h.appendLocal(nil))
}

func (e *entry) header(streamed bool, method uint16) header {
	return header{
		name: e.name, modified: e.modified, streamed: streamed, method: method,
		crc: e.digest.crc, packed: e.packed, plain: e.plain, offset: e.offset,
	}
}

// close ends the entry and lists it. records is -1 where there is nothing to
// count.
func (e *entry) close(records int64, incomplete bool) (listed, error) {
	h, err := e.end()
	done := listed{header: h, records: records, original: e.original, incomplete: incomplete}
	if err != nil {
		return done, err
	}
	e.digest.sha.Sum(done.sha256[:0])
	return done, e.zip.leave(e, done)
}

// end writes what is left of the entry.
func (e *entry) end() (header, error) {
	defer e.discard()
	if e.lane == nil {
		return e.closeWhole()
	}
	return e.closeStreamed()
}

// closeWhole writes an entry that fits one block: everything is known, so its
// header says it all and no descriptor is needed.
func (e *entry) closeWhole() (header, error) {
	b := e.current
	b.final = true
	e.digest.write(b.plain)
	if err := b.compress(); err != nil {
		return header{}, fmt.Errorf("compressing an entry: %w", err)
	}
	content, method := b.packed.Bytes(), uint16(methodDeflate)
	if len(content) >= len(b.plain) {
		content, method = b.plain, methodStore
	}
	e.packed = int64(len(content))
	if err := e.begin(false, method, true); err != nil {
		return header{}, err
	}
	return e.header(false, method), e.lane.write(content)
}

func (e *entry) closeStreamed() (header, error) {
	if err := e.send(true); err != nil {
		return header{}, err
	}
	for len(e.queue) > 0 {
		if err := e.receive(); err != nil {
			return header{}, err
		}
	}
	h := e.header(true, methodDeflate)
	return h, e.lane.write(h.appendDescriptor(nil))
}

// discard gives back what the entry holds, waiting for blocks that are being
// compressed. It writes nothing.
func (e *entry) discard() {
	for _, b := range e.queue {
		<-b.done
		e.recycle(b)
	}
	e.queue = nil
	if e.current != nil {
		e.zip.packer.give(e.current)
		e.current = nil
	}
}

// room gives the free part of the current block, to be read into.
func (e *entry) room() ([]byte, error) {
	if b := e.current; len(b.plain) == cap(b.plain) {
		if err := e.send(false); err != nil {
			return nil, err
		}
	}
	b := e.current
	return b.plain[len(b.plain):cap(b.plain)], nil
}

// filled counts n bytes that were read into room.
func (e *entry) filled(n int) {
	b := e.current
	b.plain = b.plain[:len(b.plain)+n]
	e.plain += int64(n)
}
