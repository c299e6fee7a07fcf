package sqldbtest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Server is a PostgreSQL server of one test's own, which may be restarted. What
// was committed survives that.
type Server struct{ bin, dir string }

// NewServer starts a server, ended and deleted with the test.
func NewServer(t testing.TB) *Server {
	t.Helper()
	bin, err := binaries()
	if err != nil {
		t.Fatalf("%v\nInstall it (`make setup`).", err)
	}
	dir, err := os.MkdirTemp("", "privacyd-own-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{bin, dir}
	t.Cleanup(func() {
		_ = asServer(s.ctl("stop", "-m", "immediate")).Run() // it may not run
		_ = os.RemoveAll(dir)
	})
	if err := giveToServer(dir); err != nil {
		t.Fatal(err)
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
	if out, err := asServer(initdb).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	s.start(t)
	return s
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) ctl(args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(s.bin, "pg_ctl"), append(args, "-w", "-s", "-D", s.data())...)
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	// The machine does not crash, so that nothing need be on the disk.
	options := "-c listen_addresses= -c unix_socket_directories=" + s.dir + " -c fsync=off -c full_page_writes=off -c shared_buffers=64MB"
	log := filepath.Join(s.dir, "log")
	if err := asServer(s.ctl("start", "-l", log, "-o", options)).Run(); err != nil {
		said, _ := os.ReadFile(log) //nolint:errcheck // only to say more
		t.Fatal(fmt.Errorf("pg_ctl start: %w: %s", err, said))
	}
}

// DSN is the address of its database.
func (s *Server) DSN() string {
	return "postgres://postgres@/postgres?host=" + url.QueryEscape(s.dir)
}

// Crash ends the server as a crash of it would, and starts it again.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	if err := asServer(s.ctl("stop", "-m", "immediate")).Run(); err != nil {
		t.Fatal(fmt.Errorf("pg_ctl stop: %w", err))
	}
	s.start(t)
}
