package verify

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

const (
	maxBundle = blockSize * (2 + maxLeaf)
	maxTile   = blockSize * tlog.HashSize
	// epochsAhead is how many epochs may be lost one after the other.
	epochsAhead = 4

	tileMissing   = "a tile of hashes is not there"
	tileWrong     = "a tile of hashes has not the size that it should have"
	tileDiffers   = "a tile of hashes is not of the hashes below it"
	bundleBroken  = "a bundle of entries ends in the middle of one"
	linesBroken   = "a line of disclosures cannot be read, or is of no entry of its bundle"
	tooMuchLines  = "there are more bytes of disclosures than a bundle may have"
	olderBroken   = "a line of older checkpoints cannot be read"
	noCheckpoints = "there is no checkpoint"
)

// source is where the parts of a log are read.
type source interface {
	// open opens a part. fs.ErrNotExist: there is none.
	open(ctx context.Context, p auditlog.Part) (io.ReadCloser, error)
}

// tilesRun is the verification of a log laid out in tiles.
type tilesRun struct {
	*run
	from source
	note []byte // the newest checkpoint
}

// verifyTiles verifies a log laid out in tiles, and gives its newest
// checkpoint.
func verifyTiles(ctx context.Context, from source, o Options) (*Report, []byte, error) {
	u, err := newRun(FormTiles, o)
	if err != nil {
		return nil, nil, err
	}
	t := &tilesRun{run: u, from: from}
	notes, err := t.checkpoints(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i := range notes {
		var next *auditlog.Ended
		if i+1 < len(notes) && notes[i+1].epoch == notes[i].epoch+1 {
			if next, err = t.next(ctx, notes[i+1].epoch); err != nil {
				return nil, nil, err
			}
		}
		if err := t.epochOf(ctx, notes[i].epoch, notes[i].note, next); err != nil {
			return nil, nil, err
		}
	}
	return t.finish(), t.note, nil
}

// numbered is the checkpoint of an epoch.
type numbered struct {
	epoch int
	note  []byte
}

// checkpoints reads the newest checkpoint of each epoch. ErrUnknown: there is
// none at all.
func (t *tilesRun) checkpoints(ctx context.Context) ([]numbered, error) {
	var notes []numbered
	for n, last := 1, 0; n <= last+epochsAhead; n++ {
		note, err := t.read(ctx, auditlog.Part{Epoch: n, Kind: auditlog.PartCheckpoint}, maxNote)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		last = n
		notes = append(notes, numbered{n, note})
		if origin, _, _, err := auditlog.ReadCheckpoint(note); err == nil && !t.named {
			if _, log, _, err := auditlog.ParseOrigin(origin); err == nil {
				if err := t.of(log); err != nil {
					return nil, err
				}
			}
		}
	}
	if len(notes) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, noCheckpoints)
	}
	t.note = notes[len(notes)-1].note
	return notes, nil
}

// errTooMuch: a part that is longer than any such part may be.
var errTooMuch = errors.New("a part of the log is longer than any may be")

// read reads a part of at most so many bytes. fs.ErrNotExist, errTooMuch.
func (t *tilesRun) read(ctx context.Context, p auditlog.Part, most int64) ([]byte, error) {
	f, err := t.from.open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	var b bytes.Buffer
	if file, ok := f.(*os.File); ok {
		if info, err := file.Stat(); err == nil {
			b.Grow(int(min(info.Size(), most)) + bytes.MinRead)
		}
	}
	if _, err := b.ReadFrom(io.LimitReader(f, most+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", p.Path(), err)
	}
	if int64(b.Len()) > most {
		return nil, fmt.Errorf("read %s: %w", p.Path(), errTooMuch)
	}
	return b.Bytes(), nil
}

// wide reads a part, or the whole one that it is the beginning of: logs may
// drop parts that have been completed.
func (t *tilesRun) wide(ctx context.Context, p auditlog.Part, most int64) (b []byte, err error) {
	b, err = t.read(ctx, p, most)
	if errors.Is(err, fs.ErrNotExist) && p.Width < blockSize {
		p.Width = blockSize
		b, err = t.read(ctx, p, most)
	}
	return b, err
}

// next reads what the first entry of an epoch says of the one before.
func (t *tilesRun) next(ctx context.Context, epoch int) (*auditlog.Ended, error) {
	note, err := t.read(ctx, auditlog.Part{Epoch: epoch, Kind: auditlog.PartCheckpoint}, maxNote)
	if err != nil {
		return nil, absent(err)
	}
	_, size, _, err := auditlog.ReadCheckpoint(note)
	if err != nil || size == 0 {
		return nil, nil //nolint:nilerr // it is found when that epoch is verified
	}
	b, err := t.wide(ctx, auditlog.Part{Epoch: epoch, Kind: auditlog.PartEntries, Width: int(min(size, blockSize))}, maxBundle)
	if err != nil {
		return nil, absent(err)
	}
	leaves, _ := unbundle(b)
	var l leaf
	if len(leaves) == 0 || !l.readAll(leaves[0]) || string(l.action) != auditlog.ActionEpoch {
		return nil, nil
	}
	if of, said, ok := auditlog.ParseEnded(publicOf(leaves[0])); ok && of == epoch-1 {
		return &said, nil
	}
	return nil, nil
}

// absent is what remains of an error if a part need not be there.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errTooMuch) {
		return nil
	}
	return err
}

