// Package mailtest gives tests a real mail server on this machine, with TLS and
// passwords, that keeps what it is sent and can be made to fail in the ways in
// which mail servers do. It is small.
package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Fault is what a server does wrong.
type Fault int

// The faults.
const (
	Works       Fault = iota
	RefusesUser       // 550 to RCPT
	Refuses           // 554 after DATA
	Busy              // 451 to RCPT
	Hangs             // never answers RCPT
	Dies              // ends the connection in the middle of DATA
	DiesLate          // takes the letter, and ends the connection in place of saying so
)

// Security is how a server's connections are encrypted.
type Security int

// The ways.
const (
	Plain    Security = iota
	STARTTLS          // offered, and needed for signing in
	Implicit          // from the first byte
)

// Host is another name of the server, under which it is not this machine: a
// Dial must lead there.
const Host = "mail.example.test"

// User and Password sign in to a server.
const (
	User     = "relay"
	Password = "a p@ssword: with %"
)

// Server is a mail server on 127.0.0.1.
type Server struct {
	Addr  string // host and port
	Roots *x509.CertPool

	mu       sync.Mutex
	fault    Fault
	received []*mail.Message
	bodies   []string
	released chan struct{}
}

// New starts a server, which ends with the test.
func New(t testing.TB, security Security) *Server {
	t.Helper()
	s := &Server{released: make(chan struct{})}
	cert := s.certificate(t)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{s: s, conn: c, needsUser: security != Plain}, nil
	}))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "localhost", false, quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = l.Addr().String()
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if security != Plain {
		server.TLSConfig = config
	}
	if security == Implicit {
		l = tls.NewListener(l, config)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		close(s.released)
		_ = server.Close()
		_ = l.Close() // the server knows it only once it serves
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

// Fail sets what the server does wrong from now on.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *Server) failing() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// Received gives the letters that were taken, the oldest first, and their
// bodies as they came.
func (s *Server) Received() ([]*mail.Message, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*mail.Message(nil), s.received...), append([]string(nil), s.bodies...)
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// session is one connection.
type session struct {
	s         *Server
	conn      *smtp.Conn
	needsUser bool
	signedIn  bool
}

func (v *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != User || password != Password {
			return smtp.ErrAuthFailed
		}
		v.signedIn = true
		return nil
	}), nil
}

func (v *session) Mail(string, *smtp.MailOptions) error {
	if v.needsUser && !v.signedIn {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (v *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch v.s.failing() {
	case RefusesUser:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user: " + to}
	case Busy:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "try later, " + to}
	case Hangs:
		<-v.s.released
	}
	return nil
}

func (v *session) Data(r io.Reader) error {
	fault := v.s.failing()
	if fault == Dies {
		_, _ = io.ReadFull(r, make([]byte, 64)) // some of it
		return v.conn.Conn().Close()
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if fault == Refuses {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not wanted"}
	}
	if err := v.s.keep(raw); err != nil {
		return err
	}
	if fault == DiesLate {
		return v.conn.Conn().Close()
	}
	return nil
}

func (v *session) Reset()        {}
func (v *session) Logout() error { return nil }

func (s *Server) keep(raw []byte) error {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	m.Body = bytes.NewReader(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received, s.bodies = append(s.received, m), append(s.bodies, string(body))
	return nil
}

// certificate makes one for this machine, which only Roots believe in.
func (s *Server) certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{Host}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.Roots = x509.NewCertPool()
	s.Roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
