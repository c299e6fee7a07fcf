package keyservice

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/egress/tlstest"
	"github.com/privacyd/privacyd/vault/keyservice/keyservicetest"
)

// elsewhere is a server that nothing is to be sent to.
func elsewhere(t *testing.T) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// TestEnvironmentIgnored names other endpoints in the environment and in a
// profile: keys go where the address says.
func TestEnvironmentIgnored(t *testing.T) {
	server := keyservicetest.KMS(t)
	spy, asked := elsewhere(t)
	profile := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profile, []byte("[default]\nendpoint_url = "+spy+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": spy, "AWS_ENDPOINT_URL_KMS": spy, "AWS_CONFIG_FILE": profile, "AWS_USE_DUALSTACK_ENDPOINT": "true",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			s, err := Open(t.Context(), server.AWSAddress("a"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = s.Wrap(t.Context(), []byte("key")); err != nil || asked.Load() > 0 {
				t.Errorf("sent elsewhere %d times: %v", asked.Load(), err)
			}
			k, err := newAWS(t.Context(), &url.URL{Scheme: AWS, Host: "alias", Path: "/a", RawQuery: "region=eu-central-1"})
			if err != nil {
				t.Fatal(err)
			}
			if o := k.client.Options(); *o.BaseEndpoint != "https://kms.eu-central-1.amazonaws.com" || o.Region != "eu-central-1" {
				t.Errorf("without an endpoint: %s in %s", *o.BaseEndpoint, o.Region)
			}
		})
	}
}

// TestFIPSIsNotPassedOver asks for FIPS endpoints where the address does not.
func TestFIPSIsNotPassedOver(t *testing.T) {
	server := keyservicetest.KMS(t)
	profile := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profile, []byte("[default]\nuse_fips_endpoint = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_USE_FIPS_ENDPOINT": "true", "AWS_CONFIG_FILE": profile} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			for address, refused := range map[string]bool{
				"awskms://alias/a?region=us-east-1": true, "awskms://alias/a?region=us-east-1&fips=true": false, "awskms://alias/a?region=eu-central-1&fips=false": false,
				server.AWSAddress("a"): false,
			} {
				s, err := Open(t.Context(), address)
				if refused != (privacyd.CodeOf(err) == "key_service_invalid") || !refused && err != nil {
					t.Errorf("%s: %v", address, err)
				}
				if err == nil {
					_ = s.Close()
				}
			}
		})
	}
}

// TestCertificates asks services that must not be believed, and sees that
// nothing reaches them.
func TestCertificates(t *testing.T) {
	keyservicetest.KMS(t)
	t.Setenv("VAULT_TOKEN", keyservicetest.Token)
	strange := tlstest.New(t)
	for wanted, says := range map[*tlstest.Wanted]string{
		{Hosts: []string{"127.0.0.1"}}:                   "nobody whom this machine trusts",
		{Hosts: []string{"127.0.0.1"}, Life: -time.Hour}: "valid from",
		{Hosts: []string{"bao.example.test"}}:            "another name",
	} {
		var asked atomic.Int64
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{strange.Issue(t, *wanted)}, MinVersion: tls.VersionTLS12}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		for _, address := range []string{
			"awskms://alias/a?region=eu-central-1&endpoint=" + url.QueryEscape(s.URL), "hashivault://a?address=" + url.QueryEscape(s.URL),
		} {
			service, err := Open(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			_, err = service.Wrap(t.Context(), []byte("key"))
			if privacyd.CodeOf(err) != "key_service_unreachable" || !strings.Contains(privacyd.MessageOf(err), says) || asked.Load() > 0 {
				t.Errorf("asked %d times: %v, want %q", asked.Load(), err, says)
			}
		}
	}
}

// TestOldTLS asks a service that speaks TLS 1.1 at best: nothing reaches it.
func TestOldTLS(t *testing.T) {
	keyservicetest.KMS(t)
	ours := tlstest.New(t)
	t.Setenv("AWS_CA_BUNDLE", ours.File(t))
	old, asked := tlstest.Old(t, ours.Issue(t, tlstest.Wanted{Hosts: []string{"127.0.0.1"}}))
	service, err := Open(t.Context(), "awskms://alias/a?region=eu-central-1&endpoint="+url.QueryEscape(old))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = service.Wrap(t.Context(), []byte("key")); privacyd.CodeOf(err) != "key_service_unreachable" && privacyd.CodeOf(err) != "key_service_failed" || asked.Load() > 0 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

// TestNoDetours has services send whoever asks to another machine, and looks
// whether a proxy could be asked.
func TestNoDetours(t *testing.T) {
	keyservicetest.KMS(t)
	t.Setenv("VAULT_TOKEN", keyservicetest.Token)
	spy, asked := elsewhere(t)
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		s := httptest.NewServer(http.RedirectHandler(spy, status))
		t.Cleanup(s.Close)
		for _, address := range []string{
			"awskms://alias/a?region=eu-central-1&endpoint=" + url.QueryEscape(s.URL), "hashivault://a?address=" + url.QueryEscape(s.URL),
		} {
			service, err := Open(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := service.Wrap(t.Context(), []byte("key")); err == nil || asked.Load() > 0 {
				t.Errorf("%d was followed %d times: %v", status, asked.Load(), err)
			}
		}
	}
	if straight(&http.Transport{Proxy: http.ProxyFromEnvironment}).Proxy != nil {
		t.Error("a proxy of the environment would be asked")
	}
}
