package verify_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

// shelf is a folder of tiles that can be tampered with.
type shelf struct {
	t   *testing.T
	dir string
}

func (s shelf) path(part string) string { return filepath.Join(s.dir, filepath.FromSlash(part)) }

func (s shelf) read(part string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(s.path(part))
	must(s.t, err)
	return b
}

func (s shelf) write(part string, b []byte) { must(s.t, os.WriteFile(s.path(part), b, 0o600)) }
func (s shelf) remove(part string)          { must(s.t, os.RemoveAll(s.path(part))) }

// leaves changes the leaves of a bundle.
func (s shelf) leaves(part string, change func(leaves [][]byte) [][]byte) {
	s.t.Helper()
	part = "tile/entries/" + part
	b := s.read(part)
	var leaves [][]byte
	for len(b) > 0 {
		n := 2 + int(binary.BigEndian.Uint16(b))
		leaves, b = append(leaves, b[2:n]), b[n:]
	}
	var out []byte
	for _, l := range change(leaves) {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(l))), l...)
	}
	s.write(part, out)
}

func (s shelf) edit(part string, n int) {
	s.leaves(part, func(l [][]byte) [][]byte {
		l[n] = bytes.Replace(l[n], []byte(outcome), []byte(`"outcome":"denied"`), 1)
		return l
	})
}

// rehash makes the tile of a bundle, and the one above it, those of its leaves.
func (s shelf) rehash(part string, above bool) {
	s.t.Helper()
	var tile []byte
	var of []auditlog.Stored
	s.leaves(part, func(leaves [][]byte) [][]byte {
		for _, l := range leaves {
			h := auditlog.LeafHash(l)
			tile = append(tile, h[:]...)
			of = append(of, auditlog.Stored{Entry: auditlog.Entry{LeafHash: h}})
		}
		return leaves
	})
	s.write("tile/0/"+part, tile)
	if above {
		root, err := tlog.TreeHash(256, hashes(of))
		must(s.t, err)
		b := s.read("tile/1/000.p/2")
		copy(b[32*int(part[2]-'0'):], root[:])
		s.write("tile/1/000.p/2", b)
	}
}

// line changes the n-th line of disclosures of a part.
func (s shelf) line(part string, n int, change func(string) string) {
	lines := strings.SplitAfter(string(s.read("disclosures/"+part)), "\n")
	lines[n] = change(lines[n])
	s.write("disclosures/"+part, []byte(strings.Join(lines, "")))
}

func without(n int) func([][]byte) [][]byte {
	return func(l [][]byte) [][]byte { return append(l[:n:n], l[n+1:]...) }
}

