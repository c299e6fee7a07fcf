package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sys/unix"

	"github.com/privacyd/privacyd/vault/bucket"
)

// abandonedAfter is when an upload to an object store, which has no sign of
// life, is taken for that of a dead process.
const abandonedAfter = 48 * time.Hour

const dropTimeout = 10 * time.Second

// errSwept says that a temporary file was removed before it could be locked.
var errSwept = errors.New("the temporary file was swept")

// Clean removes what processes left that died while writing: in a folder at
// once, since a living writer holds a lock on its file; in an object store
// uploads that were begun more than 48 hours ago. In a product's bucket it
// does nothing.
//
// Error codes: blob_unavailable.
func (s *Store) Clean(ctx context.Context) error {
	var err error
	switch {
	case s.cipher == nil:
		return nil
	case s.folder != "":
		err = s.cleanFolder(ctx)
	default:
		err = s.cleanUploads(ctx)
	}
	if err != nil {
		return fmt.Errorf("remove half-written files: %w", bucket.Explain(err))
	}
	return nil
}

func (s *Store) cleanFolder(ctx context.Context) error {
	return filepath.WalkDir(s.folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || !leftover.MatchString(path) {
			return errors.Join(err, ctx.Err())
		}
		return removeDead(path)
	})
}

// removeDead removes a temporary file unless its writer lives.
func removeDead(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil // its writer lives
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// lockTemporary locks a file that was just made, and finds out whether a
// cleaning process was faster.
func lockTemporary(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock a temporary file: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fmt.Errorf("look at a temporary file: %w", err)
	}
	if st.Nlink == 0 {
		return errSwept
	}
	return nil
}

func (s *Store) cleanUploads(ctx context.Context) error {
	var client *s3.Client
	if !s.bucket.As(&client) {
		return nil
	}
	pages := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: &s.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var answer interface{ ErrorCode() string }
		if errors.As(err, &answer) && answer.ErrorCode() == "NoSuchUpload" {
			return nil // in the words of some stores: there is none
		}
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			if s.now().Sub(aws.ToTime(u.Initiated)) < abandonedAfter {
				continue
			}
			_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.name, Key: u.Key, UploadId: u.UploadId})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// dropUpload ends the upload that err names. The library tries the same, but
// with a context that is cancelled by then.
func (s *Store) dropUpload(ctx context.Context, key string, err error) {
	var upload interface{ UploadID() string }
	var client *s3.Client
	if !errors.As(err, &upload) || !s.bucket.As(&client) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	_, _ = client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &s.name, Key: &key, UploadId: aws.String(upload.UploadID()),
	})
}
