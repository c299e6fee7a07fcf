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
				if err := t.of(ctx, log); err != nil {
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

// mostKept is how many bytes are kept to be used again.
const mostKept = 4 << 20

// errTooMuch: a part that is longer than any such part may be.
var errTooMuch = errors.New("a part of the log is longer than any may be")

// read reads a part of at most so many bytes. fs.ErrNotExist, errTooMuch.
func (t *tilesRun) read(ctx context.Context, p auditlog.Part, most int64) ([]byte, error) {
	return t.readInto(ctx, p, most, &bytes.Buffer{})
}

// readInto is read into memory that is used again.
func (t *tilesRun) readInto(ctx context.Context, p auditlog.Part, most int64, b *bytes.Buffer) ([]byte, error) {
	f, err := t.from.open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if b.Reset(); b.Cap() > mostKept {
		*b = bytes.Buffer{}
	}
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
func (t *tilesRun) wide(ctx context.Context, p auditlog.Part, most int64) ([]byte, error) {
	return t.wideInto(ctx, p, most, &bytes.Buffer{})
}

func (t *tilesRun) wideInto(ctx context.Context, p auditlog.Part, most int64, into *bytes.Buffer) (b []byte, err error) {
	b, err = t.readInto(ctx, p, most, into)
	if errors.Is(err, fs.ErrNotExist) && p.Width < blockSize {
		p.Width = blockSize
		b, err = t.readInto(ctx, p, most, into)
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
	leaves, _ := unbundle(nil, b)
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
func unbundle(into [][]byte, b []byte) (leaves [][]byte, ok bool) {
	leaves = into
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
	absent := 0
	err = inOrder(ctx, fetchers, 4*fetchers, t.bundles(ctx, e, upper), work, func(d bundleDone) error {
		if d.err != nil {
			return d.err
		}
		t.takeBundle(e, &d)
		if absent++; d.hashes != nil || d.entries != nil {
			absent = 0
		}
		if absent == absentMost {
			return errNothingMore
		}
		return nil
	})
	if errors.Is(err, errNothingMore) {
		return nil
	}
	return err
}

// absentMost is after how many blocks of which nothing is there the rest is
// taken to be missing, too: a checkpoint may claim any size.
const absentMost = 1024

var errNothingMore = errors.New("there is nothing more of the log")

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
