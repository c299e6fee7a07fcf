package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := status(ts, args[1:]); got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func status(ts *testscript.TestScript, args []string) int {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// limited stands for a full disk where there is no small disk to fill: writes
// past the limit, in blocks of 512 bytes, fail.
func limited(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: limited BLOCKS STATUS PROGRAM ARGS…")
	}
	shell := []string{args[1], "sh", "-c", "trap '' XFSZ; ulimit -f " + args[0] + `; exec "$@"`, "sh"}
	exits(ts, false, append(shell, args[2:]...))
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN PROGRAM ARGS…")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	const patience, pause = 90 * time.Second, 50 * time.Millisecond
	for range int(patience / pause) {
		status(ts, args[1:])
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		time.Sleep(pause)
	}
	ts.Fatalf("%s never matched %s", strings.Join(args[1:], " "), args[0])
}

type serversKey struct{}

// server is a `privacyd serve` that runs beside a script.
type server struct {
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	ended  func() error
	said   *printed
}

func servers(ts *testscript.TestScript) map[string]*server {
	return ts.Value(serversKey{}).(map[string]*server)
}

var listens = regexp.MustCompile(`listens on (http\S+)`)

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve NAME ARGS…")
	}
	path := strings.Split(ts.Getenv("PATH"), ":")[0] + "/privacyd"
	s := &server{cmd: exec.Command(path, append([]string{"serve", "--listen", "127.0.0.1:0"}, args[1:]...)...), stderr: new(bytes.Buffer), said: new(printed)}
	s.cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "PRIVACYD_DATA", "PRIVACYD_DATABASE_URL", "PRIVACYD_CONFIG", "PRIVACYD_AUDIT_WAIT", "PRIVACYD_LEDGER", "PRIVACYD_BASE_URL", "PRIVACYD_MAIL_SMTP", "PRIVACYD_MAIL_FROM", "PRIVACYD_GRACE", "PRIVACYD_KEYS_ROOT", "VAULT_TOKEN", "TMPDIR", "PRODUCT"} {
		s.cmd.Env = append(s.cmd.Env, name+"="+ts.Getenv(name))
	}
	s.cmd.Stderr = s.stderr
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	s.ended = sync.OnceValue(s.cmd.Wait)
	ts.Defer(func() {
		_ = s.cmd.Process.Kill() // it may have ended
		_ = s.ended()
		ts.Logf("[server %s]\n%s", args[0], s.stderr)
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			ts.Setenv(args[0], found[1])
			ts.Setenv(args[0]+"_ADDRESS", strings.TrimPrefix(found[1], "http://"))
			servers(ts)[args[0]] = s
			go s.said.collect(lines)
			return
		}
	}
	err = s.ended()
	ts.Fatalf("the server did not start: %v\n%s", err, s.stderr)
}

func halt(ts *testscript.TestScript, neg bool, args []string) {
	s := end(ts, neg, args, syscall.SIGTERM)
	if err := s.ended(); err != nil {
		ts.Fatalf("the server ended badly: %v\n%s", err, s.stderr)
	}
	_, err := ts.Stdout().Write(s.stderr.Bytes())
	ts.Check(err)
}

func crash(ts *testscript.TestScript, neg bool, args []string) {
	_ = end(ts, neg, args, syscall.SIGKILL).ended() // it was killed
}

func end(ts *testscript.TestScript, neg bool, args []string, with syscall.Signal) *server {
	if neg || len(args) != 1 || servers(ts)[args[0]] == nil {
		ts.Fatalf("usage: halt|crash NAME of a server")
	}
	s := servers(ts)[args[0]]
	ts.Check(s.cmd.Process.Signal(with))
	return s
}
