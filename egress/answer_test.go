package egress_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
)

// TestHeadersAroundAnAnswer has a provider send headers before the answer and
// after it. None of them reaches the product, nor do they take away the door's.
func TestHeadersAroundAnAnswer(t *testing.T) {
	g := newGate(t)
	g.upstream.serve = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "at=provider")
		w.Header().Set("Link", "<https://elsewhere.example>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Announced")
		_, _ = io.WriteString(w, "{}")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set("X-Announced", "1")
		w.Header().Set(http.TrailerPrefix+"Set-Cookie", "at=provider")
	}
	inner := g.server.Config.Handler
	g.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=1")
		inner.ServeHTTP(w, r)
	})
	early := 0
	trace := &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error { early++; return nil }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodPost, g.server.URL+"/egress/openai/v1/responses", strings.NewReader("{}"))
	g.Must(err)
	r.Header.Set("Authorization", "Bearer "+g.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	g.Must(err)
	defer answer.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(answer.Body)
	g.Must(err)
	if early != 0 || len(answer.Trailer) != 0 || answer.Header.Get("Set-Cookie") != "" || answer.Header.Get("Link") != "" {
		t.Errorf("%d answers before the answer; headers %v, trailers %v", early, answer.Header, answer.Trailer)
	}
	if string(body) != "{}" || answer.Header.Get("Strict-Transport-Security") == "" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answer %s %v", body, answer.Header)
	}
}

// TestConnectionHeaders names, as what is for the next machine alone, headers
// that are passed on otherwise (RFC 9110, section 7.6.1).
func TestConnectionHeaders(t *testing.T) {
	g := newGate(t)
	status, _, _ := g.call("POST", "/egress/anthropic/v1/messages", "{}", map[string]string{
		"Connection": "anthropic-beta, Content-Type, Authorization, Idempotency-Key", "Anthropic-Beta": "files-api", "Anthropic-Version": "2023-06-01", "Idempotency-Key": "k",
	})
	got := g.upstream.received()
	if status != http.StatusOK || len(got) != 1 {
		t.Fatalf("answer %d; %d calls arrived", status, len(got))
	}
	h := got[0].Header
	if h.Get("Anthropic-Beta") != "" || h.Get("Idempotency-Key") != "" || h.Get("Anthropic-Version") == "" || h.Get("Content-Type") != "application/json" {
		t.Errorf("the provider received %v", h)
	}
}

// TestTrailersOfACall sends headers after a call's body, some of which are those
// that say who calls.
func TestTrailersOfACall(t *testing.T) {
	g := newGate(t)
	var after http.Header
	g.upstream.serve = func(w http.ResponseWriter, r *http.Request) { after = r.Trailer; w.WriteHeader(http.StatusOK) }
	conn, err := net.Dial("tcp", g.server.Listener.Addr().String())
	g.Must(err)
	_, err = fmt.Fprintf(conn, "POST /egress/openai/v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Trailer: Authorization, X-Secret\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer other\r\nX-Secret: 1\r\n\r\n", g.token)
	g.Must(err)
	_, err = io.Copy(io.Discard, conn)
	g.Must(err)
	got := g.upstream.received()
	if len(got) != 1 || len(after) != 0 || got[0].Header.Get("Trailer") != "" || got[0].Header.Get("X-Secret") != "" || got[0].Header.Get("Authorization") != "Bearer sk-openai" {
		t.Errorf("the provider received %+v and then %v", got, after)
	}
}

// TestAnswersThatCannotBeRead has a provider answer with what is no HTTP, or stops
// being it. The log says what went wrong, and repeats none of it.
func TestAnswersThatCannotBeRead(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for answer, says := range map[string]string{
		prompt + "\r\n\r\n":                   "its answer cannot be read",
		"HTTP/1.1 2x0 " + prompt + "\r\n\r\n": "its answer cannot be read",
		head + prompt + "\r\n\r\n":            "its answer cannot be read",
		"":                                    "it hung up",
		head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n" + prompt + "\r\n":          "broke off",
		head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + prompt + "\r\n\r\n": "broke off",
	} {
		g := newGate(t)
		g.upstream.serve = func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.server.URL+"/egress/openai/v1/responses", strings.NewReader("{}"))
		g.Must(err)
		r.Header.Set("Authorization", "Bearer "+g.token)
		r.Header.Set("Content-Type", "application/json")
		got, err := http.DefaultClient.Do(r)
		g.Must(err)
		_, _ = io.Copy(io.Discard, got.Body) // it breaks off
		_ = got.Body.Close()
		g.server.Close()
		if log := g.log.String(); !strings.Contains(log, says) || strings.Contains(log, "Lovelace") {
			t.Errorf("%q: %d, and the log has %s", answer, got.StatusCode, log)
		}
	}
}
