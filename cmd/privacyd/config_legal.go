package main

import (
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/store"
)

// legalConfig is whom people write to about data: whoever runs the server.
type legalConfig struct {
	Name    string      `yaml:"name"`
	Email   string      `yaml:"email"`
	Address string      `yaml:"address"` // postal, of some lines
	DPO     legalPerson `yaml:"dpo"`
}

// legalPerson is a data protection officer.
type legalPerson struct {
	Name    string `yaml:"name"`
	Email   string `yaml:"email"`
	Address string `yaml:"address"`
}

// party is the configured processor, in normal form.
func (l legalConfig) party() (privacyd.Party, error) {
	return privacyd.Party{
		Contact: privacyd.Contact{Name: l.Name, Email: l.Email, Address: l.Address},
		Officer: privacyd.Contact{Name: l.DPO.Name, Email: l.DPO.Email, Address: l.DPO.Address},
	}.Normal()
}

// check refuses a contact that nobody can write to. Code config_invalid.
func (l legalConfig) check() error {
	if _, err := l.party(); err != nil {
		return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
			"legal needs name, and email or address; so does legal.dpo where it is set. An address has at most 8 lines. See docs/legal.md.")
	}
	return nil
}

// legal is what the legal pages are made of. The configuration is checked.
func (c *config) legal(tables *store.Store) engine.Legal {
	party, _ := c.Legal.party()
	return engine.Legal{
		Operator: party, Address: c.BaseURL, Measures: c.measures(), Contacts: tables, Documents: tables, Agreements: tables,
	}
}

// measures are how this installation protects data, as its configuration says.
func (c *config) measures() []string {
	var list []string
	if c.Database == "" {
		list = append(list, "The database is encrypted page by page with AES-256 (XTS).")
	} else {
		list = append(list, "Records are kept in PostgreSQL, which is reached over TLS unless it is on the same machine.")
	}
	switch {
	case c.TLS.on():
		list = append(list, "The service is reached over TLS 1.2 or later.")
	case strings.HasPrefix(c.BaseURL, "https://"):
		list = append(list, "The service is reached over TLS.")
	}
	return append(list, "The keys that encrypt data are wrapped by a root key, and none of them is in the database.")
}
