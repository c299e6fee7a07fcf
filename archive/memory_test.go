package archive_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/archive"
)

// fileSpools makes spools of files in the test's folder.
func fileSpools(t testing.TB) func() (archive.Spool, error) {
	folder := t.TempDir()
	return func() (archive.Spool, error) {
		f, err := os.CreateTemp(folder, "spool")
		return fileSpool{f}, err
	}
}

type fileSpool struct{ *os.File }

func (s fileSpool) Rewind() (io.Reader, error) {
	_, err := s.Seek(0, io.SeekStart)
	return s.File, err
}

// What waits for the manifest and the directory waits on disk. The program
// bench/archive does the same with a million.
func TestMemoryDoesNotGrowWithAttachments(t *testing.T) {
	const attachments = 200_000
	w := archive.NewWriter(io.Discard, archive.Options{Spool: fileSpools(t), Workers: 2})
	defer w.Abort()
	highest := uint64(0)
	for i := range attachments {
		_, _, _, err := w.Attachment(context.Background(), fmt.Sprintf("note %d.txt", i), noon, strings.NewReader("short"))
		must(t, err)
		if i%20_000 == 0 {
			highest = max(highest, heap())
		}
	}
	_, err := w.Close(info())
	must(t, err)
	if highest = max(highest, heap()); highest > 24<<20 {
		t.Errorf("the heap grew to %d MiB", highest>>20)
	}
}

// heap is what is alive, after what is not is gone.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
