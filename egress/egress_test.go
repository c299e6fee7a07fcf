package egress_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/egress"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

const prompt = "the prompt of Ada Lovelace"

// provider is a real server over TLS that keeps what it received.
type provider struct {
	*httptest.Server
	mu    sync.Mutex
	got   []received
	serve http.HandlerFunc
	throw bool // bodies away
}

type received struct {
	Method, Path, Query, Host, Body string
	Header                          http.Header
}

func newProvider(t *testing.T) *provider {
	p := &provider{serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "at=provider")
		w.Header().Set("Strict-Transport-Security", "max-age=1")
		w.Header().Set("X-Request-Id", "r-1")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"answer":42}`)
	}}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.throw {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.got = append(p.got, received{r.Method, r.URL.Path, r.URL.RawQuery, r.Host, string(body), r.Header})
		p.mu.Unlock()
		p.serve(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) received() []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// gate is a door before a provider, and the token of a workspace.
type gate struct {
	*enginetest.Bench
	t         *testing.T
	upstream  *provider
	server    *httptest.Server
	workspace privacyd.Workspace
	token     string
	log       *bytes.Buffer
}

func newGate(t *testing.T) *gate { return newGateOn(t, sqldbtest.SQLite(t)) }

func newGateOn(t *testing.T, db *sqldb.DB) *gate {
	g := &gate{Bench: enginetest.New(t, db), t: t, upstream: newProvider(t), log: &bytes.Buffer{}}
	address, err := url.Parse(g.upstream.URL)
	g.Must(err)
	agreed := &privacyd.Agreement{Document: "DPA-17", Since: g.Clock().Add(-time.Hour)}
	one := func(name string, d privacyd.Dialect, country string, a *privacyd.Agreement) privacyd.Provider {
		return privacyd.Provider{
			Name: name, Dialect: d, URL: address, Country: country, ZeroRetention: a,
			Set: map[string]json.RawMessage{"service_tier": json.RawMessage(`"default"`), "store": json.RawMessage("true")},
		}
	}
	g.Egress = engine.Egress{Counts: store.New(db), Providers: []privacyd.Provider{
		one("openai", privacyd.DialectOpenAI, "IE", agreed), one("anthropic", privacyd.DialectAnthropic, "DE", agreed),
		one("overseas", privacyd.DialectOpenAI, "US", agreed), one("unsigned", privacyd.DialectOpenAI, "IE", nil),
		one("soon", privacyd.DialectOpenAI, "IE", &privacyd.Agreement{Document: "DPA-18", Since: g.Clock().Add(time.Hour)}),
	}}
	g.Log = slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g.workspace, err = g.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "acme", Name: "Acme"})
	g.Must(err)
	_, g.token, err = g.CreateToken(t.Context(), enginetest.Operator, g.workspace.ID, "product", []privacyd.Action{privacyd.ActionCallLLM})
	g.Must(err)
	keys := map[string]string{"openai": "sk-openai", "anthropic": "sk-anthropic", "overseas": "k", "unsigned": "k", "soon": "k"}
	g.server = httptest.NewServer(egress.New(g.Engine, egress.Options{Keys: keys, Transport: g.upstream.Client().Transport}))
	t.Cleanup(g.server.Close)
	return g
}

func (g *gate) call(method, path, body string, header map[string]string) (int, string, http.Header) {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.server.URL+path, strings.NewReader(body))
	g.Must(err)
	r.Header.Set("Authorization", "Bearer "+g.token)
	r.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	g.Must(err)
	defer answer.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(answer.Body)
	g.Must(err)
	return answer.StatusCode, string(text), answer.Header
}

// counts ends the door, since a call is counted after its answer.
func (g *gate) counts() []privacyd.CallCount {
	g.t.Helper()
	g.server.Close()
	list, err := g.CallCounts(g.t.Context(), enginetest.Operator, "acme")
	g.Must(err)
	return list
}

func (g *gate) wantNothingSent() {
	g.t.Helper()
	if n := len(g.upstream.received()); n > 0 {
		g.t.Errorf("the provider received %d calls, want none", n)
	}
	if strings.Contains(g.log.String(), "Lovelace") {
		g.t.Errorf("the log holds the prompt: %s", g.log)
	}
}

func TestCall(t *testing.T) {
	g := newGate(t)
	status, body, header := g.call("POST", "/egress/openai/v1/chat/completions?trace=1",
		`{"model":"m","store":true,"messages":[{"role":"user","content":"`+prompt+`"}]}`, map[string]string{
			"Cookie": "privacyd_session=x", "X-Forwarded-For": "203.0.113.9", "Openai-Organization": "other", "X-Secret": "1",
			"Connection": "Authorization", "Openai-Beta": "assistants=v2",
		})
	if status != http.StatusOK || body != `{"answer":42}` {
		t.Fatalf("answer %d %s", status, body)
	}
	if header.Get("Set-Cookie") != "" || header.Get("Strict-Transport-Security") != "" || header.Get("X-Request-Id") != "r-1" {
		t.Errorf("headers of the answer: %v", header)
	}
	got := g.upstream.received()[0]
	wantBody := `{"model":"m","messages":[{"role":"user","content":"` + prompt + `"}],"service_tier":"default","store":false}`
	if got.Body != wantBody || got.Path != "/v1/chat/completions" || got.Query != "" || "https://"+got.Host != g.upstream.URL {
		t.Errorf("the provider received %+v", got)
	}
	got.Header.Del("Accept-Encoding")
	want := http.Header{
		"Authorization": {"Bearer sk-openai"}, "Content-Type": {"application/json"},
		"Content-Length": {fmt.Sprint(len(wantBody))}, "User-Agent": {"privacyd"},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(g.log.String(), "Lovelace") {
		t.Errorf("the log holds the prompt: %s", g.log)
	}
	counts := g.counts()
	wantCounts := []privacyd.CallCount{{Provider: "openai", Day: "2026-03-01", Calls: 1, Sent: int64(len(wantBody)), Received: 13}}
	if diff := cmp.Diff(wantCounts, counts); diff != "" {
		t.Error(diff)
	}
}

func TestCallOfAnthropic(t *testing.T) {
	g := newGate(t)
	g.upstream.serve = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }
	status, _, _ := g.call("POST", "/egress/anthropic/v1/messages", `{"model":"m","metadata":{"user_id":"ada"}}`,
		map[string]string{"Authorization": "", "X-Api-Key": g.token, "Anthropic-Version": "2023-06-01"})
	if status != http.StatusTooManyRequests {
		t.Errorf("answer %d", status)
	}
	got := g.upstream.received()[0]
	if got.Header.Get("X-Api-Key") != "sk-anthropic" || got.Header.Get("Authorization") != "" || got.Header.Get("Anthropic-Version") == "" {
		t.Errorf("headers %v", got.Header)
	}
	if strings.Contains(got.Body, "ada") {
		t.Errorf("body %s", got.Body)
	}
	counts := g.counts()
	if len(counts) != 1 || counts[0].Failed != 1 {
		t.Errorf("counts %+v", counts)
	}
}

// TestStream reads the first part of an answer before the provider has sent
// the second.
func TestStream(t *testing.T) {
	g := newGate(t)
	read := make(chan struct{})
	g.upstream.serve = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-read:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "data: two\n\n")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.server.URL+"/egress/openai/v1/responses", strings.NewReader(`{"stream":true}`))
	g.Must(err)
	r.Header.Set("Authorization", "Bearer "+g.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	g.Must(err)
	defer answer.Body.Close() //nolint:errcheck // it is read to its end
	lines := bufio.NewReader(answer.Body)
	first, err := lines.ReadString('\n')
	g.Must(err)
	close(read)
	rest, err := io.ReadAll(lines)
	g.Must(err)
	if first != "data: one\n" || string(rest) != "\ndata: two\n\n" {
		t.Errorf("read %q, then %q", first, rest)
	}
}

func TestRefused(t *testing.T) {
	g := newGate(t)
	_, blind, err := g.CreateToken(t.Context(), enginetest.Operator, g.workspace.ID, "blind", []privacyd.Action{privacyd.ActionReadRecords})
	g.Must(err)
	for _, c := range []struct {
		method, path, body string
		header             map[string]string
		status             int
		code               string
	}{
		{path: "/egress/nobody/v1/responses", status: 404, code: "provider_not_found"},
		{path: "/egress/openai/v1/files", status: 403, code: "call_not_known"},
		{path: "/egress/openai/v1/responses/../files", status: 403, code: "call_not_known"},
		{path: "/egress/openai/v1/%72esponses", status: 403, code: "call_not_known"},
		{path: "/egress/openai//v1/responses", status: 403, code: "call_not_known"},
		{path: "/egress/openai@elsewhere.example/v1/responses", status: 404, code: "provider_not_found"},
		{method: "DELETE", path: "/egress/openai/v1/responses", status: 403, code: "call_not_known"},
		{path: "/egress/overseas/v1/responses", status: 403, code: "provider_country_refused"},
		{path: "/egress/unsigned/v1/responses", status: 403, code: "provider_no_agreement"},
		{path: "/egress/soon/v1/responses", status: 403, code: "provider_no_agreement"},
		{path: "/egress/openai/v1/responses", header: map[string]string{"Authorization": ""}, status: 401, code: "session_unknown"},
		{path: "/egress/openai/v1/responses", header: map[string]string{"Authorization": "Bearer pvt_forged"}, status: 401, code: "session_unknown"},
		{path: "/egress/openai/v1/responses", header: map[string]string{"Authorization": "Bearer " + blind}, status: 403, code: "scope_missing"},
		{path: "/egress/openai/v1/responses", body: "[" + prompt, status: 422, code: "call_not_json"},
		{path: "/egress/openai/v1/responses", header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, status: 422, code: "call_not_json"},
		{path: "/egress/openai/v1/responses", header: map[string]string{"Content-Encoding": "gzip"}, status: 422, code: "call_not_json"},
		{path: "/egress/openai/v1/responses", body: `{"a":"` + strings.Repeat("x", egress.MaxBody) + `"}`, status: 413, code: "call_too_large"},
	} {
		if c.method == "" {
			c.method = http.MethodPost
		}
		if c.body == "" {
			c.body = `{"input":"` + prompt + `"}`
		}
		status, body, _ := g.call(c.method, c.path, c.body, c.header)
		var problem struct{ Code string }
		_ = json.Unmarshal([]byte(body), &problem)
		if status != c.status || problem.Code != c.code {
			t.Errorf("%s %s %v: %d %.200s, want %d %s", c.method, c.path, c.header, status, body, c.status, c.code)
		}
	}
	g.wantNothingSent()
	counts := g.counts()
	refused := map[string]int64{}
	for _, n := range counts {
		refused[n.Provider] = n.Refused
	}
	if diff := cmp.Diff(map[string]int64{"openai": 5, "overseas": 1, "unsigned": 1, "soon": 1}, refused); diff != "" {
		t.Error(diff)
	}
}

// TestNarrowedWorkspace keeps to the countries that the workspace allows.
func TestNarrowedWorkspace(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		g := newGateOn(t, db)
		settings, err := g.Settings(t.Context(), enginetest.Operator, "acme")
		g.Must(err)
		settings.AllowedCountries = privacyd.Countries{"DE"}
		_, err = g.ChangeSettings(t.Context(), enginetest.Operator, "acme", settings)
		g.Must(err)
		if status, body, _ := g.call("POST", "/egress/openai/v1/responses", "{}", nil); status != 403 || !strings.Contains(body, "provider_country_refused") {
			t.Errorf("answer %d %s", status, body)
		}
		g.wantNothingSent()
		if status, body, _ := g.call("POST", "/egress/anthropic/v1/messages", "{}", nil); status != 200 {
			t.Errorf("answer %d %s", status, body)
		}
		want := []privacyd.CallCount{
			{Provider: "anthropic", Day: "2026-03-01", Calls: 1, Sent: 39, Received: 13}, {Provider: "openai", Day: "2026-03-01", Refused: 1},
		}
		if diff := cmp.Diff(want, g.counts()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRedirect(t *testing.T) {
	g := newGate(t)
	g.upstream.serve = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example/?q=Lovelace", http.StatusTemporaryRedirect)
	}
	status, body, header := g.call("POST", "/egress/openai/v1/responses", `{"input":"`+prompt+`"}`, nil)
	if status != http.StatusBadGateway || !strings.Contains(body, "provider_redirected") || header.Get("Location") != "" {
		t.Errorf("answer %d %s %v", status, body, header)
	}
	if strings.Contains(g.log.String(), "Lovelace") {
		t.Errorf("the log holds it: %s", g.log)
	}
}

func TestProviderGone(t *testing.T) {
	g := newGate(t)
	g.upstream.Close()
	if status, body, _ := g.call("POST", "/egress/openai/v1/responses", "{}", nil); status != http.StatusBadGateway || !strings.Contains(body, "provider_unreachable") {
		t.Errorf("answer %d %s", status, body)
	}
}

// TestUntrustedCertificate uses the transport of production, which does not
// know the test server's certificate.
func TestUntrustedCertificate(t *testing.T) {
	g := newGate(t)
	g.server.Config.Handler = egress.New(g.Engine, egress.Options{Keys: map[string]string{"openai": "k"}})
	if status, body, _ := g.call("POST", "/egress/openai/v1/responses", "{}", nil); status != http.StatusBadGateway || !strings.Contains(body, "provider_not_believed") {
		t.Errorf("answer %d %s", status, body)
	}
	g.wantNothingSent()
}

// TestEndlessCall sends a body without end and without a length.
func TestEndlessCall(t *testing.T) {
	g := newGate(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.server.URL+"/egress/openai/v1/responses", endless{})
	g.Must(err)
	r.Header.Set("Authorization", "Bearer "+g.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		defer answer.Body.Close() //nolint:errcheck // its status is what counts
		if answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("answer %d", answer.StatusCode)
		}
	}
	g.wantNothingSent()
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestSmuggled sends what two servers may read in two ways: one call at most
// arrives, and none that was not admitted.
func TestSmuggled(t *testing.T) {
	g := newGate(t)
	hidden := "POST /egress/openai/v1/files HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, lengths := range []string{
		"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
		"Content-Length: 2\r\nContent-Length: 4\r\n", "Transfer-Encoding : chunked\r\n", "Content-Length: 2\r\nX: 1\rTransfer-Encoding: chunked\r\n",
	} {
		var dialer net.Dialer
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		conn, err := dialer.DialContext(ctx, "tcp", g.server.Listener.Addr().String())
		g.Must(err)
		_, err = fmt.Fprintf(conn, "POST /egress/openai/v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
			"%sConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n%s", g.token, lengths, hidden)
		g.Must(err)
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
		cancel()
	}
	for _, r := range g.upstream.received() {
		if r.Path != "/v1/responses" || r.Body != `{"service_tier":"default","background":false,"store":false}` && r.Body != `{"background":false,"service_tier":"default","store":false}` {
			t.Errorf("the provider received %+v", r)
		}
	}
}
