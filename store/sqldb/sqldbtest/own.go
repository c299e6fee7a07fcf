package sqldbtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd/egress/tlstest"
)

// Server is a PostgreSQL server of one test's own, which may be restarted. What
// was committed survives that.
type Server struct {
	bin, dir string
	options  string // beside those that every such server has
	logFiles string // the size of a file of the write-ahead log, in MiB
}

// NewServer starts a server, ended and deleted with the test.
func NewServer(t testing.TB) *Server {
	t.Helper()
	return newServer(t, func(*Server) {})
}

// NewTLSServer starts a server that is also reached at port, on every loopback
// address, with the certificate. It offers TLS and takes connections without.
func NewTLSServer(t testing.TB, port int, c tls.Certificate) *Server {
	t.Helper()
	return newServer(t, func(s *Server) {
		cert, key := tlstest.Write(t, s.dir, c)
		for _, file := range []string{cert, key} {
			if err := giveToServer(file); err != nil {
				t.Fatal(err)
			}
		}
		s.options = fmt.Sprintf(" -c listen_addresses=127.0.0.1 -c port=%d -c ssl=on -c ssl_cert_file=%s -c ssl_key_file=%s", port, cert, key)
	})
}

// LeastFull is the least size that FillDisk can keep files of such a server at.
const LeastFull = 1 << 20

// NewServerToFill is NewServer for FillDisk.
func NewServerToFill(t testing.TB) *Server {
	t.Helper()
	return newServer(t, func(s *Server) { s.logFiles = "1" })
}

func newServer(t testing.TB, prepare func(s *Server)) *Server {
	t.Helper()
	bin, err := binaries()
	if err != nil {
		t.Fatalf("%v\nInstall it (`make setup`).", err)
	}
	dir, err := os.MkdirTemp("", "privacyd-own-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{bin: bin, dir: dir, logFiles: "16"}
	prepare(s)
	t.Cleanup(func() {
		_ = asServer(s.ctl("stop", "-m", "immediate")).Run() // it may not run
		_ = os.RemoveAll(dir)
	})
	if err := giveToServer(dir); err != nil {
		t.Fatal(err)
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", "--wal-segsize="+s.logFiles)
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
	options := "-c listen_addresses= -c unix_socket_directories=" + s.dir + " -c fsync=off -c full_page_writes=off -c shared_buffers=64MB" + s.options
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

// FillDisk keeps every file of the server from growing beyond so many bytes, as
// a full disk does, until it makes room again. What is written of a page that
// does not fit is cut off, which is how PostgreSQL knows a full disk. All that
// was changed before is on the disk then, since larger files cannot be written.
func (s *Server) FillDisk(t testing.TB, most int64) (makeRoom func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is lost with it
	if _, err := conn.Exec(t.Context(), "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	s.limitFiles(t, fmt.Sprint(most))
	return func() { s.limitFiles(t, "unlimited") }
}

// limitFiles is for the server, and for all that it has started and will start.
func (s *Server) limitFiles(t testing.TB, most string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	server, _, _ := strings.Cut(string(text), "\n")
	for again := range 2 { // one may have been started meanwhile
		children, err := os.ReadFile("/proc/" + server + "/task/" + server + "/children")
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range append([]string{server}, strings.Fields(string(children))...) {
			out, err := asServer(exec.Command("prlimit", "--pid", pid, "--fsize="+most+":")).CombinedOutput()
			if _, gone := os.Stat("/proc/" + pid); err != nil && gone == nil {
				t.Fatalf("limit the server's files, try %d: %v: %s", again+1, err, out)
			}
		}
	}
}
