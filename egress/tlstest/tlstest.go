// Package tlstest gives tests certificates of an authority of their own: right
// ones, and those that must not be believed. It must not be imported by
// anything but tests. It is small.
package tlstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes an authority that nobody trusts yet.
func New(t testing.TB) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}, nil, key, &Authority{key: key}))
	if err != nil {
		t.Fatal(err)
	}
	return &Authority{cert, key}
}

func sign(t testing.TB, template, parent *x509.Certificate, key *ecdsa.PrivateKey, by *Authority) []byte {
	t.Helper()
	if parent == nil {
		parent = template
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Wanted is what a certificate is to be like.
type Wanted struct {
	Serial int64         // 0: 2
	Hosts  []string      // names and addresses that it is for
	Life   time.Duration // from now; 0: a day; negative: it has expired
}

// Issue makes a certificate.
func (a *Authority) Issue(t testing.TB, w Wanted) tls.Certificate {
	t.Helper()
	if w.Serial == 0 {
		w.Serial = 2
	}
	if w.Life == 0 {
		w.Life = 24 * time.Hour
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(w.Life)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(w.Serial), Subject: pkix.Name{CommonName: "a server of tests"},
		NotBefore: end.Add(-w.Life.Abs() - 48*time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	for _, host := range w.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	raw := sign(t, template, a.cert, key, a)
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// Old starts a server that speaks TLS 1.1 at best, and counts who asked it
// something.
func Old(t testing.TB, c tls.Certificate) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, asked
}

// Pool believes the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// File writes the authority's own certificate into a file: what SSL_CERT_FILE
// and sslrootcert name.
func (a *Authority) File(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "authority.pem")
	write(t, path, "CERTIFICATE", a.cert.Raw)
	return path
}

// Write writes a certificate and its key into two files of a folder. Each is
// put into place whole, as tools that renew certificates do it.
func Write(t testing.TB, dir string, c tls.Certificate) (cert, key string) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write(t, cert, "CERTIFICATE", c.Certificate[0])
	write(t, key, "PRIVATE KEY", private)
	return cert, key
}

func write(t testing.TB, path, kind string, raw []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
