package blob

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/bucket"
)

// Reader reads one file: in sequence at the storage's speed, and from any place
// for a range request. It is for one goroutine.
type Reader struct {
	*io.SectionReader
	ranges *ranges
	sealed bool
}

// Open opens a file. In a bucket of ours workspace must be the one that it was
// created for.
//
// Error codes: blob_missing, blob_damaged (what is there was changed, cut short
// or belongs to another key), key_shredded, key_missing, key_damaged,
// blob_unavailable.
func (s *Store) Open(ctx context.Context, workspace, key string) (*Reader, error) {
	if err := s.validKey(workspace, key); err != nil {
		return nil, err
	}
	attrs, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return nil, s.openError(ctx, err)
	}
	from := &ranges{ctx: ctx, bucket: s.bucket, key: key, size: attrs.Size, next: -1}
	if s.cipher == nil {
		return &Reader{SectionReader: io.NewSectionReader(from, 0, attrs.Size), ranges: from}, nil
	}
	sealed, err := s.cipher.DecryptFrom(ctx, workspace, key, from, attrs.Size)
	if err != nil {
		return nil, errors.Join(damaged(err), from.Close())
	}
	return &Reader{SectionReader: io.NewSectionReader(sealed, 0, sealed.Size()), ranges: from, sealed: true}, nil
}

// openError asks whether the bucket is there before it calls a file missing.
func (s *Store) openError(ctx context.Context, err error) error {
	if bucket.Missing(err) {
		if gone := s.reachable(ctx); gone != nil {
			return gone
		}
	}
	return fmt.Errorf("open a file: %w", bucket.Explain(err))
}

func damaged(err error) error {
	if !errors.Is(err, vault.ErrDamaged) {
		return err
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "blob_damaged",
		"A stored file fails its check: it was changed, cut short or swapped. Restore it from a backup. (%w)", err)
}

// Read implements io.Reader. Error codes: blob_damaged, blob_unavailable.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	return n, damaged(err)
}

// ReadAt implements io.ReaderAt. Error codes: blob_damaged, blob_unavailable.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.SectionReader.ReadAt(p, off)
	return n, damaged(err)
}

// Close ends reading.
func (r *Reader) Close() error { return r.ranges.Close() }

// ranges reads a bucket's file at any place. Single reads ask for their range
// alone; from the second read in sequence on, one open stream serves them.
type ranges struct {
	ctx    context.Context // io.ReaderAt has no place for one
	bucket *blob.Bucket
	key    string
	size   int64
	stream *blob.Reader // nil: none
	next   int64        // where the last read ended, and where stream stands
}

// ReadAt implements io.ReaderAt.
func (r *ranges) ReadAt(p []byte, off int64) (int, error) {
	if off >= r.size {
		return 0, io.EOF
	}
	short := off+int64(len(p)) > r.size
	p = p[:min(int64(len(p)), r.size-off)]
	n, err := r.read(p, off)
	r.next = off + int64(n)
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

func (r *ranges) read(p []byte, off int64) (int, error) {
	if off == r.next {
		if err := r.follow(off); err != nil {
			return 0, err
		}
		return r.full(r.stream, p)
	}
	if err := r.Close(); err != nil {
		return 0, err
	}
	one, err := r.bucket.NewRangeReader(r.ctx, r.key, off, int64(len(p)), nil)
	if err != nil {
		return 0, bucket.Explain(err)
	}
	n, err := r.full(one, p)
	return n, errors.Join(err, one.Close())
}

// follow opens the stream that serves the reads from off on.
func (r *ranges) follow(off int64) error {
	if r.stream != nil {
		return nil
	}
	s, err := r.bucket.NewRangeReader(r.ctx, r.key, off, -1, nil)
	if err != nil {
		return bucket.Explain(err)
	}
	r.stream = s
	return nil
}

// full fills p. An end before it means that the file shrank under us.
func (r *ranges) full(from io.Reader, p []byte) (int, error) {
	n, err := io.ReadFull(from, p)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	return n, bucket.Explain(err)
}

// Close ends the stream, if there is one.
func (r *ranges) Close() error {
	if r.stream == nil {
		return nil
	}
	err := r.stream.Close()
	r.stream = nil
	r.next = -1
	return bucket.Explain(err)
}
