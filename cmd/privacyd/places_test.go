package main

import (
	"os"
	"path/filepath"
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

// TestMapNamesItsPlace: a dataset is at the place that its data map names, unless
// the configuration names another.
func TestMapNamesItsPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.map.yaml")
	text := "dataset: app\nplace: product\nworkspace: {collection: teams, key: id, name: name}\ncollections: {teams: {fields: {id: system, name: system}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config{
		Datasets: []datasetConfig{{Name: "app", Database: "app.db", Map: file}},
		Places:   []placeConfig{{Name: "product", Country: "FI"}, {Name: "other", Country: "SE"}, {Name: "server", Country: "DE", Hosts: []string{"localhost"}}},
	}
	wantUses(t, c, map[string]string{"datasets.app": "product"})
	c.Datasets[0].Place = "other"
	wantUses(t, c, map[string]string{"datasets.app": "other"})
	c.Places = c.Places[1:]
	wantUses(t, c, map[string]string{"datasets.app": "other"}) // what the map says of another installation is no matter
	c.Datasets[0].Place = ""
	if _, err := c.places(); privacyd.CodeOf(err) != "config_invalid" {
		t.Errorf("a place that is not declared: %v", err)
	}
}
