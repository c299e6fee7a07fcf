package vault

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/privacyd/privacyd"
)

func openSpool(t *testing.T) *Spool {
	t.Helper()
	s, err := NewSpool(t.TempDir())()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func readSpool(t *testing.T, s *Spool) []byte {
	t.Helper()
	r, err := s.Rewind()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSpool(t *testing.T) {
	for _, n := range []int{0, 1, frameSize - 1, frameSize, frameSize + 1, 5*frameSize + 7} {
		s := openSpool(t)
		want := pattern(n)
		if got, err := s.Write(want); got != n || err != nil {
			t.Fatal(got, err)
		}
		for range 3 {
			if !bytes.Equal(readSpool(t, s), want) {
				t.Errorf("%d bytes came back different", n)
			}
		}
	}
}

// TestSpoolGrows writes on after reading; older readers see what was there.
func TestSpoolGrows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, err := NewSpool("")()
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		var all []byte
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			piece := pattern(rapid.IntRange(0, 2*frameSize).Draw(rt, "size"))
			all = append(all, piece...)
			if _, err := s.Write(piece); err != nil {
				rt.Fatal(err)
			}
			old, err := s.Rewind()
			if err != nil {
				rt.Fatal(err)
			}
			if _, err := s.Write([]byte("later")); err != nil {
				rt.Fatal(err)
			}
			if err := iotest.TestReader(onlyReader{old}, all); err != nil {
				rt.Fatal(err)
			}
			all = append(all, "later"...)
		}
	})
}

type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

func TestSpoolLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s, err := NewSpool(dir)()
	if err != nil {
		t.Fatal(err)
	}
	secret := bytes.Repeat([]byte("secret "), frameSize)
	if _, err := s.Write(secret); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("the file has a name: %v, %v", entries, err)
	}
	onDisk := make([]byte, s.end)
	if _, err := s.file.ReadAt(onDisk, 0); err != nil || bytes.Contains(onDisk, []byte("secret ")) {
		t.Errorf("the plaintext is on the disk (%v)", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("writing after Close: %v", err)
	}
	if _, err := s.Rewind(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("reading after Close: %v", err)
	}
}

func TestSpoolTampered(t *testing.T) {
	const frame = 4 + frameSize + tagSize
	for name, spoil := range map[string]func(s *Spool) error{
		"byte":    func(s *Spool) error { return flipAt(s.file, 100) },
		"tag":     func(s *Spool) error { return flipAt(s.file, frame-1) },
		"length":  func(s *Spool) error { return flipAt(s.file, 3) },
		"huge":    func(s *Spool) error { return flipAt(s.file, 0) },
		"cut":     func(s *Spool) error { return s.file.Truncate(s.end - 1) },
		"shorter": func(s *Spool) error { return s.file.Truncate(frame) },
		"swapped": func(s *Spool) error {
			b := make([]byte, frame)
			if _, err := s.file.ReadAt(b, frame); err != nil {
				return err
			}
			_, err := s.file.WriteAt(b, 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSpool(t)
			if _, err := s.Write(pattern(2 * frameSize)); err != nil {
				t.Fatal(err)
			}
			if err := spoil(s); err != nil {
				t.Fatal(err)
			}
			r, err := s.Rewind()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(r); !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v, want ErrDamaged", err)
			}
		})
	}
}

func flipAt(f *os.File, off int64) error {
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, off); err != nil {
		return err
	}
	b[0] ^= 0x40
	_, err := f.WriteAt(b, off)
	return err
}

func TestSpoolDiskFull(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSpool(f)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Write(pattern(frameSize)); privacyd.CodeOf(err) != "disk_full" {
		t.Errorf("writing on a full disk: %v", err)
	}
	if _, err := s.Rewind(); privacyd.CodeOf(err) != "disk_full" {
		t.Errorf("reading after it: %v", err)
	}
}

func BenchmarkSpool(b *testing.B) {
	s, err := NewSpool(b.TempDir())()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	p := make([]byte, 32<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, err := s.Write(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncrypt(b *testing.B) {
	w, err := newChunkWriter(make([]byte, 32), make([]byte, saltSize), "", io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 32<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, err := w.Write(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	var out bytes.Buffer
	w, err := newChunkWriter(make([]byte, 32), make([]byte, saltSize), "", &out)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = w.Write(make([]byte, 16<<20))
	_ = w.Close()
	r, err := newSealedReader(newBuffers(), make([]byte, 32), "", bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(r.Size())
	p := make([]byte, 256<<10)
	for b.Loop() {
		if _, err := io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{io.NewSectionReader(r, 0, r.Size())}, p); err != nil {
			b.Fatal(err)
		}
	}
}
