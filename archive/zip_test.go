package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/archive"
)

// Sizes around the block of the compressor, and many blocks.
var sizes = []int{0, 1, 7 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2 << 20, 5<<20 + 13}

// large is an archive whose entries cross every path of the writer.
func large(t testing.TB) (data []byte, sums map[string]string) {
	t.Helper()
	var out bytes.Buffer
	w := archive.NewWriter(&out, archive.Options{Modified: noon, Workers: 3})
	defer w.Abort()
	sums = map[string]string{}
	for _, size := range sizes {
		for _, opaque := range []bool{false, true} {
			content, sum := big(size, opaque)
			path, got, n, err := w.Attachment(context.Background(), fmt.Sprintf("%d %v.bin", size, opaque), noon, bytes.NewReader(content))
			must(t, err)
			if got != sum || n != int64(size) {
				t.Errorf("%s: %d bytes with sum %s, want %d with %s", path, n, got, size, sum)
			}
			sums[path] = sum
		}
	}
	_, err := w.Close(info())
	must(t, err)
	return out.Bytes(), sums
}

func TestGoReadsIt(t *testing.T) {
	data, sums := large(t)
	sound(t, data)
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	for _, f := range r.File {
		in, err := f.Open()
		must(t, err)
		sum := sha256.New()
		if _, err := io.Copy(sum, in); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if want, ok := sums[f.Name]; ok && hex.EncodeToString(sum.Sum(nil)) != want {
			t.Errorf("%s: other content", f.Name)
		}
		if !f.Modified.Equal(noon) || f.Mode() != 0o644 {
			t.Errorf("%s: modified %v, mode %v", f.Name, f.Modified, f.Mode())
		}
	}
	if len(r.File) != len(sums)+2 {
		t.Errorf("%d entries for %d attachments", len(r.File), len(sums))
	}
}

func TestOtherProgramsReadIt(t *testing.T) {
	data, _ := large(t)
	file := filepath.Join(t.TempDir(), "export.zip")
	must(t, os.WriteFile(file, data, 0o600))
	for _, command := range []string{
		"unzip -tqq export.zip",
		"python3 -m zipfile -t export.zip",
		"bsdtar -tf export.zip",
		"7z t export.zip",
		"jar tf export.zip",
	} {
		t.Run(command, func(t *testing.T) { run(t, filepath.Dir(file), command) })
	}
}

// run runs a command line, if the machine has the program.
func run(t *testing.T, folder, line string) string {
	t.Helper()
	words := strings.Fields(line)
	program, err := exec.LookPath(words[0])
	if errors.Is(err, exec.ErrNotFound) {
		t.Logf("this machine has no %s", words[0])
		return ""
	}
	must(t, err)
	command := exec.Command(program, words[1:]...)
	command.Dir = folder
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}
