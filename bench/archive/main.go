// Command archivebench measures package archive: the speed and size of each
// compression level, the memory that a million attachments take, and an entry
// of more than 4 GiB that other programs must be able to read.
//
//	go run ./bench/archive speed TURNS.jsonl.gz   (the file of the SGD dialogues)
//	go run ./bench/archive million
//	go run ./bench/archive wide
//
// It must never be imported. Each measurement has a file of its own.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/privacyd/privacyd/archive"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "archivebench:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "speed":
		return speed(arguments[1])
	case len(arguments) == 1 && arguments[0] == "million":
		return million()
	case len(arguments) == 1 && arguments[0] == "wide":
		return wide()
	default:
		return fmt.Errorf("say speed FILE, million or wide")
	}
}

// fileSpool is a temporary file without a name.
type fileSpool struct{ *os.File }

func newFileSpool() (archive.Spool, error) {
	f, err := os.CreateTemp("", "archivebench")
	if err != nil {
		return nil, err
	}
	return fileSpool{f}, os.Remove(f.Name())
}

func (s fileSpool) Rewind() (io.Reader, error) {
	_, err := s.Seek(0, io.SeekStart)
	return s.File, err
}

// peak watches the heap until the returned function tells its highest size.
func peak() func() uint64 {
	var highest atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			highest.Store(max(highest.Load(), m.HeapInuse+m.StackInuse))
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return highest.Load()
	}
}

// verify checks a finished archive and says how fast and in how much memory.
func verify(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	begun, high := time.Now(), peak()
	report, err := archive.Verify(context.Background(), f, size, nil)
	if err != nil {
		return err
	}
	if !report.OK {
		return fmt.Errorf("the archive is not sound: %+v", report.Problems)
	}
	fmt.Printf("verify    %d files, %d records in %.1f s, heap at most %d MiB\n",
		report.Files, report.Records, time.Since(begun).Seconds(), high()>>20)
	return nil
}
