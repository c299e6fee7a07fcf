package mail_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/egress/tlstest"
	"github.com/privacyd/privacyd/mail"
	"github.com/privacyd/privacyd/mail/mailtest"
)

// TestCertificatesOfRelays connects to listeners whose certificates must not be
// believed, and sees that not a byte of a letter reaches them.
func TestCertificatesOfRelays(t *testing.T) {
	ours, strange := tlstest.New(t), tlstest.New(t)
	for name, c := range map[string]struct {
		cert   tls.Certificate
		newest uint16 // version of TLS
		says   string
	}{
		"expired":          {ours.Issue(t, tlstest.Wanted{Hosts: []string{mailtest.Host}, Life: -time.Hour}), tls.VersionTLS13, "valid from"},
		"of a stranger":    {strange.Issue(t, tlstest.Wanted{Hosts: []string{mailtest.Host}}), tls.VersionTLS13, "nobody whom this machine trusts"},
		"for another name": {ours.Issue(t, tlstest.Wanted{Hosts: []string{"other.example.test"}}), tls.VersionTLS13, "another name"},
		"over TLS 1.1":     {ours.Issue(t, tlstest.Wanted{Hosts: []string{mailtest.Host}}), tls.VersionTLS11, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c.cert}, MinVersion: tls.VersionTLS10, MaxVersion: c.newest})
			if err != nil {
				t.Fatal(err)
			}
			came := make(chan int, 1)
			go func() {
				defer close(came)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, "220 "+mailtest.Host+" ESMTP\r\n") // the handshake fails
				n, _ := conn.Read(make([]byte, 1))
				came <- n
				_ = conn.Close()
			}()
			r, err := mail.ParseRelay("smtps://"+mailtest.Host, from)
			if err != nil {
				t.Fatal(err)
			}
			r.Roots = ours.Pool()
			r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
			}
			err = r.Send(t.Context(), letter(t))
			_ = l.Close() // nobody else comes
			if privacyd.CodeOf(err) != "mail_unavailable" || !strings.Contains(privacyd.MessageOf(err), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			if n := <-came; n != 0 {
				t.Errorf("%d bytes were sent", n)
			}
		})
	}
}
