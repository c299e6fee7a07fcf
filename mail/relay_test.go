package mail_test

import (
	"context"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/mail"
	"github.com/privacyd/privacyd/mail/mailtest"
)

const from = "Example Ltd <privacy@example.com>"

// relay sends to a server by the address that it is given.
func relay(t *testing.T, s *mailtest.Server, address string) *mail.Relay {
	t.Helper()
	r, err := mail.ParseRelay(address, from)
	if err != nil {
		t.Fatal(err)
	}
	r.Roots = s.Roots
	r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Addr)
	}
	return r
}

func userinfo() string { return url.UserPassword(mailtest.User, mailtest.Password).String() }

func letter(t *testing.T) privacyd.Letter {
	t.Helper()
	l, err := writer(t).Write("0190-mail", at, full(privacyd.MailRetentionChanged))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLettersArriveWhole(t *testing.T) {
	for name, c := range map[string]struct {
		security mailtest.Security
		address  string
	}{
		"TLS from the first byte": {mailtest.Implicit, "smtps://" + userinfo() + "@" + mailtest.Host},
		"STARTTLS":                {mailtest.STARTTLS, "smtp://" + userinfo() + "@" + mailtest.Host},
		"this machine":            {mailtest.Plain, "smtp://localhost:25"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mailtest.New(t, c.security)
			l := letter(t)
			if err := relay(t, s, c.address).Send(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			received, bodies := s.Received()
			if len(received) != 1 {
				t.Fatalf("%d letters arrived", len(received))
			}
			checkHeaders(t, received[0], l)
			checkParts(t, received[0], bodies[0], l)
		})
	}
}

// Every kind of mail comes whole, as text and as HTML, through a server that asks
// for a password over TLS.
func TestEveryKindArrives(t *testing.T) {
	s, w := mailtest.New(t, mailtest.Implicit), writer(t)
	r := relay(t, s, "smtps://"+userinfo()+"@"+mailtest.Host)
	for n, kind := range privacyd.MailKinds() {
		l, err := w.Write("0190-mail", at, full(kind))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Send(t.Context(), l); err != nil {
			t.Fatal(kind, err)
		}
		received, bodies := s.Received()
		if len(received) != n+1 {
			t.Fatalf("%s: %d letters arrived", kind, len(received)-n)
		}
		checkParts(t, received[n], bodies[n], l)
	}
}

func checkHeaders(t *testing.T, m *netmail.Message, l privacyd.Letter) {
	t.Helper()
	for name, want := range map[string]string{
		"From": `"Example Ltd" <privacy@example.com>`, "To": "<ana@example.com>", "Message-Id": "<0190-mail@example.com>",
		"Auto-Submitted": "auto-generated", "List-Id": "<notices.0190-acme.privacy.example.com>", "Mime-Version": "1.0",
		"Bcc": "", "Cc": "", "Reply-To": "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != l.Subject {
		t.Errorf("the subject is %q: %v", subject, err)
	}
	if date, err := m.Header.Date(); err != nil || !date.Equal(at) {
		t.Errorf("the date is %v: %v", date, err)
	}
}

func checkParts(t *testing.T, m *netmail.Message, body string, l privacyd.Letter) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the content is %s: %v", kind, err)
	}
	parts := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for _, want := range []struct{ kind, text string }{{"text/plain", l.Text}, {"text/html", l.HTML}} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil || kind != want.kind || !strings.EqualFold(params["charset"], "utf-8") {
			t.Errorf("a part is %s %v: %v", kind, params, err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")) != strings.TrimSpace(want.text) {
			t.Errorf("the %s part came as %q: %v", want.kind, text, err)
		}
	}
	if _, err := parts.NextRawPart(); err == nil {
		t.Error("there are more than two parts")
	}
}

func TestFaultsOfServers(t *testing.T) {
	for name, c := range map[string]struct {
		fault mailtest.Fault
		code  string
	}{
		"refuses the address":           {mailtest.RefusesUser, "mail_refused"},
		"refuses the letter":            {mailtest.Refuses, "mail_refused"},
		"is busy":                       {mailtest.Busy, "mail_unavailable"},
		"does not answer":               {mailtest.Hangs, "mail_unavailable"},
		"dies in the middle":            {mailtest.Dies, "mail_unavailable"},
		"dies before it says thank you": {mailtest.DiesLate, "mail_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mailtest.New(t, mailtest.Implicit)
			s.Fail(c.fault)
			r := relay(t, s, "smtps://"+userinfo()+"@"+mailtest.Host)
			if c.fault == mailtest.Hangs {
				r.Patience = 300 * time.Millisecond
			}
			err := r.Send(t.Context(), letter(t))
			if privacyd.CodeOf(err) != c.code {
				t.Fatalf("%v has the code %s, not %s", err, privacyd.CodeOf(err), c.code)
			}
			if strings.Contains(err.Error(), "ana@example.com") || strings.Contains(err.Error(), "p@ssword") {
				t.Errorf("the error tells too much: %v", err)
			}
			s.Fail(mailtest.Works)
			if err := r.Send(t.Context(), letter(t)); err != nil {
				t.Errorf("sending again: %v", err)
			}
		})
	}
}

