package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

// writeCertificate makes a certificate for 127.0.0.1 that signs itself.
func writeCertificate(t *testing.T, dir string, serial int64, end time.Time) tlsConfig {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "privacyd"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: end.Add(-48 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := tlsConfig{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	for file, block := range map[string]*pem.Block{c.Cert: {Type: "CERTIFICATE", Bytes: raw}, c.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// serveTLS serves with a configuration until the test ends.
func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		TLSConfig: config, ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Handler: keepToTLS(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Proto)) })),
	}
	go func() { _ = serveOn(s, l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

func TestHandshakes(t *testing.T) {
	c := writeCertificate(t, t.TempDir(), 1, time.Now().Add(24*time.Hour))
	config, _, err := c.server(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if config.MinVersion != tls.VersionTLS12 { // the suites alone would keep older versions out, too
		t.Errorf("the oldest version is %s", tls.VersionName(config.MinVersion))
	}
	address := serveTLS(t, config)
	trusted := x509.NewCertPool()
	text, err := os.ReadFile(c.Cert)
	if err != nil || !trusted.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	for _, one := range []struct {
		name     string
		min, max uint16
		suites   []uint16
		ok       bool
	}{
		{"1.0", tls.VersionTLS10, tls.VersionTLS10, nil, false},
		{"1.1", tls.VersionTLS11, tls.VersionTLS11, nil, false},
		{"1.2", tls.VersionTLS12, tls.VersionTLS12, nil, true},
		{"1.3", tls.VersionTLS13, tls.VersionTLS13, nil, true},
		{"1.2 with CBC", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, false},
		{"1.2 without forward secrecy", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, false},
	} {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: trusted, MinVersion: one.min, MaxVersion: one.max, CipherSuites: one.suites})
		if (err == nil) != one.ok {
			t.Errorf("TLS %s: error %v", one.name, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}}
	answer, err := client.Get("https://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only its headers are read
	if answer.Proto != "HTTP/2.0" || answer.Header.Get("Strict-Transport-Security") != hstsAge {
		t.Errorf("%s %v", answer.Proto, answer.Header)
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir, at := t.TempDir(), time.Now()
	c := &certificate{config: writeCertificate(t, dir, 1, at.Add(24*time.Hour)), log: slog.New(slog.DiscardHandler), now: func() time.Time { return at }}
	serial := func() int64 {
		at = at.Add(certificateLook)
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.Int64()
	}
	if err := c.read(); err != nil || serial() != 1 {
		t.Fatalf("first: %v", err)
	}
	writeCertificate(t, dir, 22, at.Add(24*time.Hour))
	if serial() != 22 {
		t.Error("a new certificate was not taken")
	}
	writeCertificate(t, dir, 333, at.Add(-time.Hour))
	if serial() != 22 {
		t.Error("an expired certificate was taken")
	}
	if err := os.WriteFile(c.config.Cert, []byte("half a file"), 0o600); err != nil || serial() != 22 {
		t.Error("a broken file was taken")
	}
	if err := os.Remove(c.config.Key); err != nil || serial() != 22 {
		t.Error("a file that is gone ended the server's certificate")
	}
	writeCertificate(t, dir, 4444, at.Add(24*time.Hour))
	if serial() != 4444 {
		t.Error("the server does not recover")
	}
}

// TestCertificateIsTriedAgain: the files cannot be read once, as when they lie
// on a share that stalls, and are the same when they can be.
func TestCertificateIsTriedAgain(t *testing.T) {
	dir, at := t.TempDir(), time.Now()
	var log bytes.Buffer
	c := &certificate{config: writeCertificate(t, dir, 1, at.Add(24*time.Hour)), log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return at }}
	if err := c.read(); err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, dir, 22, at.Add(24*time.Hour))
	var unlimited, none syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &unlimited); err != nil {
		t.Fatal(err)
	}
	none = unlimited
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		at = at.Add(certificateLook)
		_, _ = c.get(nil)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &unlimited); err != nil {
		t.Fatal(err)
	}
	if c.current.Leaf.SerialNumber.Int64() != 1 || strings.Count(log.String(), "the old one stays") != 1 {
		t.Errorf("while the files cannot be read: %s", log.String())
	}
	at = at.Add(certificateLook)
	if got, err := c.get(nil); err != nil || got.Leaf.SerialNumber.Int64() != 22 {
		t.Errorf("the renewed certificate was not taken: %v", err)
	}
}

func TestUnusableCertificates(t *testing.T) {
	dir := t.TempDir()
	expired := writeCertificate(t, dir, 1, time.Now().Add(-time.Hour))
	for _, c := range []struct {
		name string
		tlsConfig
		code string
	}{
		{"expired", expired, "certificate_expired"},
		{"absent", tlsConfig{Cert: filepath.Join(dir, "none"), Key: expired.Key}, "certificate_unusable"},
		{"of another key", tlsConfig{Cert: expired.Cert, Key: expired.Cert}, "certificate_unusable"},
	} {
		if _, _, err := c.server(dir, slog.New(slog.DiscardHandler)); privacyd.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	later := filepath.Join(dir, "later")
	if err := os.Mkdir(later, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := writeCertificate(t, later, 1, time.Now().Add(72*time.Hour)).server(dir, slog.New(slog.DiscardHandler)); privacyd.CodeOf(err) != "certificate_unusable" {
		t.Errorf("one that is not valid yet: %v", err)
	}
	for _, c := range []tlsConfig{{Cert: "x"}, {Key: "x"}, {ACME: &acmeConfig{}}, {Cert: "x", Key: "y", ACME: &acmeConfig{Host: "h"}}} {
		if c.check() == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
