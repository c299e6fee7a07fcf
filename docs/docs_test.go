// Package docs_test holds the documentation to the truth: links lead
// somewhere, commands and flags exist, and the blocks marked sh run as they
// stand. Open docs_test.go first, then pages_test.go.
package docs_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// runnable are the pages whose sh blocks run, in their order, beside a server
// with the sample workspace.
var runnable = []string{"README.md", "docs/cli.md", "docs/rest-api.md", "docs/mcp.md", "docs/operations.md", "docs/deployment.md"}

func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		for _, target := range links(read(t, page)) {
			file, anchor, _ := strings.Cut(target, "#")
			path := page
			if file != "" {
				path = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(root(path)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, target)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, path)), anchor) {
				t.Errorf("%s: the link %s names no heading", page, target)
			}
		}
	}
}

// TestBinary compares the pages with the binary itself, which is built once.
func TestBinary(t *testing.T) {
	bin := build(t)
	standsAlone(t, bin)
	known := commands(t, bin)
	t.Run("commands exist", func(t *testing.T) { testCommandsExist(t, known) })
	t.Run("commands are all shown", func(t *testing.T) { testCommandsShown(t, known) })
	t.Run("routes", func(t *testing.T) { testRoutes(t, bin) })
	for _, page := range runnable {
		t.Run(page, func(t *testing.T) { testRunnable(t, bin, page) })
	}
}

func testCommandsExist(t *testing.T, known map[string][]string) {
	for _, page := range pages(t) {
		for _, m := range mentions(read(t, page)) {
			checkMention(t, page, m, known)
		}
	}
}

func checkMention(t *testing.T, page string, m mention, known map[string][]string) {
	t.Helper()
	name, flags := m.resolve(known)
	if flags == nil {
		t.Errorf("%s: there is no command like: privacyd %s", page, m.text)
		return
	}
	for _, f := range m.flags {
		if !slices.Contains(flags, f) {
			t.Errorf("%s: privacyd %s has no flag %s", page, name, f)
		}
	}
}

// testCommandsShown wants each command with each of its flags in cli.md.
func testCommandsShown(t *testing.T, known map[string][]string) {
	shown := map[string][]string{}
	for _, m := range mentions(read(t, "docs/cli.md")) {
		name, _ := m.resolve(known)
		shown[name] = append(shown[name], m.flags...)
	}
	everywhere := []string{"--help", "--data", "--database", "--config", "--as"}
	for name, flags := range known {
		if _, ok := shown[name]; !ok {
			t.Errorf("docs/cli.md does not show privacyd %s", name)
		}
		for _, f := range flags {
			if !slices.Contains(shown[name], f) && !slices.Contains(everywhere, f) {
				t.Errorf("docs/cli.md does not show %s of privacyd %s", f, name)
			}
		}
	}
}

// testRunnable follows a page as a reader would who has run make run.
func testRunnable(t *testing.T, bin, page string) {
	dir := t.TempDir()
	address := serve(t, bin, dir)
	script := strings.ReplaceAll(strings.Join(blocks(read(t, page), "sh"), ""), "127.0.0.1:8080", address)
	if script == "" {
		t.Fatal("the page has no block that runs")
	}
	shell := exec.CommandContext(t.Context(), "bash", "-e", "-x", "-o", "pipefail", "-c", script)
	shell.Dir, shell.Env = dir, environment(bin)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestConfigurationKeys wants every key that is read in deployment.md, and no
// other.
func TestConfigurationKeys(t *testing.T) {
	var keys, told []string
	for _, m := range regexp.MustCompile("`yaml:\"([a-z_]+)\"`").FindAllStringSubmatch(read(t, "cmd/privacyd/config.go")+read(t, "cmd/privacyd/config_places.go")+read(t, "cmd/privacyd/tls.go")+read(t, "cmd/privacyd/acme.go")+read(t, "cmd/privacyd/config_legal.go"), -1) {
		keys = append(keys, m[1])
	}
	_, table, _ := strings.Cut(read(t, "docs/deployment.md"), "| key | meaning | default |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(row, "|")
		if len(cells) < 2 {
			continue
		}
		for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			told = append(told, strings.FieldsFunc(code[1], func(r rune) bool { return strings.ContainsRune("[].", r) })...)
		}
	}
	if got, want := sorted(told), sorted(keys); !slices.Equal(got, want) {
		t.Errorf("docs/deployment.md has the keys %v, config.go reads %v", got, want)
	}
}

// testRoutes wants the routes of rest-api.md to be those of /openapi.json.
func testRoutes(t *testing.T, bin string) {
	answer, err := http.Get("http://" + serve(t, bin, t.TempDir()) + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &api); err != nil {
		t.Fatal(err)
	}
	var want, told []string
	for path, methods := range api.Paths {
		for method := range methods {
			want = append(want, strings.ToUpper(method)+" "+path)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z]+ /[^`]+)` \\|").FindAllStringSubmatch(read(t, "docs/rest-api.md"), -1) {
		told = append(told, m[1])
	}
	if got, want := sorted(told), sorted(want); !slices.Equal(got, want) {
		t.Errorf("docs/rest-api.md lists\n%s\nthe server has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func sorted(list []string) []string {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return slices.Sorted(maps.Keys(set))
}
