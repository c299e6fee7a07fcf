package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd/work"
)

// loop claims due items while there is room and starts them. All of it but the
// items themselves happens in one goroutine.
type loop struct {
	r        *Runner
	keys     []string // only items with these; nil: all
	handlers context.Context
	stop     context.CancelCauseFunc
	woken    chan struct{}
	ended    chan struct{}
	own      int // items that run
	seen     map[itemID]sighting
	failing  bool
}

// Run runs what is due until ctx ends; then it cancels the handlers (cause
// work.ErrStopping), waits until they have returned and gives their items
// back, so that another node goes on at once. While the database cannot be
// reached it keeps trying. It returns nil.
func (r *Runner) Run(ctx context.Context) error {
	l := r.newLoop(ctx, nil)
	defer l.close()
	poll := time.NewTicker(r.o.Poll)
	defer poll.Stop()
	err := l.look(ctx)
	for ctx.Err() == nil {
		if err == nil {
			err = l.fill(ctx)
		}
		l.report(ctx, err)
		err = nil
		select {
		case <-ctx.Done():
		case <-l.ended:
			l.own--
		case <-l.woken:
		case <-poll.C:
			err = l.look(ctx)
		}
	}
	return nil
}

// RunUntilIdle runs the items with the given keys (none given: all) of the
// kinds that this runner handles, until none is due or running here or
// elsewhere; it waits for those that are to be tried again, not for those
// that are scheduled for later. It is for commands that run what they queued.
// It fails when ctx ends or the database cannot be reached.
func (r *Runner) RunUntilIdle(ctx context.Context, keys ...string) error {
	l := r.newLoop(ctx, keys)
	defer l.close()
	poll := time.NewTicker(r.o.Poll)
	defer poll.Stop()
	err := l.look(ctx)
	for idle := false; err == nil && !idle; {
		if err = l.fill(ctx); err != nil {
			break
		}
		if l.own == 0 {
			if idle, err = l.idle(ctx); idle || err != nil {
				break
			}
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-l.ended:
			l.own--
		case <-l.woken:
		case <-poll.C:
			err = l.look(ctx)
		}
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // a database that is interrupted says so in its own words
	}
	if err != nil {
		return fmt.Errorf("run work until idle: %w", err)
	}
	return nil
}

func (r *Runner) newLoop(ctx context.Context, keys []string) *loop {
	l := &loop{
		r: r, keys: keys,
		woken: make(chan struct{}, 1),
		ended: make(chan struct{}, r.o.Workers),
		seen:  map[itemID]sighting{},
	}
	// Handlers outlive ctx for as long as they need to stop.
	l.handlers, l.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loops[l] = struct{}{}
	return l
}

// close stops the handlers and waits for them.
func (l *loop) close() {
	l.r.mu.Lock()
	delete(l.r.loops, l)
	l.r.mu.Unlock()
	l.stop(work.ErrStopping)
	for ; l.own > 0; l.own-- {
		<-l.ended
	}
}

// fill claims and starts items until there is no room or nothing is due.
func (l *loop) fill(ctx context.Context) error {
	l.r.claiming.Lock()
	defer l.r.claiming.Unlock()
	for {
		items, err := l.claim(ctx, l.r.rooms())
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return nil
		}
		for _, it := range items {
			l.start(it)
		}
	}
}

// room is how many more items of a kind may start.
type room struct {
	kind string
	free int
}

// rooms begins with another kind each time, so that none starves the others.
func (r *Runner) rooms() []room {
	r.mu.Lock()
	defer r.mu.Unlock()
	busy := map[string]int{}
	for _, it := range r.active {
		busy[it.id.kind]++
	}
	free := r.o.Workers - len(r.active)
	var rooms []room
	r.turn++
	for i := range r.kinds {
		kind := r.kinds[(i+r.turn)%len(r.kinds)]
		if n := min(free, r.handler[kind].concurrency-busy[kind]); n > 0 {
			rooms = append(rooms, room{kind, n})
		}
	}
	return rooms
}

func (l *loop) start(it *item) {
	ctx, cancel := context.WithCancelCause(l.handlers)
	it.cancel = cancel
	if it.cancelled {
		cancel(work.ErrCancelled)
	}
	handle := l.r.activate(it)
	l.own++
	go func() {
		defer func() { // also after runtime.Goexit in a handler
			l.r.deactivate(it)
			cancel(nil)
			l.r.wakeOthers(l) // they may wait for this very item
			l.ended <- struct{}{}
		}()
		l.r.execute(ctx, it, handle)
	}()
}

func (r *Runner) activate(it *item) work.Handler {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active[it.token] = it
	return r.handler[it.id.kind].handle
}

func (r *Runner) deactivate(it *item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, it.token)
}

// report logs that the database does not answer, once, and that it does again.
func (l *loop) report(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil, errors.Is(err, context.Canceled), err == nil && !l.failing:
	case err == nil:
		l.failing = false
		l.r.o.Logger.InfoContext(ctx, "work goes on")
	case !l.failing:
		l.failing = true
		l.r.o.Logger.ErrorContext(ctx, "work waits for the database", "error", err)
	}
}
