package auditlog

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// Kinds of parts.
const (
	PartCheckpoint  = "checkpoint"         // the newest, a signed note
	PartOlder       = "checkpoints.ndjson" // {"checkpoint": NOTE} a line: older ones, the smallest first
	PartTile        = "tile"               // up to 256 hashes of 32 bytes
	PartEntries     = "tile/entries"       // up to 256 leaves, each with its length in two bytes before it
	PartDisclosures = "disclosures"        // {"index": N, "disclosures": […]} a line, of the entries of a bundle that have any
)

const (
	epochFolder = "epoch-"
	maxPartN    = 1<<47 - 1
)

// Part is one file of a log that is laid out as C2SP tlog-tiles has it. The
// first epoch is at the root, each later one in a folder of its own, which is
// a complete tlog-tiles directory, too. Beside what tlog-tiles has there are
// the older checkpoints and the disclosures.
type Part struct {
	Epoch int // from 1
	Kind  string
	Level int   // of a PartTile
	N     int64 // of a PartTile, PartEntries or PartDisclosures
	Width int   // of these: 1 to 256 entries or hashes
}

// Path is where the part is: "checkpoint", "tile/0/x001/067",
// "epoch-2/tile/entries/000.p/17".
func (p Part) Path() string {
	path := p.Kind
	switch p.Kind {
	case PartTile:
		path += "/" + strconv.Itoa(p.Level) + partNumber(p.N, p.Width)
	case PartEntries, PartDisclosures:
		path += partNumber(p.N, p.Width)
	}
	if p.Epoch > 1 {
		return epochFolder + strconv.Itoa(p.Epoch) + "/" + path
	}
	return path
}

func partNumber(n int64, width int) string {
	text := fmt.Sprintf("/%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("/x%03d", n%1000) + text
	}
	if width < tileWidth {
		text += ".p/" + strconv.Itoa(width)
	}
	return text
}

// ParsePart reads what Path wrote, and nothing else: no other spelling of a
// path is taken. Errors are ErrNoTile.
func ParsePart(path string) (Part, error) {
	p := Part{Epoch: 1}
	rest := path
	if after, ok := strings.CutPrefix(path, epochFolder); ok {
		var number string
		number, rest, _ = strings.Cut(after, "/")
		p.Epoch = decimal(number, 9)
	}
	kind, number, _ := strings.Cut(rest, "/")
	switch {
	case rest == PartCheckpoint || rest == PartOlder:
		p.Kind = rest
	case strings.HasPrefix(rest, PartEntries+"/"):
		p.Kind, number = PartEntries, strings.TrimPrefix(rest, PartEntries+"/")
	case kind == PartTile:
		var level string
		p.Kind = PartTile
		level, number, _ = strings.Cut(number, "/")
		p.Level = decimal(level, 2)
	case kind == PartDisclosures:
		p.Kind = PartDisclosures
	}
	if number != "" {
		p.N, p.Width = parseNumber(number)
	}
	if p.Path() != path || p.Epoch < 1 || p.Level < 0 || p.Level > 63 || p.Kind == "" {
		return Part{}, fmt.Errorf("%w: no part of a log has such a path", ErrNoTile)
	}
	return p, nil
}

// decimal reads digits; anything else is -1, which Path never writes.
func decimal(text string, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || len(text) > most || n < 0 {
		return -1
	}
	return n
}

func parseNumber(text string) (n int64, width int) {
	width = tileWidth
	if number, w, ok := strings.Cut(text, ".p/"); ok {
		text, width = number, decimal(w, 3)
		if width < 1 || width >= tileWidth {
			return -1, 0
		}
	}
	for element := range strings.SplitSeq(text, "/") {
		digits := decimal(strings.TrimPrefix(element, "x"), 3)
		if digits < 0 || n > maxPartN/1000 {
			return -1, 0
		}
		n = n*1000 + int64(digits)
	}
	return n, width
}

// Immutable tells whether the part never changes once it is there. Disclosures
// do when somebody is erased.
func (p Part) Immutable() bool { return p.Kind == PartTile || p.Kind == PartEntries }

// ContentType is the media type of the part.
func (p Part) ContentType() string {
	switch p.Kind {
	case PartCheckpoint:
		return "text/plain; charset=utf-8"
	case PartOlder, PartDisclosures:
		return "application/x-ndjson"
	}
	return "application/octet-stream"
}

// WritePart writes one part of the log. Where an entry is gone, its hash is 32
// zero bytes and its leaf is left out, so that verification can name it and
// still check the others. ErrNoTile: there is no such part.
func (v *View) WritePart(ctx context.Context, w io.Writer, p Part, o Export) error {
	_, err := v.writePart(ctx, w, p, o, new(underWay))
	return err
}

// writePart also says how many entries of a bundle, or of its disclosures, are
// not whole, and notes what is being erased.
func (v *View) writePart(ctx context.Context, w io.Writer, p Part, o Export, erasing *underWay) (damaged int64, err error) {
	h, err := v.head(p.Epoch)
	if err != nil {
		return 0, err
	}
	var b []byte
	switch p.Kind {
	case PartCheckpoint:
		b = h.Checkpoint
	case PartTile:
		b, err = v.partTile(ctx, p)
	case PartEntries:
		b, damaged, err = v.partEntries(ctx, p)
	case PartOlder:
		b, err = v.olderLines(ctx, p.Epoch)
	case PartDisclosures:
		return v.writeDisclosures(ctx, w, p, o, erasing)
	default:
		err = ErrNoTile
	}
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(b); err != nil {
		return 0, fmt.Errorf("write a part of the audit log: %w", err)
	}
	return damaged, nil
}

