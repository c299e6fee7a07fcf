package verify

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

const (
	proofHeader     = "c2sp.org/tlog-proof@v1"
	proofUnreadable = "the proof cannot be read"
)

// Proof verifies a tlog-proof. That some of the entry's disclosures are not in
// it is counted as erased and is no finding: a proof says nothing about the
// log's other entries. Errors: ErrUnknown, ErrSince, those of r and of ctx.
func Proof(ctx context.Context, r io.Reader, o Options) (*Report, error) {
	u, err := newRun(FormProof, o)
	if err != nil {
		return nil, fmt.Errorf("verify a proof: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(r, auditlog.MaxLine+1))
	if err != nil {
		return nil, fmt.Errorf("verify a proof: %w", err)
	}
	if len(b) < len(proofHeader) || string(b[:len(proofHeader)]) != proofHeader {
		return nil, fmt.Errorf("verify a proof: %w", ErrUnknown)
	}
	u.r.Complete = false
	if err := u.proof(ctx, b); err != nil {
		return nil, fmt.Errorf("verify a proof: %w", err)
	}
	return u.r, ctx.Err()
}

func (u *run) proof(ctx context.Context, b []byte) error {
	p, err := auditlog.ParseProof(b)
	if err != nil {
		u.r.noted(Malformed, 0, proofUnreadable)
		return nil
	}
	origin, _, _, err := auditlog.ReadCheckpoint(p.Checkpoint)
	if err != nil {
		u.r.noted(Malformed, 0, noteUnreadable)
		return nil
	}
	_, log, number, err := auditlog.ParseOrigin(origin)
	if err != nil {
		u.r.noted(SignatureBad, 0, noteForeign)
		return nil
	}
	if err := u.of(ctx, log); err != nil {
		return err
	}
	e := u.begin(number, p.Checkpoint, nil, nil)
	e.sparse, e.entries = true, 1
	e.known(e.head.size, e.head.root)
	u.proven(e, p)
	e.finish()
	u.unheard()
	u.unheardNoted()
	u.r.Erased = e.gone.count
	return nil
}

func (u *run) proven(e *epoch, p *auditlog.Proof) {
	x := newChecker(u.log).check(p.Leaf, bytesOf(p.Disclosures), nil)
	var path tlog.RecordProof
	for _, h := range p.Hashes {
		path = append(path, h)
	}
	switch {
	case !e.head.known:
	case p.Index >= e.head.size:
		u.r.found(Added, e.number, p.Index, noSuchIndex)
	case tlog.CheckRecord(path, e.head.size, e.head.root, p.Index, x.hash) != nil:
		u.r.found(Changed, e.number, p.Index, wrongProof)
	default:
		e.signed(p.Index, &x)
	}
}
