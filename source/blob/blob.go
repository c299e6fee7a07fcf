// Package blob keeps files in a folder or an object store: attachments and
// finished archives of ours, encrypted with their workspace's key, and a
// product's own files, which it reads and deletes as they are.
//
// Nothing is visible under a key before it is whole, and no two workspaces
// share a key, a name or ciphertext. It must never put a name that a person
// gave into a key of ours or into an error. Open blob.go, then writer.go.
package blob

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/bucket"
)

// Cipher encrypts a workspace's files; context binds each to its key.
// *vault.Vault is one.
type Cipher interface {
	EncryptTo(ctx context.Context, workspace, context string, w io.Writer) (io.WriteCloser, error)
	DecryptFrom(ctx context.Context, workspace, context string, from io.ReaderAt, size int64) (*vault.SealedReader, error)
}

// Store is a bucket of files. It is safe for concurrent use, also by several
// processes.
type Store struct {
	bucket *blob.Bucket
	cipher Cipher // nil: a product's bucket, plain
	folder string // empty: an object store
	name   string // of the object store's bucket
	now    func() time.Time
}

// Open opens a folder (a path or a file URL) or an object store (s3://…). With
// a cipher the bucket is ours: files are encrypted, and a folder is made when
// it is absent. Without one it is a product's and stays as it is.
//
// Error codes: blob_url_invalid, blob_unavailable, disk_full.
func Open(ctx context.Context, address string, c Cipher) (*Store, error) {
	s := &Store{cipher: c, now: time.Now}
	var err error
	if dir, ok := bucket.Folder(address); ok {
		if s.folder, err = filepath.Abs(dir); err != nil {
			return nil, unavailable(bucket.Explain(err))
		}
		s.bucket, err = bucket.OpenFolder(dir, c != nil)
	} else {
		s.name = bucketName(address)
		s.bucket, err = bucket.OpenURL(ctx, address)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	if err := s.reachable(ctx); err != nil {
		return nil, errors.Join(err, s.bucket.Close())
	}
	return s, nil
}

// Close lets go of the bucket.
func (s *Store) Close() error { return s.bucket.Close() }

// reachable tells a bucket that is gone from a file that is: without it an
// export with an unmounted disk would list every attachment as missing.
func (s *Store) reachable(ctx context.Context) error {
	if s.folder != "" {
		_, err := os.Stat(s.folder)
		return unavailable(bucket.Explain(err))
	}
	_, _, err := s.bucket.ListPage(ctx, blob.FirstPageToken, 1, nil)
	if gcerrors.Code(err) == gcerrors.PermissionDenied {
		return nil // a product may let us read its files without listing them
	}
	return unavailable(bucket.Explain(err))
}

func bucketName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// unavailable is for errors of the bucket itself, which cannot be missing as
// a file can.
func unavailable(err error) error {
	if err == nil || privacyd.CodeOf(err) != "blob_missing" {
		return err
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "blob_unavailable",
		"The folder or bucket of files is not there. Check its name, and that the disk is mounted.")
}

var (
	ownKey   = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$`)
	leftover = regexp.MustCompile(`\.[0-9a-f]{12,16}\.tmp$`)
)

// NewKey gives a new key for a file of a workspace. It tells nothing but the
// workspace.
func NewKey(workspace string) string {
	id := strings.ReplaceAll(uuid.NewString(), "-", "")
	return workspace + "/" + id[:2] + "/" + id[2:]
}

// validKey holds our own keys to what no storage misreads, and to the
// workspace's own part of the bucket.
func (s *Store) validKey(workspace, key string) error {
	if s.cipher == nil {
		return nil
	}
	if !strings.HasPrefix(key, workspace+"/") || !ownKey.MatchString(key) || len(key) > 512 ||
		leftover.MatchString(key) || strings.HasSuffix(key, ".attrs") {
		return privacyd.Errorf(privacyd.ClassInternal, "blob_key_invalid",
			"A key of a file must begin with its workspace's id and hold letters, digits, dots, hyphens and underscores only.")
	}
	return nil
}

// Delete removes a file. One that is gone already is fine.
//
// Error codes: blob_unavailable.
func (s *Store) Delete(ctx context.Context, key string) error {
	err := s.bucket.Delete(ctx, key)
	if bucket.Missing(err) {
		return s.reachable(ctx)
	}
	return bucket.Explain(err)
}
