package verify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

const (
	maxNote = 64 << 10 // bytes of a checkpoint

	shortFile    = "the file ends before its last line"
	afterEnd     = "something follows the last line"
	wrongCount   = "the last line does not give the number of entries that are there"
	wrongHeader  = "the first line is not the header of an export that is understood"
	unknownEpoch = "the header does not know of its epoch"
	epochTurn    = "epochs are not in their order"
	notGrown     = "a later checkpoint is not of a log that grew from this one"
)

// jsonRun is the verification of a JSON export.
type jsonRun struct {
	*run
	header  auditlog.ExportHeader
	later   map[int]checkpoint // by epoch: what entries are proven in beyond the header's
	last    int64              // the index of the last entry that came with a proof
	entries int64
	ended   bool
}

// JSON verifies a JSON export. Errors: ErrUnknown, ErrSince, those of r and of
// ctx.
func JSON(ctx context.Context, r io.Reader, o Options) (*Report, error) {
	u, err := newRun(FormJSON, o)
	if err != nil {
		return nil, fmt.Errorf("verify an audit log: %w", err)
	}
	j := &jsonRun{run: u, later: map[int]checkpoint{}, last: -1}
	if err := j.read(ctx, r); err != nil {
		return nil, fmt.Errorf("verify an audit log: %w", err)
	}
	return u.r, nil
}

func (j *jsonRun) read(ctx context.Context, r io.Reader) error {
	lines := newLineReader(r, auditlog.MaxLine)
	first, err := lines.read()
	if errors.Is(err, io.EOF) {
		return ErrUnknown
	}
	if err != nil {
		return err
	}
	if ok, err := j.begin(ctx, first.lines[0]); !ok || err != nil {
		return err
	}
	first.lines, first.first = slices.Delete(first.lines, 0, 1), first.first+1
	parsers := sync.Pool{New: func() any { return newLineParser(j.log) }}
	parse := func(_ context.Context, c *chunk) []record {
		p := parsers.Get().(*lineParser) //nolint:forcetypeassert // nothing else is put in
		defer parsers.Put(p)
		return p.chunk(c)
	}
	workers := j.o.workers()
	if err := inOrder(ctx, workers, 2*workers, chunks(first, lines), parse, j.take); err != nil {
		return err
	}
	return j.end()
}

