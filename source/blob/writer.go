package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"gocloud.dev/blob"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/bucket"
)

const (
	// A file of an object store has at most 10,000 parts; the library's 5 MiB
	// would end an archive at 48 GiB. Memory is two parts.
	partSize  = 16 << 20
	partsOnce = 1 // while the next one is filled
	maxParts  = 10_000
	maxObject = maxParts * partSize / 1000 * 998 // the rest is what encryption adds

	createTries = 5
)

// Info is what was written.
type Info struct {
	Size   int64  // bytes, before encryption
	SHA256 string // hex, of those bytes
}

// Writer writes one file. End it with Commit or Abort; after a Commit, Abort
// does nothing, so that it can be deferred.
type Writer struct {
	store  *Store
	key    string
	ctx    context.Context // the bucket's writer lives as long as this one
	cancel context.CancelFunc
	under  io.WriteCloser // of the bucket
	file   *os.File       // its temporary file, in a folder
	cipher io.WriteCloser // nil: plain
	hash   hash.Hash
	size   int64
	ended  bool
	err    error // sticky
}

// Create begins a file. There is nothing under key before Commit; what was
// there stays until then.
//
// Error codes: blob_key_invalid (in our own buckets a key begins with its
// workspace's id and a slash), key_shredded, key_damaged, disk_full,
// blob_unavailable.
func (s *Store) Create(ctx context.Context, workspace, key string) (*Writer, error) {
	if err := s.validKey(workspace, key); err != nil {
		return nil, err
	}
	w := &Writer{store: s, key: key, hash: sha256.New()}
	w.ctx, w.cancel = context.WithCancel(ctx)
	if err := w.open(); err != nil {
		w.cancel()
		return nil, bucket.Explain(err)
	}
	if s.cipher == nil {
		return w, nil
	}
	c, err := s.cipher.EncryptTo(ctx, workspace, key, w.under)
	if err != nil {
		w.Abort()
		return nil, err
	}
	w.cipher = c
	return w, nil
}

// open opens the bucket's writer. Its temporary file may be swept by a process
// that cleans up at this moment; then it is made again.
func (w *Writer) open() error {
	var err error
	for range createTries {
		w.under, err = w.store.bucket.NewWriter(w.ctx, w.key, &blob.WriterOptions{
			ContentType: "application/octet-stream", BufferSize: partSize, MaxConcurrency: partsOnce, BeforeWrite: w.claim,
		})
		if !errors.Is(err, errSwept) {
			return err
		}
	}
	return err
}

// claim locks the temporary file, which says that its process lives.
func (w *Writer) claim(as func(any) bool) error {
	if w.store.folder == "" || !as(&w.file) {
		return nil
	}
	if w.store.cipher == nil {
		return nil
	}
	if err := w.file.Chmod(0o600); err != nil {
		return err
	}
	return lockTemporary(w.file)
}

// Write implements io.Writer. Error codes: disk_full, blob_unavailable,
// blob_too_large.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.store.folder == "" && w.size+int64(len(p)) > maxObject {
		w.err = privacyd.Errorf(privacyd.ClassUnavailable, "blob_too_large",
			"The file is larger than an object store takes in one piece (156 GiB). Keep files of this size in a folder.")
		return 0, w.err
	}
	n, err := w.target().Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		w.err = bucket.Explain(err)
	}
	return n, w.err
}

func (w *Writer) target() io.Writer {
	if w.cipher != nil {
		return w.cipher
	}
	return w.under
}

var errDone = errors.New("the file was already committed or aborted")

// Commit makes the file visible, whole and on stable storage.
//
// Error codes: disk_full, blob_unavailable; nothing is then visible.
func (w *Writer) Commit() (Info, error) {
	if w.ended {
		return Info{}, errDone
	}
	if err := w.finish(); err != nil {
		w.Abort()
		return Info{}, fmt.Errorf("write a file: %w", bucket.Explain(err))
	}
	return Info{Size: w.size, SHA256: hex.EncodeToString(w.hash.Sum(nil))}, nil
}

func (w *Writer) finish() error {
	if w.err != nil {
		return w.err
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.cipher != nil {
		if err := w.cipher.Close(); err != nil {
			return err
		}
	}
	if w.file != nil {
		if err := w.file.Sync(); err != nil {
			return err
		}
	}
	w.ended = true
	defer w.cancel()
	if err := w.under.Close(); err != nil {
		w.store.dropUpload(w.ctx, w.key, err)
		return err
	}
	return w.store.syncFolder(w.key)
}

// Abort drops what was written. It does nothing after Commit. Should an object
// store not answer, it keeps parts that nobody sees until Clean removes them.
func (w *Writer) Abort() {
	if w.ended {
		return
	}
	w.ended = true
	w.err = errDone
	w.cancel()
	if err := w.under.Close(); err != nil { // the cancellation, which is what was asked for
		w.store.dropUpload(w.ctx, w.key, err)
	}
}

// syncFolder makes the new name survive a power cut.
func (s *Store) syncFolder(key string) error {
	if s.folder == "" || s.cipher == nil {
		return nil
	}
	for dir := filepath.Dir(filepath.Join(s.folder, filepath.FromSlash(key))); ; dir = filepath.Dir(dir) {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
		if dir == filepath.Clean(s.folder) {
			return nil
		}
	}
}
