package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/privacyd/privacyd/vault/bucket"
)

const (
	frameSize    = 64 << 10
	spoolKeySize = 32
)

// Spool is a temporary file for what does not fit into memory. It is encrypted
// with a random key that is never written anywhere, and has no name: when the
// process ends, however it ends, nothing of it can be found or read.
//
// It is written in frames, each sealed with its number; what was changed or
// cut is an error. A Spool is for one goroutine, its readers too.
type Spool struct {
	file   *os.File
	aead   cipher.AEAD
	frame  []byte // plaintext not yet written
	sealed []byte
	frames uint64
	end    int64 // of what is written
	err    error // sticky
}

// NewSpool gives the maker of spools in dir; empty: the system's folder for
// temporary files.
func NewSpool(dir string) func() (*Spool, error) {
	return func() (*Spool, error) {
		if dir != "" {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return nil, bucket.Explain(err)
			}
		}
		f, err := os.CreateTemp(dir, "spool-*")
		if err != nil {
			return nil, bucket.Explain(err)
		}
		if err := os.Remove(f.Name()); err != nil {
			return nil, bucket.Explain(errors.Join(err, f.Close()))
		}
		return newSpool(f)
	}
}

func newSpool(f *os.File) (*Spool, error) {
	key := make([]byte, spoolKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, errors.Join(fmt.Errorf("make a temporary file: %w", err), f.Close())
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a temporary file: %w", err), f.Close())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a temporary file: %w", err), f.Close())
	}
	return &Spool{file: f, aead: aead, frame: make([]byte, 0, frameSize)}, nil
}

// Write implements io.Writer. Error code: disk_full.
func (s *Spool) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) && s.err == nil {
		k := min(frameSize-len(s.frame), len(p)-n)
		s.frame = append(s.frame, p[n:n+k]...)
		n += k
		if len(s.frame) == frameSize {
			s.flush()
		}
	}
	return n, s.err
}

// flush writes the frame: its plaintext's length, then the sealed bytes.
func (s *Spool) flush() {
	if len(s.frame) == 0 || s.err != nil {
		return
	}
	b := binary.BigEndian.AppendUint32(s.sealed[:0], uint32(len(s.frame)))
	b = s.aead.Seal(b, frameNonce(s.frames), s.frame, b[:4])
	if _, err := s.file.WriteAt(b, s.end); err != nil {
		s.err = bucket.Explain(err)
		return
	}
	s.end += int64(len(b))
	s.frames++
	s.sealed, s.frame = b, s.frame[:0]
}

// frameNonce never repeats: the key belongs to one spool and no frame is
// written twice.
func frameNonce(frame uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), frame)
}

// Rewind gives a reader of everything written so far, from its beginning. It
// may be called again, and more may be written after it, which the readers
// before do not see.
func (s *Spool) Rewind() (io.Reader, error) {
	s.flush()
	if s.err != nil {
		return nil, s.err
	}
	return &spoolReader{spool: s, frames: s.frames}, nil
}

// Close gives the disk space back.
func (s *Spool) Close() error {
	if errors.Is(s.err, os.ErrClosed) {
		return nil
	}
	s.err = os.ErrClosed
	return s.file.Close()
}

type spoolReader struct {
	spool  *Spool
	next   uint64
	frames uint64
	at     int64
	sealed []byte
	plain  []byte // of the current frame
	rest   []byte // of plain, not yet read
}

// Read implements io.Reader.
func (r *spoolReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.next == r.frames {
			return 0, io.EOF
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *spoolReader) load() error {
	if r.sealed == nil {
		r.sealed = make([]byte, 4+frameSize+tagSize)
	}
	if err := readFull(r.spool.file, r.sealed[:4], r.at); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(r.sealed)
	if size == 0 || size > frameSize {
		return ErrDamaged
	}
	sealed := r.sealed[:4+size+tagSize]
	if err := readFull(r.spool.file, sealed[4:], r.at+4); err != nil {
		return err
	}
	plain, err := r.spool.aead.Open(r.plain[:0], frameNonce(r.next), sealed[4:], sealed[:4])
	if err != nil {
		return ErrDamaged
	}
	r.plain, r.rest = plain, plain
	r.next++
	r.at += int64(len(sealed))
	return nil
}
