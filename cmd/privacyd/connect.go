package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"slices"
	"sync"
	"time"

	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/client"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/rest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/work"
)

// host gives the command line what it needs.
type host struct{ version string }

// Connect gives a client as the operator: of the server that runs on the data
// folder, or else of an engine in this process, which owns the folder until
// Close.
func (h host) Connect(ctx context.Context, o cli.Folder) (cli.Connection, error) {
	f, err := openFolder(o.Data)
	if err != nil {
		return cli.Connection{}, err
	}
	cfg, err := readConfig(o)
	if err != nil {
		return cli.Connection{}, err
	}
	if cfg.Database == "" {
		owner, err := f.own()
		if err != nil {
			return cli.Connection{}, err
		}
		if !owner {
			return f.toServer(ctx, o)
		}
	}
	return h.toSelf(ctx, f, cfg, o)
}

// toServer is a connection to the server that owns the folder.
func (f *folder) toServer(ctx context.Context, o cli.Folder) (cli.Connection, error) {
	path, done, err := f.socketPath()
	if err != nil {
		return cli.Connection{}, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	probe, err := dial(ctx, "", "")
	if err != nil {
		done()
		return cli.Connection{}, f.errInUse() // another command, not a server
	}
	_ = probe.Close()
	transport := &http.Transport{DialContext: dial}
	return cli.Connection{
		Client: &client.Client{Base: "http://privacyd", HTTP: &http.Client{Transport: transport}, As: o.As},
		Close: func(context.Context) error {
			transport.CloseIdleConnections()
			done()
			return nil
		},
	}, nil
}

// toSelf is a connection to an engine in this process. It goes on when ctx
// ends, so that a command that is interrupted can still cancel what it began;
// Close ends it.
func (h host) toSelf(ctx context.Context, f *folder, cfg config, o cli.Folder) (cli.Connection, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	catchStray(log)
	var err error
	if cfg.grace, err = readGrace(false); err != nil {
		f.close()
		return cli.Connection{}, err
	}
	i, err := h.open(ctx, f, cfg, log)
	if err != nil {
		f.close()
		return cli.Connection{}, err
	}
	i.asked.remembers = f.lock == nil
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := newPipe()
	server := &http.Server{
		Handler:           commands(rest.New(i.engine, rest.Options{Version: h.version, BaseURL: cfg.BaseURL}), h.agents(i, cfg)),
		BaseContext:       func(net.Listener) context.Context { return rest.WithOperator(background, osUser()) },
		ReadHeaderTimeout: time.Minute,
	}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(l) }) // ends with Close
	running.Go(func() { i.work(background, f) })
	endAudit := i.keepAudit(ctx)
	return cli.Connection{
		Client: &client.Client{Base: "http://privacyd", HTTP: &http.Client{Transport: &http.Transport{DialContext: l.dial}}, As: o.As},
		Close: func(context.Context) error {
			err := server.Close()
			stop()
			running.Wait()
			err = errors.Join(err, i.finish(ctx, f))
			endAudit()
			err = errors.Join(err, i.close())
			f.close()
			return err
		},
	}, nil
}

// work runs jobs while a command does: all of them where this process owns the
// folder, else only those that the command makes.
func (i *instance) work(ctx context.Context, f *folder) {
	if f.lock != nil {
		_ = i.runner.Run(ctx) // ends with ctx
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case key := <-i.asked.keys:
			i.runAsked(ctx, key)
		}
	}
}

// runAsked runs what a command queued. A database that did not answer for a
// moment must not leave the command waiting for a job that nobody runs.
func (i *instance) runAsked(ctx context.Context, key string) {
	for i.runner.RunUntilIdle(ctx, key) != nil { // the job itself says what went wrong
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// silence is how long a command waits for its own work before it says so.
const silence = 10 * time.Second

// finish runs what waits before the command ends: all of it where this process
// owns the folder, for nobody else would, and else what the command queued. An
// interrupt ends it; one that came before leaves a moment for what was
// cancelled to be cleaned up.
func (i *instance) finish(command context.Context, f *folder) error {
	const moment = 5 * time.Second
	ctx := command
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(command), moment)
		defer cancel()
	}
	keys := i.asked.all()
	if f.lock != nil {
		keys = nil // all there is
	} else if len(keys) == 0 {
		return nil
	}
	told := time.AfterFunc(silence, func() {
		fmt.Fprintln(os.Stderr, "The command is done; what it began is still at work. On PostgreSQL an erasure also waits until transactions "+
			"that were open before it are over, anybody's on the same server. Ctrl-C leaves the rest to the server.")
	})
	defer told.Stop()
	if err := i.runner.RunUntilIdle(ctx, keys...); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// askedQueue is a queue that remembers what this process put into it, where it
// is a command that runs no other work.
type askedQueue struct {
	work.Queue
	db        *sqldb.DB
	keys      chan string
	remembers bool

	mu    sync.Mutex
	asked []string
}

// asked are the kinds of work that a command runs before it ends, wherever the
// state is.
func asked(kind string) bool {
	switch kind {
	case engine.WorkExport, engine.WorkErase, engine.WorkFiles, engine.WorkExpire, engine.WorkKeys:
		return true
	}
	return false
}

// Enqueue tells of an item once its transaction has committed.
func (q *askedQueue) Enqueue(ctx context.Context, it work.Item) error {
	if err := q.Queue.Enqueue(ctx, it); err != nil {
		return err
	}
	if asked(it.Kind) {
		q.db.AfterCommit(ctx, func() { q.tell(it.Key) })
	}
	return nil
}

func (q *askedQueue) tell(key string) {
	if !q.remembers {
		return
	}
	q.mu.Lock()
	q.asked = append(q.asked, key)
	q.mu.Unlock()
	select {
	case q.keys <- key:
	default: // finish runs it
	}
}

func (q *askedQueue) all() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	slices.Sort(q.asked)
	q.asked = slices.Compact(q.asked)
	return q.asked
}

func osUser() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

// pipe is a listener whose connections never leave the process.
type pipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipe() *pipe { return &pipe{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipe) Addr() net.Addr { return pipeAddr{} }

func (p *pipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, fmt.Errorf("call the engine: %w", net.ErrClosed)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
