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
	mu   sync.Mutex
	last uint64 // milliseconds and 12 bits of fraction
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
