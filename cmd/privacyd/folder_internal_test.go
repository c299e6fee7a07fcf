package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
)

func TestOpenFolderTakesNoneOfOthers(t *testing.T) {
	for _, c := range []struct {
		name string
		has  []string // a folder ends with a slash
		code string
	}{
		{"empty", nil, ""},
		{"a new disk", []string{"lost+found/"}, ""},
		{"with its configuration", []string{"privacyd.yaml", "app.map.yaml"}, ""},
		{"used before, and something beside it", []string{"lock", "notes.txt"}, ""},
		{"given its keys", []string{"keys/", "notes.txt"}, ""},
		{"somebody's home", []string{".profile"}, "folder_foreign"},
		{"the system's", []string{"tmp/", "lock/", "lib/"}, "folder_foreign"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // as others' folders are
				t.Fatal(err)
			}
			for _, name := range c.has {
				leave(t, dir, name)
			}
			if _, err := openFolder(dir); privacyd.CodeOf(err) != c.code {
				t.Errorf("error %v, want code %q", err, c.code)
			}
			at, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			if shut := at.Mode().Perm() == 0o700; shut == (c.code != "") {
				t.Errorf("its mode is %v", at.Mode())
			}
		})
	}
}

// TestOpenFolderShutsNobodyOut takes a folder that is its owner's alone, whatever
// is in it: with PostgreSQL and buckets there may be no database and no keys.
func TestOpenFolderShutsNobodyOut(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs the x
		t.Fatal(err)
	}
	leave(t, dir, "root.key")
	if _, err := openFolder(dir); err != nil {
		t.Error(err)
	}
}

func leave(t *testing.T, dir, name string) {
	t.Helper()
	path, err := filepath.Join(dir, name), error(nil)
	if strings.HasSuffix(name, "/") {
		err = os.Mkdir(path, 0o700)
	} else {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
