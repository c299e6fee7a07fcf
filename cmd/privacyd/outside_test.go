package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// installation is a folder in which the built binary is run as people do, with
// an environment of its own.
type installation struct {
	t   *testing.T
	dir string
	env []string
}

func newInstallation(t *testing.T, env ...string) *installation {
	t.Helper()
	dir := t.TempDir()
	return &installation{t, dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PRIVACYD_DATA=" + filepath.Join(dir, "data")}, env...)}
}

// onEach runs a test on SQLite and on PostgreSQL, with what an installation
// needs for it in its environment.
func onEach(t *testing.T, run func(t *testing.T, env ...string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { run(t) })
	t.Run("postgres", func(t *testing.T) { run(t, "PRIVACYD_DATABASE_URL="+sqldbtest.PostgresDSN(t)) })
}

func (i *installation) command(args ...string) *exec.Cmd {
	return i.commandUntil(i.t.Context(), args...)
}

func (i *installation) commandUntil(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(os.Getenv(envBinary), "privacyd"), args...)
	c.Dir, c.Env = i.dir, i.env
	return c
}

// write makes a file in the folder.
func (i *installation) write(name, text string) {
	i.t.Helper()
	if err := os.WriteFile(filepath.Join(i.dir, name), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
}

// run runs a command, and gives what it printed and its exit status.
func (i *installation) run(args ...string) (out, said string, status int) {
	i.t.Helper()
	const patience = 2 * time.Minute // what is to be refused may begin to serve
	ctx, cancel := context.WithTimeout(i.t.Context(), patience)
	defer cancel()
	c := i.commandUntil(ctx, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		i.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), c.ProcessState.ExitCode()
}

// must runs a command that has to succeed.
func (i *installation) must(args ...string) string {
	i.t.Helper()
	out, said, status := i.run(args...)
	if status != 0 {
		i.t.Fatalf("privacyd %s ended with %d: %s", strings.Join(args, " "), status, said)
	}
	return out
}

// workspace makes the workspace acme, and a token of it with scopes.
func (i *installation) workspace(scopes string, more ...string) (token string) {
	i.t.Helper()
	i.must(append([]string{"account", "create", "--email", "ada@example.com", "--name", "Ada"}, more...)...)
	i.must(append([]string{"workspace", "create", "--slug", "acme", "--name", "Acme", "--admin", "ada@example.com"}, more...)...)
	var made struct{ Secret string }
	if err := json.Unmarshal([]byte(i.must(append([]string{"token", "create", "--workspace", "acme", "--label", "test", "--scope", scopes, "--json"}, more...)...)), &made); err != nil {
		i.t.Fatal(err)
	}
	return made.Secret
}

// process is a server that runs.
type process struct {
	URL string

	cmd    *exec.Cmd
	ended  func() error
	mu     sync.Mutex
	logged bytes.Buffer
}

// Write keeps what the server logs.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logged.Write(text)
}

// log is what the server has logged.
func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logged.String()
}

// serve starts a server, which ends with the test.
func (i *installation) serve(args ...string) *process {
	i.t.Helper()
	c := i.command(append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	p := &process{cmd: c, ended: sync.OnceValue(c.Wait)}
	c.Stderr = p
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	out, err := c.StdoutPipe()
	if err != nil {
		i.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = p.ended()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			p.URL = found[1]
			return p
		}
	}
	i.t.Fatalf("the server did not start: %s", p.log())
	return nil
}

// end ends the server politely.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(p.cmd.Process.Signal(os.Interrupt), p.ended()); err != nil {
		t.Errorf("the server ended badly: %v\n%s", err, p.log())
	}
}

// eventually looks again and again until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}
