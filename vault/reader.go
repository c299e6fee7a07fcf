package vault

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"sync"
)

// SealedReader decrypts any part of an encrypted file. It is safe for
// concurrent use when what it reads from is.
type SealedReader struct {
	s    *stream
	from io.ReaderAt
	size int64 // of the plaintext

	buffers *sync.Pool // of *[]byte for ciphertext, shared by all files

	mu    sync.Mutex
	chunk int64 // whose plaintext is in last; -1: none
	last  []byte
}

// DecryptFrom opens an encrypted file of size bytes. It reads the header and
// the last chunk, so that a file that was cut short, or is not the one that
// context names, is found before a byte of it is used.
//
// Error codes: sealed_damaged, key_shredded, key_missing, key_damaged,
// blob_unavailable, and those of reading from.
func (v *Vault) DecryptFrom(ctx context.Context, workspace, context string, from io.ReaderAt, size int64) (*SealedReader, error) {
	var r *SealedReader
	err := v.fileKeys(ctx, v.Reference(workspace, "", ""), func(key []byte) (err error) {
		r, err = newSealedReader(v.buffers, key, chunkContext(workspace, context), from, size)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("decrypt a file: %w", err)
	}
	return r, nil
}

// errCommitment says that a file was not encrypted with a key, or is damaged.
var errCommitment = fmt.Errorf("this key did not encrypt it: %w", ErrDamaged)

// newBuffers makes the buffers that files are read through. They must be
// shared: with a pool of its own each of a million small files would leave
// 128 KiB behind, which the collector keeps for two rounds.
func newBuffers() *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, chunksAtOnce*sealedChunk); return &b }}
}

func newSealedReader(buffers *sync.Pool, key []byte, context string, from io.ReaderAt, size int64) (*SealedReader, error) {
	plain, err := plainSize(size)
	if err != nil {
		return nil, err
	}
	var header [headerSize]byte
	if err := readFull(from, header[:], 0); err != nil {
		return nil, err
	}
	s, commitment, err := newStream(key, header[:saltSize], context)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(commitment, header[saltSize:]) != 1 {
		return nil, errCommitment
	}
	r := &SealedReader{s: s, from: from, size: plain, chunk: -1, buffers: buffers}
	return r, r.load(plain / chunkSize)
}

// plainSize is how many bytes an encrypted file of size bytes holds.
func plainSize(size int64) (int64, error) {
	if size < headerSize+tagSize {
		return 0, ErrDamaged
	}
	full, rest := (size-headerSize)/sealedChunk, (size-headerSize)%sealedChunk
	if rest < tagSize || full >= maxChunks {
		return 0, ErrDamaged
	}
	return full*chunkSize + rest - tagSize, nil
}

// Size is the number of bytes of the decrypted file.
func (r *SealedReader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt. A changed byte is sealed_damaged; no
// plaintext of its chunk is given.
func (r *SealedReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("decrypt a file: the offset is negative")
	}
	n := 0
	for n < len(p) && off+int64(n) < r.size {
		got, err := r.read(p[n:], off+int64(n))
		n += got
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// read fills at least one byte: whole chunks straight into p where they fit,
// else a part of one chunk.
func (r *SealedReader) read(p []byte, off int64) (int, error) {
	chunk, skip := off/chunkSize, int(off%chunkSize)
	whole := min(len(p)/chunkSize, chunksAtOnce, int(min(r.size/chunkSize-chunk, chunksAtOnce)))
	if skip == 0 && whole > 0 {
		return r.readWhole(p[:whole*chunkSize], chunk)
	}
	return r.readPart(p, chunk, skip)
}

func (r *SealedReader) readWhole(p []byte, chunk int64) (int, error) {
	buf := r.buffers.Get().(*[]byte)
	defer r.buffers.Put(buf)
	sealed := (*buf)[:len(p)/chunkSize*sealedChunk]
	if err := readFull(r.from, sealed, headerSize+chunk*sealedChunk); err != nil {
		return 0, err
	}
	for n := 0; n < len(p); n += chunkSize {
		if _, err := r.s.aead.Open(p[n:n], r.s.nonce(chunk), sealed[:sealedChunk], nil); err != nil {
			clear(p[n:])
			return n, ErrDamaged
		}
		sealed = sealed[sealedChunk:]
		chunk++
	}
	return len(p), nil
}

func (r *SealedReader) readPart(p []byte, chunk int64, skip int) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(chunk); err != nil {
		return 0, err
	}
	return copy(p, r.last[skip:]), nil
}

// load puts the plaintext of a chunk into last.
func (r *SealedReader) load(chunk int64) error {
	if r.chunk == chunk {
		return nil
	}
	buf := r.buffers.Get().(*[]byte)
	defer r.buffers.Put(buf)
	sealed := (*buf)[:min(r.size-chunk*chunkSize, chunkSize)+tagSize]
	if err := readFull(r.from, sealed, headerSize+chunk*sealedChunk); err != nil {
		return err
	}
	r.chunk = -1
	plain, err := r.s.aead.Open(r.last[:0], r.s.nonce(chunk), sealed, nil)
	if err != nil {
		return ErrDamaged
	}
	r.last, r.chunk = plain, chunk
	return nil
}

// readFull reads all of p; a file that ends before is damaged.
func readFull(from io.ReaderAt, p []byte, off int64) error {
	n, err := from.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return ErrDamaged
	default:
		return err
	}
}
