package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb"
)

// TestRefusedFirstStart has a first start refused where its folders and its root
// key were put into place before: nothing is made of it.
func TestRefusedFirstStart(t *testing.T) {
	onEach(t, func(t *testing.T, env ...string) {
		made := newInstallation(t)
		made.workspace("records.read")
		root, err := os.ReadFile(filepath.Join(made.dir, "data", "keys", "root.key"))
		if err != nil {
			t.Fatal(err)
		}
		i := newInstallation(t, env...)
		for _, dir := range []string{"data", "store", "ledger", "blobs"} {
			if err := os.Mkdir(filepath.Join(i.dir, dir), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		i.write("root.key", string(root))
		i.write("privacyd.yaml", "{keys: {root: root.key, store: store}, ledger: ledger, blobs: {exports: blobs}, places: [{name: backups, kind: backup, country: US}]}\n")
		if _, said, status := i.run("workspace", "list", "--config", "privacyd.yaml"); status != 3 || !strings.Contains(said, "(place_country_refused)") {
			t.Errorf("status %d: %s", status, said)
		}
		for _, dir := range []string{"store", "ledger", "blobs"} {
			if left, err := os.ReadDir(filepath.Join(i.dir, dir)); err != nil || len(left) > 0 {
				t.Errorf("%s has %v: %v", dir, left, err)
			}
		}
		wantNoTables(t, i, env...)
		i.write("privacyd.yaml", "{keys: {root: root.key, store: store}, ledger: ledger, blobs: {exports: blobs}}\n")
		i.workspace("records.read", "--config", "privacyd.yaml")
	})
}

func wantNoTables(t *testing.T, i *installation, env ...string) {
	t.Helper()
	if len(env) == 0 {
		if _, err := os.Stat(filepath.Join(i.dir, "data", "privacyd.db")); err == nil {
			t.Error("there is a database")
		}
		return
	}
	_, dsn, _ := strings.Cut(env[0], "=")
	db, err := sqldb.OpenPostgres(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	if made, err := db.Made(t.Context()); err != nil || made {
		t.Errorf("there are tables: %v", err)
	}
}
