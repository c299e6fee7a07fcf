package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// FuzzForwardedAddress has a client claim anything. Whatever it is, the address
// that is taken is one that can be read, and an outsider's claim counts for
// nothing.
func FuzzForwardedAddress(f *testing.F) {
	for _, claim := range []string{"203.0.113.9", "198.51.100.1, 10.1.2.3", "[2001:db8::9]:80", "::ffff:203.0.113.9", ",,", "\x00", "1.2.3.4:99999", "fe80::1%eth0"} {
		f.Add(claim)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, claim string) {
		for _, peer := range []string{"10.9.9.9:4711", "192.0.2.1:4711"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = peer
			r.Header["X-Forwarded-For"] = []string{claim}
			clientAddress(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
					t.Errorf("%q is taken for %q", claim, r.RemoteAddr)
				}
				if peer == "192.0.2.1:4711" && r.RemoteAddr != peer {
					t.Errorf("an outsider is taken for %q", r.RemoteAddr)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
