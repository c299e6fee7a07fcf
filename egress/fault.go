package egress

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"

	"github.com/privacyd/privacyd"
)

// fault says why there is no answer, in words of our own: errors of HTTP quote
// what has come, which may be what was asked.
func fault(err error) string {
	var errno syscall.Errno
	var name *net.DNSError
	var network net.Error
	var header tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, errRedirect):
		return errRedirect.Error()
	case privacyd.CertificateFault(err) != "":
		return privacyd.CertificateFault(err)
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &name):
		return "its name is not found"
	case errors.As(err, &header):
		return "it does not speak TLS"
	case errors.As(err, &alert):
		return alert.Error()
	case errors.As(err, &network) && network.Timeout():
		return "it does not answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it hung up"
	}
	return "its answer cannot be read"
}

// brokenOff is told by the proxy, with whatever came last, that an answer broke
// off.
type brokenOff struct{ log *slog.Logger }

// Write implements io.Writer.
func (b brokenOff) Write(text []byte) (int, error) {
	b.log.Warn("the answer of a language model broke off")
	return len(text), nil
}
