package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/privacyd/privacyd/auditlog"
)

const (
	defaultRetry   = 500 * time.Millisecond
	defaultRetries = 4
	// partTimeout bounds the fetching of one part: at most 256 entries.
	partTimeout = 2 * time.Minute
	// againMost is how often a log that grows is looked at again since something
	// seems to be missing.
	againMost = 3
)

// URL verifies a log that a server lays out in tiles below an address. Nothing
// is fetched from another host. Errors: ErrAddress, ErrUnknown, ErrSince, those
// of the network and of ctx.
//
// An erasure may take disclosures away while they are fetched, before the log
// says so. Where some are missing, the log is looked at again for some seconds,
// and verified once more if it has grown.
func URL(ctx context.Context, address string, o Options) (*Report, error) {
	s, err := newServer(address, o)
	if err != nil {
		return nil, fmt.Errorf("verify an audit log: %w", err)
	}
	for try := 1; ; try++ {
		r, note, err := verifyTiles(ctx, s, o)
		if err != nil {
			return nil, fmt.Errorf("verify an audit log: %w", err)
		}
		if !r.Has(DisclosureMissing) || try == againMost {
			return r, nil
		}
		grown, err := s.grown(ctx, r, note)
		if err != nil {
			return nil, fmt.Errorf("verify an audit log: %w", err)
		}
		if !grown {
			return r, nil
		}
	}
}

// server is a source behind an address.
type server struct {
	base    *url.URL
	client  http.Client
	token   string
	retry   time.Duration
	retries int
}

func newServer(address string, o Options) (*server, error) {
	base, err := url.Parse(address)
	switch {
	case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https"):
		return nil, fmt.Errorf("%w: it must begin with https:// or http://", ErrAddress)
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("%w: it must have no user, query or fragment", ErrAddress)
	case o.Token != "" && base.Scheme == "http" && !loopback(base.Hostname()):
		return nil, fmt.Errorf("%w: a token is not sent over plain HTTP to another machine", ErrAddress)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	s := &server{base: base, token: o.Token, retry: o.Retry, retries: o.Retries, client: http.Client{Timeout: partTimeout}}
	if o.Client != nil {
		s.client = *o.Client
	}
	s.client.CheckRedirect = s.mayFollow
	if s.retry <= 0 {
		s.retry = defaultRetry
	}
	if s.retries <= 0 {
		s.retries = defaultRetries
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// errElsewhere: a redirect that is not followed.
var errElsewhere = errors.New("the server sends elsewhere, to where nothing is fetched from")

// mayFollow takes redirects on the same host, and never to plain HTTP.
func (s *server) mayFollow(to *http.Request, via []*http.Request) error {
	if to.URL.Host != s.base.Host || to.URL.Scheme != s.base.Scheme || len(via) > 5 {
		return errElsewhere
	}
	return nil
}

func (s *server) open(ctx context.Context, p auditlog.Part) (io.ReadCloser, error) {
	most := int64(maxBundle)
	switch p.Kind {
	case auditlog.PartDisclosures:
		most = auditlog.MaxDisclosures
	case auditlog.PartOlder:
		most = maxOlder
	}
	var err error
	for try := range s.retries + 1 {
		if try > 0 {
			if err := pause(ctx, s.retry<<(try-1)); err != nil {
				return nil, err
			}
		}
		var b []byte
		var again bool
		if b, again, err = s.fetch(ctx, p.Path(), most); err == nil {
			return io.NopCloser(bytes.NewReader(b)), nil
		}
		if !again {
			break
		}
	}
	return nil, fmt.Errorf("fetch %s: %w", p.Path(), err)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errStatus: an answer that is not what was asked for.
var errStatus = errors.New("the server does not give it")

// fetch fetches a part once. again: it may be tried again.
func (s *server) fetch(ctx context.Context, path string, most int64) (b []byte, again bool, err error) {
	at := *s.base
	at.Path += "/" + path
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, false, fmt.Errorf("make a request: %w", err)
	}
	if s.token != "" {
		q.Header.Set("Authorization", "Bearer "+s.token)
	}
	answer, err := s.client.Do(q)
	if err != nil {
		return nil, ctx.Err() == nil && !errors.Is(err, errElsewhere), err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	switch c := answer.StatusCode; {
	case c == http.StatusNotFound || c == http.StatusGone:
		return nil, false, fs.ErrNotExist
	case c != http.StatusOK:
		return nil, c >= 500 || c == http.StatusTooManyRequests, fmt.Errorf("%w: it answers %s", errStatus, answer.Status)
	}
	if b, err = io.ReadAll(io.LimitReader(answer.Body, most+1)); err != nil {
		return nil, ctx.Err() == nil, err
	}
	if int64(len(b)) > most {
		return nil, false, errTooMuch
	}
	return b, false, nil
}

// grown tells whether a log has another checkpoint than it had, or gets one
// soon.
func (s *server) grown(ctx context.Context, r *Report, note []byte) (bool, error) {
	if len(r.Epochs) == 0 {
		return false, nil
	}
	for try := 0; ; try++ {
		grown, err := s.another(ctx, r, note)
		if grown || err != nil || try == s.retries {
			return grown, err
		}
		if err := pause(ctx, s.retry<<try); err != nil {
			return false, err
		}
	}
}

func (s *server) another(ctx context.Context, r *Report, note []byte) (bool, error) {
	p := auditlog.Part{Epoch: r.Epochs[len(r.Epochs)-1].Epoch, Kind: auditlog.PartCheckpoint}
	f, err := s.open(ctx, p)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	now, err := io.ReadAll(io.LimitReader(f, maxNote))
	return err == nil && !bytes.Equal(now, note), err
}
