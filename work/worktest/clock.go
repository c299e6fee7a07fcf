package worktest

import (
	"sync"
	"testing"
	"time"
)

// patience bounds every wait. It is no measure of speed.
const patience = 30 * time.Second

// Clock is moved by hand and knows how often it was looked at.
type Clock struct {
	mu    sync.Mutex
	now   time.Time
	reads int
	read  chan struct{} // closed at the next read
}

// NewClock stands at noon of a summer's day.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), read: make(chan struct{})}
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	close(c.read)
	c.read = make(chan struct{})
	return c.now
}

// Move puts the clock forward, or back when d is negative.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Peek is Now without counting as a look.
func (c *Clock) Peek() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Settle waits until the runner has looked at the clock so often that it has
// gone through its table at least once since.
func (c *Clock) Settle(t *testing.T) {
	t.Helper()
	const looks = 40 // an outcome that is on its way is written meanwhile, also on a busy machine
	late := time.After(patience)
	c.mu.Lock()
	goal := c.reads + looks
	c.mu.Unlock()
	for {
		c.mu.Lock()
		reads, next := c.reads, c.read
		c.mu.Unlock()
		if reads >= goal {
			return
		}
		select {
		case <-next:
		case <-late:
			t.Fatalf("the runner looked at its clock %d times, not %d", reads-goal+looks, looks)
		}
	}
}
