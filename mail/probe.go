package mail

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Probe connects to the server as if to send a letter, with TLS and signing in,
// and sends none. It gives when the server's certificate ends; the zero time
// where the connection stays on this machine and is not encrypted. Code
// mail_unavailable.
func (r *Relay) Probe(ctx context.Context) (end time.Time, err error) {
	probing := *r
	probing.seen = func(s tls.ConnectionState) error {
		end = s.PeerCertificates[0].NotAfter
		return nil
	}
	line := &line{relay: &probing}
	defer line.close()
	defer context.AfterFunc(ctx, line.close)()
	c, err := gomail.NewClient(probing.host, probing.options(line)...)
	if err != nil {
		return end, fmt.Errorf("prepare to look at the mail server: %w", err)
	}
	if err := c.DialWithContext(ctx); err != nil {
		return end, errUnavailable(err)
	}
	_ = c.Close() // it has shown what it is
	return end, nil
}
