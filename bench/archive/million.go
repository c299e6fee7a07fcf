package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/privacyd/privacyd/archive"
)

const attachments = 1_000_000

// million writes an archive of a million small attachments, each with a record
// that names it.
func million() error {
	f, err := os.CreateTemp("", "archivebench-*.zip")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	begun, high := time.Now(), peak()
	w := archive.NewWriter(f, archive.Options{Spool: newFileSpool})
	defer w.Abort()
	c, err := w.Collection("attachments", []archive.FieldInfo{{Name: "id", Key: true}, {Name: "path", Encoding: archive.EncodingArchivePath}})
	if err != nil {
		return err
	}
	for i := range attachments {
		path, _, _, err := w.Attachment(context.Background(), fmt.Sprintf("note %d.txt", i), begun, strings.NewReader(fmt.Sprintf("attachment %d", i)))
		if err != nil {
			return err
		}
		if err := c.Record(fmt.Appendf(nil, `{"id":%d,"path":%q}`, i, path)); err != nil {
			return err
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	summary, err := w.Close(archive.Info{Product: "archivebench"})
	if err != nil {
		return err
	}
	fmt.Printf("write     %d attachments, %d MB in %.1f s, heap at most %d MiB\n",
		summary.Files, summary.Bytes/1e6, time.Since(begun).Seconds(), high()>>20)
	if err := verify(f); err != nil {
		return err
	}
	return others(f.Name())
}

// wide writes an entry that does not fit 32 bits and lets other programs read it.
func wide() error {
	f, err := os.CreateTemp("", "archivebench-*.zip")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	begun, high := time.Now(), peak()
	w := archive.NewWriter(f, archive.Options{Spool: newFileSpool})
	defer w.Abort()
	_, _, size, err := w.Attachment(context.Background(), "zeros", begun, &zeros{left: 4<<30 + 5})
	if err != nil {
		return err
	}
	if _, err := w.Close(archive.Info{Product: "archivebench"}); err != nil {
		return err
	}
	fmt.Printf("write     %d MB in %.1f s, heap at most %d MiB\n", size/1e6, time.Since(begun).Seconds(), high()>>20)
	if err := verify(f); err != nil {
		return err
	}
	return others(f.Name())
}

// others lets programs that are on the machine test the archive.
func others(name string) error {
	for _, command := range [][]string{{"unzip", "-tqq", name}, {"python3", "-m", "zipfile", "-t", name}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			fmt.Printf("%-9s not on this machine\n", command[0])
			continue
		}
		begun := time.Now()
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command[0], err, out)
		}
		fmt.Printf("%-9s reads it, in %.1f s\n", command[0], time.Since(begun).Seconds())
	}
	return nil
}

type zeros struct{ left int64 }

// Read implements io.Reader.
func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}
