package privacyd

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"
)

// Dialect is the API that a provider of language models speaks. It says which
// calls there are, what in them keeps prompts, and how the provider knows its
// customer.
type Dialect string

// The dialects.
const (
	DialectOpenAI    Dialect = "openai"
	DialectAnthropic Dialect = "anthropic"
)

// Agreement is the record that a provider keeps neither prompts nor answers.
type Agreement struct {
	Document string    `json:"document"` // its name or number in the operator's files
	Since    time.Time `json:"since"`
}

// Provider is a provider of language models that the product may call through
// privacyd.
type Provider struct {
	Name          string                     `json:"name"`
	Dialect       Dialect                    `json:"dialect"`
	URL           *url.URL                   `json:"-"` // scheme, host and perhaps a path that calls go below
	Country       string                     `json:"country"`
	Processor     string                     `json:"processor,omitempty"`
	ZeroRetention *Agreement                 `json:"zero_retention,omitempty"`
	Set           map[string]json.RawMessage `json:"-"` // fields that every call gets, beside those of the dialect
}

// Call is one kind of call that a dialect has.
type Call struct {
	Method string
	Path   string                     // below the provider's address
	Set    map[string]json.RawMessage // fields that keep the provider from keeping the call
	Drop   []string                   // fields that would make it keep something, or that name something kept
}

// calls are what goes through. Whatever stores something at the provider
// (files, batches, threads, fine-tuning) is left out on purpose.
var calls = map[Dialect][]Call{
	DialectOpenAI: {
		{
			Method: "POST", Path: "/v1/responses", Set: map[string]json.RawMessage{"store": json.RawMessage("false"), "background": json.RawMessage("false")},
			Drop: []string{"previous_response_id", "conversation", "prompt_cache_retention"},
		},
		{
			Method: "POST", Path: "/v1/chat/completions", Set: map[string]json.RawMessage{"store": json.RawMessage("false")},
			Drop: []string{"metadata", "prompt_cache_retention"},
		},
		{Method: "POST", Path: "/v1/embeddings"},
		{Method: "POST", Path: "/v1/moderations"},
		{Method: "GET", Path: "/v1/models"},
	},
	DialectAnthropic: {
		{Method: "POST", Path: "/v1/messages", Drop: []string{"container", "metadata"}},
		{Method: "POST", Path: "/v1/messages/count_tokens"},
		{Method: "GET", Path: "/v1/models"},
	},
}

// outsideEU are addresses of providers that have another one for the EU, or
// none.
var outsideEU = map[string]string{
	"api.openai.com":    "US",
	"api.anthropic.com": "US",
}

// DefaultURL is where a dialect's own provider is reached, in the EU where it
// has an endpoint there.
func (d Dialect) DefaultURL() string {
	switch d {
	case DialectOpenAI:
		return "https://eu.api.openai.com"
	case DialectAnthropic:
		return "https://api.anthropic.com"
	}
	return ""
}

// EndpointInEU is the provider's own address in the EU where it has one and is
// called elsewhere; else empty.
func (p Provider) EndpointInEU() string {
	there, err := url.Parse(p.Dialect.DefaultURL())
	if err != nil || p.URL == nil || outsideEU[HostName(p.URL.Hostname())] == "" || outsideEU[there.Hostname()] != "" {
		return ""
	}
	return there.String()
}

// Valid checks how a provider is declared. Codes: provider_name_invalid,
// provider_dialect_unknown, provider_url_invalid, provider_country_invalid.
func (p Provider) Valid() error {
	switch {
	case !ValidSlug(p.Name):
		return Errorf(ClassInvalid, "provider_name_invalid", "A provider's name has lower-case letters, digits and hyphens: it is part of an address.")
	case calls[p.Dialect] == nil:
		return Errorf(ClassInvalid, "provider_dialect_unknown", "Provider %s needs a dialect: openai or anthropic.", p.Name)
	case p.URL == nil || p.URL.Host == "" || p.URL.RawQuery != "" || p.URL.User != nil || p.URL.Scheme != "https" && p.URL.Scheme != "http":
		return Errorf(ClassInvalid, "provider_url_invalid", "Provider %s needs a url such as %s, without a user, a password or a query.", p.Name, p.Dialect.DefaultURL())
	case !KnownCountry(p.Country):
		return Errorf(ClassInvalid, "provider_country_invalid", "Provider %s needs the country of its endpoint, as an ISO code such as IE.", p.Name)
	}
	if real := outsideEU[HostName(p.URL.Hostname())]; real != "" && real != p.Country {
		return Errorf(ClassInvalid, "provider_country_invalid",
			"Provider %s: %s is in the country %s, not %s. Use the provider's endpoint in the EU if your agreement has one.", p.Name, p.URL.Hostname(), real, p.Country)
	}
	return nil
}

// Refusal says why nothing may be sent to the provider now; nil when it may.
// Codes, of class refused: provider_no_agreement, provider_country_refused.
func (p Provider) Refusal(allowed Countries, now time.Time) error {
	switch {
	case p.ZeroRetention == nil || p.ZeroRetention.Document == "" || p.ZeroRetention.Since.IsZero() || now.Before(p.ZeroRetention.Since):
		return Errorf(ClassRefused, "provider_no_agreement",
			"No zero-retention agreement with %s is in force. Record its document and date under zero_retention in the configuration.", p.Name)
	case !allowed.Permit(p.Country):
		return Errorf(ClassRefused, "provider_country_refused",
			"Provider %s is in the country %s, and data of this workspace may only be in %s.", p.Name, p.Country, allowed)
	}
	return nil
}

// Call finds the call for a method and a path; false when it does not go
// through.
func (p Provider) Call(method, path string) (Call, bool) {
	known := calls[p.Dialect]
	if n := slices.IndexFunc(known, func(c Call) bool { return c.Method == method && c.Path == path }); n >= 0 {
		return known[n], true
	}
	return Call{}, false
}

// Calls lists what goes through to providers of a dialect, as "POST /v1/…".
func (d Dialect) Calls() []string {
	var list []string
	for _, c := range calls[d] {
		list = append(list, c.Method+" "+c.Path)
	}
	return list
}

// CallCount is how often a workspace called a provider on one day, in UTC.
type CallCount struct {
	Provider string `json:"provider"`
	Day      string `json:"day"` // YYYY-MM-DD
	Calls    int64  `json:"calls"`
	Failed   int64  `json:"failed"` // answered with an error, or not at all
	Refused  int64  `json:"refused"`
	Sent     int64  `json:"sent_bytes"`
	Received int64  `json:"received_bytes"`
}
