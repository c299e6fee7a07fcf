package mail_test

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/mail/mailtest"
)

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		security mailtest.Security
		address  string
		tls      bool
		code     string
	}{
		"TLS from the first byte": {mailtest.Implicit, "smtps://" + userinfo() + "@" + mailtest.Host, true, ""},
		"STARTTLS":                {mailtest.STARTTLS, "smtp://" + userinfo() + "@" + mailtest.Host, true, ""},
		"this machine":            {mailtest.Plain, "smtp://localhost:25", false, ""},
		"a wrong password":        {mailtest.Implicit, "smtps://relay:wrong@" + mailtest.Host, true, "mail_unavailable"},
		"no TLS":                  {mailtest.Plain, "smtps://" + mailtest.Host, false, "mail_unavailable"},
		"another's certificate":   {mailtest.Implicit, "smtps://other.example.test", false, "mail_unavailable"},
	} {
		s := mailtest.New(t, c.security)
		r := relay(t, s, c.address)
		r.Patience = 2 * time.Second
		end, err := r.Probe(t.Context())
		if privacyd.CodeOf(err) != c.code || end.IsZero() == c.tls {
			t.Errorf("%s: the certificate ends %v: %v", name, end, err)
		}
		if received, _ := s.Received(); len(received) != 0 {
			t.Errorf("%s: a letter was sent", name)
		}
	}
}
