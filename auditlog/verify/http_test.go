package verify_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

// serve serves a book below /log/, behind what may stand in between.
func serve(t *testing.T, b *book, between func(http.Handler) http.Handler) string {
	t.Helper()
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := auditlog.ParsePart(strings.TrimPrefix(r.URL.Path, "/log/"))
		if err == nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			w.Header().Set("Content-Type", p.ContentType())
			err = b.view().WritePart(r.Context(), w, p, b.export())
		}
		if errors.Is(err, auditlog.ErrNoTile) {
			http.Error(w, "none", http.StatusNotFound)
		}
	})
	if between != nil {
		h = between(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/log"
}

func TestURL(t *testing.T) {
	b := attacked(t)
	b.restore(300)
	b.write(270)
	b.forget(ben(3))
	b.sign()
	o := options()
	var last atomic.Int64
	o.Progress = func(done, _ int64) { last.Store(done) }
	r := checkPath(t, serve(t, b, nil)+"/", o)
	wantFindings(t, r)
	if r.Entries != 572 || r.Erased != 57 || len(r.Losses) != 1 || last.Load() != 572 {
		t.Errorf("%+v, progress %d", r, last.Load())
	}
}

// TestURLAttacks has a server tamper with what it sends.
func TestURLAttacks(t *testing.T) {
	b := attacked(t)
	for name, tc := range map[string]struct {
		path, old, with string
		want            verify.Code
	}{
		"leaf":       {"/log/tile/entries/000", `"outcome":"done"`, `"outcome":"okay"`, verify.Changed},
		"disclosure": {"/log/disclosures/000", `","`, `","A`, verify.DisclosureAltered},
		"checkpoint": {"/log/checkpoint", "\n601\n", "\n600\n", verify.SignatureBad},
		"nothing":    {"/log/tile/entries/000", "", "", verify.Missing},
	} {
		t.Run(name, func(t *testing.T) {
			r := checkPath(t, serve(t, b, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != tc.path {
						h.ServeHTTP(w, r)
						return
					}
					if tc.old == "" {
						http.NotFound(w, r)
						return
					}
					sent := httptest.NewRecorder()
					h.ServeHTTP(sent, r)
					_, _ = w.Write([]byte(strings.Replace(sent.Body.String(), tc.old, tc.with, 1))) // the test would see it
				})
			}), options())
			if !r.Has(tc.want) {
				t.Errorf("found %q", findings(r))
			}
		})
	}
}

// TestURLTrouble has a server and a network that fail now and then.
func TestURLTrouble(t *testing.T) {
	b := attacked(t)
	var asked atomic.Int64
	now := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch asked.Add(1) % 4 {
			case 0:
				http.Error(w, "later", http.StatusServiceUnavailable)
			case 1:
				http.Error(w, "slower", http.StatusTooManyRequests)
			case 2:
				panic(http.ErrAbortHandler)
			default:
				h.ServeHTTP(w, r)
			}
		})
	}
	o := options()
	o.Retries = 50
	wantFindings(t, checkPath(t, serve(t, b, now), o))
	for name, status := range map[string]int{"broken": http.StatusInternalServerError, "forbidden": http.StatusForbidden} {
		asked.Store(0)
		address := serve(t, b, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.WriteHeader(status)
			})
		})
		o := options()
		o.Retries = 2
		if r, err := verify.Path(t.Context(), address, o); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
		if tries := map[string]int64{"broken": 3, "forbidden": 1}[name]; asked.Load() != tries {
			t.Errorf("%s: asked %d times, want %d", name, asked.Load(), tries)
		}
	}
	if _, err := verify.Path(t.Context(), serve(t, b, func(http.Handler) http.Handler { return http.NotFoundHandler() }), options()); !errors.Is(err, verify.ErrUnknown) {
		t.Errorf("nothing there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verify.Path(ctx, serve(t, b, nil), options()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestURLElsewhere has a server send the client to another host, and to
// another path.
func TestURLElsewhere(t *testing.T) {
	b := attacked(t)
	var visited atomic.Int64
	other := serve(t, b, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			visited.Add(1)
			h.ServeHTTP(w, r)
		})
	})
	to := func(where string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if after, ok := strings.CutPrefix(r.URL.Path, "/log/"); ok {
					http.Redirect(w, r, where+after, http.StatusFound)
					return
				}
				r.URL.Path = strings.Replace(r.URL.Path, "/moved/", "/log/", 1)
				h.ServeHTTP(w, r)
			})
		}
	}
	o := options()
	o.Token = "secret"
	if r, err := verify.Path(t.Context(), serve(t, b, to(other+"/")), o); err == nil || visited.Load() > 0 {
		t.Errorf("%+v, visited %d times", r, visited.Load())
	}
	wantFindings(t, checkPath(t, serve(t, b, to("/moved/")), o))
}

// TestURLEndless has a server send without an end.
func TestURLEndless(t *testing.T) {
	b := attacked(t)
	for _, path := range []string{"/log/checkpoint", "/log/tile/0/000", "/log/tile/entries/000", "/log/disclosures/000", "/log/checkpoints.ndjson"} {
		r, err := verify.Path(t.Context(), serve(t, b, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != path {
					h.ServeHTTP(w, r)
					return
				}
				for junk := make([]byte, 1<<20); ; {
					if _, err := w.Write(junk); err != nil {
						return
					}
				}
			})
		}), options())
		if err == nil && r.OK() {
			t.Errorf("%s: it is called good", path)
		}
	}
}

func TestToken(t *testing.T) {
	b := attacked(t)
	address := serve(t, b, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	o := options()
	if _, err := verify.Path(t.Context(), address, o); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a token: %v", err)
	}
	o.Token = "secret"
	wantFindings(t, checkPath(t, address, o))
	for _, address := range []string{
		"http://example.com/log", "http://192.0.2.1/log", "https://user:pass@example.com/log", "https:///log", "https://example.com/log?x=1",
		"https://example.com/log#x", "http://[::1", "https://",
	} {
		if _, err := verify.Path(t.Context(), address, o); !errors.Is(err, verify.ErrAddress) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"ftp://example.com/log", "file:///etc"} {
		if _, err := verify.URL(t.Context(), address, o); !errors.Is(err, verify.ErrAddress) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestURLErasedMeanwhile erases somebody between the checkpoint and the
// disclosures.
func TestURLErasedMeanwhile(t *testing.T) {
	b := attacked(t)
	var once atomic.Bool
	address := serve(t, b, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/log/tile/1/000.p/2" && once.CompareAndSwap(false, true) {
				b.mu.Lock()
				b.forget(ben(3))
				b.sign()
				b.mu.Unlock()
			}
			h.ServeHTTP(w, r)
		})
	})
	r := checkPath(t, address, options())
	wantFindings(t, r)
	if r.Entries != 602 || r.Erased != 60 {
		t.Errorf("%+v", r)
	}
}

// TestURLTimeout has a server that does not answer.
func TestURLTimeout(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(hang)
	o := options()
	o.Client, o.Retries = &http.Client{Timeout: time.Millisecond}, 1
	var timeout *url.Error
	if _, err := verify.Path(t.Context(), s.URL, o); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v", err)
	}
}
