package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/privacyd/privacyd"
)

type acmeConfig struct {
	Host      string `yaml:"host"`
	Email     string `yaml:"email"`     // whom the authority writes to
	Directory string `yaml:"directory"` // of the authority; empty: Let's Encrypt
	Roots     string `yaml:"roots"`     // PEM file of who signs the authority's own certificate; empty: whom the machine trusts
}

// check refuses what no certificate could be asked for with.
func (c acmeConfig) check() error {
	switch {
	case c.Host == "":
		return errors.New("tls.acme needs the host that certificates are for")
	case !strings.Contains(strings.Trim(c.Host, "."), "."):
		return errors.New("tls.acme.host is a whole name such as privacy.example.com: authorities give no certificate for one word")
	case !isSafe(c.Directory):
		return errors.New("tls.acme.directory is the https:// address of an authority; leave it out for Let's Encrypt")
	}
	return nil
}

// isSafe tells whether an authority is asked over TLS, or on this machine.
func isSafe(directory string) bool {
	u, err := url.Parse(directory)
	return directory == "" || err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && privacyd.LocalHost(u.Hostname()))
}

const (
	authorityPatience = 30 * time.Second    // for one answer of an authority
	authorityTries    = 3                   // of one call at which it fails
	askAgain          = 65 * time.Second    // after a certificate could not be had, doubled each time; autocert itself waits for a minute
	askSeldom         = time.Hour           // at most
	lookAtCertificate = 12 * time.Hour      // whether it was renewed
	renewedBefore     = 30 * 24 * time.Hour // its end a certificate is renewed by package autocert, or when a third of its life is left
	answerLooked      = 1 << 16             // bytes of an authority's answer that are looked at for what is wrong
	problemShown      = 400                 // bytes of what it says that are logged
)

// issued is a certificate that an authority gives and renews.
type issued struct {
	host    string
	manager *autocert.Manager
	log     *slog.Logger

	mu      sync.Mutex
	problem string            // what the authority said last that is wrong
	orders  map[string]string // where an order is, by where it is finalized
}

// newIssued prepares to ask for a certificate. Code config_invalid.
func newIssued(c acmeConfig, cache string, log *slog.Logger) (*issued, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is that
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Roots != "" {
		roots, err := readRoots(c.Roots)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	i := &issued{host: c.Host, log: log, orders: map[string]string{}}
	client := &acme.Client{
		DirectoryURL: c.Directory, UserAgent: "privacyd", RetryBackoff: tryAgain,
		HTTPClient: &http.Client{Timeout: authorityPatience, Transport: noting{transport, i}},
	}
	if c.Directory == "" {
		client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	i.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(c.Host), Cache: autocert.DirCache(cache), Email: c.Email, Client: client,
	}
	return i, nil
}

// readRoots reads whom an authority may be signed by. Code config_invalid.
func readRoots(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(text) {
		err = errors.New("there is no certificate in it")
	}
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
			"tls.acme.roots cannot be used: %w. Give a PEM file with the certificates of whom the authority's own is signed by.", err)
	}
	return pool, nil
}

// tryAgain gives an authority that fails another chance, but not for minutes:
// somebody may wait in a handshake.
func tryAgain(n int, _ *http.Request, _ *http.Response) time.Duration {
	if n > authorityTries {
		return 0
	}
	return time.Duration(n) * time.Second
}

