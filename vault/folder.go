package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/durable"
)

// folder keeps records as files.
type folder struct{ dir string }

func openFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the key store: %w", err)
	}
	if err := durable.MakeDirs(abs); err != nil {
		return nil, err
	}
	f := &folder{dir: abs}
	return f, durable.Sweep(abs)
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// Read implements records.
func (f *folder) Read(_ context.Context, name string) ([]byte, error) {
	b, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errAbsent
	}
	return b, bucket.Explain(err)
}

// Create implements records.
func (f *folder) Create(_ context.Context, name string, record []byte) (bool, error) {
	path := f.path(name)
	if err := durable.MakeDirs(filepath.Dir(path)); err != nil {
		return false, err
	}
	return durable.Place(path, record)
}

// Replace implements records. It writes over the old bytes: both records fit
// into one disk sector, so that after a power cut there is one or the other.
func (f *folder) Replace(_ context.Context, name string, record []byte) error {
	file, err := os.OpenFile(f.path(name), os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return errAbsent
	}
	if err != nil {
		return bucket.Explain(err)
	}
	_, err = file.WriteAt(record, 0)
	if err == nil {
		err = file.Sync()
	}
	return bucket.Explain(errors.Join(err, file.Close()))
}

// Destroy implements records.
func (f *folder) Destroy(ctx context.Context, name string) error {
	err := f.Replace(ctx, name, make([]byte, recordSize))
	if errors.Is(err, errAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	path := f.path(name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bucket.Explain(err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

// List implements records.
func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := f.walk(func(name string) error {
			if strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, durable.NewSuffix) && !yield(name, nil) {
				return fs.SkipAll
			}
			return ctx.Err()
		})
		if err != nil {
			yield("", bucket.Explain(err))
		}
	}
}

func (f *folder) walk(visit func(name string) error) error {
	return filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed by another process
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(f.dir, path)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(name))
	})
}

// Close implements records.
func (f *folder) Close() error { return nil }
