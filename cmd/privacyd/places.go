package main

import (
	"bytes"
	"cmp"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/keyservice"
)

// use is one address of the configuration.
type use struct {
	name  string // the key that it stands under, such as blobs.exports
	kind  privacyd.PlaceKind
	hosts []string // where it leads; none: this machine's own folders
	place string   // that the configuration names for it
	told  *privacyd.Place
}

// places lists every place that holds or sees data: those that are declared,
// and for what is not declared one of its own. Codes: place_undeclared,
// place_country_refused, config_invalid, and those of addresses that cannot be
// read.
func (c *config) places() ([]privacyd.Place, error) {
	uses, err := c.uses()
	if err != nil {
		return nil, err
	}
	var list []privacyd.Place
	for _, p := range c.Places {
		list = append(list, privacyd.Place{
			Name: p.Name, Kind: privacyd.PlaceKind(p.Kind), Region: p.Region, Country: p.Country, Processor: p.Processor, Basis: p.Basis,
		})
	}
	for _, u := range uses {
		if list, err = c.put(list, u); err != nil {
			return nil, placeRefusal{err, u.name}
		}
	}
	for _, p := range list {
		if p.Declared() && !c.allowed().Permit(p.Country) {
			return nil, placeRefusal{privacyd.Errorf(privacyd.ClassRefused, "place_country_refused",
				"The place %s is in the country %s, and data may only be in %s. Move it, or change allowed_countries.", p.Name, p.Country, c.allowed()), p.Name}
		}
	}
	return list, nil
}

// put adds a use to the place that it is at.
func (c *config) put(list []privacyd.Place, u use) ([]privacyd.Place, error) {
	n, err := c.at(u)
	if err != nil {
		return nil, err
	}
	if n >= 0 {
		if u.kind == privacyd.PlaceLLM && u.told.Country != c.Places[n].Country {
			return nil, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
				"%s is declared in the country %s, and the place %s, where its host is, in %s. Correct one of them.", u.name, u.told.Country, c.Places[n].Name, c.Places[n].Country)
		}
		list[n].Uses = append(list[n].Uses, u.name)
		if list[n].Kind == "" {
			list[n].Kind = u.kind
		}
		return list, nil
	}
	p := privacyd.Place{Name: u.name, Kind: u.kind, Uses: []string{u.name}, Local: u.local()}
	if u.told != nil {
		p.Region, p.Country, p.Processor = u.told.Region, u.told.Country, u.told.Processor
	}
	if !p.Local && !p.Declared() {
		return nil, privacyd.Errorf(privacyd.ClassRefused, "place_undeclared",
			"%s is on another machine, and nothing says where that is. Declare it under places, with its country and hosts: [%s].",
			u.name, strings.Join(u.hosts, ", "))
	}
	return append(list, p), nil
}

// at finds the place that a use is at: the one that it names, or else the first
// that has its hosts; -1: none of those that are declared. Codes:
// config_invalid, place_undeclared.
func (c *config) at(u use) (int, error) {
	var holders []int
	for n, p := range c.Places {
		if p.holds(u.hosts) {
			holders = append(holders, n)
		}
	}
	at := slices.IndexFunc(c.Places, func(p placeConfig) bool { return p.Name == u.place })
	if u.place == "" && len(holders) > 0 {
		at = holders[0]
	}
	for _, n := range holders {
		if at < 0 || !slices.Contains(holders, at) {
			return -1, privacyd.Errorf(privacyd.ClassRefused, "place_undeclared",
				"%s is said to be at the place %s, and is at %s, which is among the hosts of the place %s. Correct one of them.",
				u.name, u.place, strings.Join(u.hosts, ", "), c.Places[n].Name)
		}
		if c.Places[n].Country != c.Places[at].Country {
			return -1, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
				"%s is at %s, which is among the hosts of two places in different countries, %s and %s. Correct one of them.",
				u.name, strings.Join(u.hosts, ", "), c.Places[at].Name, c.Places[n].Name)
		}
	}
	if u.place != "" && len(holders) == 0 && (at < 0 || len(c.Places[at].Hosts) > 0 && !u.local()) {
		return -1, privacyd.Errorf(privacyd.ClassRefused, "place_undeclared",
			"%s is at %s, which is not among the hosts of the place %s. Correct the address, or declare where that is.", u.name, strings.Join(u.hosts, ", "), u.place)
	}
	if at < 0 && u.undeclaredHere() {
		at = slices.IndexFunc(c.Places, placeConfig.isHere)
	}
	return at, nil
}

// holds tells whether all hosts are among those of the place.
func (p placeConfig) holds(hosts []string) bool {
	return len(hosts) > 0 && !slices.ContainsFunc(hosts, func(h string) bool {
		return !slices.ContainsFunc(p.Hosts, func(own string) bool { return privacyd.HostName(own) == privacyd.HostName(h) })
	})
}

