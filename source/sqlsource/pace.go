package sqlsource

import (
	"sync"
	"time"
)

// The time that a batch's locks may stand. The target leaves room below the
// budget for batches that turn out slower than those before.
const (
	batchTarget = 100 * time.Millisecond
	batchBudget = 250 * time.Millisecond
)

const (
	firstBatch   = 500
	largestBatch = 20_000
	largestEdit  = 500
)

// pace chooses how many rows a batch has.
type pace struct {
	rows  int
	limit int
}

// paces remembers how large batches of each table came to be, so that an
// erasure which comes to a table again does not begin anew.
type paces struct {
	mu   sync.Mutex
	rows map[string]int
}

func newPaces() *paces { return &paces{rows: map[string]int{}} }

func (p *paces) begin(table string, first, limit int) pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	return pace{rows: min(max(first, p.rows[table]), limit), limit: limit}
}

func (p *paces) keep(table string, now pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[table] = now.rows
}

func (p *pace) size() int { return p.rows }

// took learns from a batch. It grows by four at most, and the less the nearer it
// is to the target, so that one batch that was lucky does not make the next one
// much too large; and shrinks at once.
func (p *pace) took(rows int, d time.Duration) {
	fitting := p.limit
	if each := d / time.Duration(max(1, rows)); each > 0 {
		fitting = int(min(int64(batchTarget/each), int64(p.limit)))
	}
	if rows < p.rows && d <= batchBudget {
		return // a small batch says little of a large one
	}
	grown := p.rows + p.rows/2 + 1
	if times := batchTarget / 2 / max(1, d); times > 1 {
		grown = int(min(4, times)) * p.rows
	}
	p.rows = max(1, min(fitting, grown))
}
