// Package durable writes files that are whole or absent, survive a power cut
// and are never exchanged by accident for another process's.
//
// It must never write over a file that is there: a key or a checkpoint of
// another process would be lost. Open durable.go; there is nothing else.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/privacyd/privacyd/vault/bucket"
)

// NewSuffix ends the names of files that are being written. One that a killed
// process left may be removed at any time: its living writer tries again.
const NewSuffix = ".new"

const tries = 10

// Place writes a new file that appears whole or not at all, mode 0600. It is
// false, and nothing is changed, when there is one already.
//
// It appears by a hard link, which survives kill -9 and fails where the name
// is taken; a rename would silently replace what another process has just
// made.
//
// Error codes: disk_full, blob_unavailable.
func Place(path string, data []byte) (bool, error) {
	for range tries {
		err := placeOnce(path, data)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // another process swept our temporary file
		case errors.Is(err, fs.ErrExist):
			return false, nil
		default:
			return err == nil, bucket.Explain(err)
		}
	}
	return false, fmt.Errorf("place a file: gave up after %d tries", tries)
}

func placeOnce(path string, data []byte) error {
	temp := path + "." + rand.Text() + NewSuffix
	defer func() { _ = os.Remove(temp) }()
	if err := writeSynced(temp, data); err != nil {
		return err
	}
	if err := os.Link(temp, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
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

// Sweep removes what killed processes left half-written in dir and below. It
// may take the file of a living one, which then tries again.
//
// Error code: blob_unavailable.
func Sweep(dir string) error {
	return bucket.Explain(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, NewSuffix) {
			err = os.Remove(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed by another process
		}
		return err
	}))
}

// MakeDirs makes dir and what leads to it, mode 0700, so that they survive a
// power cut.
//
// Error codes: disk_full, blob_unavailable.
func MakeDirs(dir string) error {
	err := os.Mkdir(dir, 0o700)
	switch {
	case err == nil:
		return SyncDir(filepath.Dir(dir))
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
		if err := MakeDirs(filepath.Dir(dir)); err != nil {
			return err
		}
		return MakeDirs(dir)
	default:
		return bucket.Explain(err)
	}
}

// SyncDir makes the names in a folder survive a power cut.
//
// Error code: blob_unavailable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return bucket.Explain(err)
	}
	return bucket.Explain(errors.Join(d.Sync(), d.Close()))
}
