package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"runtime"

	"github.com/klauspost/compress/flate"
)

const (
	blockSize    = 1 << 20
	defaultLevel = 4
	sampleFrom   = 64 << 10 // blocks smaller than this are compressed without asking
	sampleSize   = 8 << 10
	storedMax    = 65535 // bytes in one stored block of deflate
)

// packer hands out blocks to compress. It starts one goroutine a block, which
// ends by itself, so an abandoned archive leaks none.
type packer struct {
	level   int
	workers int
	free    []*block
}

func newPacker(level, workers int) *packer {
	if level < 1 || level > 9 {
		level = defaultLevel
	}
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	return &packer{level: level, workers: workers}
}

// block is a piece of an entry on its way through the compressor.
type block struct {
	plain    []byte
	packed   bytes.Buffer
	deflater *flate.Writer
	final    bool
	digested chan struct{}
	done     chan error
}

func (p *packer) take() (*block, error) {
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b, nil
	}
	b := &block{plain: make([]byte, 0, blockSize)}
	deflater, err := flate.NewWriter(&b.packed, p.level)
	if err != nil {
		return nil, fmt.Errorf("making a compressor: %w", err)
	}
	b.deflater = deflater
	return b, nil
}

func (p *packer) give(b *block) {
	if len(p.free) > p.workers+1 {
		return
	}
	b.plain, b.final = b.plain[:0], false
	b.packed.Reset()
	p.free = append(p.free, b)
}

// digest is the running check of an entry's plain bytes.
type digest struct {
	sha hash.Hash
	crc uint32
}

func newDigest() *digest { return &digest{sha: sha256.New()} }

func (d *digest) write(p []byte) {
	_, _ = d.sha.Write(p)
	d.crc = crc32.Update(d.crc, crc32.IEEETable, p)
}

// start compresses b in the background. The digest is sequential, so each block
// waits for the one before it to be digested; compression is what runs side by
// side.
func (b *block) start(d *digest, before *block) {
	b.digested, b.done = make(chan struct{}), make(chan error, 1)
	var turn chan struct{}
	if before != nil {
		turn = before.digested
	}
	go func(digested chan struct{}) {
		if turn != nil {
			<-turn
		}
		d.write(b.plain)
		close(digested)
		b.done <- b.compress()
	}(b.digested)
}

// compress fills packed with a piece of a deflate stream that ends on a byte
// boundary, so that pieces can be joined.
func (b *block) compress() error {
	if len(b.plain) >= sampleFrom {
		opaque, err := b.opaque()
		if err != nil {
			return err
		}
		if opaque {
			b.store()
			return nil
		}
	}
	b.reset()
	if _, err := b.deflater.Write(b.plain); err != nil {
		return fmt.Errorf("compressing: %w", err)
	}
	if b.final {
		return b.deflater.Close()
	}
	return b.deflater.Flush()
}

func (b *block) reset() {
	b.packed.Reset()
	b.deflater.Reset(&b.packed)
}

// opaque tells by two samples whether the block is compressed or encrypted
// already, as most attachments are.
func (b *block) opaque() (bool, error) {
	b.reset()
	for _, at := range []int{0, len(b.plain) / 2} {
		if _, err := b.deflater.Write(b.plain[at : at+sampleSize]); err != nil {
			return false, fmt.Errorf("compressing a sample: %w", err)
		}
	}
	if err := b.deflater.Flush(); err != nil {
		return false, fmt.Errorf("compressing a sample: %w", err)
	}
	return b.packed.Len() > 2*sampleSize*97/100, nil
}

func (b *block) store() {
	b.packed.Reset()
	for rest := b.plain; len(rest) > 0; {
		n := min(len(rest), storedMax)
		b.storedHeader(0, n)
		b.packed.Write(rest[:n])
		rest = rest[n:]
	}
	if b.final {
		b.storedHeader(1, 0)
	}
}

func (b *block) storedHeader(final byte, n int) {
	head := [5]byte{final}
	binary.LittleEndian.PutUint16(head[1:], uint16(n))
	binary.LittleEndian.PutUint16(head[3:], ^uint16(n))
	b.packed.Write(head[:])
}
