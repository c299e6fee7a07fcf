package sqldbtest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// EnvPostgres names the variable with the address of a server on which tests
// may make and drop databases. Where it is unset, tests share one that they
// start in the machine's temporary folder; `make stop-postgres` ends it.
const EnvPostgres = "PRIVACYD_TEST_POSTGRES"

func serverDSN(t testing.TB) string {
	t.Helper()
	if dsn := os.Getenv(EnvPostgres); dsn != "" {
		return dsn
	}
	dir := filepath.Join(os.TempDir(), "privacyd-test-postgres-"+strconv.Itoa(os.Getuid()))
	if err := ensureServer(dir); err != nil {
		t.Fatalf("start a PostgreSQL server for tests: %v\nInstall one (`make setup`), or set %s.", err, EnvPostgres)
	}
	return "postgres://postgres@/postgres?host=" + url.QueryEscape(dir)
}

func ensureServer(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	release, err := flock(dir + ".lock")
	if err != nil {
		return err
	}
	defer release()
	bin, err := binaries()
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	if asServer(exec.Command(filepath.Join(bin, "pg_ctl"), "status", "-D", data)).Run() == nil {
		return nil
	}
	return start(bin, dir, data)
}

func start(bin, dir, data string) error {
	if err := giveToServer(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
		if out, err := asServer(initdb).CombinedOutput(); err != nil {
			return fmt.Errorf("initdb: %w: %s", err, out)
		}
	}
	options := "-c listen_addresses= -c unix_socket_directories=" + dir +
		" -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300 -c shared_buffers=256MB -c max_wal_size=2GB"
	ctl := exec.Command(filepath.Join(bin, "pg_ctl"), "start", "-w", "-D", data, "-l", filepath.Join(dir, "log"), "-o", options)
	if err := asServer(ctl).Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) //nolint:errcheck // only to say more
		return fmt.Errorf("pg_ctl start: %w: %s", err, log)
	}
	return nil
}

// binaries finds PostgreSQL's server programs: the newest of Debian's folders,
// else what is on the PATH.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	sort.Strings(found)
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	p, err := exec.LookPath("pg_ctl")
	if err != nil {
		return "", fmt.Errorf("no PostgreSQL server is installed: %w", err)
	}
	return filepath.Dir(p), nil
}

// asServer drops root's rights, which PostgreSQL refuses to run with.
func asServer(c *exec.Cmd) *exec.Cmd {
	c.Dir = "/"
	if id, ok := serverUser(); ok {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: id}
	}
	return c
}

func giveToServer(dir string) error {
	id, ok := serverUser()
	if !ok {
		return nil
	}
	return os.Chown(dir, int(id.Uid), int(id.Gid))
}

func serverUser() (*syscall.Credential, bool) {
	if os.Getuid() != 0 {
		return nil, false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, false
		}
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, true //nolint:gosec // ids of the system's own list
}

func flock(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil { //nolint:gosec // a descriptor fits
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

func dsnFor(cfg *pgx.ConnConfig, database string) string {
	q := url.Values{"host": {cfg.Host}, "port": {strconv.Itoa(int(cfg.Port))}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}
