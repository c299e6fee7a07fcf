package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Files are encrypted as Cobblestone-256 of https://c2sp.org/chunked-encryption
// (HKDF-SHA-512, AES-256-GCM): a header of salt and key commitment, then chunks
// of 16 KiB, the last of which is shorter. Chunks cannot be swapped or dropped,
// the end cannot be cut off, and any range can be read without the rest.
const (
	chunkSize      = 16 << 10
	tagSize        = 16
	sealedChunk    = chunkSize + tagSize
	saltSize       = 24
	commitmentSize = 32
	headerSize     = saltSize + commitmentSize
	maxChunks      = 1 << 38
	chunksAtOnce   = 8 // read or written in one go

	chunkedLabel = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
)

// stream is the AEAD of one encrypted file.
type stream struct {
	aead cipher.AEAD
	base [12]byte
}

// newStream derives the key, the base nonce and the commitment of one file.
func newStream(key, salt []byte, context string) (*stream, []byte, error) {
	out, err := hkdf.Expand(sha512.New, key, chunkedLabel+string(salt)+context, 32+12+commitmentSize)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the key of a file: %w", err)
	}
	block, err := aes.NewCipher(out[:32])
	if err != nil {
		return nil, nil, fmt.Errorf("use the key of a file: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, fmt.Errorf("use the key of a file: %w", err)
	}
	return &stream{aead: aead, base: [12]byte(out[32:44])}, out[44:], nil
}

// nonce is the base nonce with the chunk's number XORed into its end.
func (s *stream) nonce(chunk int64) []byte {
	n := s.base
	binary.BigEndian.PutUint64(n[4:], binary.BigEndian.Uint64(n[4:])^uint64(chunk))
	return n[:]
}

// chunkContext binds a file to its workspace and its own name.
func chunkContext(workspace, context string) string {
	return "privacyd/file/v1\x00" + string(bind(workspace, context))
}

// EncryptTo gives a writer that encrypts with the workspace's key to w. context
// names the file; it must be given again to decrypt. Close writes the end and
// leaves w open; without Close what was written cannot be decrypted.
//
// Error codes: key_shredded when the workspace was erased, key_damaged,
// disk_full, blob_unavailable.
func (v *Vault) EncryptTo(ctx context.Context, workspace, context string, w io.Writer) (io.WriteCloser, error) {
	k, err := v.key(ctx, v.Reference(workspace, "", ""), true)
	if err != nil {
		return nil, fmt.Errorf("encrypt a file: %w", err)
	}
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("encrypt a file: %w", err)
	}
	return newChunkWriter(k.file, salt, chunkContext(workspace, context), w)
}

var errEnded = errors.New("encrypt a file: it has been ended")

// chunkWriter gathers plaintext into chunks and writes several at once.
type chunkWriter struct {
	s     *stream
	w     io.Writer
	plain []byte // of the chunk that is not yet full
	out   []byte // encrypted, not yet written
	next  int64  // chunk number
	err   error  // sticky
}

func newChunkWriter(key, salt []byte, context string, w io.Writer) (*chunkWriter, error) {
	s, commitment, err := newStream(key, salt, context)
	if err != nil {
		return nil, err
	}
	c := &chunkWriter{s: s, w: w, plain: make([]byte, 0, chunkSize), out: make([]byte, 0, headerSize+chunksAtOnce*sealedChunk)}
	c.out = append(append(c.out, salt...), commitment...)
	return c, nil
}

// Write implements io.Writer.
func (c *chunkWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && c.err == nil {
		var n int
		if len(c.plain) == 0 && len(p) >= chunkSize {
			n = chunkSize
			c.seal(p[:n])
		} else {
			n = min(chunkSize-len(c.plain), len(p))
			c.plain = append(c.plain, p[:n]...)
			if len(c.plain) == chunkSize {
				c.seal(c.plain)
				c.plain = c.plain[:0]
			}
		}
		p, written = p[n:], written+n
	}
	if c.err != nil {
		return 0, c.err
	}
	return written, nil
}

func (c *chunkWriter) seal(plain []byte) {
	if c.next >= maxChunks {
		c.err = errors.New("encrypt a file: it is longer than 4 PiB")
		return
	}
	c.out = c.s.aead.Seal(c.out, c.s.nonce(c.next), plain, nil)
	c.next++
	if cap(c.out)-len(c.out) < sealedChunk {
		c.flush()
	}
}

func (c *chunkWriter) flush() {
	if _, err := c.w.Write(c.out); err != nil {
		c.err = err
	}
	c.out = c.out[:0]
}

// Close implements io.Closer: it writes the last, short chunk.
func (c *chunkWriter) Close() error {
	if c.err != nil {
		return c.err
	}
	c.seal(c.plain)
	if c.err == nil && len(c.out) > 0 {
		c.flush()
	}
	if c.err != nil {
		return c.err
	}
	c.err = errEnded
	return nil
}
