package docs_test

import (
	"bufio"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// build makes the binary as make build does and gives its folder.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "privacyd"), "../cmd/privacyd")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build privacyd: %v\n%s", err, out)
	}
	return dir
}

// standsAlone wants a binary that runs on any Linux, whatever its libraries.
func standsAlone(t *testing.T, bin string) {
	t.Helper()
	if !strings.Contains(read(t, "Makefile"), "CGO_ENABLED=0 $(GO) build -trimpath") {
		t.Error("make build does not build as the tests do")
	}
	file, err := elf.Open(filepath.Join(bin, "privacyd"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the binary needs %v: %v", libraries, err)
	}
}

// environment has the binary on its path and none of the reader's own settings.
func environment(bin string) []string {
	env := []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PRIVACYD_") && !strings.HasPrefix(v, "PATH=") {
			env = append(env, v)
		}
	}
	return env
}

// serve starts a server with the sample workspace on the default folder of dir,
// as make run does, and gives its address.
func serve(t *testing.T, bin, dir string) string {
	t.Helper()
	server := exec.Command(filepath.Join(bin, "privacyd"), "serve", "--listen", "127.0.0.1:0", "--sample")
	server.Dir, server.Env = dir, environment(bin)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "http://"); ok && strings.Contains(after, "/sign-in/") {
			address, _, _ := strings.Cut(after, "/")
			return address
		}
	}
	t.Fatal("the server printed no address")
	return ""
}

// commands gives each command of the binary with its flags, as --help does.
func commands(t *testing.T, bin string) map[string][]string {
	t.Helper()
	known := map[string][]string{}
	_, list, _ := strings.Cut(help(t, bin), "Commands:\n")
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z-]+)?)(?:  |$)`).FindAllStringSubmatch(list, -1) {
		known[m[1]] = flag.FindAllString(help(t, bin, strings.Fields(m[1])...), -1)
	}
	if len(known) < 10 {
		t.Fatalf("only %d commands were understood from --help", len(known))
	}
	return known
}

func help(t *testing.T, bin string, command ...string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(bin, "privacyd"), append(command, "--help")...).Output()
	if err != nil {
		t.Fatalf("privacyd %v --help: %v", command, err)
	}
	return string(out)
}
