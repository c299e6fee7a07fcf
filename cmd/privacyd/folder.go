package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/privacyd/privacyd"
)

// folder is the data folder. With the embedded store one process at a time
// owns it, by a lock that the system drops when the process dies.
type folder struct {
	dir  string
	lock *os.File

	replaying bool // erasures that a restored database does not know are being run again
}

// openFolder makes the folder when it is not there, for its owner alone. Codes
// folder_unusable, folder_foreign.
func openFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	if _, err := os.Stat(abs); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "Making a new data folder at %s.\n", abs)
	} else if err := checkOurs(abs); err != nil {
		return nil, err
	}
	for _, d := range []string{abs, filepath.Join(abs, "tmp")} {
		err := os.MkdirAll(d, 0o700)
		if err == nil {
			err = os.Chmod(d, 0o700) //nolint:gosec // a folder needs the x
		}
		if err != nil {
			return nil, privacyd.Errorf(privacyd.ClassUnavailable, "folder_unusable",
				"The data folder cannot be used: %w. Give another one with --data.", err)
		}
	}
	return &folder{dir: abs}, nil
}

// checkOurs refuses a folder that is somebody else's: taking it would shut
// everybody out of it but its owner, if they are not already. Code
// folder_foreign.
func checkOurs(dir string) error {
	is, err := os.Stat(dir)
	if err == nil && is.IsDir() && is.Mode().Perm()&0o077 == 0 {
		return nil
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return privacyd.Errorf(privacyd.ClassUnavailable, "folder_unusable",
			"The data folder cannot be used: %w. Give another one with --data.", err)
	}
	if slices.ContainsFunc(there, showsOurs) {
		return nil
	}
	if i := slices.IndexFunc(there, isForeign); i >= 0 {
		return privacyd.Errorf(privacyd.ClassInvalid, "folder_foreign",
			"%s is no data folder, and not empty: it has %s in it. Give one that is empty, or that there is not yet, with --data.", dir, there[i].Name())
	}
	return nil
}

// showsOurs tells of what a folder has whether it was used before.
func showsOurs(e fs.DirEntry) bool {
	return e.Type().IsRegular() && slices.Contains([]string{"lock", "privacyd.db"}, e.Name()) ||
		e.IsDir() && slices.Contains([]string{"keys", "ledger", "blobs"}, e.Name())
}

// isForeign tells of what a folder has whether somebody would hardly put it
// there before the first start, as they would a configuration file.
func isForeign(e fs.DirEntry) bool {
	ours := []string{"acme", "tmp", "lost+found"}
	return !slices.Contains(ours, e.Name()) && !strings.HasPrefix(e.Name(), "privacyd") && filepath.Ext(e.Name()) != ".yaml"
}

func (f *folder) path(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

// checkWhole refuses a folder of which a part is gone: a new database beside
// old keys, or new keys beside an old database, would pass for an instance that
// has nothing in it. Codes database_missing, key_missing.
func (f *folder) checkWhole(cfg config) error {
	if cfg.Database != "" || strings.Contains(cfg.Keys.Store, "://") {
		return nil
	}
	_, database := os.Stat(f.path("privacyd.db"))
	keys, err := os.ReadDir(cfg.Keys.Store)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the key store: %w", err)
	}
	used := slices.ContainsFunc(keys, fs.DirEntry.IsDir) // the first key is made within a transaction
	switch {
	case used && errors.Is(database, fs.ErrNotExist):
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_missing",
			"This data folder has been used, but its database privacyd.db is not there. Put it back from a backup, or give --database if its state is in PostgreSQL.")
	case len(keys) == 0 && database == nil:
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_missing",
			"This data folder has a database, but its keys (%s) are not there. Put them back from a backup; nothing was changed.", cfg.Keys.Store)
	}
	return nil
}

// own takes the lock; false when another process has it.
func (f *folder) own() (bool, error) {
	file, err := os.OpenFile(f.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, privacyd.Errorf(privacyd.ClassUnavailable, "folder_unusable",
			"The data folder cannot be used: %w. Give another one with --data.", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor fits
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, file.Close()
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("lock the data folder: %w", err), file.Close())
	}
	f.lock = file
	if err := file.Truncate(0); err != nil {
		return false, fmt.Errorf("write the lock: %w", err)
	}
	_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return true, err
}

func (f *folder) errInUse() error {
	pid, _ := os.ReadFile(f.path("lock")) // only to say more
	return privacyd.Errorf(privacyd.ClassUnavailable, "folder_in_use",
		"Another privacyd (process %s) uses this data folder. Stop it first, or give another folder with --data.", strings.TrimSpace(string(pid)))
}

func (f *folder) close() {
	if f.lock != nil {
		_ = f.lock.Close() // the lock goes with it
	}
}

// socketPath is where the server listens for the operator's own commands: a
// path short enough for a socket even where the folder's is not.
func (f *folder) socketPath() (path string, done func(), err error) {
	const longest = 100
	if path = f.path("privacyd.sock"); len(path) <= longest {
		return path, func() {}, nil
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return "", nil, fmt.Errorf("open the data folder: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/privacyd.sock", dir.Fd()), func() { _ = dir.Close() }, nil
}

func (f *folder) listen() (net.Listener, error) {
	path, done, err := f.socketPath()
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.path("privacyd.sock")); err != nil && !errors.Is(err, os.ErrNotExist) {
		done()
		return nil, fmt.Errorf("remove an old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		done()
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	if err := os.Chmod(f.path("privacyd.sock"), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
