// Package verify checks an audit log that somebody else wrote: a JSON export,
// alone or in an export archive, a tlog-tiles directory, the same over HTTP,
// or the proof of one entry. It needs nothing but the public key, and says
// with entry numbers what is wrong.
//
// It reads streams of any length in little memory and believes nothing that it
// reads: not a size, not an index, not a path. It must never name anything
// personal in a finding, never follow a link out of a folder or to another
// host, and never write. Open verify.go first; epoch.go is where entries meet
// the tree.
package verify

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Errors that callers tell apart. Everything else that is returned as an error
// means that something could not be read, and what it is about was not checked.
var (
	// ErrUnknown: bytes that are none of the forms of an audit log.
	ErrUnknown = errors.New("that is not an audit log: neither a JSON export, nor an export archive with one, nor a tlog-tiles folder, nor a tlog-proof")
	// ErrSince: an earlier checkpoint that cannot be one of any log of this key.
	ErrSince = errors.New("that is not an earlier checkpoint signed with this key")
	// ErrAddress: an address that is not fetched from.
	ErrAddress = errors.New("that is not an address of an audit log")
)

// Options of a verification. Key must be set.
type Options struct {
	Key ed25519.PublicKey

	// Since holds checkpoints that the auditor noted earlier: the log must have
	// grown from each of them.
	Since [][]byte
	// Instance is where the instance's own log is, as Path takes it. It is
	// verified first, and the log must have grown from each of its checkpoints that
	// are entries there (audit.checkpoint). Empty: nothing is said about that.
	Instance string
	// Progress is told, now and then, how many entries were checked, of how many
	// that the checkpoint says there are.
	Progress func(done, total int64)
	// MaxFindings is how many findings are kept; all are counted. Default 1000.
	MaxFindings int
	// Workers is how many goroutines check entries. Default: one for each
	// processor.
	Workers int

	// Of addresses:
	Token   string        // sent as a bearer token, never over plain HTTP to another machine
	Client  *http.Client  // default: one with timeouts
	Retry   time.Duration // before the second try, doubled each time; default 500 ms
	Retries int           // default 4

	named *named
}

// fetchers is how many parts are fetched at a time: over a network, waiting is
// most of the work.
func (o *Options) fetchers(from source) int {
	if _, local := from.(folder); local {
		return o.workers()
	}
	return max(o.workers(), 8)
}

// Path verifies what is at path: a file in any of the forms, a folder, or an
// http or https address.
//
// A verification that finds something is no error: see Report. Errors are
// ErrUnknown, ErrSince, ErrInstance, ErrAddress, those of the file system and the network,
// and that of ctx.
func Path(ctx context.Context, path string, o Options) (*Report, error) {
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		return URL(ctx, path, o)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("verify an audit log: %w", err)
	case info.IsDir():
		return Dir(ctx, path, o)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("verify an audit log: %s is neither a file nor a folder: %w", filepath.Base(path), ErrUnknown)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("verify an audit log: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	return file(ctx, f, info.Size(), o)
}
