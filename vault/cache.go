package vault

import (
	"container/list"
	"strings"
	"sync"
	"time"
)

// cache keeps the keys used last. Its size is bounded; an entry is believed for
// a minute only, since another process may shred the key.
type cache struct {
	mu    sync.Mutex
	limit int
	drops int        // grows with each drop, so that a key read before one is not kept after it
	order *list.List // of *cached, most recent first
	by    map[string]*list.Element
}

type cached struct {
	reference string
	key       *ownerKey // nil: shredded
	until     time.Time
}

func newCache(limit int) *cache {
	if limit <= 0 {
		limit = defaultCached
	}
	return &cache{limit: limit, order: list.New(), by: make(map[string]*list.Element)}
}

func (c *cache) get(reference string, now time.Time) (*ownerKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.by[reference]
	if !ok {
		return nil, false
	}
	entry := e.Value.(*cached)
	if left := entry.until.Sub(now); left < 0 || left > cachedFor {
		c.remove(e)
		return nil, false
	}
	c.order.MoveToFront(e)
	return entry.key, true
}

// mark is to be taken before a key is read that put is to keep.
func (c *cache) mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drops
}

func (c *cache) put(reference string, key *ownerKey, now time.Time, mark int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if mark != c.drops {
		return
	}
	if e, ok := c.by[reference]; ok {
		c.remove(e)
	}
	c.by[reference] = c.order.PushFront(&cached{reference: reference, key: key, until: now.Add(cachedFor)})
	for c.order.Len() > c.limit {
		c.remove(c.order.Back())
	}
}

// drop forgets every key whose reference begins with prefix.
func (c *cache) drop(prefix string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	for ref, e := range c.by {
		if strings.HasPrefix(ref, prefix) {
			c.remove(e)
		}
	}
}

func (c *cache) clear() { c.drop("") }

func (c *cache) remove(e *list.Element) {
	c.order.Remove(e)
	delete(c.by, e.Value.(*cached).reference)
}
