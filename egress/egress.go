// Package egress is the door through which a product calls language models:
// /egress/{provider}/… takes a call with a token of one workspace, and sends it
// to the provider's pinned address with the provider's own key.
//
// What may be called, and from where, is engine's to decide. It must never log,
// keep or count more of a call than its size, never follow a redirect, and
// never pass on a header that it does not know. Open this file first, then
// body.go for what is changed in a call.
package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// Path is what the addresses of the door begin with.
const Path = "/egress/"

const (
	// MaxBody is the largest call that goes through: 32 MiB.
	MaxBody = 32 << 20

	answerPatience = 10 * time.Minute // until the first byte of an answer
)

// Options say how the door reaches providers.
type Options struct {
	Keys      map[string]string // API keys, by the provider's name
	Transport http.RoundTripper // nil: TLS 1.2 and newer, verified, and no proxy
}

type door struct {
	engine *engine.Engine
	keys   map[string]string
	proxy  *httputil.ReverseProxy
	room   room
}

// New makes the door's handler.
func New(e *engine.Engine, o Options) http.Handler {
	d := &door{engine: e, keys: o.Keys, room: newRoom()}
	if o.Transport == nil {
		o.Transport = transport()
	}
	d.proxy = &httputil.ReverseProxy{
		Rewrite: d.rewrite, ModifyResponse: checkAnswer, ErrorHandler: d.failed, Transport: o.Transport,
		FlushInterval: -1, // an answer is passed on as it comes
		ErrorLog:      log.New(brokenOff{e.Log}, "", 0),
	}
	return d
}

// transport goes straight to the provider: a proxy of the environment would see
// whom is called, and could lie elsewhere.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is documented to be one
	t.Proxy = nil
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	t.ResponseHeaderTimeout = answerPatience
	t.DisableCompression = true // an answer keeps the form that was asked for
	return t
}

type passage struct {
	engine.Admission
	target *url.URL
	body   *outgoing // nil: there is none
	key    string
}

type passageKey struct{}

// ServeHTTP sends one call.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := d.engine.Authenticate(r.Context(), secretOf(r))
	if err == nil && c.Kind != privacyd.CallerToken {
		err = errNoToken()
	}
	if err != nil {
		writeProblem(w, err)
		return
	}
	c.Door, c.IP = privacyd.DoorREST, clientIP(r)
	if err := d.pass(w, r, c); err != nil {
		writeProblem(w, err)
	}
}

func errNoToken() error {
	return privacyd.Errorf(privacyd.ClassUnauthenticated, "not_signed_in",
		"Send an API token of the workspace with the scope %s, where the provider's key would stand.", privacyd.ActionCallLLM)
}

// pass admits a call, changes it and sends it. Nothing is sent before all of it
// was read and changed.
func (d *door) pass(w http.ResponseWriter, r *http.Request, c privacyd.Caller) error {
	provider, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), Path), "/")
	admission, err := d.engine.AdmitCall(r.Context(), c, provider, r.Method, "/"+path)
	if err != nil {
		return err
	}
	key := d.keys[admission.Provider.Name]
	if key == "" {
		return privacyd.Errorf(privacyd.ClassUnavailable, "provider_no_key",
			"There is no API key for this provider. The operator sets it under llm in the configuration, by a variable.")
	}
	body, err := d.take(w, r, admission)
	if err != nil {
		return err
	}
	if body != nil {
		defer body.Close() //nolint:errcheck // it gives its memory back
	}
	target := *admission.Provider.URL
	target.Path, target.RawPath = strings.TrimRight(target.Path, "/")+admission.Call.Path, ""
	if r.Method == http.MethodGet {
		target.RawQuery = listQuery(r.URL.Query())
	}
	d.send(w, r, &passage{Admission: admission, target: &target, body: body, key: key})
	return nil
}

// listQuery keeps what turns the pages of a list.
func listQuery(q url.Values) string {
	kept := url.Values{}
	for _, name := range []string{"limit", "after_id", "before_id"} {
		if v := q.Get(name); v != "" {
			kept.Set(name, v)
		}
	}
	return kept.Encode()
}

// take reads a call's body. Its memory is given back when it has been sent: an
// answer may take long.
func (d *door) take(w http.ResponseWriter, r *http.Request, a engine.Admission) (*outgoing, error) {
	if r.Method == http.MethodGet {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), bodyPatience)
	defer cancel()
	place, err := d.room.take(ctx, r.ContentLength)
	if err != nil {
		return nil, err
	}
	body, err := readBody(w, r, a, place)
	if err != nil {
		place.leave()
		return nil, err
	}
	body.closed = place.leave
	return body, nil
}

