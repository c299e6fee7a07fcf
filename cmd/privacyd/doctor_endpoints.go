package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/keyservice"
)

// endpointPatience is how long an endpoint may take to show its certificate.
const endpointPatience = 5 * time.Second

// unlock asks for the root key again, of its file or its key service.
func (x examiner) unlock(ctx context.Context) privacyd.Check {
	const name = "keys.unlock"
	if err := x.keys.CheckRoot(ctx); err != nil {
		return privacyd.Problem(name, "The root key could not be opened again: "+privacyd.MessageOf(err),
			"Mend that now. A server that runs has the key in memory and goes on; none starts until then.")
	}
	return privacyd.OK(name, "The root key opens the keys, and they are those of this database.")
}

// endpoints looks at the certificates of the key service, and of those providers
// of language models that may be called. Nothing is sent to them.
func (x examiner) endpoints(ctx context.Context) []privacyd.Check {
	var looks []func() []privacyd.Check
	if u := keyservice.Server(x.cfg.Keys.Root); u != nil {
		looks = append(looks, func() []privacyd.Check {
			return examineEndpoint(ctx, "keys.root", "the key service", u, serviceRoots(x.cfg.Keys.Root))
		})
	}
	for _, p := range x.i.engine.Egress.Providers {
		if p.Refusal(x.cfg.allowed(), now()) == nil {
			looks = append(looks, func() []privacyd.Check {
				return examineEndpoint(ctx, "llm."+p.Name, "provider "+p.Name, p.URL, nil)
			})
		}
	}
	found := make([][]privacyd.Check, len(looks))
	var looking sync.WaitGroup
	for n, look := range looks {
		looking.Go(func() { found[n] = look() })
	}
	looking.Wait()
	var checks []privacyd.Check
	for _, list := range found {
		checks = append(checks, list...)
	}
	return checks
}

// examineEndpoint makes a handshake and hangs up. One without TLS is on this
// machine.
func examineEndpoint(ctx context.Context, use, what string, u *url.URL, roots *x509.CertPool) []privacyd.Check {
	if u.Scheme != "https" {
		return nil
	}
	name := "certificate." + use
	ctx, cancel := context.WithTimeout(ctx, endpointPatience)
	defer cancel()
	port := u.Port()
	if port == "" {
		port = "443"
	}
	dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	switch fault := privacyd.CertificateFault(err); {
	case fault != "":
		return []privacyd.Check{privacyd.Problem(name, "What answers for "+what+" is not believed: "+fault+".", "See whether the address is right. Nothing is sent there until its certificate is.")}
	case err != nil:
		return []privacyd.Check{privacyd.Warning(name, "The machine of "+what+" does not answer.", "See whether it runs and can be reached from here.")}
	}
	defer conn.Close()                                              //nolint:errcheck // nothing was sent
	shown := conn.(*tls.Conn).ConnectionState().PeerCertificates[0] //nolint:forcetypeassert // the dialer makes no other
	return []privacyd.Check{examineEnd(name, "The certificate of "+what, shown.NotAfter, now())}
}

// serviceRoots are whom AWS KMS may be signed by beside the machine's own
// authorities; nil: those alone.
func serviceRoots(address string) *x509.CertPool {
	text, err := os.ReadFile(os.Getenv("AWS_CA_BUNDLE"))
	if err != nil || !strings.HasPrefix(address, keyservice.AWS+"://") {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// examineName compares the server's own certificate with what people see.
func examineName(pair tls.Certificate, cfg config) []privacyd.Check {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil || cfg.guessed || u.Hostname() == "" || pair.Leaf.VerifyHostname(u.Hostname()) == nil {
		return nil
	}
	return []privacyd.Check{privacyd.Warning("certificate.host", "The server's own certificate is not for "+u.Hostname()+", the host of base_url.",
		"Browsers refuse it there, unless something else stands in front with a certificate of its own. Get one for that name.")}
}
