package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/keyservice"
)

const (
	roomNoticed = 2 << 30   // bytes
	roomSerious = 256 << 20 // bytes
)

// examineRoot looks at the root key's file without opening it.
func examineRoot(path string) privacyd.Check {
	const name = "keys.root"
	if keyservice.Is(path) {
		return examineService(path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return privacyd.Problem(name, "There is no root key file: nothing of this installation can be read.", "Put it back from the copy that is kept apart from the data.")
	case err != nil:
		return privacyd.Problem(name, "The root key file cannot be looked at.", "See who may read its folder.")
	case info.Mode().Perm()&0o077 != 0:
		check := privacyd.Warning(name, fmt.Sprintf("The root key file has the mode %04o: others than its owner may read or change it.", info.Mode().Perm()), "Run: chmod 600 "+path)
		if info.Mode().Perm()&0o027 != 0 {
			check.State = privacyd.CheckProblem
		}
		return check
	}
	file, err := os.Open(path)
	if err != nil {
		return privacyd.Problem(name, "The root key file cannot be read by this user.", "Run the command as the user that the server runs as.")
	}
	_ = file.Close() // it was only tried
	return privacyd.OK(name, "The root key file is readable by its owner alone.")
}

// examineDisks looks at the room that is left, and at what lies on one disk: a
// snapshot of all of it together brings people back who were erased.
func examineDisks(f *folder, cfg config) []privacyd.Check {
	checks := []privacyd.Check{examineRoom(f, cfg)}
	for _, place := range []struct{ name, what, address, key string }{
		{"ledger", "The suppression ledger", cfg.Ledger, "ledger"},
		{"keys.store", "The key store", cfg.Keys.Store, "keys.store"},
	} {
		checks = append(checks, examinePlace(f, cfg, place.name, place.what, place.address, place.key))
	}
	return checks
}

// examinePlace says where something lies that must not be restored together
// with the database.
func examinePlace(f *folder, cfg config, name, what, address, key string) privacyd.Check {
	dir, local := bucket.Folder(address)
	switch {
	case !local:
		return privacyd.OK(name, what+" lies in a bucket, apart from the database.")
	case cfg.Database == "" && within(dir, f.dir):
		return privacyd.Warning(name, what+" lies beside the database, in the data folder: whoever restores the folder, or a snapshot of its disk, sets it back too, and people who were erased come back.",
			fmt.Sprintf("Put it on another disk or into a bucket (%s: in the configuration), and leave it out of the database's backups.", key))
	case cfg.Database == "" && sameDisk(dir, f.dir):
		return privacyd.Warning(name, what+" lies on the same disk as the database: a snapshot of the disk that is put back sets it back too, and people who were erased come back.",
			fmt.Sprintf("Put it on another disk or into a bucket (%s: in the configuration).", key))
	case cfg.Database != "" && onThisMachine(cfg.Database):
		return privacyd.Warning(name, what+" lies on this machine, and so does PostgreSQL: a snapshot of the machine that is put back sets both back, and people who were erased come back.",
			fmt.Sprintf("Put it on another disk or into a bucket (%s: in the configuration), and leave it out of the machine's snapshots.", key))
	}
	return privacyd.OK(name, what+" lies apart from the database.")
}

// onThisMachine tells whether an address of PostgreSQL names a socket or the
// machine itself.
func onThisMachine(dsn string) bool {
	hosts, err := sqldb.Hosts(dsn)
	return err == nil && slices.ContainsFunc(hosts, privacyd.LocalHost)
}

func within(dir, folder string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(folder, abs)
	return err == nil && filepath.IsLocal(rel)
}

func sameDisk(a, b string) bool {
	one, two := device(a), device(b)
	return one != 0 && one == two
}

// device is the number of the disk that a folder lies on; 0: it is not there.
func device(dir string) uint64 {
	info, err := os.Stat(dir)
	if err != nil {
		return 0
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(stat.Dev) //nolint:unconvert // its type differs between systems
}

// examineRoom finds the disk with the least room among those that are written
// to.
func examineRoom(f *folder, cfg config) privacyd.Check {
	const name = "disk"
	least, where := int64(-1), ""
	for what, address := range map[string]string{"data folder": f.dir, "ledger": cfg.Ledger, "key store": cfg.Keys.Store, "blobs": cfg.Blobs.Exports} {
		dir, local := bucket.Folder(address)
		if !local {
			continue
		}
		var stat syscall.Statfs_t
		if syscall.Statfs(dir, &stat) != nil {
			continue
		}
		if free := int64(stat.Bavail) * int64(stat.Bsize); least < 0 || free < least || free == least && what < where { //nolint:gosec,unconvert // no disk is that large
			least, where = free, what
		}
	}
	text := fmt.Sprintf("The disk of the %s has %d MiB left.", where, least>>20)
	const remedy = "Make room. Exports need as much as they hold, and erasures need room to be written down."
	switch {
	case least < 0:
		return privacyd.OK(name, "Nothing is kept on this machine's disks.")
	case least < roomSerious:
		return privacyd.Problem(name, text, remedy)
	case least < roomNoticed:
		return privacyd.Warning(name, text, remedy)
	}
	return privacyd.OK(name, text)
}
