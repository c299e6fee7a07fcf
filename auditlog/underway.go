package auditlog

import (
	"context"
	"time"
)

const (
	defaultPatience = 30 * time.Second
	lookAgain       = 100 * time.Millisecond
	maxUnderWay     = 1 << 20
)

// underWay is the entries of which an erasure has destroyed a key, but not
// deleted what it sealed: nothing in the log accounts for what cannot be read
// of them yet.
type underWay []Position

func (u *underWay) note(epoch int, p Positioned) {
	if p.Erasing && len(*u) < maxUnderWay {
		*u = append(*u, Position{Epoch: epoch, Index: p.Index})
	}
}

// after gives the log as it stands when the erasures that were under way are
// entered, or, when that takes longer than patience, as it stands then.
func (u underWay) after(ctx context.Context, v *View, patience time.Duration) (*View, error) {
	if patience <= 0 {
		patience = defaultPatience
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for waiting := u; ; {
		now, err := v.log.View(ctx, v.name)
		if err != nil || len(u) == 0 {
			return now, err
		}
		if waiting, err = waiting.still(ctx, v); err != nil {
			return nil, err
		}
		if len(waiting) == 0 {
			entries, err := erasedSince(ctx, v, now)
			if err != nil || entries >= int64(len(u)) {
				return now, err
			}
		}
		again := time.NewTimer(lookAgain)
		select {
		case <-again.C:
		case <-deadline.C:
			again.Stop()
			return now, nil
		case <-ctx.Done():
			again.Stop()
			return nil, ctx.Err()
		}
	}
}

// still takes the last ones off that are not under way any more.
func (u underWay) still(ctx context.Context, v *View) (underWay, error) {
	for len(u) > 0 {
		last := u[len(u)-1]
		for p, err := range v.Entries(ctx, last.Epoch, last.Index, last.Index+1) {
			if p.Index < 0 {
				return nil, err
			}
			if p.Erasing {
				return u, nil
			}
		}
		u = u[:len(u)-1]
	}
	return u, nil
}

// erasedSince gives of how many entries disclosures were erased between two
// views, as the log says.
func erasedSince(ctx context.Context, before, now *View) (entries int64, err error) {
	for _, h := range now.heads {
		var from int64
		if old, err := before.head(h.Epoch); err == nil {
			from = min(old.Size, h.Size)
		}
		for p, err := range now.Entries(ctx, h.Epoch, from, h.Size) {
			if p.Index < 0 {
				return entries, err
			}
			if err != nil || p.Action != ActionErased {
				continue
			}
			if e, err := ParseErasure(p.Public); err == nil {
				entries += max(e.Entries, 1)
			}
		}
	}
	return entries, nil
}
