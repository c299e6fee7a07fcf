package archive

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// edges draws numbers around those at which ZIP needs 64 bits.
func edges() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, math.MaxUint32+10), rapid.Int64Range(math.MaxUint32-2, math.MaxUint32+2), rapid.Int64Range(0, 1<<50))
}

func TestDirectoryRecordsComeBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := header{
			name: rapid.String().Draw(r, "name"), modified: rapid.Int64Range(0, math.MaxInt32).Draw(r, "modified"),
			streamed: rapid.Bool().Draw(r, "streamed"), method: methodDeflate, crc: rapid.Uint32().Draw(r, "crc"),
			packed: edges().Draw(r, "packed"), plain: edges().Draw(r, "plain"), offset: edges().Draw(r, "offset"),
		}
		raw := want.appendCentral(nil)
		got, n, err := readCentral(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil || n != int64(len(raw)) || got.header != want || !got.exact {
			t.Fatalf("%+v came back as %+v, %d of %d bytes, %v", want, got, n, len(raw), err)
		}
	})
}

func TestSpooledEntriesComeBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := listed{
			header: header{
				name: rapid.String().Draw(r, "name"), modified: rapid.Int64().Draw(r, "modified"),
				streamed: rapid.Bool().Draw(r, "streamed"), crc: rapid.Uint32().Draw(r, "crc"),
				packed: edges().Draw(r, "packed"), plain: edges().Draw(r, "plain"), offset: edges().Draw(r, "offset"),
			},
			records: rapid.Int64Range(-1, 1<<40).Draw(r, "records"), original: rapid.String().Draw(r, "original"),
			incomplete: rapid.Bool().Draw(r, "incomplete"),
		}
		if got, err := parseListed(want.append(nil)); err != nil || got != want {
			t.Fatalf("%+v came back as %+v, %v", want, got, err)
		}
	})
}

// sparse is a file of zeros with something at its end.
type sparse struct {
	end []byte
	at  int64
}

func (s sparse) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	for i := range p {
		if n := at + int64(i) - s.at; n >= int64(len(s.end)) {
			return i, io.EOF
		} else if n >= 0 {
			p[i] = s.end[n]
		}
	}
	return len(p), nil
}

func TestEndsOfWideArchives(t *testing.T) {
	comment := commentPrefix + strings.Repeat("0", 64)
	tests := map[string]struct{ entries, start, size int64 }{
		"small":             {3, 1000, 3 * centralSize},
		"65534 entries":     {65534, 1000, 65534 * centralSize},
		"65535 entries":     {65535, 1000, 65535 * centralSize},
		"a million entries": {1e6, 1000, 1e6 * 100},
		"4 GiB less one":    {2, math.MaxUint32 - 1, 2 * centralSize},
		"4 GiB":             {2, math.MaxUint32, 2 * centralSize},
		"a terabyte":        {2, 1 << 40, 2 * centralSize},
		"a wide directory":  {20_000_000, 1000, 5 << 30},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			end := appendEnd(nil, test.entries, test.start, test.size, comment)
			at := test.start + test.size
			d, err := findDirectory(sparse{end, at}, at+int64(len(end)))
			if err != nil || d.entries != test.entries || d.start != test.start || d.size != test.size || d.comment != comment {
				t.Errorf("got %+v, %v", d, err)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	tests := map[string]struct {
		at         time.Time
		date, time uint16
	}{
		"noon":         {time.Date(2026, 3, 4, 12, 0, 1, 0, time.UTC), 46<<9 | 3<<5 | 4, 12 << 11},
		"another zone": {time.Date(2026, 3, 4, 13, 0, 0, 0, time.FixedZone("", 3600)), 46<<9 | 3<<5 | 4, 12 << 11},
		"too early":    {time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), 1<<5 | 1, 0},
		"too late":     {time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), 127<<9 | 12<<5 | 31, 23<<11 | 59<<5 | 29},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if d, c := dosDate(test.at.Unix()), dosTime(test.at.Unix()); d != test.date || c != test.time {
				t.Errorf("date %x time %x, want %x %x", d, c, test.date, test.time)
			}
		})
	}
}