func (v *View) partTile(ctx context.Context, p Part) ([]byte, error) {
	b, err := v.Tile(ctx, p.Epoch, p.Level, p.N, p.Width)
	if p.Level > 0 || !errors.Is(err, ErrNoEntry) {
		return b, err
	}
	from := p.N << tileHeight
	hashes, err := v.knownHashes(ctx, p.Epoch, from, from+int64(p.Width))
	return joinHashes(hashes), err
}

// knownHashes gives leaf hashes one by one, 32 zero bytes for those that are
// gone.
func (v *View) knownHashes(ctx context.Context, epoch int, from, to int64) ([][32]byte, error) {
	var hashes [][32]byte
	for i := from; i < to; i++ {
		one, err := v.LeafHashes(ctx, epoch, i, i+1)
		if errors.Is(err, ErrNoEntry) {
			one, err = make([][32]byte, 1), nil
		}
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, one[0])
	}
	return hashes, nil
}

func (v *View) partEntries(ctx context.Context, p Part) (b []byte, gone int64, err error) {
	b, err = v.Bundle(ctx, p.Epoch, p.N, p.Width)
	if !errors.Is(err, ErrNoEntry) {
		return b, 0, err
	}
	from := p.N << tileHeight
	leaves, err := v.log.Trees.Leaves(ctx, v.name, p.Epoch, from, from+int64(p.Width))
	if err != nil {
		return nil, 0, fmt.Errorf("read an entry bundle: %w", err)
	}
	b = nil
	for _, leaf := range leaves {
		if leaf == nil {
			gone++
			continue
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(leaf))), leaf...) //nolint:gosec // leaves have at most 65,535 bytes
	}
	return b, gone, nil
}

// OlderLine is a line of PartOlder.
type OlderLine struct {
	Checkpoint string `json:"checkpoint"`
}

func (v *View) olderLines(ctx context.Context, epoch int) ([]byte, error) {
	older, err := v.Older(ctx, epoch)
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, note := range older {
		line, err := json.Marshal(OlderLine{string(note)})
		if err != nil {
			return nil, fmt.Errorf("write an older checkpoint: %w", err)
		}
		b = append(append(b, line...), '\n')
	}
	return b, nil
}

func (v *View) writeDisclosures(ctx context.Context, w io.Writer, p Part, o Export, erasing *underWay) (damaged int64, err error) {
	from := p.N << tileHeight
	if p.N < 0 || p.N > maxPartN || p.Width < 1 || p.Width > tileWidth {
		return 0, ErrNoTile
	}
	out := bufio.NewWriterSize(w, 1<<16)
	left := MaxDisclosures
	for e, err := range v.Entries(ctx, p.Epoch, from, from+int64(p.Width)) {
		erasing.note(p.Epoch, e)
		switch {
		case err != nil && (e.Index < 0 || !o.tells(err)):
			return damaged, err
		case err != nil && !errors.Is(err, ErrNoEntry):
			damaged++
		case err == nil && len(e.Disclosures) > 0:
			if err := writeDisclosureLine(out, e, &left); err != nil {
				return damaged, err
			}
		}
	}
	if err := out.Flush(); err != nil {
		return damaged, fmt.Errorf("write disclosures: %w", err)
	}
	return damaged, nil
}

func writeDisclosureLine(out *bufio.Writer, e Positioned, left *int) error {
	b := strconv.AppendInt(append(out.AvailableBuffer(), `{"index":`...), e.Index, 10)
	b = append(appendTexts(b, `,"disclosures":[`, e.Disclosures), "}\n"...)
	if *left -= len(b); len(b) > MaxLine || *left < 0 {
		return fmt.Errorf("%w: entry %d", ErrLine, e.Index)
	}
	if _, err := out.Write(b); err != nil {
		return fmt.Errorf("write disclosures: %w", err)
	}
	return nil
}

// Parts gives all parts of an epoch of that many leaves, hash tiles before
// entries, the checkpoint last.
func Parts(epoch int, size int64) iter.Seq[Part] {
	return func(yield func(Part) bool) {
		for level := 0; size>>(tileHeight*level) > 0; level++ {
			if !yieldParts(Part{Epoch: epoch, Kind: PartTile, Level: level}, size>>(tileHeight*level), yield) {
				return
			}
		}
		_ = yieldParts(Part{Epoch: epoch, Kind: PartEntries}, size, yield) &&
			yieldParts(Part{Epoch: epoch, Kind: PartDisclosures}, size, yield) &&
			yield(Part{Epoch: epoch, Kind: PartOlder}) && yield(Part{Epoch: epoch, Kind: PartCheckpoint})
	}
}

func yieldParts(p Part, size int64, yield func(Part) bool) bool {
	for ; p.N<<tileHeight < size; p.N++ {
		p.Width = int(min(tileWidth, size-p.N<<tileHeight))
		if !yield(p) {
			return false
		}
	}
	return true
}
