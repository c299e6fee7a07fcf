package docs_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	refusal   = regexp.MustCompile(`Errorf\(\s*(?:privacyd\.)?Class([A-Za-z]+),\s*"([a-z_]+)"`)
	codesList = regexp.MustCompile(`(?s)<!-- codes -->\n.*?<!-- end of codes -->`)
)

// statuses are those of rest's table from class to status, in order.
var statuses = []struct{ class, status string }{
	{"repeated", "400"},
	{"Unauthenticated", "401"},
	{"Forbidden", "403"},
	{"NotFound", "404"},
	{"method", "405"},
	{"Conflict", "409"},
	{"Refused", "409"},
	{"size", "413"},
	{"Invalid", "422"},
	{"Limited", "429"},
	{"Internal", "500"},
	{"Unavailable", "503"},
}

// own are codes with a status of their own.
var own = map[string]string{"method_unknown": "method", "request_too_large": "size", "field_repeated": "repeated"}

// local are the packages whose refusals nobody meets over the network.
var local = []string{"cli", "client", "cmd/privacyd", "ledger", "vault", "vault/bucket", "vault/durable", "source/sqlsource", "store/sqldb"}

// TestCodes holds the list of codes in rest-api.md to the code:
// PRIVACYD_TEST_UPDATE=1 go test ./docs -run TestCodes
func TestCodes(t *testing.T) {
	page := read(t, "docs/rest-api.md")
	want := "<!-- codes -->\n" + codesTable(codes(t)) + "<!-- end of codes -->"
	if os.Getenv("PRIVACYD_TEST_UPDATE") != "" {
		page = codesList.ReplaceAllLiteralString(page, want)
		if err := os.WriteFile(root("docs/rest-api.md"), []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := codesList.FindString(page); got != want {
		t.Errorf("docs/rest-api.md does not list the codes as they are; PRIVACYD_TEST_UPDATE=1 writes the list anew. It has\n%s\nwant\n%s", got, want)
	}
}

func codesTable(known map[string][]string) string {
	var b strings.Builder
	b.WriteString("| status | codes |\n|---|---|\n")
	for _, s := range statuses {
		if len(known[s.class]) > 0 {
			fmt.Fprintf(&b, "| %s | `%s` |\n", s.status, strings.Join(known[s.class], "`, `"))
		}
	}
	return b.String()
}

// codes are those with which the product refuses something over the network,
// by class.
func codes(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string]map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (slices.Contains([]string{"node_modules", "testdata", "bench", "bin", ".git"}, d.Name()) || slices.Contains(local, filepath.ToSlash(strings.TrimPrefix(path, "../")))) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range refusal.FindAllStringSubmatch(string(text), -1) {
			class := m[1]
			if own[m[2]] != "" {
				class = own[m[2]]
			}
			if found[class] == nil {
				found[class] = map[string]bool{}
			}
			found[class][m[2]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for class, set := range found {
		all[class] = slices.Sorted(maps.Keys(set))
	}
	return all
}
