package egress

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/privacyd/privacyd"
)

const (
	firstBytes  = 1 << 20     // of each call
	roomForAll  = 32 << 20    // for the first bytes of calls
	roomForMore = 4 * MaxBody // for the rest of those that are larger
)

// room is the memory that calls have while they come and are sent on, over the
// whole process. Whoever waits for the rest holds nothing that others wait for
// who have it: nobody waits for ever.
type room struct{ first, more *semaphore.Weighted }

func newRoom() room {
	return room{semaphore.NewWeighted(roomForAll), semaphore.NewWeighted(roomForMore)}
}

// place is one call's memory in a room.
type place struct {
	ctx         context.Context //nolint:containedctx // for as long as the call comes
	room        room
	first, more int64
	expected    int64 // bytes; less than 0: nobody knows
}

// take waits until there is memory for a call of so many bytes, or for the first
// of one whose size nobody knows. Codes: call_too_large, call_cancelled.
func (r room) take(ctx context.Context, size int64) (*place, error) {
	p := &place{ctx: ctx, room: r, expected: size}
	switch {
	case size > MaxBody:
		return nil, errTooLarge()
	case size > firstBytes:
		if err := r.more.Acquire(ctx, size); err != nil {
			return nil, errCancelled()
		}
		p.more = size
		return p, nil
	case size < 0:
		size = firstBytes
	}
	if err := r.first.Acquire(ctx, size); err != nil {
		return nil, errCancelled()
	}
	p.first = size
	return p, nil
}

// want waits until there is memory for what comes after so many bytes.
func (p *place) want(from int64) error {
	if p.expected >= 0 || from < firstBytes || p.more > 0 {
		return nil
	}
	if err := p.room.more.Acquire(p.ctx, MaxBody-firstBytes); err != nil {
		return errCancelled()
	}
	p.more = MaxBody - firstBytes
	return nil
}

// leave gives the memory back; once is enough.
func (p *place) leave() {
	p.room.first.Release(p.first)
	p.room.more.Release(p.more)
	p.first, p.more = 0, 0
}

func errCancelled() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "call_cancelled", "The call was given up before it was sent: whoever made it went away, or there was no memory for it. Try again later.")
}