func TestASenderThatIsStoppedDoesNotWait(t *testing.T) {
	s := mailtest.New(t, mailtest.Implicit)
	s.Fail(mailtest.Hangs)
	r := relay(t, s, "smtps://"+userinfo()+"@"+mailtest.Host)
	ctx, stop := context.WithCancel(t.Context())
	dial := r.Dial
	r.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		defer stop()
		return dial(ctx, network, address)
	}
	if err := r.Send(ctx, letter(t)); privacyd.CodeOf(err) != "mail_unavailable" {
		t.Errorf("%v", err)
	}
}

func TestNothingIsSentInTheClear(t *testing.T) {
	for name, c := range map[string]struct {
		security mailtest.Security
		address  string
		strange  bool // its certificate is not known
	}{
		"no STARTTLS":            {mailtest.Plain, "smtp://" + mailtest.Host, false},
		"no TLS":                 {mailtest.Plain, "smtps://" + mailtest.Host, false},
		"unknown certificate":    {mailtest.Implicit, "smtps://" + userinfo() + "@" + mailtest.Host, true},
		"unknown, STARTTLS":      {mailtest.STARTTLS, "smtp://" + userinfo() + "@" + mailtest.Host, true},
		"another's certificate":  {mailtest.Implicit, "smtps://" + userinfo() + "@other.example.test", false},
		"a wrong password":       {mailtest.Implicit, "smtps://relay:wrong@" + mailtest.Host, false},
		"no password to be sent": {mailtest.Implicit, "smtps://" + mailtest.Host, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := mailtest.New(t, c.security)
			r := relay(t, s, c.address)
			if c.strange {
				r.Roots = nil
			}
			r.Patience = 2 * time.Second
			if err := r.Send(t.Context(), letter(t)); privacyd.CodeOf(err) != "mail_unavailable" {
				t.Errorf("%v", err)
			}
			if received, _ := s.Received(); len(received) != 0 {
				t.Error("it was sent all the same")
			}
		})
	}
}

func TestNamesCannotBecomeHeaders(t *testing.T) {
	s := mailtest.New(t, mailtest.Plain)
	r := relay(t, s, "smtp://localhost")
	l := letter(t)
	l.Subject = "Zoë\r\nBcc: eve@example.net\r\n\r\n<b>hello"
	if err := r.Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	received, bodies := s.Received()
	if received[0].Header.Get("Bcc") != "" || strings.HasPrefix(bodies[0], "<b>hello") {
		t.Errorf("headers %v", received[0].Header)
	}
	for _, to := range []string{"a@example.com\r\nBcc: eve@example.net", "a@example.com, eve@example.net", "", "eve"} {
		l.To = to
		if err := r.Send(t.Context(), l); privacyd.CodeOf(err) != "mail_refused" {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

func TestRelayAddresses(t *testing.T) {
	for _, bad := range []string{
		"", "mail.example.com", "http://mail.example.com", "smtp://", "smtps://host:0", "smtps://host:99999", "smtps://host/path",
		"smtps://host?tls=off", "smtps://user:sec%ret@host", "smtps://user:secret@host:port",
	} {
		_, err := mail.ParseRelay(bad, from)
		if privacyd.CodeOf(err) != "mail_invalid" || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec%ret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"smtps://host", "smtp://host:25", "smtps://user:pass@host:465/", "smtp://[::1]:2525"} {
		if _, err := mail.ParseRelay(good, from); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	if _, err := mail.ParseRelay("smtps://host", "nobody"); privacyd.CodeOf(err) != "mail_invalid" {
		t.Errorf("from nobody: %v", err)
	}
}

func FuzzParseRelay(f *testing.F) {
	f.Add("smtps://user:pass@host:465", from)
	f.Add("smtp://[::1]:2525", "a@b")
	f.Fuzz(func(t *testing.T, address, from string) {
		if _, err := mail.ParseRelay(address, from); err != nil && privacyd.CodeOf(err) != "mail_invalid" {
			t.Errorf("%q, %q: %v", address, from, err)
		}
	})
}
