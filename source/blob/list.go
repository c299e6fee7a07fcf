package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"

	"github.com/privacyd/privacyd/vault/bucket"
)

// List gives the keys that begin with prefix, in no certain order. Files that
// are still being written are not among them.
//
// Error codes: blob_unavailable.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		each := s.eachObject
		if s.folder != "" {
			each = s.eachFile
		}
		if err := each(ctx, prefix, func(key string) bool { return yield(key, nil) }); err != nil {
			yield("", fmt.Errorf("list files: %w", unavailable(bucket.Explain(err))))
		}
	}
}

func (s *Store) eachObject(ctx context.Context, prefix string, visit func(key string) bool) error {
	pages := s.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := pages.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !visit(o.Key) {
			return nil
		}
	}
}

// eachFile walks the folder itself: the library would walk all of it again for
// every thousand files, and passes over what it may not read.
func (s *Store) eachFile(ctx context.Context, prefix string, visit func(key string) bool) error {
	if err := s.reachable(ctx); err != nil {
		return err
	}
	start := filepath.Join(s.folder, filepath.FromSlash(prefix[:strings.LastIndex(prefix, "/")+1]))
	if !strings.HasPrefix(start+"/", s.folder+"/") {
		return nil // no key leads out of the folder
	}
	return filepath.WalkDir(start, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // deleted meanwhile
		case err != nil:
			return err
		case d.IsDir() || s.cipher != nil && leftover.MatchString(path):
			return ctx.Err()
		}
		key, err := filepath.Rel(s.folder, path)
		if err != nil {
			return err
		}
		key = filepath.ToSlash(key)
		if strings.HasPrefix(key, prefix) && !visit(key) {
			return fs.SkipAll
		}
		return nil
	})
}
