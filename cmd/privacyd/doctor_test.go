package main_test

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/egress/tlstest"
	"github.com/privacyd/privacyd/mail/mailtest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
	"github.com/privacyd/privacyd/vault/keyservice/keyservicetest"
)

// diagnose runs the doctor, and gives its checks by name.
func (i *installation) diagnose(t *testing.T, status int, args ...string) map[string]privacyd.Check {
	t.Helper()
	out, said, got := i.run(append([]string{"doctor", "--json"}, args...)...)
	if got != status {
		t.Errorf("the doctor ended with %d, want %d: %s%s", got, status, out, said)
	}
	var d privacyd.Diagnosis
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("%v: %s%s", err, out, said)
	}
	checks := map[string]privacyd.Check{}
	for _, c := range d.Checks {
		checks[c.Name] = c
		if c.State != privacyd.CheckOK && c.Remedy == "" {
			t.Errorf("%s says not what to do", c.Name)
		}
	}
	return checks
}

func wantCheck(t *testing.T, checks map[string]privacyd.Check, name string, state privacyd.CheckState, says string) {
	t.Helper()
	if c := checks[name]; c.State != state || !strings.Contains(c.Message, says) {
		t.Errorf("%s: %+v, want %s and %q", name, c, state, says)
	}
}

// TestDoctorLooksOutside has certificates run out and a bucket move.
func TestDoctorLooksOutside(t *testing.T) {
	authority := tlstest.New(t)
	local := tlstest.Wanted{Hosts: []string{"127.0.0.1"}}
	storing := authority.Issue(t, local)
	store := buckettest.New(t, &storing)
	store.Tell("eu-central-1")
	relay := mailtest.New(t, mailtest.Plain)
	i := newInstallation(t, "SSL_CERT_FILE="+authority.File(t), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true")
	soon := local
	soon.Life = 10 * 24 * time.Hour
	tlstest.Write(t, i.dir, authority.Issue(t, soon))
	i.write("privacyd.yaml", `
base_url: https://privacy.example.com
tls: {cert: tls.crt, key: tls.key}
blobs: {exports: "`+store.Address+`"}
mail: {smtp: "smtp://`+relay.Addr+`", from: privacy@example.com}
places: [{name: exports, country: DE, region: eu-central-1, processor: Example Storage GmbH, hosts: [127.0.0.1]}]
`)
	i.workspace("jobs.read", "--config", "privacyd.yaml")
	checks := i.diagnose(t, 0, "--config", "privacyd.yaml")
	wantCheck(t, checks, "certificate", privacyd.CheckWarning, "ends on")
	wantCheck(t, checks, "certificate.host", privacyd.CheckWarning, "not for privacy.example.com")
	wantCheck(t, checks, "certificate.blobs.exports", privacyd.CheckWarning, "ends on") // it lives for a day
	wantCheck(t, checks, "place.blobs.exports", privacyd.CheckOK, "eu-central-1")
	wantCheck(t, checks, "mail.relay", privacyd.CheckOK, "answers")
	wantCheck(t, checks, "sub_processors", privacyd.CheckWarning, "Example Storage GmbH")
	wantCheck(t, checks, "clock.files", privacyd.CheckOK, "No time server")
	store.Tell("us-east-1")
	i.write("tls.key", "half a file")
	checks = i.diagnose(t, 4, "--config", "privacyd.yaml")
	wantCheck(t, checks, "place.blobs.exports", privacyd.CheckProblem, "us-east-1")
	wantCheck(t, checks, "certificate", privacyd.CheckProblem, "cannot be used together")
	_, said, status := i.run("export", "--config", "privacyd.yaml", "--workspace", "acme", "--out", "out.zip")
	if status == 0 || !strings.Contains(said, "(place_moved)") {
		t.Errorf("an export into a bucket that moved ended with %d: %s", status, said)
	}
	_, said, status = i.run("serve", "--listen", "127.0.0.1:0", "--config", "privacyd.yaml")
	if status == 0 || !strings.Contains(said, "(place_moved)") {
		t.Errorf("a server with a bucket that moved ended with %d: %s", status, said)
	}
}

// TestDoctorAsksEndpoints has a key service take its key away while a server
// runs, and providers of language models show certificates.
func TestDoctorAsksEndpoints(t *testing.T) {
	bao, authority := keyservicetest.NewTransit(t), tlstest.New(t)
	here := tlstest.Wanted{Hosts: []string{"0.0.0.0"}}
	good, strange := newModels(t, authority.Issue(t, here), tls.VersionTLS13), newModels(t, tlstest.New(t).Issue(t, here), tls.VersionTLS13)
	i := newInstallation(t, "SSL_CERT_FILE="+authority.File(t), "VAULT_TOKEN="+keyservicetest.Token, "PRIVACYD_KEYS_ROOT="+bao.Address("k"))
	agreed := "country: IE, dialect: openai, key: k, zero_retention: {agreement: DPA-17, since: 2026-01-01}"
	i.write("privacyd.yaml", `llm:
  - {provider: good, url: "`+good.url+`", `+agreed+`}
  - {provider: strange, url: "`+strange.url+`", `+agreed+`}
  - {provider: gone, url: "https://0.0.0.0:1", `+agreed+`}
  - {provider: unsigned, url: "`+good.url+`", dialect: openai, country: IE, key: k}
`)
	i.workspace("jobs.read", "--config", "privacyd.yaml")
	s := i.serve("--config", "privacyd.yaml")
	checks := i.diagnose(t, 4, "--config", "privacyd.yaml")
	wantCheck(t, checks, "keys.unlock", privacyd.CheckOK, "opens the keys")
	wantCheck(t, checks, "certificate.llm.good", privacyd.CheckWarning, "ends on") // it lives for a day
	wantCheck(t, checks, "certificate.llm.strange", privacyd.CheckProblem, "nobody whom this machine trusts")
	wantCheck(t, checks, "certificate.llm.gone", privacyd.CheckWarning, "does not answer")
	wantCheck(t, checks, "certificate.llm.unsigned", "", "")
	bao.Deny(true)
	wantCheck(t, i.diagnose(t, 4, "--config", "privacyd.yaml"), "keys.unlock", privacyd.CheckProblem, "does not let privacyd use its key")
	s.end(t)
	if len(good.received())+len(strange.received()) > 0 {
		t.Error("the doctor has sent something to a provider")
	}
}

// TestDoctorOfDatabase looks at a PostgreSQL server at another address, whose
// certificate runs out in some days.
func TestDoctorOfDatabase(t *testing.T) {
	authority := tlstest.New(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	sqldbtest.NewTLSServer(t, port, authority.Issue(t, tlstest.Wanted{Hosts: []string{"0.0.0.0"}, Life: 5 * 24 * time.Hour}))
	i := newInstallation(t)
	i.write("privacyd.yaml", `
database: "postgres://postgres:not-needed@0.0.0.0:`+strconv.Itoa(port)+`/postgres?sslmode=verify-full&sslrootcert=`+authority.File(t)+`"
places: [{name: db, country: DE, hosts: [0.0.0.0]}]
`)
	i.workspace("jobs.read", "--config", "privacyd.yaml")
	checks := i.diagnose(t, 0, "--config", "privacyd.yaml")
	wantCheck(t, checks, "certificate.database", privacyd.CheckWarning, "PostgreSQL server of database ends on")
	wantCheck(t, checks, "clock", privacyd.CheckOK, "of the database differ")
}
