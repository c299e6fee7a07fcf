package egress

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"strings"

	"github.com/privacyd/privacyd"
)

// secretOf finds the workspace's token where clients put a provider's key.
func secretOf(r *http.Request) string {
	if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(secret)
	}
	return strings.TrimSpace(r.Header.Get("X-Api-Key"))
}

func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// statuses say which HTTP status tells a class of errors.
func statusOf(class privacyd.Class) int {
	switch class {
	case privacyd.ClassInvalid:
		return http.StatusUnprocessableEntity
	case privacyd.ClassUnauthenticated:
		return http.StatusUnauthorized
	case privacyd.ClassForbidden, privacyd.ClassRefused:
		return http.StatusForbidden
	case privacyd.ClassNotFound:
		return http.StatusNotFound
	case privacyd.ClassConflict:
		return http.StatusConflict
	case privacyd.ClassUnavailable:
		return http.StatusBadGateway
	default:
		return http.StatusInternalServerError
	}
}

// writeProblem answers in the form that REST has (RFC 9457), with the member
// error that clients of providers look for.
func writeProblem(w http.ResponseWriter, err error) {
	status := statusOf(privacyd.ClassOf(err))
	if privacyd.CodeOf(err) == "call_too_large" {
		status = http.StatusRequestEntityTooLarge
	}
	message, code := privacyd.MessageOf(err), privacyd.CodeOf(err)
	body, _ := json.Marshal(map[string]any{ //nolint:errchkjson // strings and a number
		"title": http.StatusText(status), "status": status, "detail": message, "code": code,
		"error": map[string]string{"type": code, "code": code, "message": message},
	})
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the asker has gone away
}

// counter counts the bytes of an answer, and keeps back what comes around it:
// answers before the answer (1xx), and trailers. The proxy would pass both on
// with every header that the provider thinks of.
type counter struct {
	http.ResponseWriter
	header http.Header // until the answer begins
	bytes  int64
	status int
}

// Header implements http.ResponseWriter.
func (c *counter) Header() http.Header {
	if c.header == nil {
		c.header = http.Header{}
	}
	return c.header
}

// WriteHeader implements http.ResponseWriter.
func (c *counter) WriteHeader(status int) {
	if c.status != 0 || status < http.StatusOK {
		return
	}
	c.status = status
	maps.Copy(c.ResponseWriter.Header(), c.header)
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *counter) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	n, err := c.ResponseWriter.Write(p)
	c.bytes += int64(n)
	return n, err
}

// Unwrap lets an answer be flushed as it comes.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
