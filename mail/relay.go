package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/privacyd/privacyd"
)

const patience = 45 * time.Second // for each step with the server

// Relay is a mail server that takes our letters.
type Relay struct {
	// Roots are whose certificates are believed; nil: the system's.
	Roots *x509.CertPool
	// Dial opens connections; nil: net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Patience is how long each step with the server may take; 0: 45 seconds.
	Patience time.Duration

	host     string
	port     int
	implicit bool // TLS from the first byte
	plain    bool // the server is this machine: TLS is not asked for
	user     string
	password string
	from     string
	domain   string // of the address that letters are from

	seen func(tls.ConnectionState) error // looks at a connection that is believed; nil: nobody does
}

// ParseRelay reads an address: smtps://user:password@host:465 for TLS from the
// first byte, smtp://host:587 for STARTTLS, which the server must have unless
// it is this very machine. from is whom letters are from, as an address or as
// "Name <address>". Code mail_invalid, whose message never repeats a password.
func ParseRelay(address, from string) (*Relay, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errRelay("it is no address")
	}
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "mail_invalid", `mail.from is no address. Give it as privacy@example.com or "Example <privacy@example.com>".`)
	}
	r := &Relay{from: sender.String(), domain: sender.Address[strings.LastIndexByte(sender.Address, '@')+1:], host: u.Hostname()}
	switch u.Scheme {
	case "smtps":
		r.implicit, r.port = true, 465
	case "smtp":
		r.port, r.plain = 587, privacyd.LocalHost(r.host)
	default:
		return nil, errRelay("it begins with neither smtps:// nor smtp://")
	}
	if r.host == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return nil, errRelay("it has no host, or something after it")
	}
	if u.Port() != "" {
		if r.port, err = strconv.Atoi(u.Port()); err != nil || r.port < 1 || r.port > 65535 {
			return nil, errRelay("its port is none")
		}
	}
	r.user = u.User.Username()
	r.password, _ = u.User.Password()
	return r, nil
}

func errRelay(why string) error {
	return privacyd.Errorf(privacyd.ClassInvalid, "mail_invalid",
		"mail.smtp cannot be used: %s. Give it as smtps://user:password@host or smtp://host:587.", why)
}

// Send hands a letter to the server. Codes: mail_unavailable, which may pass;
// mail_refused when the server will never take this letter.
func (r *Relay) Send(ctx context.Context, l privacyd.Letter) error {
	m, err := r.message(l)
	if err != nil {
		return err
	}
	line := &line{relay: r}
	defer line.close()
	defer context.AfterFunc(ctx, line.close)()
	c, err := gomail.NewClient(r.host, r.options(line)...)
	if err != nil {
		return fmt.Errorf("prepare to send a mail: %w", err)
	}
	err = c.DialWithContext(ctx)
	if err == nil {
		err = c.Send(m)
	}
	if m.IsDelivered() {
		_ = c.Close() // whatever it says now, it has taken the letter
		return nil
	}
	return explain(err)
}

// line is the connection for one letter. The client leaves it open when what
// follows the dialling fails.
type line struct {
	relay *Relay
	mu    sync.Mutex
	conn  net.Conn
	ended bool
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := l.relay.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if !l.keep(conn) {
		return nil, errors.Join(context.Canceled, conn.Close())
	}
	if !l.relay.implicit {
		return conn, nil
	}
	secure := tls.Client(conn, l.relay.tls())
	return secure, secure.HandshakeContext(ctx)
}

func (l *line) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	return !l.ended
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.conn != nil {
		_ = l.conn.Close() // a second time does no harm
	}
}

func (r *Relay) message(l privacyd.Letter) (*gomail.Msg, error) {
	m := gomail.NewMsg()
	if err := m.From(r.from); err != nil {
		return nil, errors.New("write a mail: mail.from cannot be used")
	}
	if err := m.To(l.To); err != nil {
		return nil, privacyd.Errorf(privacyd.ClassRefused, "mail_refused", "The address of a mail cannot be used.")
	}
	m.Subject(l.Subject)
	m.SetDateWithValue(l.At)
	m.SetMessageIDWithValue(l.ID + "@" + r.domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answers by robots
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	if l.List != "" {
		m.SetGenHeader("List-ID", "<"+l.List+">")
	}
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	return m, nil
}

func (r *Relay) tls() *tls.Config {
	return &tls.Config{ServerName: r.host, MinVersion: tls.VersionTLS12, RootCAs: r.Roots, VerifyConnection: r.seen}
}

func (r *Relay) options(l *line) []gomail.Option {
	wait := r.Patience
	if wait == 0 {
		wait = patience
	}
	// TLS from the first byte is the line's own; the client finds it there, and
	// asks for no second one.
	policy, auth := gomail.TLSOpportunistic, gomail.SMTPAuthAutoDiscover
	switch {
	case r.plain:
		policy, auth = gomail.NoTLS, gomail.SMTPAuthPlainNoEnc
	case !r.implicit:
		policy = gomail.TLSMandatory
	}
	o := []gomail.Option{
		gomail.WithPort(r.port), gomail.WithTimeout(wait), gomail.WithoutNoop(), gomail.WithTLSConfig(r.tls()),
		gomail.WithTLSPolicy(policy), gomail.WithDialContextFunc(l.dial),
	}
	if r.user != "" {
		o = append(o, gomail.WithSMTPAuth(auth), gomail.WithUsername(r.user), gomail.WithPassword(r.password))
	}
	return o
}

// explain tells what may pass from what will not. What a server says is not
// shown: it often repeats the address.
func explain(err error) error {
	var failed *gomail.SendError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed) && !failed.IsTemp() && failed.ErrorCode() >= 500 && aboutLetter(failed.Reason):
		return privacyd.Errorf(privacyd.ClassRefused, "mail_refused",
			"The mail server refuses a mail for good: it answered %d %s.", failed.ErrorCode(), failed.EnhancedStatusCode())
	default:
		return errUnavailable(err)
	}
}

// aboutLetter tells whether the server refused one letter, and not all of them.
func aboutLetter(reason gomail.SendErrReason) bool {
	return reason == gomail.ErrSMTPRcptTo || reason == gomail.ErrSMTPData || reason == gomail.ErrSMTPDataClose
}

func errUnavailable(err error) error {
	words := "it cannot be reached"
	var failed *gomail.SendError
	switch fault := privacyd.CertificateFault(err); {
	case fault != "":
		words = fault + ", and nothing was sent"
	case errors.As(err, &failed) && failed.ErrorCode() > 0:
		words = fmt.Sprintf("it answered %d %s", failed.ErrorCode(), failed.EnhancedStatusCode())
	case errors.Is(err, context.DeadlineExceeded):
		words = "it does not answer in time"
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "mail_unavailable",
		"The mail server cannot be used: %s. Check mail.smtp in the configuration.", strings.TrimSpace(words))
}
