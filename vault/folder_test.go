package vault

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestReplaceLocked writes without the lock where the file system knows none,
// and not where it could not be had.
func TestReplaceLocked(t *testing.T) {
	f, err := openFolder(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(t.Context(), "a", []byte("0")); err != nil {
		t.Fatal(err)
	}
	for errno, want := range map[syscall.Errno]bool{
		syscall.ENOSYS: true, syscall.ENOTSUP: true, syscall.ENOLCK: true,
		syscall.EINTR: false, syscall.EIO: false, syscall.EPERM: false,
	} {
		f.lock = func(int, int) error { return errno }
		if err := f.Replace(t.Context(), "a", []byte("1")); (err == nil) != want {
			t.Errorf("%v: %v", errno, err)
		}
	}
}
