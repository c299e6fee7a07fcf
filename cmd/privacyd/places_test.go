package main

import (
	"testing"

	"github.com/privacyd/privacyd"
)

// TestOwnMachineIsDeclared: what is on the server itself is at the place that
// says so, unless something else says where it is.
func TestOwnMachineIsDeclared(t *testing.T) {
	c := config{
		Database: "postgres://a@127.0.0.1/privacyd", Keys: keysConfig{Root: "/keys/root.key", Store: "/keys/store"}, Ledger: "/ledger", Blobs: blobsConfig{Exports: "/blobs"},
		Datasets: []datasetConfig{{Name: "app", Database: "app.db", Place: "product"}},
		Places: []placeConfig{
			{Name: "server", Country: "DE", Hosts: []string{"Localhost"}},
			{Name: "product", Country: "FI", Hosts: []string{"db.example.com"}},
		},
	}
	want := map[string]string{
		"database": "server", "keys.root": "server", "keys.store": "server", "ledger": "server", "blobs.exports": "server", "datasets.app": "product",
	}
	wantUses(t, c, want)
	c.Places[0].Hosts = []string{"server.example.com"}
	for name := range want {
		if want[name] == "server" {
			want[name] = name // each is a place of its own, that nobody has declared
		}
	}
	wantUses(t, c, want)
}

func wantUses(t *testing.T, c config, want map[string]string) {
	t.Helper()
	places, err := c.places()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]privacyd.Place{}
	for _, p := range places {
		for _, u := range p.Uses {
			got[u] = p
		}
	}
	for name, place := range want {
		if p := got[name]; p.Name != place || p.Declared() != (place != name) {
			t.Errorf("%s is at %+v, want %s", name, p, place)
		}
	}
}
