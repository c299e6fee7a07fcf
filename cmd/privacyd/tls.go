package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/privacyd/privacyd"
)

// tlsConfig says how the server's own listener is encrypted: with files, or
// with certificates that are asked for and renewed by itself.
type tlsConfig struct {
	Cert string      `yaml:"cert"` // PEM file of the certificate and those that lead to its root
	Key  string      `yaml:"key"`  // PEM file of its key
	ACME *acmeConfig `yaml:"acme"`
}

func (c tlsConfig) on() bool { return c.Cert != "" || c.Key != "" || c.ACME != nil }

// check refuses half a configuration.
func (c tlsConfig) check() error {
	switch {
	case c.ACME != nil && (c.Cert != "" || c.Key != ""):
		return errors.New("tls has either cert and key, or acme")
	case c.ACME != nil:
		return c.ACME.check()
	case c.on() && (c.Cert == "" || c.Key == ""):
		return errors.New("tls needs both cert and key")
	}
	return nil
}

// hstsAge is for how long browsers keep to TLS: a year.
const hstsAge = "max-age=31536000"

// keepToTLS tells browsers to come back over TLS alone.
func keepToTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", hstsAge)
		next.ServeHTTP(w, r)
	})
}

// server gives what the listener needs, nil for plain HTTP, and what has to run
// beside it. Codes: certificate_unusable, certificate_expired, config_invalid.
func (c tlsConfig) server(cache string, log *slog.Logger) (config *tls.Config, beside func(context.Context), err error) {
	beside = func(context.Context) {}
	if !c.on() {
		return nil, beside, nil
	}
	config = &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
	if c.ACME != nil {
		i, err := newIssued(*c.ACME, cache, log)
		if err != nil {
			return nil, beside, err
		}
		config.GetCertificate = i.get
		config.NextProtos = append(config.NextProtos, acme.ALPNProto)
		return config, i.keep, nil
	}
	files := &certificate{config: c, log: log, now: time.Now}
	config.GetCertificate = files.get
	return config, beside, files.read()
}

// certificateLook is how often the certificate's files are looked at.
const certificateLook = time.Second

// certificate is one that is read from files, again when they change.
type certificate struct {
	config tlsConfig
	log    *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	stamp   string // of the files that current was read from
	said    string // stamp of those that could not be used, so that it is said once
	looked  time.Time
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= certificateLook {
		c.looked = now
		if stamp := c.stampNow(); stamp != c.stamp {
			if err := c.read(); err != nil && stamp != c.said {
				c.said = stamp
				c.log.Error("the new certificate cannot be used; the old one stays", "error", err)
			}
		}
	}
	return c.current, nil
}

// read takes the certificate that the files hold, unless it cannot be used: then
// it is tried again at the next look, for what stood in the way may be over.
func (c *certificate) read() error {
	stamp := c.stampNow() // before they are read: what changes meanwhile is read again
	pair, err := tls.LoadX509KeyPair(c.config.Cert, c.config.Key)
	if err != nil {
		return privacyd.Errorf(privacyd.ClassInvalid, "certificate_unusable",
			"The certificate cannot be used: %w. Check tls.cert and tls.key in the configuration: PEM files that belong together.", err)
	}
	if end := pair.Leaf.NotAfter; c.now().After(end) {
		return privacyd.Errorf(privacyd.ClassInvalid, "certificate_expired",
			"The certificate in tls.cert expired on %s. Renew it: browsers refuse it.", privacyd.DayWords(end))
	}
	if begin := pair.Leaf.NotBefore; c.now().Before(begin) {
		return privacyd.Errorf(privacyd.ClassInvalid, "certificate_unusable",
			"The certificate in tls.cert is valid from %s on only, and browsers refuse it until then. See whether this machine's clock is right.", privacyd.TimeWords(begin))
	}
	c.current, c.stamp = &pair, stamp
	return nil
}

// stampNow changes when the files do.
func (c *certificate) stampNow() string {
	stamp := ""
	for _, file := range []string{c.config.Cert, c.config.Key} {
		if info, err := os.Stat(file); err == nil {
			stamp += fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
			if file, ok := info.Sys().(*syscall.Stat_t); ok {
				stamp += fmt.Sprintf(" %d %d;", file.Ino, file.Ctim.Nano()) // another file may have the same age
			}
		}
	}
	return stamp
}

// serveOn serves plain or encrypted, as the server says.
func serveOn(s *http.Server, l net.Listener) error {
	if s.TLSConfig != nil {
		return s.ServeTLS(l, "", "")
	}
	return s.Serve(l)
}
