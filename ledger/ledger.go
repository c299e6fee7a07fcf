// Package ledger keeps what must survive the loss or restore of the database
// apart from it: the newest published checkpoint of each audit log, and the
// suppression ledger, which remembers erasures so that a restored backup brings
// nobody back. It lies in a folder or an object store, best on another disk or
// in another bucket.
//
// It must never lower what is published, never hold anything personal in the
// clear, and never lie in the database or its backups: whoever restores
// yesterday's database must find today's ledger. Open ledger.go first, then
// suppression.go.
//
// What the suppression ledger can be trusted with: whoever reads its files
// learns how many erasures there were and when, and nothing about whom; its
// entries are encrypted and bound to their numbers with a key that lies in it
// wrapped by one of the key store. Whoever has both ledger and key store can
// read whom to erase again, until the entry expires: that is what a replay
// needs. Whoever can write to it cannot forge or move an entry, and a missing
// one is noticed, but for the newest, which the database's own number gives
// away unless both were set back. Marks are keyed hashes, so pseudonymous data,
// and expire with their entry; copies of the ledger (versions that a bucket
// keeps, snapshots) must expire no later.
package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"github.com/privacyd/privacyd/vault/bucket"
)

// Ledger is safe for concurrent use; any number of processes may share one.
type Ledger struct{ shelf shelf }

// Open opens the ledger at address: a folder (made when absent, 0700) or an
// object store such as s3://name?region=eu-central-1.
//
// Error codes: ledger_unsuitable, blob_url_invalid, blob_unavailable, disk_full.
func Open(ctx context.Context, address string) (*Ledger, error) {
	if dir, ok := bucket.Folder(address); ok {
		s, err := openFolder(dir)
		if err != nil {
			return nil, fmt.Errorf("open the ledger: %w", err)
		}
		return &Ledger{s}, nil
	}
	s, err := openObjects(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	return &Ledger{s}, nil
}

// Close lets go of the store.
func (l *Ledger) Close() error { return l.shelf.Close() }

const (
	checkpoints = "checkpoints/"
	tries       = 10
)

var namePattern = regexp.MustCompile(`^[0-9a-z][0-9a-z.-]{0,127}(/[0-9a-z][0-9a-z.-]{0,127}){0,3}$`)

// Read gives the newest published checkpoint of the log that name stands for,
// or an error that is fs.ErrNotExist when none was published.
//
// Error code: blob_unavailable.
func (l *Ledger) Read(ctx context.Context, name string) ([]byte, error) {
	if !namePattern.MatchString(name) {
		return nil, errName()
	}
	for range tries {
		versions, err := l.versions(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("read a published checkpoint: %w", err)
		}
		if len(versions) == 0 {
			return nil, fmt.Errorf("read a published checkpoint: %w", fs.ErrNotExist)
		}
		note, err := l.shelf.Read(ctx, place(name, versions[len(versions)-1]))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a newer one has just taken its place
		}
		if err != nil {
			return nil, fmt.Errorf("read a published checkpoint: %w", err)
		}
		return note, nil
	}
	return nil, fmt.Errorf("read a published checkpoint: gave up after %d tries", tries)
}

// Write publishes a signed checkpoint of the log that name stands for; when it
// returns, the checkpoint is on stable storage. It never takes the place of a
// later one: an epoch comes after the one before it, and within an epoch the
// greater size after the lesser. Where a later one is published, or another
// root for the same epoch and size, nothing changes and the error is
// fs.ErrExist. Writing again what is published is fine.
//
// A process that dies in between leaves the old checkpoint or the new one, or
// both, of which Read gives the newer.
//
// Error codes: disk_full, blob_unavailable.
func (l *Ledger) Write(ctx context.Context, name string, note []byte) error {
	if !namePattern.MatchString(name) {
		return errName()
	}
	v, err := versionOf(note)
	if err != nil {
		return fmt.Errorf("publish a checkpoint: %w", err)
	}
	made, err := l.shelf.Create(ctx, place(name, v), note)
	if err != nil {
		return fmt.Errorf("publish a checkpoint: %w", err)
	}
	if !made {
		if err := l.sameAs(ctx, place(name, v), note); err != nil {
			return fmt.Errorf("publish a checkpoint: %w", err)
		}
	}
	return l.settle(ctx, name, v)
}

// sameAs compares what is published under a place with what was to be: the
// signatures may differ, the rest may not.
func (l *Ledger) sameAs(ctx context.Context, place string, note []byte) error {
	have, err := l.shelf.Read(ctx, place)
	if errors.Is(err, fs.ErrNotExist) {
		return errNewer() // its successor has just taken its place
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(body(have), body(note)) {
		return fmt.Errorf("%w: another root is published for that size", fs.ErrExist)
	}
	return nil
}

// settle leaves the newest version alone under a name.
func (l *Ledger) settle(ctx context.Context, name, v string) error {
	versions, err := l.versions(ctx, name)
	if err != nil {
		return fmt.Errorf("publish a checkpoint: %w", err)
	}
	newest := slices.Max(append(versions, v))
	for _, old := range versions {
		if old == newest {
			continue
		}
		if err := l.shelf.Remove(ctx, place(name, old)); err != nil {
			return fmt.Errorf("remove an old published checkpoint: %w", err)
		}
	}
	if newest != v {
		return fmt.Errorf("publish a checkpoint: %w", errNewer())
	}
	return nil
}

// versions lists what is stored under a name, the oldest first.
func (l *Ledger) versions(ctx context.Context, name string) ([]string, error) {
	names, err := l.shelf.List(ctx, place(name, ""))
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !versionPattern.MatchString(n) })
	slices.Sort(names)
	return names, nil
}

func place(name, version string) string { return path.Join(checkpoints, name) + "/" + version }

func errName() error { return errors.New("that is not a name of a checkpoint") }

func errNewer() error { return fmt.Errorf("%w: a newer one is published", fs.ErrExist) }