func TestAttackTiles(t *testing.T) {
	b := attacked(t)
	wantFindings(t, checkPath(t, b.tiles(), options()))
	other := shelf{t, attacked(t).tiles()}
	for name, tc := range map[string]struct {
		attack func(s shelf)
		want   []string
	}{
		"edit a leaf":              {func(s shelf) { s.edit("000", 5) }, []string{"changed 5-5"}},
		"edit the last leaf":       {func(s shelf) { s.edit("002.p/89", 88) }, []string{"changed 600-600"}},
		"edit a leaf and its hash": {func(s shelf) { s.edit("001", 5); s.rehash("001", false) }, []string{"changed 256-511"}},
		"and the tile above":       {func(s shelf) { s.edit("001", 5); s.rehash("001", true) }, []string{"changed 0-299"}},
		"edit a late leaf and all": {func(s shelf) { s.edit("002.p/89", 5); s.rehash("002.p/89", false) }, []string{"changed 300-599"}},
		"edit a hash":              {func(s shelf) { b := s.read("tile/0/001"); b[40] ^= 1; s.write("tile/0/001", b) }, []string{"changed 257-257", "changed 256-511"}},
		"edit a hash above":        {func(s shelf) { b := s.read("tile/1/000.p/2"); b[40] ^= 1; s.write("tile/1/000.p/2", b) }, []string{"malformed 256-511"}},
		"swap two entries":         {func(s shelf) { s.leaves("000", func(l [][]byte) [][]byte { l[5], l[99] = l[99], l[5]; return l }) }, []string{"reordered 5-5", "reordered 99-99"}},
		"swap across bundles": {func(s shelf) {
			a, b := s.leaf("000", 5), s.leaf("001", 7)
			s.leaves("000", func(l [][]byte) [][]byte { l[5] = b; return l })
			s.leaves("001", func(l [][]byte) [][]byte { l[7] = a; return l })
		}, []string{"reordered 5-5", "reordered 263-263"}},
		"swap bundles": {func(s shelf) {
			a, b := s.read("tile/entries/000"), s.read("tile/entries/001")
			s.write("tile/entries/000", b)
			s.write("tile/entries/001", a)
		}, []string{"reordered 256-511", "disclosure_missing 0-255"}},
		"delete one":           {func(s shelf) { s.leaves("000", without(5)) }, []string{"missing 5-5"}},
		"delete with its hash": {func(s shelf) { s.leaves("001", without(5)); s.rehash("001", false) }, []string{"malformed 256-511", "missing 256-511", "added 256-256"}},
		"insert one": {func(s shelf) {
			s.leaves("000", func(l [][]byte) [][]byte { return append([][]byte{[]byte("{}")}, l...) })
		}, []string{"added 0-0"}},
		"delete a bundle":     {func(s shelf) { s.remove("tile/entries/001") }, []string{"missing 256-511"}},
		"delete the last":     {func(s shelf) { s.remove("tile/entries/002.p/89") }, []string{"truncated 512-600"}},
		"delete its tile too": {func(s shelf) { s.remove("tile/entries/002.p/89"); s.remove("tile/0/002.p/89") }, []string{"malformed 512-600", "truncated 512-600"}},
		"delete a tile":       {func(s shelf) { s.remove("tile/0/001") }, []string{"malformed 256-511"}},
		"delete a tile above": {func(s shelf) { s.remove("tile/1/000.p/2") }, []string{"malformed"}},
		"cut a bundle":        {func(s shelf) { b := s.read("tile/entries/001"); s.write("tile/entries/001", b[:len(b)-1]) }, []string{"malformed 256-511", "missing 511-511"}},
		"cut a tile":          {func(s shelf) { b := s.read("tile/0/001"); s.write("tile/0/001", b[:len(b)-1]) }, []string{"malformed 256-511"}},
		"a tile too long":     {func(s shelf) { s.write("tile/0/001", make([]byte, 9000)) }, []string{"malformed 256-511"}},
		"edit a disclosure": {func(s shelf) {
			s.line("000", 7, func(l string) string { return strings.Replace(l, l[40:44], "AAAA", 1) })
		}, []string{"disclosure_altered 7-7"}},
		"drop a disclosure": {func(s shelf) {
			s.line("000", 7, func(l string) string { return l[:strings.LastIndex(l, ",")] + "]}\n" })
		}, []string{"disclosure_missing 7-7"}},
		"drop them all":      {func(s shelf) { s.line("001", 7, func(string) string { return "" }) }, []string{"disclosure_missing 263-263"}},
		"drop those of many": {func(s shelf) { s.remove("disclosures/001") }, []string{"disclosure_missing 256-511"}},
		"twice":              {func(s shelf) { s.line("001", 7, func(l string) string { return l + l }) }, []string{"malformed 256-511"}},
		"of another bundle": {func(s shelf) {
			s.line("001", 7, func(l string) string { return l + strings.Replace(l, "263", "5", 1) })
		}, []string{"malformed 256-511"}},
		"a line of nonsense":    {func(s shelf) { s.line("001", 7, func(l string) string { return l + "{}\n" }) }, []string{"malformed 256-511"}},
		"another's leaves":      {func(s shelf) { s.write("tile/entries/000", other.read("tile/entries/000")) }, []string{"changed 0-255"}},
		"older that is nothing": {func(s shelf) { s.write(auditlog.PartOlder, []byte("{}\nx\n")) }, []string{"malformed", "malformed"}},
		"older that is missing": {func(s shelf) { s.remove(auditlog.PartOlder) }, nil},
		"the whole tile beside": {func(s shelf) {
			s.widen("tile/0/002", 89)
			s.widen("tile/entries/002", 89)
			s.widen("disclosures/002", 89)
		}, []string{"added 601-601"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, b.tiles()}
			tc.attack(s)
			wantFindings(t, checkPath(t, s.dir, options()), tc.want...)
		})
	}
}

