package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/privacyd/privacyd/vault/bucket"
)

// folder keeps records as files. A record appears by a hard link, which is
// whole or absent, survives kill -9, and fails where the name is taken; a
// rename would silently replace the key that another process has just made.
type folder struct{ dir string }

const newSuffix = ".new"

func openFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the key store: %w", err)
	}
	if err := makeDirs(abs); err != nil {
		return nil, err
	}
	f := &folder{dir: abs}
	return f, f.sweep()
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
	if err := makeDirs(filepath.Dir(path)); err != nil {
		return false, err
	}
	return placeNew(path, record)
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
	return syncDir(filepath.Dir(path))
}

// List implements records.
func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := f.walk(func(name string) error {
			if strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, newSuffix) && !yield(name, nil) {
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

// sweep removes what a killed process left. It may take the file of a living
// one, which then tries again.
func (f *folder) sweep() error {
	err := f.walk(func(name string) error {
		if !strings.HasSuffix(name, newSuffix) {
			return nil
		}
		if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	return bucket.Explain(err)
}

// Close implements records.
func (f *folder) Close() error { return nil }

const placeTries = 10

// placeNew writes a new file that appears whole or not at all. It is false
// when there is one already.
func placeNew(path string, data []byte) (bool, error) {
	for range placeTries {
		placed, err := placeOnce(path, data)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process swept our temporary file
		}
		if errors.Is(err, fs.ErrExist) {
			return false, nil
		}
		return placed, bucket.Explain(err)
	}
	return false, fmt.Errorf("place a file in the key store: gave up after %d tries", placeTries)
}

func placeOnce(path string, data []byte) (bool, error) {
	temp := path + "." + rand.Text() + newSuffix
	defer func() { _ = os.Remove(temp) }()
	if err := writeSynced(temp, data); err != nil {
		return false, err
	}
	if err := os.Link(temp, path); err != nil {
		return false, err
	}
	return true, syncDir(filepath.Dir(path))
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// makeDirs makes dir and what leads to it, 0700, so that they survive a power
// cut.
func makeDirs(dir string) error {
	err := os.Mkdir(dir, 0o700)
	switch {
	case err == nil:
		return syncDir(filepath.Dir(dir))
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
		if err := makeDirs(filepath.Dir(dir)); err != nil {
			return err
		}
		return makeDirs(dir)
	default:
		return bucket.Explain(err)
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return bucket.Explain(err)
	}
	return bucket.Explain(errors.Join(d.Sync(), d.Close()))
}
