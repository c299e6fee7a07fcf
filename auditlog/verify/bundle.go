package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

// bundleJob is 256 entries to be looked at.
type bundleJob struct {
	epoch int
	n     int64
	width int
	root  *tlog.Hash // of their subtree, as the tile above has it
}

// bundleDone is what came of it.
type bundleDone struct {
	bundleJob
	hashes  []tlog.Hash
	entries []entry
	wrong   []Finding
	err     error
}

func (t *tilesRun) bundles(ctx context.Context, e *epoch, upper *upperTiles) iter.Seq2[bundleJob, error] {
	return func(yield func(bundleJob, error) bool) {
		for n := int64(0); n*blockSize < e.head.size; n++ {
			j := bundleJob{epoch: e.number, n: n, width: int(min(blockSize, e.head.size-n*blockSize))}
			var err error
			if j.width == blockSize {
				j.root, err = upper.root(ctx, n)
			}
			if !yield(j, err) || err != nil {
				return
			}
		}
	}
}

func (t *tilesRun) takeBundle(e *epoch, d *bundleDone) {
	for _, f := range d.wrong {
		t.r.add(f)
	}
	from := d.n * blockSize
	if d.hashes != nil {
		e.hashes(from, d.hashes, d.root)
	}
	for _, x := range d.entries {
		e.entry(x)
	}
	t.progress()
}

func (d *bundleDone) note(code Code, detail string) {
	from := d.n * blockSize
	d.wrong = append(d.wrong, Finding{Code: code, Epoch: d.epoch, From: from, To: from + int64(d.width) - 1, Detail: detail})
}

func (t *tilesRun) bundle(ctx context.Context, c *lineParser, j bundleJob) bundleDone {
	d := bundleDone{bundleJob: j}
	part := auditlog.Part{Epoch: j.epoch, N: j.n, Width: j.width}
	var leaves [][]byte
	if d.hashes, d.err = t.hashes(ctx, part, &d, c.parts); d.err != nil {
		return d
	}
	if leaves, d.err = t.leaves(ctx, part, &d, c.parts); d.err != nil {
		return d
	}
	if len(leaves) > 0 {
		d.entries = make([]entry, 0, len(leaves))
	}
	if d.hashes == nil && len(leaves) == j.width { // they can stand for the tile that is not there
		for _, leaf := range leaves {
			d.hashes = append(d.hashes, c.leafHash(leaf))
		}
	}
	given, err := t.disclosures(ctx, part, &d, c.parts)
	if err != nil {
		d.err = err
		return d
	}
	var at map[tlog.Hash]int // made when something is not in its place
	for i, leaf := range leaves {
		h := c.leafHash(leaf)
		if i >= len(d.hashes) || d.hashes[i] != h {
			at = places(at, d.hashes)
			var ok bool
			if i, ok = at[h]; !ok {
				i = blockSize
			}
		}
		d.entries = append(d.entries, c.checkHashed(leaf, h, given[i], nil))
	}
	return d
}

func places(at map[tlog.Hash]int, hashes []tlog.Hash) map[tlog.Hash]int {
	if at != nil {
		return at
	}
	at = map[tlog.Hash]int{}
	for i, h := range hashes {
		at[h] = i
	}
	return at
}

// parts is the memory that the parts of one bundle after the other are read
// into.
type parts struct {
	tile, leaves, lines bytes.Buffer
	bundle              [][]byte
	given               given
	texts               [][]byte // of which so many are used
	used                int
}

// Room for the disclosures of a bundle, most often, and of an entry.
const manyTexts, fewTexts = 12 * blockSize, 32

func (t *tilesRun) hashes(ctx context.Context, part auditlog.Part, d *bundleDone, m *parts) ([]tlog.Hash, error) {
	part.Kind = auditlog.PartTile
	raw, err := t.wideInto(ctx, part, maxTile, &m.tile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.note(Malformed, tileMissing)
	case errors.Is(err, errTooMuch) || err == nil && len(raw)%tlog.HashSize != 0 || err == nil && len(raw) < part.Width*tlog.HashSize:
		d.note(Malformed, tileWrong)
	case err != nil:
		return nil, err
	default:
		return hashesOf(raw[:part.Width*tlog.HashSize]), nil
	}
	return nil, nil
}

func (t *tilesRun) leaves(ctx context.Context, part auditlog.Part, d *bundleDone, m *parts) ([][]byte, error) {
	part.Kind = auditlog.PartEntries
	raw, err := t.readInto(ctx, part, maxBundle, &m.leaves)
	whole := errors.Is(err, fs.ErrNotExist) && part.Width < blockSize
	if whole {
		part.Width = blockSize
		raw, err = t.readInto(ctx, part, maxBundle, &m.leaves)
	}
	if err = absent(err); err != nil || raw == nil {
		return nil, err // what is not there is found missing
	}
	leaves, ok := unbundle(m.bundle[:0], raw)
	m.bundle = leaves
	if !ok {
		d.note(Malformed, bundleBroken)
	}
	if whole {
		leaves = leaves[:min(len(leaves), d.width)]
	}
	return leaves, nil
}

// given is the disclosures of each entry of a bundle; the last are those of
// none.
type given [blockSize + 1][][]byte

// disclosures reads the disclosures of a bundle.
func (t *tilesRun) disclosures(ctx context.Context, part auditlog.Part, d *bundleDone, m *parts) (*given, error) {
	all := &m.given
	clear(all[:])
	m.used = 0
	part.Kind = auditlog.PartDisclosures
	raw, err := t.wideInto(ctx, part, auditlog.MaxDisclosures, &m.lines)
	if errors.Is(err, errTooMuch) {
		d.note(Malformed, tooMuchLines)
	}
	if err != nil {
		return all, absent(err)
	}
	for line := range bytes.Lines(raw) {
		at, of, ok := m.disclosureLine(bytes.TrimSuffix(line, []byte("\n")))
		at -= d.n * blockSize
		switch {
		case !ok || at < 0 || at >= blockSize || all[at] != nil:
			d.note(Malformed, linesBroken)
		case at < int64(d.width):
			all[at] = of
		}
	}
	return all, nil
}

func (m *parts) disclosureLine(line []byte) (index int64, disclosures [][]byte, ok bool) {
	s := scanner{b: line}
	if len(m.texts)-m.used < fewTexts {
		m.texts, m.used = make([][]byte, manyTexts), 0
	}
	disclosures = m.texts[m.used:]
	if s.skip(`{"index":`) && s.number(&index) && s.skip(`,"disclosures":[`) && s.texts(&disclosures) && s.skip(`}`) && s.at == len(line) {
		m.used = min(m.used+len(disclosures), len(m.texts)) // more than there was room for are not in it
		return index, disclosures, true
	}
	var l struct {
		Index       *int64   `json:"index"`
		Disclosures []string `json:"disclosures"`
	}
	if line == nil || json.Unmarshal(line, &l) != nil || l.Index == nil || bytes.IndexByte(line, '{') != 0 {
		return 0, nil, false
	}
	return *l.Index, bytesOf(l.Disclosures), true
}