func (s shelf) leaf(part string, n int) (leaf []byte) {
	s.leaves(part, func(l [][]byte) [][]byte {
		leaf = bytes.Clone(l[n])
		return l
	})
	return leaf
}

// widen moves a partial tile to where the whole one would be.
func (s shelf) widen(part string, width int) {
	b := s.read(part + ".p/89")
	s.remove(part + ".p")
	s.write(part, append(b, make([]byte, 0)...))
}

// TestClaims has checkpoints, signed or not, claim sizes that nothing is there
// for.
func TestClaims(t *testing.T) {
	b := attacked(t)
	for _, size := range []int64{1 << 20, 1 << 40, 1 << 60, 1<<63 - 1} {
		code := verify.Truncated
		if size > 1<<60 {
			code = verify.Malformed
		}
		claim := *b.last().head
		claim.Size = size
		for name, key := range map[string]byte{"signed": 1, "unsigned": 2} {
			note := signed(t, keyOf(key), claim.Origin, &claim, 0)
			s := shelf{t, b.tiles()}
			s.write("checkpoint", []byte(note))
			if r := checkPath(t, s.dir, options()); !r.Has(code) {
				t.Errorf("%s: %d: found %q", name, size, findings(r))
			}
			text := proofOf(t, b, 5)
			text = append(text[:bytes.Index(text, []byte("\n\n"))+2], note...)
			if r := checkProof(t, text, options()); r.OK() {
				t.Errorf("%s: %d: a proof is called good", name, size)
			}
			p := opened(t, b.json())
			p.header(func(h *auditlog.ExportHeader) { h.Epochs[0].Checkpoint = note })
			if r := checkJSON(t, p.bytes(), options()); !r.Has(code) {
				t.Errorf("%s: %d: found %q", name, size, findings(r))
			}
		}
	}
}

// TestFolders keeps verification inside of its folder.
func TestFolders(t *testing.T) {
	b := attacked(t)
	for name, tc := range map[string]struct {
		attack func(s shelf)
		want   error
	}{
		"no checkpoint": {func(s shelf) { s.remove("checkpoint") }, verify.ErrUnknown},
		"a link out": {func(s shelf) {
			outside := filepath.Join(t.TempDir(), "000")
			must(t, os.WriteFile(outside, s.read("tile/entries/000"), 0o600))
			s.remove("tile/entries/000")
			must(t, os.Symlink(outside, s.path("tile/entries/000")))
		}, nil},
		"a linked folder": {func(s shelf) {
			outside := t.TempDir()
			must(t, os.Rename(s.path("tile"), filepath.Join(outside, "tile")))
			must(t, os.Symlink(filepath.Join(outside, "tile"), s.path("tile")))
		}, nil},
		"a link upwards": {func(s shelf) {
			s.remove("tile/0/000")
			must(t, os.Symlink("../../../../../../etc/passwd", s.path("tile/0/000")))
		}, nil},
		"a pipe":          {func(s shelf) { s.remove("tile/0/000"); must(t, syscall.Mkfifo(s.path("tile/0/000"), 0o600)) }, os.ErrInvalid},
		"a folder":        {func(s shelf) { s.remove("tile/0/000"); must(t, os.Mkdir(s.path("tile/0/000"), 0o700)) }, os.ErrInvalid},
		"an endless file": {func(s shelf) { must(t, os.Truncate(s.path("checkpoint"), 1<<40)) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, b.tiles()}
			tc.attack(s)
			_, err := verify.Path(t.Context(), s.dir, options())
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
	s := shelf{t, b.tiles()}
	must(t, os.Truncate(s.path("disclosures/000"), 1<<40))
	must(t, os.Truncate(s.path("tile/entries/001"), 1<<40))
	must(t, os.Truncate(s.path(auditlog.PartOlder), 1<<40))
	wantFindings(t, checkPath(t, s.dir, options()), "malformed", "malformed 0-255", "missing 256-511", "disclosure_missing 0-255")
	if _, err := verify.Path(t.Context(), filepath.Join(s.dir, "none"), options()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := verify.Path(t.Context(), os.DevNull, options()); !errors.Is(err, verify.ErrUnknown) {
		t.Errorf("a device: %v", err)
	}
}
