package web

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A form that does not come ends its connection: whoever has not signed in could
// keep all there are.
func TestAFormThatDoesNotCome(t *testing.T) {
	d := &door{log: slog.New(slog.DiscardHandler), patience: time.Millisecond, answers: answers{now: time.Now, by: map[onceKey]*answered{}}}
	server := httptest.NewServer(d.handler(d.signIn))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test's
	_, err = io.WriteString(conn, "POST /sign-in HTTP/1.1\r\nHost: x\r\nHX-Request: true\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nemail=")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // a test's
	if answer.StatusCode != http.StatusUnprocessableEntity || !answer.Close {
		t.Errorf("status %d, and the connection closes: %t", answer.StatusCode, answer.Close)
	}
}