// isHere tells whether a place is declared to be the server's own machine.
func (p placeConfig) isHere() bool {
	return slices.ContainsFunc(p.Hosts, func(h string) bool { return privacyd.HostName(h) == "localhost" })
}

// undeclaredHere tells whether something is on the server's own machine, and
// nothing else says where that is.
func (u use) undeclaredHere() bool { return u.local() && u.place == "" && u.told == nil }

func (u use) local() bool {
	return !slices.ContainsFunc(u.hosts, func(h string) bool { return !privacyd.LocalHost(h) })
}

// uses lists the configuration's addresses.
func (c *config) uses() ([]use, error) {
	list := []use{
		rootUse(c.Keys.Root),
		bucketUse("keys.store", privacyd.PlaceKeys, c.Keys.Store),
		bucketUse("ledger", privacyd.PlaceBucket, c.Ledger), bucketUse("blobs.exports", privacyd.PlaceBucket, c.Blobs.Exports),
	}
	for name, address := range c.Blobs.Files {
		list = append(list, bucketUse("blobs.files."+name, privacyd.PlaceBucket, address))
	}
	databases, err := c.databaseUses()
	if err != nil {
		return nil, err
	}
	list = append(list, databases...)
	if relay, err := url.Parse(c.Mail.SMTP); err == nil && c.Mail.SMTP != "" {
		list = append(list, use{name: "mail.smtp", kind: privacyd.PlaceMail, hosts: []string{relay.Hostname()}})
	}
	slices.SortStableFunc(list, func(a, b use) int { return strings.Compare(a.name, b.name) })
	providers, err := c.providers()
	for _, p := range providers {
		list = append(list, use{
			name: "llm." + p.Name, kind: privacyd.PlaceLLM, hosts: []string{p.URL.Hostname()},
			told: &privacyd.Place{Country: p.Country, Processor: p.Processor},
		})
	}
	return list, err
}

// databaseUses lists privacyd's own database and those of datasets.
func (c *config) databaseUses() ([]use, error) {
	own := use{name: "database", kind: privacyd.PlaceDatabase}
	if c.Database != "" {
		hosts, err := sqldb.Hosts(c.Database)
		if err != nil {
			return nil, err
		}
		own.hosts = hosts
	}
	list := []use{own}
	for _, d := range c.Datasets {
		named, told := hosting(d.Map)
		if d.Place == "" && named != "" && !slices.ContainsFunc(c.Places, func(p placeConfig) bool { return p.Name == named }) {
			return nil, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
				"The data map of dataset %s says that it is at the place %s, which is not among places.", d.Name, named)
		}
		for key, address := range map[string]string{"": d.Database, ".read_replica": d.ReadReplica} {
			u := use{name: "datasets." + d.Name + key, kind: privacyd.PlaceDatabase, place: cmp.Or(d.Place, named), told: told}
			if address == "" {
				continue
			}
			if isPostgres(address) {
				hosts, err := sqldb.Hosts(address)
				if err != nil {
					return nil, err
				}
				u.hosts = hosts
			}
			list = append(list, u)
		}
	}
	return list, nil
}

// hosting is what a data map itself says of where its dataset is: the name of a
// place, or all of it. A map that cannot be read is told of where it is opened.
func hosting(file string) (place string, told *privacyd.Place) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", nil
	}
	m, err := datamap.Parse(file, bytes.NewReader(text))
	if err != nil || m.Hosting == nil && m.Place == "" {
		return "", nil
	}
	if m.Hosting == nil {
		return m.Place, nil
	}
	return m.Place, &privacyd.Place{Region: m.Hosting.Region, Country: m.Hosting.Country, Processor: m.Hosting.Processor}
}

// rootUse tells where the root key is: in a file here, or with a key service.
func rootUse(address string) use {
	u := use{name: "keys.root", kind: privacyd.PlaceKeys}
	if host := keyservice.Host(address); keyservice.Is(address) && host != "" {
		u.hosts = []string{host}
	}
	return u
}

// bucketUse tells where a folder or a bucket is. A bucket of another maker's
// store is where its endpoint is, whatever its name; one on this machine is
// local.
func bucketUse(name string, kind privacyd.PlaceKind, address string) use {
	u := use{name: name, kind: kind}
	if _, folder := bucket.Folder(address); folder {
		return u
	}
	if parsed, err := url.Parse(address); err == nil {
		u.hosts = []string{parsed.Scheme + "://" + parsed.Host}
		if endpoint, err := url.Parse(parsed.Query().Get("endpoint")); err == nil && endpoint.Hostname() != "" {
			if privacyd.LocalHost(endpoint.Hostname()) {
				u.hosts = nil
			}
			u.hosts = append(u.hosts, endpoint.Hostname())
		}
	}
	return u
}
