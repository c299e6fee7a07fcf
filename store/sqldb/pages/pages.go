// Package pages reads and writes the encrypted pages of an SQLite file and of
// its write-ahead log faster. It is the file system "xts" of ncruces/go-sqlite3,
// whose format it keeps, but for one thing: that one asks the operating system
// for each 512 bytes of a page by itself, this one for the page.
//
// It must never keep a page (what SQLite reads is what the file holds now) and
// never encrypt by itself: golang.org/x/crypto does, and what it encrypted is
// decrypted by crypto/aes (decrypt.go). Open pages.go first, then log.go.
package pages

import (
	"crypto/aes"
	"encoding/hex"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
	ncruces "github.com/ncruces/go-sqlite3/vfs/xts"
	"golang.org/x/crypto/xts"
)

// Name is the file system's, for vfs= in a database's address.
const Name = "privacyd-xts"

const sector = 512 // of the format: each has its own tweak

// Register makes the file system known to SQLite.
func Register() {
	vfs.Register(Name, &system{ncruces.Wrap(vfs.Find(""), nil)})
}

type system struct{ vfs.VFS }

// Open implements vfs.VFS.
func (s *system) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	return s.VFS.Open(name, flags)
}

// OpenFilename implements vfs.VFSFilename.
func (s *system) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(s.VFS, name, flags)
	if err != nil || flags&(vfs.OPEN_MAIN_DB|vfs.OPEN_WAL) == 0 {
		return f, flags, err
	}
	sealed, ok := f.(vfs.FileUnwrap)
	if !ok {
		return f, flags, nil
	}
	own := &file{File: f, base: sealed.Unwrap()}
	if flags&vfs.OPEN_MAIN_DB != 0 {
		return own, flags, nil
	}
	main, ok := vfsutil.UnwrapFile[*file](name.DatabaseFile())
	if !ok {
		return f, flags, nil
	}
	own.cipher, own.opener = main.cipher, main.opener
	return &log{file: own}, flags, nil
}

// file is a database's main file.
type file struct {
	vfs.File             // the encrypted one, for all but pages
	base     vfs.File    // what it is written to
	cipher   *xts.Cipher // nil: the key is not known yet
	opener   *opener     // of the same key
	buffer   []byte      // what is read or written, encrypted
}

// sectors gives room for the sectors that so many bytes at an offset lie in,
// and where they begin.
func (f *file) sectors(size int, off int64) (room []byte, from int64) {
	from = off &^ (sector - 1)
	to := (off + int64(size) + sector - 1) &^ (sector - 1)
	if int64(cap(f.buffer)) < to-from {
		f.buffer = make([]byte, to-from)
	}
	return f.buffer[:to-from], from
}

func (f *file) decrypt(sectors []byte, at int64) {
	if len(sectors) > 0 {
		f.opener.open(sectors, uint64(at)/sector) //nolint:gosec // an offset in a file is not negative
	}
}

func (f *file) encrypt(sectors []byte, at int64) {
	for i := 0; i < len(sectors); i += sector {
		s := sectors[i : i+sector]
		f.cipher.Encrypt(s, s, uint64(at+int64(i))/sector) //nolint:gosec // an offset in a file is not negative
	}
}

// ReadAt implements io.ReaderAt: a page is read at once, anything less as the
// encrypted file does.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if f.cipher == nil || len(p) <= sector {
		return f.File.ReadAt(p, off)
	}
	room, from := f.sectors(len(p), off)
	n, err := f.base.ReadAt(room, from)
	n -= n % sector
	f.decrypt(room[:n], from)
	read := copy(p, room[min(off-from, int64(n)):n])
	if read == len(p) {
		err = nil
	}
	return read, err
}

// WriteAt implements io.WriterAt: whole sectors are written at once, anything
// else as the encrypted file does.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if f.cipher == nil || len(p)%sector != 0 || off%sector != 0 {
		return f.File.WriteAt(p, off)
	}
	room, _ := f.sectors(len(p), off)
	copy(room, p) // what SQLite keeps must stay as it is
	f.encrypt(room, off)
	return f.base.WriteAt(room, off)
}

// Pragma implements vfs.FilePragma: the key comes so.
func (f *file) Pragma(name, value string) (string, error) {
	out, err := vfsutil.WrapPragma(f.File, name, value)
	if name == "hexkey" && err == nil {
		f.cipher = nil
		if key, wrong := hex.DecodeString(value); wrong == nil {
			f.cipher, f.opener, err = ciphers(key)
		}
	}
	return out, err
}

func ciphers(key []byte) (*xts.Cipher, *opener, error) {
	c, err := xts.NewCipher(aes.NewCipher, key)
	if err != nil {
		return nil, nil, err
	}
	o, err := newOpener(key)
	if err != nil {
		return nil, nil, err
	}
	return c, o, nil
}

// Unwrap implements vfs.FileUnwrap: the write-ahead log finds its key so.
func (f *file) Unwrap() vfs.File { return f.File }

// SharedMemory implements vfs.FileSharedMemory.
func (f *file) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }

// LockState implements vfs.FileLockState.
func (f *file) LockState() vfs.LockLevel { return vfsutil.WrapLockState(f.File) }

// PowersafeOverwrite implements vfs.FilePowersafeOverwrite.
func (f *file) PowersafeOverwrite() bool { return vfsutil.WrapPowersafeOverwrite(f.File) }

// SetPowersafeOverwrite implements vfs.FilePowersafeOverwrite.
func (f *file) SetPowersafeOverwrite(on bool) { vfsutil.WrapSetPowersafeOverwrite(f.File, on) }

// ChunkSize implements vfs.FileChunkSize.
func (f *file) ChunkSize(size int) { vfsutil.WrapChunkSize(f.File, size) }

// SizeHint implements vfs.FileSizeHint.
func (f *file) SizeHint(size int64) error { return vfsutil.WrapSizeHint(f.File, size) }

// HasMoved implements vfs.FileHasMoved.
func (f *file) HasMoved() (bool, error) { return vfsutil.WrapHasMoved(f.File) }

// Overwrite implements vfs.FileOverwrite.
func (f *file) Overwrite() error { return vfsutil.WrapOverwrite(f.File) }

// SyncSuper implements vfs.FileSync.
func (f *file) SyncSuper(super string) error { return vfsutil.WrapSyncSuper(f.File, super) }

// CommitPhaseTwo implements vfs.FileCommitPhaseTwo.
func (f *file) CommitPhaseTwo() error { return vfsutil.WrapCommitPhaseTwo(f.File) }

// BeginAtomicWrite implements vfs.FileBatchAtomicWrite.
func (f *file) BeginAtomicWrite() error { return vfsutil.WrapBeginAtomicWrite(f.File) }

// CommitAtomicWrite implements vfs.FileBatchAtomicWrite.
func (f *file) CommitAtomicWrite() error { return vfsutil.WrapCommitAtomicWrite(f.File) }

// RollbackAtomicWrite implements vfs.FileBatchAtomicWrite.
func (f *file) RollbackAtomicWrite() error { return vfsutil.WrapRollbackAtomicWrite(f.File) }

// CheckpointStart implements vfs.FileCheckpoint.
func (f *file) CheckpointStart() { vfsutil.WrapCheckpointStart(f.File) }

// CheckpointDone implements vfs.FileCheckpoint.
func (f *file) CheckpointDone() { vfsutil.WrapCheckpointDone(f.File) }

// BusyHandler implements vfs.FileBusyHandler.
func (f *file) BusyHandler(handler func() bool) { vfsutil.WrapBusyHandler(f.File, handler) }
