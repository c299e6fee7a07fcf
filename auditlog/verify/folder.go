package verify

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/privacyd/privacyd/auditlog"
)

// Dir verifies a log laid out in tiles in a folder. Nothing outside the folder
// is read, whatever links lead there, and nothing but regular files. Errors:
// ErrUnknown, ErrSince, those of the file system and of ctx.
func Dir(ctx context.Context, dir string, o Options) (*Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("verify an audit log: %w", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	r, _, err := verifyTiles(ctx, folder{root}, o)
	if err != nil {
		return nil, fmt.Errorf("verify an audit log: %w", err)
	}
	return r, nil
}

// folder is a source in the file system.
type folder struct{ root *os.Root }

func (f folder) open(_ context.Context, p auditlog.Part) (io.ReadCloser, error) {
	name := filepath.FromSlash(p.Path())
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would never end
		return nil, fmt.Errorf("read %s: it is not a file: %w", p.Path(), fs.ErrInvalid)
	}
	return f.root.Open(name)
}

// beyond tells whether the folder has entries of an epoch that a checkpoint of
// that size does not cover.
func (f folder) beyond(epoch int, size int64) bool {
	next := auditlog.Part{Epoch: epoch, Kind: auditlog.PartEntries, N: size / blockSize, Width: blockSize}
	if _, err := f.root.Stat(filepath.FromSlash(next.Path())); err == nil {
		return true
	}
	partial, err := f.root.Open(filepath.FromSlash(next.Path()) + ".p")
	if err != nil {
		return false
	}
	defer partial.Close()                       //nolint:errcheck // it was only read
	names, _ := partial.Readdirnames(blockSize) // what cannot be listed is not there
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil && int64(n) > size%blockSize {
			return true
		}
	}
	return false
}
