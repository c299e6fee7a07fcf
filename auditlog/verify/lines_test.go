package verify

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll reads a text in lines; those that are too long are "(long)".
func readAll(t *testing.T, r io.Reader, most int) []string {
	t.Helper()
	var out []string
	l := newLineReader(r, most)
	for {
		c, err := l.read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.first != int64(len(out)+1) || len(c.lines) == 0 || len(c.lines) > chunkLines {
			t.Fatalf("a chunk of %d lines begins at %d after %d", len(c.lines), c.first, len(out))
		}
		for _, line := range c.lines {
			if line == nil {
				out = append(out, "(long)")
			} else {
				out = append(out, string(line))
			}
		}
		c.release()
	}
}

func TestLineReader(t *testing.T) {
	const most = 600_000
	random := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		var text bytes.Buffer
		var want []string
		for range random.IntN(40) {
			line := strings.Repeat("x", []int{0, 1, 100, 70_000, chunkSize, most, most + 1, 3 * most}[random.IntN(8)])
			text.WriteString(line + "\n")
			if len(line) > most {
				line = "(long)"
			}
			want = append(want, line)
		}
		if random.IntN(2) == 0 {
			text.WriteString("end")
			want = append(want, "end")
		}
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(text.Bytes()), "halves": iotest.HalfReader(bytes.NewReader(text.Bytes())),
			"with its end": iotest.DataErrReader(bytes.NewReader(text.Bytes())),
		} {
			got := readAll(t, r, most)
			if len(got) != len(want) {
				t.Fatalf("%s: %d lines, want %d", name, len(got), len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s: line %d has %d bytes, want %d", name, i+1, len(got[i]), len(want[i]))
				}
			}
		}
	}
	if got := readAll(t, strings.NewReader(strings.Repeat("\n", 100_000)), most); len(got) != 100_000 {
		t.Errorf("%d empty lines", len(got))
	}
}

// endless is a line that has no end, or only a late one.
type endless struct{ left int64 }

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), e.left)
	clear(b[:n])
	e.left -= n
	return int(n), nil
}

// TestEndlessLine reads a line of ten gigabytes in the memory of one that may
// be.
func TestEndlessLine(t *testing.T) {
	l := newLineReader(&endless{10 << 30}, 1<<20)
	c, err := l.read()
	if err != nil || len(c.lines) != 1 || c.lines[0] != nil || cap(c.text) > 4<<20 {
		t.Errorf("%d lines in %d bytes, %v", len(c.lines), cap(c.text), err)
	}
}
