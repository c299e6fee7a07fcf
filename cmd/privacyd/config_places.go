package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/privacyd/privacyd"
)

// placeConfig is a place that holds or sees data, and where it is.
type placeConfig struct {
	Name      string   `yaml:"name"`
	Region    string   `yaml:"region"`
	Country   string   `yaml:"country"` // ISO 3166-1 alpha-2
	Processor string   `yaml:"processor"`
	Kind      string   `yaml:"kind"`
	Basis     string   `yaml:"transfer_basis"`
	Hosts     []string `yaml:"hosts"` // what addresses of the configuration are there: host names, or s3://bucket
}

// llmConfig is a provider of language models for the egress proxy.
type llmConfig struct {
	Provider      string           `yaml:"provider"`
	Dialect       string           `yaml:"dialect"` // openai or anthropic; empty: as the name
	URL           string           `yaml:"url"`     // empty: the dialect's own, in the EU where it has one
	Country       string           `yaml:"country"`
	Processor     string           `yaml:"processor"`
	Key           string           `yaml:"key"` // $NAME of a variable
	ZeroRetention *agreementConfig `yaml:"zero_retention"`
}

type agreementConfig struct {
	Agreement string         `yaml:"agreement"` // its document
	Since     string         `yaml:"since"`     // YYYY-MM-DD
	Set       map[string]any `yaml:"set"`       // fields for every call
}

// countryList is EEA, or a list of ISO codes that may have EEA in it.
type countryList []string

// UnmarshalYAML takes a single code as a list of one.
func (l *countryList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = countryList{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

func (c *config) allowed() privacyd.Countries {
	return privacyd.Countries(c.Allowed).Or(privacyd.Countries{privacyd.EEA})
}

// placeKinds are the values of places[].kind.
func placeKinds() []string {
	return []string{
		string(privacyd.PlaceDatabase), string(privacyd.PlaceBucket), string(privacyd.PlaceVector), string(privacyd.PlaceMail),
		string(privacyd.PlaceLLM), string(privacyd.PlaceBackup), string(privacyd.PlaceKeys),
	}
}

// checkPlaces refuses places and providers that are not told rightly.
func (c *config) checkPlaces() error {
	if err := c.allowed().Valid(); err != nil {
		return errors.New("allowed_countries has to be EEA, or a list of ISO codes such as [IE, DE]")
	}
	seen := map[string]bool{}
	for _, p := range c.Places {
		switch {
		case p.Name == "" || seen[p.Name]:
			return errors.New("each of the places needs a name of its own")
		case !privacyd.KnownCountry(p.Country):
			return fmt.Errorf("place %s needs its country, as an ISO code such as DE", p.Name)
		case p.Kind != "" && !slices.Contains(placeKinds(), p.Kind):
			return fmt.Errorf("place %s is of no known kind: choose among %s", p.Name, strings.Join(placeKinds(), ", "))
		case slices.ContainsFunc(p.Hosts, notHost):
			return fmt.Errorf("place %s has hosts that no address leads to: write names such as db.example.com, without a port or a user, and s3://bucket", p.Name)
		}
		seen[p.Name] = true
	}
	_, err := c.providers()
	return err
}

// notHost tells what is never among the hosts of an address.
func notHost(host string) bool {
	if scheme, name, address := strings.Cut(host, "://"); address {
		return scheme == "" || name == "" || strings.ContainsAny(name, "@?#/: ")
	}
	socket := strings.HasPrefix(host, "/")
	return host == "" || strings.ContainsAny(host, "@?# ") || !socket && strings.Contains(host, "/") || strings.Contains(host, ":") && net.ParseIP(host) == nil
}

// providers reads the providers of language models.
func (c *config) providers() ([]privacyd.Provider, error) {
	var list []privacyd.Provider
	for _, l := range c.LLM {
		p, err := l.provider()
		if err != nil {
			return nil, fmt.Errorf("llm: %w", err)
		}
		if slices.ContainsFunc(list, func(o privacyd.Provider) bool { return o.Name == p.Name }) {
			return nil, fmt.Errorf("llm: provider %s is there twice", p.Name)
		}
		list = append(list, p)
	}
	return list, nil
}

func (l llmConfig) provider() (p privacyd.Provider, err error) {
	p = privacyd.Provider{Name: l.Provider, Dialect: privacyd.Dialect(l.Dialect), Country: l.Country, Processor: l.Processor}
	if p.Dialect == "" {
		p.Dialect = privacyd.Dialect(l.Provider)
	}
	address := l.URL
	if address == "" {
		address = p.Dialect.DefaultURL()
	}
	if p.URL, err = url.Parse(address); err != nil {
		return p, fmt.Errorf("provider %s has a url that cannot be read", l.Provider)
	}
	if p.URL.Scheme == "http" && !privacyd.LocalHost(p.URL.Hostname()) {
		return p, fmt.Errorf("provider %s has a url without TLS; write https://", l.Provider)
	}
	if z := l.ZeroRetention; z != nil {
		since, err := time.Parse(time.DateOnly, z.Since)
		if err != nil || z.Agreement == "" {
			return p, fmt.Errorf("zero_retention of provider %s needs agreement, its document, and since, a date such as 2026-01-31", l.Provider)
		}
		p.ZeroRetention, p.Set = &privacyd.Agreement{Document: z.Agreement, Since: since}, map[string]json.RawMessage{}
		for name, value := range z.Set {
			if p.Set[name], err = json.Marshal(value); err != nil {
				return p, fmt.Errorf("zero_retention.set.%s of provider %s is no JSON value", name, l.Provider)
			}
		}
	}
	if err := p.Valid(); err != nil {
		return p, errors.New(strings.TrimSuffix(privacyd.MessageOf(err), "."))
	}
	return p, nil
}

// llmKeys are the providers' API keys.
func (c *config) llmKeys() map[string]string {
	keys := map[string]string{}
	for _, l := range c.LLM {
		keys[l.Provider] = l.Key
	}
	return keys
}
