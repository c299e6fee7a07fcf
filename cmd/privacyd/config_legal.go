package main

import (
	"maps"
	"slices"
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
	l := engine.Legal{Operator: party, Address: c.BaseURL, Measures: c.measures(), Contacts: tables, Documents: tables, Agreements: tables}
	if c.guessed {
		l.Address = ""
	}
	return l
}

// measures are how this installation protects data, as its configuration says.
func (c *config) measures() []string {
	list := []string{c.ownMeasure()}
	for _, d := range c.Datasets {
		list = append(list, "The records of "+d.Name+" stay in its own "+databaseWords(d)+", which privacyd does not encrypt.")
	}
	for _, bucket := range slices.Sorted(maps.Keys(c.Blobs.Files)) {
		list = append(list, "The files of "+bucket+" stay where the product keeps them, and privacyd does not encrypt them.")
	}
	switch {
	case c.TLS.on():
		list = append(list, "The service is reached over TLS 1.2 or later.")
	case strings.HasPrefix(c.BaseURL, "https://"):
		list = append(list, "The service is reached over TLS.")
	}
	return append(list, "The keys that privacyd encrypts with are wrapped by a root key, and none of them is in a database.")
}

// ownMeasure says how privacyd's own database is protected, and what is in it.
func (c *config) ownMeasure() string {
	what := "The database of privacyd itself (accounts, jobs, the audit log)"
	if len(c.Datasets) == 0 {
		what = "The database of privacyd itself (records, accounts, jobs, the audit log)"
	}
	if c.Database == "" {
		return what + " is encrypted page by page with AES-256 (XTS)."
	}
	return what + " is in PostgreSQL, whose pages privacyd does not encrypt. It is reached over TLS unless it is on the same machine."
}

// databaseWords says what a product's database is, and how it is reached.
func databaseWords(d datasetConfig) string {
	if isPostgres(d.Database) {
		return "PostgreSQL, reached over TLS unless it is on the same machine"
	}
	return "SQLite file"
}
