package mcp

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
)

// AsHeader names the account as which an operator's stream acts.
const AsHeader = "Privacyd-As"

// serveStream serves one session of the stdio transport: messages come line by
// line in the request's body and go out in the answer's, both for as long as
// the agent runs. Query parameter workspace says to which workspace it keeps.
func (d *Door) serveStream(w http.ResponseWriter, r *http.Request, user string) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Connection", "close") // nothing follows: what comes in may still be waited for when the answer ends
	control := http.NewResponseController(w)
	if err := control.EnableFullDuplex(); err != nil { // before all else: a refusal must not wait for the end of what comes in
		refuse(w, err)
		return
	}
	c, workspace, err := d.streamCaller(r, user)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	if control.Flush() != nil {
		return // the asker has gone away
	}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), callerKey{}, c))
	defer cancel()
	defer context.AfterFunc(d.closing, cancel)()
	server := d.server(instructions + " This connection is for the workspace " + workspace.ID + " alone, so that workspace_id may be left out.")
	transport := patient{&sdk.IOTransport{Reader: r.Body, Writer: flushed{w, control}, MaxLineLength: maxBody}}
	_ = server.Run(ctx, transport) // how an agent ends is its own affair
}

// streamCaller is the operator, or the account as which it acts, kept to one
// workspace.
func (d *Door) streamCaller(r *http.Request, user string) (c privacyd.Caller, w privacyd.Workspace, err error) {
	ctx := r.Context()
	c = privacyd.Caller{Kind: privacyd.CallerOperator, Name: user, Door: privacyd.DoorMCP}
	if as := r.Header.Get(AsHeader); as != "" {
		if c, err = d.engine.As(ctx, c, as); err != nil {
			return c, w, err
		}
	}
	w, _, err = d.engine.Workspace(ctx, c, r.URL.Query().Get("workspace"))
	c.Only = w.ID
	return c, w, err
}

// flushed sends each message on its way at once.
type flushed struct {
	io.Writer
	control *http.ResponseController
}

func (f flushed) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.control.Flush()
}

// Close leaves the answer to the HTTP server.
func (f flushed) Close() error { return nil }

// patient is a transport that answers all that was asked before it takes note
// of the end of its input.
type patient struct{ sdk.Transport }

// Connect opens the connection.
func (p patient) Connect(ctx context.Context) (sdk.Connection, error) {
	c, err := p.Transport.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &counting{Connection: c, asked: map[jsonrpc.ID]bool{}, idle: make(chan struct{}, 1)}, nil
}

// counting is a connection that knows what it has not answered.
type counting struct {
	sdk.Connection

	mu    sync.Mutex
	asked map[jsonrpc.ID]bool
	idle  chan struct{}
}

// Read gives the next message.
func (c *counting) Read(ctx context.Context) (jsonrpc.Message, error) {
	m, err := c.Connection.Read(ctx)
	if err != nil {
		c.wait(ctx)
		return m, err
	}
	if call, ok := m.(*jsonrpc.Request); ok && call.IsCall() {
		c.mu.Lock()
		c.asked[call.ID] = true
		c.mu.Unlock()
	}
	return m, nil
}

func (c *counting) wait(ctx context.Context) {
	for {
		c.mu.Lock()
		n := len(c.asked)
		c.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-c.idle:
		case <-ctx.Done():
			return
		}
	}
}

// Write sends a message.
func (c *counting) Write(ctx context.Context, m jsonrpc.Message) error {
	err := c.Connection.Write(ctx, m)
	if answer, ok := m.(*jsonrpc.Response); ok {
		c.mu.Lock()
		delete(c.asked, answer.ID)
		c.mu.Unlock()
		select {
		case c.idle <- struct{}{}:
		default:
		}
	}
	return err
}