// unbundle cuts a bundle into leaves. ok: nothing is left over.
func unbundle(b []byte) (leaves [][]byte, ok bool) {
	for len(b) >= 2 {
		n := int(binary.BigEndian.Uint16(b))
		if len(b) < 2+n {
			return leaves, false
		}
		leaves, b = append(leaves, b[2:2+n]), b[2+n:]
	}
	return leaves, len(b) == 0
}

func (t *tilesRun) epochOf(ctx context.Context, number int, note []byte, next *auditlog.Ended) error {
	older, err := t.older(ctx, number)
	if err != nil {
		return err
	}
	e := t.begin(number, note, older, next)
	if !e.head.known {
		return nil
	}
	if f, local := t.from.(folder); local && f.beyond(number, e.head.size) { // a server's log may have grown meanwhile
		t.r.found(Added, number, e.head.size, notCovered)
	}
	upper, err := t.upper(ctx, e)
	if err != nil {
		return err
	}
	e.vouched = upper.vouched
	fetchers := t.o.fetchers(t.from)
	checkers := sync.Pool{New: func() any { return newLineParser(t.log) }}
	work := func(ctx context.Context, j bundleJob) bundleDone {
		c := checkers.Get().(*lineParser) //nolint:forcetypeassert // nothing else is put in
		defer checkers.Put(c)
		return t.bundle(ctx, c, j)
	}
	return inOrder(ctx, fetchers, 4*fetchers, t.bundles(ctx, e, upper), work, func(d bundleDone) error {
		if d.err != nil {
			return d.err
		}
		t.takeBundle(e, &d)
		return nil
	})
}

func (t *tilesRun) older(ctx context.Context, number int) ([][]byte, error) {
	f, err := t.from.open(ctx, auditlog.Part{Epoch: number, Kind: auditlog.PartOlder})
	if errors.Is(err, errTooMuch) {
		t.r.noted(Malformed, number, olderBroken)
	}
	if err != nil {
		return nil, absent(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	var notes [][]byte
	lines := newLineReader(&limited{f, maxOlder}, maxNote)
	for c, err := lines.read(); !errors.Is(err, io.EOF); c, err = lines.read() {
		if errors.Is(err, errTooMuch) {
			t.r.noted(Malformed, number, olderBroken)
			break
		}
		if err != nil {
			return nil, err
		}
		for _, line := range c.lines {
			var l auditlog.OlderLine
			if line == nil || json.Unmarshal(line, &l) != nil {
				t.r.noted(Malformed, number, olderBroken)
				continue
			}
			notes = append(notes, []byte(l.Checkpoint))
		}
	}
	return notes, nil
}

// maxOlder is how many bytes of older checkpoints are read: one a day for a
// hundred years is less.
const maxOlder = 16 << 20

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
	if d.hashes, d.err = t.hashes(ctx, part, &d); d.err != nil {
		return d
	}
	if leaves, d.err = t.leaves(ctx, part, &d); d.err != nil {
		return d
	}
	if d.hashes == nil && len(leaves) == j.width { // they can stand for the tile that is not there
		for _, leaf := range leaves {
			d.hashes = append(d.hashes, c.leafHash(leaf))
		}
	}
	given, err := t.disclosures(ctx, part, &d)
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

func (t *tilesRun) hashes(ctx context.Context, part auditlog.Part, d *bundleDone) ([]tlog.Hash, error) {
	part.Kind = auditlog.PartTile
	raw, err := t.wide(ctx, part, maxTile)
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

func (t *tilesRun) leaves(ctx context.Context, part auditlog.Part, d *bundleDone) ([][]byte, error) {
	part.Kind = auditlog.PartEntries
	raw, err := t.read(ctx, part, maxBundle)
	whole := errors.Is(err, fs.ErrNotExist) && part.Width < blockSize
	if whole {
		part.Width = blockSize
		raw, err = t.read(ctx, part, maxBundle)
	}
	if err = absent(err); err != nil || raw == nil {
		return nil, err // what is not there is found missing
	}
	leaves, ok := unbundle(raw)
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
func (t *tilesRun) disclosures(ctx context.Context, part auditlog.Part, d *bundleDone) (*given, error) {
	var all given
	part.Kind = auditlog.PartDisclosures
	raw, err := t.wide(ctx, part, auditlog.MaxDisclosures)
	if errors.Is(err, errTooMuch) {
		d.note(Malformed, tooMuchLines)
	}
	if err != nil {
		return &all, absent(err)
	}
	for line := range bytes.Lines(raw) {
		at, of, ok := disclosureLine(bytes.TrimSuffix(line, []byte("\n")))
		at -= d.n * blockSize
		switch {
		case !ok || at < 0 || at >= blockSize || all[at] != nil:
			d.note(Malformed, linesBroken)
		case at < int64(d.width):
			all[at] = of
		}
	}
	return &all, nil
}

// limited gives errTooMuch instead of more bytes than it may.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooMuch
	}
	return n, err
}

func disclosureLine(line []byte) (index int64, disclosures [][]byte, ok bool) {
	s := scanner{b: line}
	if s.skip(`{"index":`) && s.number(&index) && s.skip(`,"disclosures":[`) && s.texts(&disclosures) && s.skip(`}`) && s.at == len(line) {
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
