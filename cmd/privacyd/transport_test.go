package main_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd/egress/tlstest"
)

// dial makes a handshake with a server and gives its certificate's number.
func dial(address string, config *tls.Config) (serial int64, err error) {
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return 0, err
	}
	defer conn.Close() //nolint:errcheck // only the handshake counts
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}

func TestServeOverTLS(t *testing.T) {
	i, authority := newInstallation(t), tlstest.New(t)
	wanted := tlstest.Wanted{Serial: 11, Hosts: []string{"127.0.0.1"}}
	tlstest.Write(t, i.dir, authority.Issue(t, wanted))
	i.write("privacyd.yaml", "tls: {cert: tls.crt, key: tls.key}\n")
	s := i.serve("--config", "privacyd.yaml")
	address, trusted := strings.TrimPrefix(s.URL, "https://"), authority.Pool()
	checkHandshakes(t, address, &tls.Config{RootCAs: trusted})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	answer, err := client.Get(s.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only its headers are read
	if hsts := answer.Header.Get("Strict-Transport-Security"); hsts != "max-age=31536000" {
		t.Errorf("browsers are told %q", hsts)
	}
	shows := func(serial int64) func() bool {
		return func() bool {
			got, err := dial(address, &tls.Config{RootCAs: trusted})
			return err == nil && got == serial
		}
	}
	wanted.Serial = 12
	tlstest.Write(t, i.dir, authority.Issue(t, wanted))
	eventually(t, "the new certificate is shown", shows(12))
	i.write("tls.crt", "half a file")
	eventually(t, "the server says that it cannot use the new one", func() bool {
		return shows(12)() && strings.Contains(s.log(), "the new certificate cannot be used")
	})
	if said := strings.Count(s.log(), "the new certificate cannot be used"); said != 1 {
		t.Errorf("it says so %d times", said)
	}
	wanted.Serial = 13
	tlstest.Write(t, i.dir, authority.Issue(t, wanted))
	eventually(t, "the one after that is shown", shows(13))
	checkLog(t, s)
}

// checkLog wants the log to name nobody who came, also of those whose connection
// failed.
func checkLog(t *testing.T, s *process) {
	t.Helper()
	plain := "http" + strings.TrimPrefix(s.URL, "https")
	answer, err := http.Get(plain)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close() // it says that this is no way to come
	eventually(t, "the server tells of a connection that failed", func() bool { return strings.Contains(s.log(), "HTTP request to an HTTPS server") })
	for line := range strings.Lines(s.log()) {
		if strings.Contains(line, "127.0.0.1") || strings.Contains(line, "http:") && !json.Valid([]byte(line)) {
			t.Errorf("logged: %s", line)
		}
	}
}

func checkHandshakes(t *testing.T, address string, base *tls.Config) {
	t.Helper()
	for _, one := range []struct {
		name   string
		only   uint16
		suites []uint16
		ok     bool
	}{
		{"TLS 1.0", tls.VersionTLS10, nil, false},
		{"TLS 1.1", tls.VersionTLS11, nil, false},
		{"TLS 1.2", tls.VersionTLS12, nil, true},
		{"TLS 1.3", tls.VersionTLS13, nil, true},
		{"TLS 1.2 with CBC", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, false},
		{"TLS 1.2 without forward secrecy", tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, false},
	} {
		config := base.Clone()
		config.MinVersion, config.MaxVersion, config.CipherSuites = one.only, one.only, one.suites
		_, err := dial(address, config)
		if (err == nil) != one.ok {
			t.Errorf("%s: %v", one.name, err)
		}
	}
}

// TestServeRefused starts servers that would be seen where they must not be.
func TestServeRefused(t *testing.T) {
	i, authority := newInstallation(t), tlstest.New(t)
	tlstest.Write(t, i.dir, authority.Issue(t, tlstest.Wanted{Hosts: []string{"127.0.0.1"}}))
	expired := filepath.Join(i.dir, "expired")
	if err := os.Mkdir(expired, 0o700); err != nil {
		t.Fatal(err)
	}
	tlstest.Write(t, expired, authority.Issue(t, tlstest.Wanted{Hosts: []string{"127.0.0.1"}, Life: -time.Hour}))
	named := "datasets: [{name: app, map: app.map.yaml, database: 'postgres://ada:secret@db.example.com/app', place: eu-db}]"
	for _, c := range []struct{ listen, config, code string }{
		{"0.0.0.0:0", "", "tls_required"},
		{":0", "", "tls_required"},
		{"[::]:0", "", "tls_required"},
		{"192.0.2.1:0", "", "tls_required"}, // an address of a network
		{"127.0.0.1.:0", "", "tls_required"},
		{"0.0.0.0:0", "base_url: https://privacy.example.com", "tls_required"},
		{"127.0.0.1:0", "tls: {cert: expired/tls.crt, key: expired/tls.key}", "certificate_expired"},
		{"127.0.0.1:0", "tls: {cert: tls.crt, key: expired/tls.key}", "certificate_unusable"},
		{"127.0.0.1:0", "tls: {cert: tls.crt}", "config_invalid"},
		{"127.0.0.1:0", "{base_url: 'http://privacy.example.com', tls: {cert: tls.crt, key: tls.key}}", "base_url_insecure"},
		{"127.0.0.1:0", "base_url: 'https://ada:secret@privacy.example.com'", "config_invalid"},
		{"127.0.0.1:0", "base_url: 'privacy.example.com'", "config_invalid"},
		{"127.0.0.1:0", "audit: {visitor_days: 0}", "config_invalid"},
		{"127.0.0.1:0", "audit: {visitor_days: ever}", "config_invalid"},
		{"127.0.0.1:0", "mail: {smtp: 'smtps://ada:secret@host:x', from: a@example.com}", "config_invalid"},
		{"127.0.0.1:0", "{base_url: 'https://privacy.example.com', mail: {smtp: 'smtps://ada:secret@host:x', from: a@example.com}}", "mail_invalid"},
		{"127.0.0.1:0", "mail: smtps://ada:secret@mail.example.com", "config_invalid"},
		{"127.0.0.1:0", "llm: [{provider: openai, country: IE, url: 'https://ada:secret@eu.api.openai.com', key: secret}]", "config_invalid"},
		{"127.0.0.1:0", "llm: [{provider: openai, country: IE, url: 'https://API.openai.com.', key: k}]", "config_invalid"},
		{"127.0.0.1:0", "trusted_proxies: [0.0.0.0/0]", "config_invalid"},
		{"127.0.0.1:0", "trusted_proxies: [proxy.example.com]", "config_invalid"},
		{"127.0.0.1:0", "{places: [{name: db, country: DE, hosts: ['db.example.com:5432']}]}", "config_invalid"},
		{"127.0.0.1:0", "database: postgres://ada:secret@db.example.com/app?sslmode=require", "place_undeclared"},
		{"127.0.0.1:0", "{database: 'postgres://ada:secret@DB.example.com./app?sslmode=require', places: [{name: db, country: DE, hosts: [db.example.com]}]}", "database_not_secured"},
		{"127.0.0.1:0", "blobs: {exports: 's3://ada:secret@b?endpoint=http://localhost.example.com'}", "place_undeclared"},
		{"127.0.0.1:0", "{blobs: {exports: 's3://b?endpoint=https://S3.example.com.'}, places: [{name: b, country: DE, hosts: ['s3://b']}]}", "place_undeclared"},
		{"127.0.0.1:0", "allowed_countries: [XX]", "config_invalid"},
		{"127.0.0.1:0", "{" + named + ", places: [{name: eu-db, country: DE}, {name: ie-db, country: IE, hosts: [db.example.com]}]}", "place_undeclared"},
		{"127.0.0.1:0", "{" + named + ", places: [{name: ie-db, country: IE, hosts: [db.example.com]}, {name: eu-db, country: DE}]}", "place_undeclared"},
		{"127.0.0.1:0", "{" + named + ", places: [{name: eu-db, country: DE, hosts: [db2.example.com]}]}", "place_undeclared"},
		{"127.0.0.1:0", "{database: 'postgres://ada:secret@db.example.com/app', places: [{name: a, country: DE, hosts: [db.example.com]}, {name: b, country: IE, hosts: [db.example.com]}]}", "config_invalid"},
	} {
		i.write("privacyd.yaml", c.config+"\n")
		_, said, status := i.run("serve", "--listen", c.listen, "--config", "privacyd.yaml")
		if status == 0 || !strings.Contains(said, "("+c.code+")") {
			t.Errorf("--listen %s with %s ended with %d: %s", c.listen, c.config, status, said)
		}
		if strings.Contains(said, "secret") {
			t.Errorf("%s: a password is printed: %s", c.config, said)
		}
	}
}

// TestForgedAddresses asks as several clients, some of which say that they are
// another. The audit log has the address that a trusted proxy saw.
func TestForgedAddresses(t *testing.T) {
	i := newInstallation(t)
	token := i.workspace("records.write")
	i.write("direct.yaml", "{}\n")
	i.write("proxied.yaml", "{base_url: 'https://privacy.example.com', trusted_proxies: [127.0.0.1, 10.0.0.0/8]}\n")
	for _, config := range []struct {
		file  string
		cases []struct{ forwarded, ip string }
	}{
		{"direct.yaml", []struct{ forwarded, ip string }{{"203.0.113.9", "127.0.0.1"}}},
		{"proxied.yaml", []struct{ forwarded, ip string }{
			{"", "127.0.0.1"},
			{"203.0.113.9", "203.0.113.9"},
			{"198.51.100.1, 203.0.113.9", "203.0.113.9"},           // the client's own claim is left of what the proxy saw
			{"198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"}, // by way of two proxies
			{"203.0.113.9:4711", "203.0.113.9"},
			{"[2001:db8::9]:4711", "2001:db8::9"},
			{"203.0.113.9, nonsense", "127.0.0.1"},
			{"::ffff:203.0.113.9", "203.0.113.9"},
		}},
	} {
		s := i.serve("--config", config.file)
		for n, c := range config.cases {
			id := fmt.Sprintf("%s-%d", config.file, n)
			put(t, s.URL+"/v1/workspaces/acme/records/contacts/"+id, token, c.forwarded)
			if got := lastAddress(t, i); got != c.ip {
				t.Errorf("%s: %q is taken for %s, want %s", config.file, c.forwarded, got, c.ip)
			}
		}
		s.end(t)
	}
}

func put(t *testing.T, url, token, forwarded string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(fmt.Sprintf(`{"id":%q}`, filepath.Base(url))))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
		r.Header.Set("X-Real-Ip", "198.51.100.77")
		r.Header.Set("Forwarded", "for=198.51.100.78")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only its status is read
	if answer.StatusCode >= 300 {
		t.Fatalf("%s: %s", url, answer.Status)
	}
}

// lastAddress is the client's address in the newest entry of the workspace's
// log.
func lastAddress(t *testing.T, i *installation) string {
	t.Helper()
	out := i.must("audit", "list", "--workspace", "acme", "--action", "records.write", "--json")
	var list struct {
		Items []struct {
			IP string `json:"ip"`
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Items) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	return list.Items[0].IP
}