func errTooLarge() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "call_too_large", "A call has at most %d MiB. Nothing was sent.", MaxBody>>20)
}

// send hands the call to the provider and its answer back, and counts both.
func (d *door) send(w http.ResponseWriter, r *http.Request, p *passage) {
	counted := &counter{ResponseWriter: w}
	ctx := context.WithValue(r.Context(), passageKey{}, p)
	sent := int64(0)
	if p.body != nil {
		sent = p.body.size
	}
	defer func() {
		err := d.engine.EndCall(ctx, p.Admission, sent, counted.bytes, counted.status == 0 || counted.status >= http.StatusBadRequest)
		if err != nil {
			d.engine.Log.ErrorContext(ctx, "a call of a language model could not be counted", "provider", p.Provider.Name, "error", err)
		}
	}()
	d.proxy.ServeHTTP(counted, r.WithContext(ctx))
}

// passed are the headers of a call that reach the provider.
var passed = []string{"Accept", "Accept-Encoding", "Anthropic-Version", "Anthropic-Beta", "Idempotency-Key", "X-Stainless-Retry-Count"}

// rewrite makes the call to the provider from nothing but what is known.
func (d *door) rewrite(pr *httputil.ProxyRequest) {
	p := pr.In.Context().Value(passageKey{}).(*passage) //nolint:forcetypeassert // send puts it there
	header := http.Header{"User-Agent": {"privacyd"}}
	if p.body != nil {
		header.Set("Content-Type", "application/json") // nothing else comes this far
	}
	for _, name := range passed {
		if v := pr.Out.Header.Get(name); v != "" { // without what Connection names
			header.Set(name, v)
		}
	}
	if p.Provider.Dialect == privacyd.DialectAnthropic {
		header.Set("X-Api-Key", p.key)
	} else {
		header.Set("Authorization", "Bearer "+p.key)
	}
	pr.Out.URL, pr.Out.Host, pr.Out.Header, pr.Out.Trailer = p.target, p.target.Host, header, nil
	pr.Out.Body, pr.Out.ContentLength, pr.Out.TransferEncoding = http.NoBody, 0, nil
	if p.body != nil {
		pr.Out.Body, pr.Out.ContentLength = p.body, p.body.size
	}
}

var errRedirect = errors.New("the provider answered with a redirect")

// returned are the headers of an answer that reach the product.
var returned = []string{
	"Content-Type", "Content-Encoding", "Content-Length", "Date", "Request-Id", "X-Request-Id", "Retry-After", "Retry-After-Ms", "X-Should-Retry",
}

// checkAnswer refuses to lead the product elsewhere, and passes on no header
// that it does not know: no cookies, and no promises about this host.
func checkAnswer(answer *http.Response) error {
	if answer.StatusCode >= 300 && answer.StatusCode < 400 || answer.StatusCode == http.StatusSwitchingProtocols {
		return errRedirect
	}
	for name := range answer.Header {
		limits := strings.HasPrefix(name, "X-Ratelimit-") || strings.HasPrefix(name, "Anthropic-Ratelimit-")
		if !limits && !slices.Contains(returned, name) {
			answer.Header.Del(name)
		}
	}
	answer.Header.Set("Cache-Control", "no-store")
	answer.Trailer = nil
	return nil
}

// failed tells the product that there is no answer. The provider's own words
// are not repeated: they may hold what was asked.
func (d *door) failed(w http.ResponseWriter, r *http.Request, err error) {
	name := r.Context().Value(passageKey{}).(*passage).Provider.Name //nolint:forcetypeassert // send puts it there
	problem := privacyd.Errorf(privacyd.ClassUnavailable, "provider_unreachable", "Provider %s gave no answer. Try again later.", name)
	switch {
	case errors.Is(err, errRedirect):
		problem = privacyd.Errorf(privacyd.ClassUnavailable, "provider_redirected",
			"Provider %s wanted to redirect the call elsewhere, which is not followed. The operator should check its url.", name)
	case privacyd.CertificateFault(err) != "":
		problem = privacyd.Errorf(privacyd.ClassUnavailable, "provider_not_believed",
			"Provider %s was not believed: %s. Nothing was sent. The operator should check its url.", name, privacyd.CertificateFault(err))
	case errors.Is(err, context.Canceled):
		return // nobody listens any more
	}
	d.engine.Log.WarnContext(r.Context(), "a call of a language model failed", "provider", name, "code", privacyd.CodeOf(problem), "error", fault(err))
	writeProblem(w, problem)
}
