package verify

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

// ErrInstance: what was given as the instance's own log is not that, or the log
// that is verified is it itself.
var ErrInstance = errors.New("that is not the instance's own log beside the log of a workspace")

// mostNoted bounds what is kept of the checkpoints that the instance's log
// names of one log, in memory: some 6 MB.
const mostNoted = 1 << 16

// named collects the checkpoints that the instance's log names of one log.
type named struct {
	log   string
	found []earlier
	every int64 // only each such one is kept; the newest always is
	seen  int64
	last  earlier
}

// note takes an entry audit.checkpoint.
func (n *named) note(public map[string]any) {
	log, ok1 := public[auditlog.PublicLog].(string)
	epoch, ok2 := public[auditlog.PublicEpoch].(int64)
	size, ok3 := public[auditlog.PublicSize].(int64)
	text, _ := public[auditlog.PublicRoot].(string)
	root, err := hex.DecodeString(text)
	if !ok1 || !ok2 || !ok3 || err != nil || len(root) != tlog.HashSize || log != n.log || size <= 0 || size > maxSize {
		return
	}
	n.last = earlier{checkpoint{size: size, root: tlog.Hash(root), known: true}, log, int(epoch)}
	if n.seen++; n.seen%n.every != 0 {
		return
	}
	if len(n.found) == mostNoted {
		for i := range mostNoted / 2 {
			n.found[i] = n.found[2*i+1]
		}
		n.found, n.every = n.found[:mostNoted/2], 2*n.every
		if n.seen%n.every != 0 {
			return
		}
	}
	n.found = append(n.found, n.last)
}

// all are those that were kept, and the newest.
func (n *named) all() []earlier {
	if n.seen%n.every != 0 {
		return append(n.found, n.last)
	}
	return n.found
}

// instance verifies the instance's own log and takes what it says of this one.
func (u *run) instance(ctx context.Context) error {
	if u.o.Instance == "" {
		return nil
	}
	if u.log == "" {
		return fmt.Errorf("%w: both are it", ErrInstance)
	}
	o := u.o
	o.Instance, o.Since, o.named = "", nil, &named{log: u.log, every: 1}
	r, err := Path(ctx, u.o.Instance, o)
	if err != nil {
		return fmt.Errorf("the instance's own log: %w", err)
	}
	if r.Log != "" || r.Form == FormProof {
		return fmt.Errorf("%w: the one that was given is another", ErrInstance)
	}
	u.r.Instance, u.noted = r, o.named.all()
	return nil
}
