package main

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/httprate"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
)

// signInsPerMinute is how often one address may try to sign in.
const signInsPerMinute = 20

// trusted reads the addresses of the proxies that are believed about the
// client. Code config_invalid.
func (c config) trusted() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return nil, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
					"trusted_proxies: %q is no address and no range such as 10.0.0.0/8.", text)
			}
			p = netip.PrefixFrom(ip.WithZone(""), ip.BitLen())
		}
		if p = unmapped(p); p.Bits() == 0 || p.Contains(netip.MustParseAddr("::ffff:0:0")) {
			return nil, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
				"trusted_proxies: %q is everybody. Whoever sends X-Forwarded-For would then choose the address in the audit log.", text)
		}
		list = append(list, p)
	}
	return list, nil
}

// unmapped gives a range of IPv4 addresses that is written as one of IPv6 its
// usual form: addresses are compared in theirs.
func unmapped(p netip.Prefix) netip.Prefix {
	const before = 96 // bits of IPv6 before the address of IPv4
	if p.Addr().Is4In6() && p.Bits() >= before {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-before)
	}
	return p
}

// checkBaseURL refuses an address that links cannot begin with. It is printed
// and sent, so that it must hold no password. Code config_invalid.
func checkBaseURL(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
			"base_url is what links begin with: https:// and a host, such as https://privacy.example.com, without a user, a password or a query.")
	}
	return nil
}

// checkProxy wants to know where the page is seen from when a proxy stands in
// front: cookies and links go by it.
func checkProxy(o cli.ServeOptions, c config) error {
	if c.TLS.on() && c.BaseURL != "" && !strings.HasPrefix(c.BaseURL, "https://") {
		return privacyd.Errorf(privacyd.ClassInvalid, "base_url_insecure",
			"The server has a certificate, and base_url begins with http://. Write https://: links would lead to where nobody listens, and cookies would travel in the clear.")
	}
	if o.BehindProxy && !strings.HasPrefix(c.BaseURL, "https://") {
		return privacyd.Errorf(privacyd.ClassInvalid, "base_url_missing",
			"--behind-proxy needs base_url in the configuration file: the https:// address that people see.")
	}
	return nil
}

// clientAddress puts the client's own address into RemoteAddr where a trusted
// proxy says which it is: the last one in X-Forwarded-For that is no trusted
// proxy. Nobody else is believed.
func clientAddress(trusted []netip.Prefix, next http.Handler) http.Handler {
	believed := func(ip netip.Addr) bool {
		for _, p := range trusted {
			if p.Contains(ip.Unmap().WithZone("")) {
				return true
			}
		}
		return false
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && believed(peer.Addr()) {
			hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			for n := len(hops) - 1; n >= 0; n-- {
				ip, err := hopAddress(strings.TrimSpace(hops[n]))
				if err != nil {
					break
				}
				r.RemoteAddr = net.JoinHostPort(ip.Unmap().String(), "0")
				if !believed(ip) {
					break
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// hopAddress reads an address as proxies write it: alone, in brackets, or with a
// port. A zone is the proxy's own, and may be any text.
func hopAddress(text string) (netip.Addr, error) {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().WithZone(""), nil
	}
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		text = strings.TrimSuffix(inner, "]")
	}
	ip, err := netip.ParseAddr(text)
	return ip.WithZone(""), err
}

// limitSignIn keeps one address from guessing, and from filling the audit log
// with refusals.
func limitSignIn(next http.Handler) http.Handler {
	byAddress := func(r *http.Request) (string, error) {
		ip, err := netip.ParseAddrPort(r.RemoteAddr)
		return httprate.CanonicalizeIP(ip.Addr().String()), err
	}
	limit := httprate.LimitBy(signInsPerMinute, time.Minute, byAddress,
		httprate.WithLimitHandler(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Too many attempts to sign in from this address. Wait a minute and try again.", http.StatusTooManyRequests)
		}))
	limited := limit(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/sign-in") {
			limited.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