func (o *Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func chunks(first *chunk, lines *lineReader) iter.Seq2[*chunk, error] {
	return func(yield func(*chunk, error) bool) {
		for c, err := first, error(nil); !errors.Is(err, io.EOF); c, err = lines.read() {
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// chunk makes records of lines, which nothing refers to afterwards.
func (p *lineParser) chunk(c *chunk) []record {
	defer c.release()
	records := make([]record, len(c.lines))
	for i, line := range c.lines {
		if number := c.first + int64(i); line == nil {
			records[i] = record{kind: recordBad, line: number, detail: longLine}
		} else {
			records[i] = p.parse(line, number)
		}
	}
	return records
}

// begin reads the header. false: there is no reading on.
func (j *jsonRun) begin(ctx context.Context, line []byte) (bool, error) {
	if !bytes.Contains(line, []byte(auditlog.ExportFormat)) {
		return false, ErrUnknown
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	h := &j.header
	if err := d.Decode(h); err != nil || h.Format != auditlog.ExportFormat || h.Version != auditlog.ExportVersion || !ascending(h.Epochs) {
		j.r.noted(Malformed, 0, wrongHeader)
		return false, nil
	}
	if err := j.of(ctx, h.Log); err != nil {
		return false, err
	}
	j.r.Complete = h.Filter == nil
	for _, e := range h.Epochs {
		var older [][]byte
		for _, note := range e.Older {
			older = append(older, []byte(note))
		}
		begun := j.run.begin(e.Epoch, []byte(e.Checkpoint), older, e.Next)
		if begun.sparse = h.Filter != nil; begun.sparse {
			begun.known(0, tlog.Hash(emptyRoot()))
			begun.known(begun.head.size, begun.head.root)
		}
		if begun.proven && e.Origin != begun.head.origin {
			j.r.noted(SignatureBad, e.Epoch, noteOtherLog)
		}
	}
	return true, nil
}

func ascending(epochs []auditlog.ExportEpoch) bool {
	last := 0
	for _, e := range epochs {
		if e.Epoch <= last {
			return false
		}
		last = e.Epoch
	}
	return true
}

func (j *jsonRun) take(records []record) error {
	for i := range records {
		j.record(&records[i])
	}
	j.progress()
	return nil
}

func (j *jsonRun) record(r *record) {
	switch {
	case j.ended:
		j.bad(r.line, afterEnd)
	case r.kind == recordBad:
		j.bad(r.line, r.detail)
	case r.kind == recordEnd:
		j.ended = true
		switch {
		case r.at > j.entries:
			j.r.noted(Truncated, 0, wrongCount)
		case r.at < j.entries:
			j.r.noted(Malformed, 0, wrongCount)
		}
	default:
		j.inEpoch(r)
	}
}

func (j *jsonRun) bad(line int64, detail string) {
	j.r.noted(Malformed, 0, fmt.Sprintf("line %d: %s", line, detail))
}

func (j *jsonRun) inEpoch(r *record) {
	e := j.current
	if e == nil || e.number != r.epoch {
		next := j.epoch(r.epoch)
		switch {
		case next == nil:
			j.bad(r.line, unknownEpoch)
			return
		case e != nil && next.number < e.number:
			j.bad(r.line, epochTurn)
			return
		}
		e, j.current, j.last = next, next, -1
	}
	switch {
	case r.kind == recordHashes && !e.sparse:
		e.hashes(r.at, r.hashes, r.root)
	case r.kind == recordLater:
		j.goOn(e, r.later)
	case r.kind == recordEntry && (e.sparse || r.hashes != nil):
		j.entries++
		j.proven(e, r)
	case r.kind == recordEntry:
		j.entries++
		e.entry(r.entry)
	default:
		j.bad(r.line, wrongLine)
	}
}

// goOn takes a checkpoint that is newer than the header's.
func (j *jsonRun) goOn(e *epoch, later *auditlog.ExportLater) {
	c, ok := j.checkpoint([]byte(later.Checkpoint), e.number)
	if !ok {
		return
	}
	var proof tlog.TreeProof
	for _, h := range later.Consistency {
		if len(h) != tlog.HashSize || len(proof) > maxProofHashes {
			j.r.noted(Malformed, e.number, wrongProof)
			return
		}
		proof = append(proof, tlog.Hash(h))
	}
	if !e.head.known || tlog.CheckTree(proof, c.size, c.root, e.head.size, e.head.root) != nil {
		j.r.noted(Forked, e.number, notGrown)
		return
	}
	j.later[e.number] = c
	e.signs(c)
}

const maxProofHashes = 64

// proven takes an entry that comes with a proof.
func (j *jsonRun) proven(e *epoch, r *record) {
	e.entries++
	in, later := j.later[e.number]
	if !later {
		in = e.head
	}
	switch {
	case r.hashes == nil:
		j.r.found(Malformed, e.number, r.at, noProof)
	case r.at <= j.last:
		j.r.found(Reordered, e.number, r.at, leafReordered)
	case !in.known || r.at >= in.size:
		j.r.found(Added, e.number, r.at, noSuchIndex)
	case !e.sparse && (!later || r.at < e.head.size):
		j.r.found(Malformed, e.number, r.at, proofMisplaced)
	case len(r.hashes) > maxProofHashes || tlog.CheckRecord(tlog.RecordProof(r.hashes), in.size, in.root, r.at, r.entry.hash) != nil:
		j.r.found(Changed, e.number, r.at, wrongProof)
	default:
		e.signed(r.at, &r.entry)
	}
	j.last = max(j.last, r.at)
}

func (j *jsonRun) end() error {
	if !j.ended {
		j.r.noted(Truncated, 0, shortFile)
	}
	j.finish()
	return nil
}

// base64Of turns a hash from hexadecimal into base64; what is not one into
// nothing.
func base64Of(text string) string {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func emptyRoot() [32]byte {
	var t tree
	return t.root()
}
