package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

// Kinds of records.
const (
	recordBad = iota
	recordEntry
	recordHashes
	recordLater
	recordEnd
)

// record is one line of an export.
type record struct {
	kind   int
	epoch  int
	at     int64 // the index of the entry or of the first hash; of recordEnd: how many entries there are
	line   int64
	entry  entry
	hashes []tlog.Hash // that are listed; of an entry, its proof; nil: none
	root   *tlog.Hash  // of the subtree of hashes, if it is said
	later  *auditlog.ExportLater
	detail string // of recordBad
}

const (
	wrongLine = "the line is not one of an export"
	longLine  = "the line is longer than one of an export may be"
)

// lineParser makes records of lines.
type lineParser struct {
	*checker
	texts, lacks, proof [][]byte
	parts               *parts
}

func newLineParser(log string) *lineParser {
	return &lineParser{checker: newChecker(log), parts: &parts{}}
}

func (p *lineParser) parse(line []byte, number int64) record {
	var r record
	if !p.quick(line, &r) {
		r = p.slow(line)
	}
	r.line = number
	return r
}

// quick reads lines that are written as the product writes them.
func (p *lineParser) quick(line []byte, r *record) bool {
	s := scanner{b: line}
	var epoch int64
	if !s.skip(`{"epoch":`) || !s.number(&epoch) {
		return false
	}
	r.epoch = int(epoch)
	switch {
	case s.skip(`,"index":`):
		r.kind = recordEntry
		return s.number(&r.at) && s.skip(`,"leaf":`) && p.quickEntry(&s, r)
	case s.skip(`,"from":`):
		r.kind = recordHashes
		var hashes []byte
		if !s.number(&r.at) || !s.skip(`,"hashes":"`) || !s.text(&hashes, noEscape) || !r.quickRoot(&s) || !s.skip(`}`) || s.at != len(line) {
			return false
		}
		r.hashes = decodeHashes(hashes)
		return r.hashes != nil
	}
	return false
}

// quickRoot reads the root of a list of hashes, if there is one.
func (r *record) quickRoot(s *scanner) bool {
	var text []byte
	if !s.skip(`,"root":"`) {
		return true
	}
	if !s.text(&text, noEscape) {
		return false
	}
	root := decodeHashes(text)
	if len(root) != 1 {
		return false
	}
	r.root = &root[0]
	return true
}

func (p *lineParser) quickEntry(s *scanner, r *record) bool {
	start := s.at
	end, ok := p.leaf.read(s.b[start:])
	if !ok {
		return false
	}
	s.at += end
	var erased [][]byte
	p.texts = p.texts[:0]
	if s.skip(`,"disclosures":[`) && !s.texts(&p.texts) {
		return false
	}
	if s.skip(`,"erased":[`) {
		if !s.texts(&p.lacks) {
			return false
		}
		if erased = p.lacks; erased == nil {
			erased = [][]byte{} // it is said that there are none
		}
	}
	if s.skip(`,"proof":[`) {
		if !s.texts(&p.proof) {
			return false
		}
		if r.hashes, ok = decodeProof(p.proof); !ok {
			return false
		}
	}
	if !s.skip(`}`) || s.at != len(s.b) {
		return false
	}
	b := s.b[start : start+end]
	r.entry = p.checkRead(b, p.leafHash(b), p.texts, erased)
	r.entry.index = r.at
	return true
}

func decodeProof(texts [][]byte) ([]tlog.Hash, bool) {
	proof := make([]tlog.Hash, 0, len(texts))
	for _, t := range texts {
		h := decodeHashes(t)
		if len(h) != 1 {
			return nil, false
		}
		proof = append(proof, h[0])
	}
	return proof, true
}

// decodeHashes reads hashes one after the other in base64; nil: that it is not.
func decodeHashes(text []byte) []tlog.Hash {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(raw, text)
	if err != nil || n == 0 || base64.StdEncoding.EncodedLen(n) != len(text) {
		return nil
	}
	return hashesOf(raw[:n])
}

// hashesOf cuts bytes into hashes; nil: there is not a whole number of them.
func hashesOf(raw []byte) []tlog.Hash {
	if len(raw)%tlog.HashSize != 0 {
		return nil
	}
	hashes := make([]tlog.Hash, len(raw)/tlog.HashSize)
	for i := range hashes {
		copy(hashes[i][:], raw[i*tlog.HashSize:])
	}
	return hashes
}

// anyLine is a line of any kind.
type anyLine struct {
	Epoch       *int            `json:"epoch"`
	Index       *int64          `json:"index"`
	Leaf        json.RawMessage `json:"leaf"`
	Bytes       []byte          `json:"bytes"`
	Disclosures []string        `json:"disclosures"`
	Erased      []string        `json:"erased"`
	Proof       []string        `json:"proof"`
	From        *int64          `json:"from"`
	Hashes      *string         `json:"hashes"`
	Root        *string         `json:"root"`
	Checkpoint  *string         `json:"checkpoint"`
	Consistency [][]byte        `json:"consistency"`
	End         *int64          `json:"end"`
}

// slow reads lines in any other form of the same JSON, and those that are
// rare.
func (p *lineParser) slow(line []byte) record {
	bad := record{kind: recordBad, detail: wrongLine}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var l anyLine
	if d.Decode(&l) != nil || l.Epoch == nil && l.End == nil {
		return bad
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad
	}
	switch {
	case l.End != nil:
		return record{kind: recordEnd, at: *l.End}
	case l.Checkpoint != nil:
		later := &auditlog.ExportLater{Epoch: *l.Epoch, Checkpoint: *l.Checkpoint, Consistency: l.Consistency}
		return record{kind: recordLater, epoch: *l.Epoch, later: later}
	case l.From != nil && l.Hashes != nil:
		return l.hashes(bad)
	case l.Index != nil && (l.Leaf != nil || l.Bytes != nil):
		return p.slowEntry(&l, bad)
	}
	return bad
}

func (l *anyLine) hashes(bad record) record {
	r := record{kind: recordHashes, epoch: *l.Epoch, at: *l.From, hashes: decodeHashes([]byte(*l.Hashes))}
	if r.hashes == nil {
		return bad
	}
	if l.Root != nil {
		root := decodeHashes([]byte(*l.Root))
		if len(root) != 1 {
			return bad
		}
		r.root = &root[0]
	}
	return r
}

func (p *lineParser) slowEntry(l *anyLine, bad record) record {
	r := record{kind: recordEntry, epoch: *l.Epoch, at: *l.Index}
	if l.Proof != nil {
		var ok bool
		if r.hashes, ok = decodeProof(bytesOf(l.Proof)); !ok {
			return bad
		}
	}
	b := []byte(l.Leaf)
	if l.Leaf == nil {
		b = l.Bytes
	}
	r.entry = p.check(b, bytesOf(l.Disclosures), bytesOf(l.Erased))
	r.entry.index = r.at
	return r
}

func bytesOf(list []string) [][]byte {
	if list == nil {
		return nil
	}
	out := make([][]byte, 0, len(list))
	for _, s := range list {
		out = append(out, []byte(s))
	}
	return out
}