// keep asks for the certificate before anybody comes, and says what is in the
// way of it and of its renewal, until ctx ends.
func (i *issued) keep(ctx context.Context) {
	for pause := askAgain; ; {
		wait := lookAtCertificate
		select {
		case <-ctx.Done():
			return
		case found := <-i.ask():
			switch {
			case found.err != nil:
				i.log.ErrorContext(ctx, "there is no certificate: nobody can come", "error", i.explain(found.err), "again_in", pause.String())
				wait, pause = pause, min(2*pause, askSeldom)
			case isLate(found.leaf, time.Now()):
				i.log.ErrorContext(ctx, "the certificate was not renewed", "ends", found.leaf.NotAfter, "error", i.explain(errors.New("nothing was heard of the authority")))
			default:
				i.log.InfoContext(ctx, "the certificate is there", "ends", found.leaf.NotAfter)
				pause = askAgain
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

type visited struct {
	leaf *x509.Certificate
	err  error
}

// ask comes as a visitor would. What is under way is not waited for by who
// stops the server: an authority may take minutes.
func (i *issued) ask() <-chan visited {
	found := make(chan visited, 1)
	go func() {
		c, err := i.manager.GetCertificate(&tls.ClientHelloInfo{
			ServerName: i.host, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			SupportedCurves: []tls.CurveID{tls.CurveP256}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		})
		if err != nil {
			found <- visited{err: err}
			return
		}
		found <- visited{leaf: c.Leaf}
	}()
	return found
}

// get gives the certificate to whoever comes. Package autocert takes a client of
// TLS 1.3 alone, whose suites name no signature, for one that knows RSA only,
// and would ask for a second certificate.
func (i *issued) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) && slices.Contains(hello.SignatureSchemes, tls.ECDSAWithP256AndSHA256) {
		as := *hello
		as.CipherSuites = append(slices.Clip(hello.CipherSuites), tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
		hello = &as
	}
	return i.manager.GetCertificate(hello)
}

// isLate tells whether a certificate should have been renewed: half of the time
// for that is over.
func isLate(c *x509.Certificate, at time.Time) bool {
	return c.NotAfter.Sub(at) < min(c.NotAfter.Sub(c.NotBefore)/3, renewedBefore)/2
}

// explain says why there is no certificate, and what to do. Code
// certificate_not_issued.
func (i *issued) explain(err error) error {
	i.mu.Lock()
	said := i.problem
	i.mu.Unlock()
	var refused *acme.Error
	var unreached *url.Error
	switch {
	case errors.As(err, &refused):
		said = refused.Detail + " (" + refused.ProblemType + ")"
	case privacyd.CertificateFault(err) != "":
		return i.unissued("the authority is not believed: "+privacyd.CertificateFault(err),
			"If it is your own, name the file of its root in tls.acme.roots").Because(err)
	case errors.As(err, &unreached):
		return i.unissued("the authority does not answer: "+unreached.Err.Error(), "See whether tls.acme.directory is right, and whether it can be reached from here").Because(err)
	case said == "":
		return i.unissued(err.Error(), "See whether tls.acme.directory is the directory of an ACME authority").Because(err)
	}
	return i.unissued("the authority says: "+cut(said, problemShown),
		"It has to reach this server by TLS on port 443 of that name, with nothing in between that ends TLS, and be willing to sign for it").Because(err)
}

func (i *issued) unissued(why, remedy string) *privacyd.Error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "certificate_not_issued", "No certificate could be had for %s: %s. %s.", i.host, strings.TrimRight(why, "."), remedy)
}

func cut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "") + "…"
}

// noting keeps what an authority says is wrong: package autocert tells of a
// failed challenge that it failed, and not why. And it tells package acme where
// an order is that was finalized: RFC 8555 has the authority say so for a new
// order alone, and some do no more.
type noting struct {
	http.RoundTripper
	to *issued
}

// RoundTrip implements http.RoundTripper.
func (n noting) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := n.RoundTripper.RoundTrip(r)
	if err != nil || !strings.Contains(answer.Header.Get("Content-Type"), "json") {
		return answer, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerLooked))
	answer.Body = readCloser{io.MultiReader(bytes.NewReader(text), answer.Body), answer.Body}
	var said answered
	if err == nil && json.Unmarshal(text, &said) == nil {
		n.to.note(said, answer.Header)
	}
	return answer, err
}

type readCloser struct {
	io.Reader
	io.Closer
}

// answered is an order or an authorization (RFC 8555, section 7.1).
type answered struct {
	Finalize   string
	Error      *answeredProblem
	Challenges []struct{ Error *answeredProblem }
}

type answeredProblem struct{ Type, Detail string }

func (i *issued) note(said answered, header http.Header) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range said.Challenges {
		if said.Error == nil {
			said.Error = c.Error
		}
	}
	if said.Error != nil {
		i.problem = said.Error.Detail + " (" + said.Error.Type + ")"
	}
	const where = "Location"
	switch at := header.Get(where); {
	case said.Finalize == "":
	case at != "":
		i.orders = map[string]string{said.Finalize: at} // one is under way at a time, or is asked for again
	case i.orders[said.Finalize] != "":
		header.Set(where, i.orders[said.Finalize])
	}
}
