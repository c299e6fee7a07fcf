package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestTrustedProxies names proxies in every form of an address, and has clients
// come by several of them.
func TestTrustedProxies(t *testing.T) {
	c := config{TrustedProxies: []string{"10.0.0.0/8", "::ffff:192.0.2.0/120", "::ffff:198.51.100.7", "fe80::1%eth0", "2001:db8:1::/48"}}
	trusted, err := c.trusted()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ peer, forwarded, want string }{
		{"10.1.1.1:5", "203.0.113.9", "203.0.113.9"},
		{"[::ffff:10.1.1.1]:5", "203.0.113.9", "203.0.113.9"},
		{"192.0.2.200:5", "203.0.113.9", "203.0.113.9"},
		{"198.51.100.7:5", "203.0.113.9", "203.0.113.9"},
		{"198.51.100.8:5", "203.0.113.9", "198.51.100.8"},
		{"[fe80::1%eth0]:5", "203.0.113.9", "203.0.113.9"},
		{"[2001:db8:1::7]:5", "[2001:db8::9]", "2001:db8::9"},
		{"[2001:db8:1::7]:5", "[2001:db8::9]:80, 2001:db8:1::8, ::ffff:10.2.2.2", "2001:db8::9"},
		{"10.1.1.1:5", "198.51.100.1, [2001:DB8::9]", "2001:db8::9"},
		{"10.1.1.1:5", "203.0.113.9, 198.51.100.8, 10.3.3.3, 192.0.2.3", "198.51.100.8"},
		{"10.1.1.1:5", "203.0.113.9, [10.3.3.3", "10.1.1.1"},
		{"10.1.1.1:5", "fe80::9%<b>ada</b>", "fe80::9"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = one.peer
		r.Header.Set("X-Forwarded-For", one.forwarded)
		got := ""
		clientAddress(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = netip.MustParseAddrPort(r.RemoteAddr).Addr().String()
		})).ServeHTTP(httptest.NewRecorder(), r)
		if got != one.want {
			t.Errorf("%s by way of %s is taken for %s, want %s", one.forwarded, one.peer, got, one.want)
		}
	}
	for _, wide := range []string{"0.0.0.0/0", "::/0", "::ffff:0:0/96", "::ffff:0.0.0.0/90"} {
		if _, err := (config{TrustedProxies: []string{wide}}).trusted(); err == nil {
			t.Errorf("%s was taken", wide)
		}
	}
}

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
