package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/durable"
)

// folder keeps records as files.
type folder struct {
	dir  string
	lock func(fd, how int) error
}

func openFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the key store: %w", err)
	}
	if err := durable.MakeDirs(abs); err != nil {
		return nil, err
	}
	f := &folder{dir: abs, lock: syscall.Flock}
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
// into one disk sector, so that after a power cut there is one or the other. It
// goes on where the file system knows no locks: whatever is there has to go.
func (f *folder) Replace(_ context.Context, name string, record []byte) error {
	unlock, err := f.locked()
	if lockless(err) {
		unlock, err = func() {}, nil
	}
	if err != nil {
		return bucket.Explain(err)
	}
	file, err := f.write(name, record)
	unlock() // many are replaced side by side, and the disk takes its time
	return finish(file, err)
}

// Swap implements records.
func (f *folder) Swap(ctx context.Context, name string, old, record []byte) (bool, error) {
	unlock, err := f.locked()
	if err != nil {
		return false, bucket.Explain(err)
	}
	defer unlock()
	have, err := f.Read(ctx, name)
	if err != nil || !bytes.Equal(have, old) {
		return false, err
	}
	err = f.overwrite(name, record)
	return err == nil, err
}

// locked keeps other processes from changing records until it is undone; the
// system undoes it when the process dies.
func (f *folder) locked() (unlock func(), err error) {
	dir, err := os.Open(f.dir)
	if err != nil {
		return nil, err
	}
	if err := f.lock(int(dir.Fd()), syscall.LOCK_EX); err != nil { //nolint:gosec // a descriptor fits
		return nil, errors.Join(err, dir.Close())
	}
	return func() { _ = dir.Close() }, nil // the lock goes with it
}

// lockless tells that the file system knows no locks, which is something else
// than a lock that could not be had.
func lockless(err error) bool {
	for _, none := range []syscall.Errno{syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.ENOLCK} {
		if errors.Is(err, none) {
			return true
		}
	}
	return false
}

func (f *folder) overwrite(name string, record []byte) error { return finish(f.write(name, record)) }

// write writes over a record and gives its file, which is to be finished.
func (f *folder) write(name string, record []byte) (*os.File, error) {
	file, err := os.OpenFile(f.path(name), os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, bucket.Explain(err)
	}
	if _, err := file.WriteAt(record, 0); err != nil {
		return nil, bucket.Explain(errors.Join(err, file.Close()))
	}
	return file, nil
}

// finish sees to it that what was written outlives a power cut.
func finish(file *os.File, err error) error {
	if err != nil {
		return err
	}
	return bucket.Explain(errors.Join(file.Sync(), file.Close()))
}

// Destroy implements records.
func (f *folder) Destroy(ctx context.Context, name string) error {
	path := f.path(name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return bucket.Explain(err)
	}
	if err := f.Replace(ctx, name, make([]byte, info.Size())); err != nil && !errors.Is(err, errAbsent) {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bucket.Explain(err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

// List implements records.
func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := f.walk(prefix, func(name string) error {
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

// walk visits the files below the folder that the prefix names, and leaves out
// folders in which nothing can begin with it.
func (f *folder) walk(prefix string, visit func(name string) error) error {
	from := prefix[:strings.LastIndex(prefix, "/")+1]
	return filepath.WalkDir(f.path(from), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed by another process
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(f.dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		if !d.IsDir() {
			return visit(name)
		}
		if len(name) >= len(from) && !strings.HasPrefix(name+"/", prefix) && name+"/" != from && name != "." {
			return fs.SkipDir
		}
		return nil
	})
}

// Tops implements records.
func (f *folder) Tops(ctx context.Context) ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, bucket.Explain(err)
	}
	var tops []string
	for _, e := range entries {
		if e.IsDir() {
			tops = append(tops, e.Name())
		}
	}
	return tops, ctx.Err()
}

// Close implements records.
func (f *folder) Close() error { return nil }
