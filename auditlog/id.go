package auditlog

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"
)

// idSource makes UUIDv7 ids (RFC 9562) whose order is the order in which they
// were made, also within a microsecond and when the clock goes back.
type idSource struct {
	mu     sync.Mutex
	last   uint64    // milliseconds and 12 bits of fraction
	looked time.Time // at the ids of others; zero: not yet
}

// toLook tells whether it is time to look at the ids of others. Until somebody
// has, everybody must.
func (s *idSource) toLook(every time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now() // of this machine: it only says how often
	if s.looked.IsZero() {
		return true
	}
	if now.Sub(s.looked) < every {
		return false
	}
	s.looked = now
	return true
}

// after lets ids go on after another one; an empty one is none.
func (s *idSource) after(id string) {
	stamp := stampOf(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last, stamp)
	if s.looked.IsZero() {
		s.looked = time.Now()
	}
}

// stampOf is the milliseconds and the 12 bits of fraction of an id; 0: it is not
// one.
func stampOf(id string) uint64 {
	if !isID(id) {
		return 0
	}
	high, err := hex.DecodeString(id[:8] + id[9:13] + "0" + id[15:18])
	if err != nil {
		return 0
	}
	n := binary.BigEndian.Uint64(high)
	return n>>16<<12 | n&0xfff
}

// IDAt is what ids that are made at a time begin with. Ids that begin with
// earlier ones are smaller.
func IDAt(t time.Time) string {
	h := fmt.Sprintf("%012x", uint64(max(t.UnixMilli(), 0)))
	return h[:8] + "-" + h[8:]
}

// MadeAt is when an id of an entry was made, by the clock of who wrote it, to
// the microsecond. It is no earlier than those of entries before it. Zero: it is
// no id of an entry.
func MadeAt(id string) time.Time {
	stamp := stampOf(id)
	if stamp == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(stamp >> 12)).Add(time.Duration(stamp&0xfff>>2) * time.Microsecond).UTC() //nolint:gosec // 48 bits
}

func (s *idSource) next(now time.Time, random io.Reader) (string, error) {
	var u [16]byte
	if _, err := io.ReadFull(random, u[8:]); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	stamp := s.stamp(now)
	binary.BigEndian.PutUint64(u[:8], stamp>>12<<16|7<<12|stamp&0xfff)
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

func (s *idSource) stamp(now time.Time) uint64 {
	micros := uint64(now.UnixMicro())
	stamp := micros/1000<<12 | micros%1000<<2
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(stamp, s.last+1)
	return s.last
}
