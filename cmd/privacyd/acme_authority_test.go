package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/egress/tlstest"
)

// authority is Let's Encrypt's own server for tests, pebble, which signs for
// every name that leads to the server's address, but for refusedName.
type authority struct {
	t         *testing.T
	network   string // of addresses of this machine that nobody else uses
	signed    *tlstest.Authority
	directory string
	stop      func()
}

const refusedName = "refused.example.test"

func newAuthority(t *testing.T) *authority {
	t.Helper()
	pid := os.Getpid()
	a := &authority{t: t, network: fmt.Sprintf("127.%d.%d.", pid>>8&0xff, pid&0xff), signed: tlstest.New(t), stop: func() {}}
	a.directory = "https://" + a.network + "101:14000/dir"
	return a
}

// server is where the installation listens, and the authority looks.
func (a *authority) server() string { return a.network + "103:5001" }

// tool builds one of the tools that scripts/tool pins, unless it is there.
func tool(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join("..", "..", "scripts", "tool"), name).Output()
	if err != nil {
		t.Fatalf("scripts/tool %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// begin starts the authority, and whom it asks for names.
func (a *authority) begin() {
	a.t.Helper()
	names := exec.Command(tool(a.t, "pebble-challtestsrv"), "-defaultIPv4", a.network+"103", "-defaultIPv6", "", "-dnsserver", a.network+"102:8053",
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", a.network+"102:8055")
	pebble := exec.Command(tool(a.t, "pebble"), "-config", a.config(), "-dnsserver", a.network+"102:8053", "-strict")
	pebble.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	for _, c := range []*exec.Cmd{names, pebble} {
		if err := c.Start(); err != nil {
			a.t.Fatal(err)
		}
		a.t.Cleanup(func() {
			_ = c.Process.Kill() // it may have ended
			_ = c.Wait()
		})
	}
	a.stop = func() {
		_ = pebble.Process.Kill() // it is waited for at the end
	}
	eventually(a.t, "the authority answers", func() bool {
		_, err := a.get("/dir", "14000")
		return err == nil
	})
}

func (a *authority) config() string {
	a.t.Helper()
	dir := a.t.TempDir()
	cert, key := tlstest.Write(a.t, dir, a.signed.Issue(a.t, tlstest.Wanted{Hosts: []string{a.network + "101"}}))
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": a.network + "101:14000", "managementListenAddress": a.network + "101:15000", "certificate": cert, "privateKey": key,
		"tlsPort": 5001, "httpPort": 5002, "domainBlocklist": []string{refusedName}, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "for tests", "validityPeriod": 90 * 24 * 3600}},
	}})
	if err != nil {
		a.t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

func (a *authority) get(path, port string) ([]byte, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.signed.Pool()}}}
	answer, err := client.Get("https://" + a.network + "101:" + port + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	return io.ReadAll(answer.Body)
}

// roots are what the authority's certificates lead to.
func (a *authority) roots() *x509.CertPool {
	a.t.Helper()
	text, err := a.get("/roots/0", "15000")
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		a.t.Fatalf("the authority's root: %v", err)
	}
	return pool
}

// configure names the authority in the installation's configuration.
func (a *authority) configure(i *installation, host, roots string) {
	i.write("privacyd.yaml", fmt.Sprintf("tls: {acme: {host: %s, directory: '%s', roots: '%s'}}\n", host, a.directory, roots))
}

// TestCertificateIsIssued has the built server ask for its certificate: of an
// authority that is away, that is not believed, that refuses, and that gives it.
func TestCertificateIsIssued(t *testing.T) {
	const host = "privacy.example.test"
	i, a := newInstallation(t), newAuthority(t)
	start := func(host, roots string) *process {
		a.configure(i, host, roots)
		return i.serve("--config", "privacyd.yaml", "--listen", a.server())
	}
	fails := func(host, roots, why string) {
		s := start(host, roots)
		eventually(t, why, func() bool { return strings.Contains(s.log(), why) })
		s.end(t)
	}
	believed := a.signed.File(t)
	fails(host, believed, "the authority does not answer: dial tcp")
	a.begin()
	fails(host, "", "its certificate is signed by nobody whom this machine trusts. If it is your own, name the file of its root in tls.acme.roots")
	fails(refusedName, believed, "rejectedIdentifier")
	s, roots := start(host, believed), a.roots()
	first, err := dial(a.server(), &tls.Config{RootCAs: roots, ServerName: host})
	if err != nil {
		t.Fatalf("%v\n%s", err, s.log())
	}
	s.end(t)
	onlyOwner(t, filepath.Join(i.dir, "data", "acme"))
	a.stop()
	s = start(host, believed)
	if kept, err := dial(a.server(), &tls.Config{RootCAs: roots, ServerName: host}); err != nil || kept != first {
		t.Errorf("after a restart: %v, another certificate: %t", err, kept != first)
	}
	checkHandshakes(t, a.server(), &tls.Config{RootCAs: roots, ServerName: host})
	s.end(t)
}

// onlyOwner wants files that nobody else can read.
func onlyOwner(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", filepath.Base(path), info.Mode())
		}
		if !d.IsDir() {
			files++
		}
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("%d files are kept: %v", files, err)
	}
}
