package sqldb_test

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/egress/tlstest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestWaysOfTLS opens addresses on other machines. None of them is called: the
// way is refused first.
func TestWaysOfTLS(t *testing.T) {
	for _, query := range []string{
		"", "sslmode=disable", "sslmode=allow", "sslmode=prefer", "sslmode=require", "sslmode=verify-ca", "SSLMODE=verify-full",
	} {
		for _, host := range []string{"db.example.test", "0.0.0.0", "[::]", "localhost.example.test", "127.0.0.1,db.example.test", "127.0.0.1."} {
			address := "postgres://ada:secret@" + host + "/app?" + query
			_, err := sqldb.OpenPostgres(t.Context(), address)
			if code := privacyd.CodeOf(err); code != "database_not_secured" && code != "database_url_invalid" {
				t.Errorf("%s %s: %v", host, query, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%s %s: the error holds the password: %v", host, query, err)
			}
		}
	}
}

// TestHandshakesWithPostgres calls a real server by an address that is not
// taken for this machine.
func TestHandshakesWithPostgres(t *testing.T) {
	const host = "0.0.0.0"
	ours, strange := tlstest.New(t), tlstest.New(t)
	for name, c := range map[string]struct {
		wanted tlstest.Wanted
		by     *tlstest.Authority
		says   string // empty: it is believed
	}{
		"right":            {tlstest.Wanted{Hosts: []string{host}}, ours, ""},
		"expired":          {tlstest.Wanted{Hosts: []string{host}, Life: -time.Hour}, ours, "valid from"},
		"for another name": {tlstest.Wanted{Hosts: []string{"db.example.test"}}, ours, "another name"},
		"of a stranger":    {tlstest.Wanted{Hosts: []string{host}}, strange, "nobody whom this machine trusts"},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			sqldbtest.NewTLSServer(t, port, c.by.Issue(t, c.wanted))
			query := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {ours.File(t)}}.Encode()
			address := "postgres://postgres@" + net.JoinHostPort(host, strconv.Itoa(port)) + "/postgres?" + query
			if end, err := sqldb.CertificateEnd(t.Context(), address); (err == nil) != (c.says == "") || end.IsZero() == (c.says == "") {
				t.Errorf("the certificate ends %v: %v", end, err)
			}
			db, err := sqldb.OpenPostgres(t.Context(), address)
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				checkEncrypted(t, db)
				return
			}
			if privacyd.CodeOf(err) != "database_unavailable" || !strings.Contains(privacyd.MessageOf(err), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
}

func checkEncrypted(t *testing.T, db *sqldb.DB) {
	t.Helper()
	var version string
	err := db.QueryRow(t.Context(), "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl").Scan(&version)
	if err != nil || version != "TLSv1.3" {
		t.Errorf("the connection has %q: %v", version, err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// freePort is one that nobody listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it was only asked for its port
	return l.Addr().(*net.TCPAddr).Port
}
