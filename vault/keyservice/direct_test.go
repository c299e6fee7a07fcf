package keyservice

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

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
		"AWS_ENDPOINT_URL": spy, "AWS_ENDPOINT_URL_KMS": spy, "AWS_CONFIG_FILE": profile, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true",
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
