package main_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd/egress/tlstest"
)

const spoken = "what Ada Lovelace asked"

// models is a provider of language models over TLS, at an address that is not
// taken for this machine, that records what it received.
type models struct {
	url string

	mu    sync.Mutex
	got   []string // method, path and body
	serve http.HandlerFunc
}

func newModels(t *testing.T, cert tls.Certificate, newest uint16) *models {
	t.Helper()
	m := &models{serve: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"answer":"`+spoken+`"}`)
	}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		m.got = append(m.got, r.Method+" "+r.URL.Path+" "+string(body))
		m.mu.Unlock()
		m.serve(w, r)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: newest}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	m.url = "https://0.0.0.0:" + port
	return m
}

func (m *models) received() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.got...)
}

// gateway is a server in front of providers, the first of which is as it should
// be.
type gateway struct {
	*installation
	*process
	token string
	good  *models
	other []*models // that must not receive anything, but for the one that redirects
	proxy *models   // of the environment
}

func newGateway(t *testing.T, env ...string) *gateway {
	t.Helper()
	ours, strange := tlstest.New(t), tlstest.New(t)
	here := tlstest.Wanted{Hosts: []string{"0.0.0.0"}}
	right := ours.Issue(t, here)
	g := &gateway{good: newModels(t, right, tls.VersionTLS13), proxy: newModels(t, right, tls.VersionTLS13)}
	expired := ours.Issue(t, tlstest.Wanted{Hosts: here.Hosts, Life: -time.Hour})
	misnamed := ours.Issue(t, tlstest.Wanted{Hosts: []string{"models.example.test"}})
	for _, cert := range []tls.Certificate{right, right, right, expired, misnamed, strange.Issue(t, here), right} {
		g.other = append(g.other, newModels(t, cert, tls.VersionTLS13))
	}
	g.other = append(g.other, newModels(t, right, tls.VersionTLS11))
	g.other[6].serve = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, g.other[0].url+r.URL.Path, http.StatusTemporaryRedirect)
	}
	g.installation = newInstallation(t, append(env, "SSL_CERT_FILE="+ours.File(t), "OPENAI_API_KEY=sk-test", "HTTPS_PROXY="+g.proxy.url, "HTTP_PROXY="+g.proxy.url, "ALL_PROXY="+g.proxy.url)...)
	agreed, later := "{agreement: DPA-17, since: 2026-01-01}", "{agreement: DPA-18, since: 2999-01-01}"
	config := "allowed_countries: [EEA, CH]\nllm:\n"
	for n, p := range []struct{ name, country, retention string }{
		{"models", "IE", agreed},
		{"unsigned", "IE", ""},
		{"later", "IE", later},
		{"overseas", "CH", agreed},
		{"expired", "IE", agreed},
		{"misnamed", "IE", agreed},
		{"strange", "IE", agreed},
		{"redirecting", "IE", agreed},
		{"old", "IE", agreed},
	} {
		url := g.good.url
		if n > 0 {
			url = g.other[n-1].url
		}
		config += fmt.Sprintf("  - {provider: %s, dialect: openai, url: %q, country: %s, key: $OPENAI_API_KEY, zero_retention: %s}\n", p.name, url, p.country, p.retention)
	}
	g.write("privacyd.yaml", config)
	g.token = g.workspace("llm.call,workspace.read", "--config", "privacyd.yaml")
	g.must("workspace", "settings", "--config", "privacyd.yaml", "--workspace", "acme", "--countries", "EEA")
	g.process = g.installation.serve("--config", "privacyd.yaml")
	return g
}

func (g *gateway) request(method, path string, body io.Reader) *http.Request {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.URL+path, body)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+g.token)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// TestCallsThroughTheBinary sends calls by way of a server, and looks at what
// left it.
func TestCallsThroughTheBinary(t *testing.T) { onEach(t, testCalls) }

func testCalls(t *testing.T, env ...string) {
	g := newGateway(t, env...)
	g.checkStream()
	g.checkUnasked()
	prompt := `{"model":"m","store":true,"input":"` + spoken + `"}`
	for _, c := range []struct {
		path, code string
		status     int
	}{
		{"/egress/models/v1/files", "call_not_known", 403},
		{"/egress/nobody/v1/responses", "provider_not_found", 404},
		{"/egress/unsigned/v1/responses", "provider_no_agreement", 403},
		{"/egress/later/v1/responses", "provider_no_agreement", 403},
		{"/egress/overseas/v1/responses", "provider_country_refused", 403},
		{"/egress/expired/v1/responses", "provider_not_believed", 502},
		{"/egress/misnamed/v1/responses", "provider_not_believed", 502},
		{"/egress/strange/v1/responses", "provider_not_believed", 502},
		{"/egress/redirecting/v1/responses", "provider_redirected", 502},
		{"/egress/old/v1/responses", "provider_unreachable", 502},
	} {
		status, body := g.send(g.request(http.MethodPost, c.path, strings.NewReader(prompt)))
		if status != c.status || !strings.Contains(body, c.code) {
			t.Errorf("%s: %d %s, want %d %s", c.path, status, body, c.status, c.code)
		}
	}
	if len(env) == 0 {
		g.checkLarge() // no database has a part in it
	}
	g.checkSmuggled()
	for n, m := range append(g.other[:6:6], g.other[7], g.proxy) {
		if got := m.received(); len(got) != 0 {
			t.Errorf("provider %d received %q", n, got)
		}
	}
	for _, got := range g.good.received() {
		if !strings.HasPrefix(got, "POST /v1/responses {") || !strings.Contains(got, `"store":false`) || strings.Contains(got, `"store":true`) {
			t.Errorf("the provider received %q", got)
		}
	}
	g.checkCounts()
	if strings.Contains(g.log(), "Lovelace") || strings.Contains(g.log(), "sk-test") {
		t.Errorf("the log has what was said, or the key: %s", g.log())
	}
}

func (g *gateway) send(r *http.Request) (int, string) {
	g.t.Helper()
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// checkStream reads the first part of an answer before the provider has sent
// the second.
func (g *gateway) checkStream() {
	g.t.Helper()
	usual, read := g.good.serve, make(chan struct{})
	g.good.serve = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: one "+spoken+"\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-read:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "data: two\n")
	}
	defer func() { g.good.serve = usual }()
	answer, err := http.DefaultTransport.RoundTrip(g.request(http.MethodPost, "/egress/models/v1/responses", strings.NewReader(`{"stream":true,"input":"`+spoken+`"}`)))
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read to its end
	lines := bufio.NewReader(answer.Body)
	first, err := lines.ReadString('\n')
	close(read)
	rest, last := io.ReadAll(lines)
	if err != nil || last != nil || !strings.HasPrefix(first, "data: one") || string(rest) != "data: two\n" {
		g.t.Errorf("%d: read %q, then %q: %v %v", answer.StatusCode, first, rest, err, last)
	}
}

// checkUnasked has the provider say more than it announced. What it says is not
// for the log, where the client library would put it.
func (g *gateway) checkUnasked() {
	g.t.Helper()
	usual := g.good.serve
	g.good.serve = func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"+spoken)
		_ = conn.Close()
	}
	defer func() { g.good.serve = usual }()
	if status, body := g.send(g.request(http.MethodPost, "/egress/models/v1/responses", strings.NewReader("{}"))); status != http.StatusOK || body != "{}" {
		g.t.Errorf("an answer with more than it announced: %d %s", status, body)
	}
	eventually(g.t, "the log tells that it came", func() bool { return strings.Contains(g.log(), "Unsolicited response") })
}

// checkLarge sends prompts of a gigabyte, whose length is told and is not. The
// server's memory must not grow with them.
func (g *gateway) checkLarge() {
	g.t.Helper()
	const size, most = 1 << 30, 192 << 20
	before := g.memory()
	for _, told := range []bool{true, false, true, false} {
		r := g.request(http.MethodPost, "/egress/models/v1/responses", io.LimitReader(spaces{}, size))
		if told {
			r.ContentLength = size
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			continue // it stopped listening in the middle
		}
		if answer.StatusCode != http.StatusRequestEntityTooLarge {
			g.t.Errorf("a gigabyte was answered by %s", answer.Status)
		}
		_ = answer.Body.Close() // its status is what counts
	}
	if grown := g.memory() - before; grown > most {
		g.t.Errorf("the server grew by %d MiB", grown>>20)
	}
}

type spaces struct{}

// Read gives spaces without end.
func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// memory is the most that the server has had, in bytes.
func (g *gateway) memory() int64 {
	g.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		g.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	if err != nil {
		g.t.Fatal(err)
	}
	return kib << 10
}

// checkSmuggled sends what two servers may read in two ways.
func (g *gateway) checkSmuggled() {
	g.t.Helper()
	hidden := "POST /egress/models/v1/files HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, headers := range []string{
		"Content-Length: 2\r\nContent-Length: 4\r\n", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding : chunked\r\n", "Transfer-Encoding: xchunked\r\n",
		"Content-Length: 2\r\nX: 1\rTransfer-Encoding: chunked\r\n", "Content-Length: 2\r\nConnection: Content-Length, Content-Type\r\n",
		"Content-Length: 2\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n", "Content-Length: 2\r\nExpect: 100-continue\r\nTE: trailers\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
		if err != nil {
			g.t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // it is open
		_, err = fmt.Fprintf(conn, "POST /egress/models/v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
			"%sConnection: close\r\n\r\n{}\r\n0\r\n\r\n%s", g.token, headers, hidden)
		if err == nil {
			_, _ = io.Copy(io.Discard, conn) // what comes is looked at where it arrives
		}
		_ = conn.Close()
	}
}

// checkCounts compares what is counted with what the provider received.
func (g *gateway) checkCounts() {
	g.t.Helper()
	eventually(g.t, "every call is counted", func() bool {
		_, body := g.send(g.request(http.MethodGet, "/v1/workspaces/acme/llm-calls", nil))
		calls := fmt.Sprintf(`"provider":"models","day":"%s","calls":%d`, time.Now().UTC().Format(time.DateOnly), len(g.good.received()))
		return strings.Contains(body, calls) && strings.Contains(body, `"provider":"overseas"`)
	})
}
