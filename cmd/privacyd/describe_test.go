package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

// besideAProduct is a server whose own tables are in its encrypted file, and
// whose records are not.
func besideAProduct() config {
	c := config{
		Datasets: []datasetConfig{
			{Name: "app", Database: "postgres://a@db.example.com/app?sslmode=verify-full", ReadReplica: "postgres://a@127.0.0.1/app?sslmode=prefer"},
			{Name: "crm", Database: "crm.db"},
		},
		Blobs:   blobsConfig{Files: map[string]string{"app-uploads": "s3://app-uploads?region=eu-central-1"}},
		BaseURL: "https://privacy.example.com",
	}
	return c.withDefaults("data")
}

// TestWhatIsOutside: what is a product's is told apart from privacyd's own, and
// never said to be encrypted by it.
func TestWhatIsOutside(t *testing.T) {
	d := describer{cfg: besideAProduct()}
	var plain []string
	for _, k := range d.outside() {
		if k.Algorithm == "" {
			plain = append(plain, k.What)
		}
	}
	if diff := cmp.Diff([]string{"datasets.app", "datasets.app.read_replica", "datasets.crm", "blobs.files.app-uploads"}, plain); diff != "" {
		t.Error(diff)
	}
	list, err := d.toDatasets()
	if err != nil {
		t.Fatal(err)
	}
	const tls = "at least TLS 1.2"
	want := []privacyd.Connection{
		{What: "datasets.app", Where: "network", Protocol: tls},
		{What: "datasets.app.read_replica", Where: "loopback"},
		{What: "datasets.crm", Where: "machine"},
		{What: "files", Where: "machine"},
		{What: "keys.store", Where: "machine"},
		{What: "ledger", Where: "machine"},
		{What: "blobs.files.app-uploads", Where: "network", Protocol: tls},
	}
	if diff := cmp.Diff(want, append(list, d.toBuckets()...)); diff != "" {
		t.Error(diff)
	}
}

// TestMeasures: what the agreement and the records of processing say of
// encryption is said of privacyd's own database, and of records where they are
// in it.
func TestMeasures(t *testing.T) {
	product, postgres, alone := besideAProduct(), besideAProduct(), config{}
	postgres.Database = "postgres://a@127.0.0.1/privacyd"
	for name, c := range map[string]struct {
		config
		says, not []string
	}{
		"embedded": {alone, []string{"The database of privacyd itself (records, accounts, jobs, the audit log) is encrypted page by page"}, []string{"does not encrypt"}},
		"beside a product": {product, []string{
			"The database of privacyd itself (accounts, jobs, the audit log) is encrypted page by page",
			"The records of app stay in its own PostgreSQL, reached over TLS unless it is on the same machine, which privacyd does not encrypt.",
			"The records of crm stay in its own SQLite file, which privacyd does not encrypt.",
			"The files of app-uploads stay where the product keeps them, and privacyd does not encrypt them.",
		}, []string{"(records"}},
		"beside a product, in PostgreSQL": {postgres, []string{"is in PostgreSQL, whose pages privacyd does not encrypt"}, []string{"page by page", "(records"}},
	} {
		got := strings.Join(c.measures(), "\n")
		for _, s := range c.says {
			if !strings.Contains(got, s) {
				t.Errorf("%s: %q is not in %s", name, s, got)
			}
		}
		for _, s := range c.not {
			if strings.Contains(got, s) {
				t.Errorf("%s: %q is in %s", name, s, got)
			}
		}
	}
}
