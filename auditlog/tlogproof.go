package auditlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrProof: bytes that are not a proof as Encode writes them.
var ErrProof = errors.New("that is not a proof of an audit entry")

const (
	proofHeader    = "c2sp.org/tlog-proof@v1"
	maxProof       = MaxLine
	maxProofHashes = 63 // a tree of 2^63 leaves
)

// Proof proves, with nothing but the public key, that one entry is in a log,
// and shows what can be read of it.
type Proof struct {
	Index       int64
	Hashes      [][32]byte // RFC 6962, section 2.1.1
	Checkpoint  []byte     // a signed note
	Leaf        []byte
	Disclosures []string // those that could be read when the proof was made
}

// Proof proves that the newest checkpoint includes an entry. ErrNoEntry: the
// log has none of that id; ErrNotSequenced: the view does not cover it; ErrLeaf,
// ErrHash, ErrDisclosure: it was tampered with.
func (v *View) Proof(ctx context.Context, entryID string) (*Proof, error) {
	epoch, index, err := v.Find(ctx, entryID)
	if err != nil {
		return nil, err
	}
	h, err := v.head(epoch)
	if err != nil {
		return nil, err
	}
	p := &Proof{Index: index, Checkpoint: h.Checkpoint}
	for e, err := range v.Entries(ctx, epoch, index, index+1) {
		if err != nil {
			return nil, err
		}
		p.Leaf, p.Disclosures = e.Leaf, e.Disclosures
	}
	if p.Hashes, err = v.Prove(ctx, epoch, index); err != nil {
		return nil, err
	}
	return p, nil
}

// Encode writes the proof as C2SP tlog-proof@v1 has it. The extra data is the
// leaf and a newline, then each disclosure and a newline. Such files are named
// *.tlog-proof.
func (p *Proof) Encode() []byte {
	extra := append(bytes.Clone(p.Leaf), '\n')
	for _, d := range p.Disclosures {
		extra = append(append(extra, d...), '\n')
	}
	b := []byte(proofHeader + "\nextra ")
	b = base64.StdEncoding.AppendEncode(b, extra)
	b = strconv.AppendInt(append(b, "\nindex "...), p.Index, 10)
	for i := range p.Hashes {
		b = base64.StdEncoding.AppendEncode(append(b, '\n'), p.Hashes[i][:])
	}
	return append(append(b, "\n\n"...), p.Checkpoint...)
}

// ParseProof reads what Encode wrote. It checks nothing but the form. Errors
// are ErrProof.
func ParseProof(b []byte) (*Proof, error) {
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(b) > maxProof || len(lines) < 3 || len(lines) > 3+maxProofHashes || lines[0] != proofHeader {
		return nil, fmt.Errorf("%w: it does not have the lines of one", ErrProof)
	}
	p := &Proof{Checkpoint: checkpoint}
	if err := p.readExtra(lines[1]); err != nil {
		return nil, err
	}
	number, ok := strings.CutPrefix(lines[2], "index ")
	var err error
	if p.Index, err = strconv.ParseInt(number, 10, 64); !ok || err != nil || strconv.FormatInt(p.Index, 10) != number || p.Index < 0 {
		return nil, fmt.Errorf("%w: its index is not a number", ErrProof)
	}
	for _, line := range lines[3:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != 32 || len(line) != base64.StdEncoding.EncodedLen(32) {
			return nil, fmt.Errorf("%w: a hash is not one", ErrProof)
		}
		p.Hashes = append(p.Hashes, [32]byte(hash))
	}
	return p, nil
}

func (p *Proof) readExtra(line string) error {
	text, ok := strings.CutPrefix(line, "extra ")
	extra, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || !bytes.HasSuffix(extra, []byte("\n")) || strings.ContainsAny(text, "\r\n") {
		return fmt.Errorf("%w: it has no leaf", ErrProof)
	}
	lines := strings.Split(strings.TrimSuffix(string(extra), "\n"), "\n")
	p.Leaf = []byte(lines[0])
	if len(lines) > 1 {
		p.Disclosures = lines[1:]
	}
	return nil
}
