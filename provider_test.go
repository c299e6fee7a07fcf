package privacyd_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

func TestProviderValid(t *testing.T) {
	address := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	good := privacyd.Provider{Name: "openai", Dialect: privacyd.DialectOpenAI, URL: address("https://eu.api.openai.com"), Country: "IE"}
	change := func(f func(*privacyd.Provider)) privacyd.Provider { p := good; f(&p); return p }
	for _, c := range []struct {
		p    privacyd.Provider
		code string
	}{
		{good, ""},
		{change(func(p *privacyd.Provider) { p.Name = "Open AI" }), "provider_name_invalid"},
		{change(func(p *privacyd.Provider) { p.Dialect = "other" }), "provider_dialect_unknown"},
		{change(func(p *privacyd.Provider) { p.URL = nil }), "provider_url_invalid"},
		{change(func(p *privacyd.Provider) { p.URL = address("https://u:p@eu.api.openai.com") }), "provider_url_invalid"},
		{change(func(p *privacyd.Provider) { p.URL = address("ftp://eu.api.openai.com") }), "provider_url_invalid"},
		{change(func(p *privacyd.Provider) { p.Country = "Ireland" }), "provider_country_invalid"},
		{change(func(p *privacyd.Provider) { p.Country = "XX" }), "provider_country_invalid"},
		{change(func(p *privacyd.Provider) { p.URL = address("https://API.openai.com/") }), "provider_country_invalid"},
	} {
		if err := c.p.Valid(); privacyd.CodeOf(err) != c.code && (err != nil || c.code != "") {
			t.Errorf("%+v: %v, want %q", c.p, err, c.code)
		}
	}
}

func TestProviderRefusal(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	agreed := &privacyd.Agreement{Document: "DPA-17", Since: now}
	for _, c := range []struct {
		name      string
		country   string
		agreement *privacyd.Agreement
		allowed   privacyd.Countries
		code      string
	}{
		{"as agreed", "IE", agreed, privacyd.Countries{privacyd.EEA}, ""},
		{"listed", "CH", agreed, privacyd.Countries{privacyd.EEA, "CH"}, ""},
		{"outside", "US", agreed, privacyd.Countries{privacyd.EEA}, "provider_country_refused"},
		{"nowhere allowed", "IE", agreed, nil, "provider_country_refused"},
		{"no agreement", "IE", nil, privacyd.Countries{privacyd.EEA}, "provider_no_agreement"},
		{"no document", "IE", &privacyd.Agreement{Since: now}, privacyd.Countries{privacyd.EEA}, "provider_no_agreement"},
		{"no date", "IE", &privacyd.Agreement{Document: "x"}, privacyd.Countries{privacyd.EEA}, "provider_no_agreement"},
		{"not yet", "IE", &privacyd.Agreement{Document: "x", Since: now.Add(time.Second)}, privacyd.Countries{privacyd.EEA}, "provider_no_agreement"},
	} {
		p := privacyd.Provider{Name: "p", Country: c.country, ZeroRetention: c.agreement}
		if err := p.Refusal(c.allowed, now); (err != nil || c.code != "") && privacyd.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", c.name, err, c.code)
		}
	}
}

func TestEndpointInEU(t *testing.T) {
	for address, want := range map[string]string{
		"https://api.openai.com": "https://eu.api.openai.com", "https://API.openai.com.": "https://eu.api.openai.com", "https://eu.api.openai.com": "",
		"https://models.example.com": "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := (privacyd.Provider{Dialect: privacyd.DialectOpenAI, URL: u}).EndpointInEU(); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	u := &url.URL{Scheme: "https", Host: "api.anthropic.com"}
	if got := (privacyd.Provider{Dialect: privacyd.DialectAnthropic, URL: u}).EndpointInEU(); got != "" {
		t.Errorf("Anthropic has none, and %q is told", got)
	}
}
