package main

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/egress/tlstest"
)

// keepCertificate puts a certificate where those that were asked for are kept.
func keepCertificate(t *testing.T, cache, host string, c tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})...)
	if err := os.WriteFile(filepath.Join(cache, host), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestACME comes by names for which a certificate is kept, has to be asked for,
// or is never to be: whoever comes by any name must not have the authority
// asked.
func TestACME(t *testing.T) {
	var asked atomic.Int64
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(authority.Close)
	const host = "privacy.example.test"
	trusted := tlstest.New(t)
	for _, c := range []struct {
		name    string
		kept    bool
		version uint16
		ok      bool
		asks    bool
	}{
		{host, true, tls.VersionTLS12, true, false},
		{host, true, tls.VersionTLS11, false, false},
		{"other.example.test", true, tls.VersionTLS13, false, false},
		{"", true, tls.VersionTLS13, false, false},
		{host, false, tls.VersionTLS13, false, true},
	} {
		cache := t.TempDir()
		if c.kept {
			keepCertificate(t, cache, host, trusted.Issue(t, tlstest.Wanted{Hosts: []string{host}}))
		}
		config, _, err := tlsConfig{ACME: &acmeConfig{Host: host, Directory: authority.URL}}.server(cache, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		asked.Store(0)
		conn, err := tls.Dial("tcp", serveTLS(t, config), &tls.Config{
			RootCAs: trusted.Pool(), ServerName: c.name, InsecureSkipVerify: c.name == "", MinVersion: c.version, MaxVersion: c.version, NextProtos: []string{"http/1.1", acme.ALPNProto},
		})
		if (err == nil) != c.ok || (asked.Load() > 0) != c.asks {
			t.Errorf("%q: the authority was asked %d times; %v", c.name, asked.Load(), err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	for _, address := range []string{"http://acme.example.com/directory", "acme.example.com", "ftp://acme.example.com"} {
		if (tlsConfig{ACME: &acmeConfig{Host: host, Directory: address}}).check() == nil {
			t.Errorf("the authority %s was taken", address)
		}
	}
}

// TestRenewalIsLate looks at certificates of authorities at times of their lives.
func TestRenewalIsLate(t *testing.T) {
	const day = 24 * time.Hour
	ca, dir := tlstest.New(t), t.TempDir()
	for _, c := range []struct {
		life, left time.Duration
		state      privacyd.CheckState
	}{
		{365 * day, 31 * day, privacyd.CheckOK},
		{365 * day, 14 * day, privacyd.CheckWarning},
		{90 * day, 29 * day, privacyd.CheckOK},
		{90 * day, 14 * day, privacyd.CheckWarning},
		{6 * day, 3 * day, privacyd.CheckOK},
		{6 * day, 12 * time.Hour, privacyd.CheckWarning},
		{6 * day, 0, privacyd.CheckProblem},
	} {
		issued := ca.Issue(t, tlstest.Wanted{Hosts: []string{"privacy.example.test"}, Life: c.life})
		keepCertificate(t, dir, "privacy.example.test", issued)
		end := issued.Leaf.NotAfter
		found := examineIssued(filepath.Join(dir, "privacy.example.test"), "privacy.example.test", end.Add(-c.left))
		if len(found) != 1 || found[0].State != c.state {
			t.Errorf("of %v, %v are left: %+v", c.life, c.left, found)
		}
	}
	if found := examineIssued(dir, "privacy.example.test", time.Now()); found[0].State != privacyd.CheckWarning {
		t.Errorf("without one: %+v", found)
	}
}

// TestOldAuthority asks one that speaks TLS 1.1 at best: nothing reaches it.
func TestOldAuthority(t *testing.T) {
	ca, log := tlstest.New(t), slog.New(slog.DiscardHandler)
	old, asked := tlstest.Old(t, ca.Issue(t, tlstest.Wanted{Hosts: []string{"127.0.0.1"}}))
	i, err := newIssued(acmeConfig{Host: "privacy.example.test", Directory: old, Roots: ca.File(t)}, t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	if found := <-i.ask(); found.err == nil || asked.Load() > 0 {
		t.Errorf("asked %d times: %v", asked.Load(), found.err)
	}
}
