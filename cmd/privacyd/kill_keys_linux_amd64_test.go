package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// killSteps names the variable that says before how many of its steps a change
// of the root key is killed on each database; more than there are: before each.
const (
	killSteps          = "PRIVACYD_KILL_KEYS"
	killStepsByDefault = 1
)

// TestRootKeyChangeIsKilled kills the command that changes the root key right
// before one of the calls of the system by which it makes something durable or
// tells PostgreSQL something: whatever is left opens everything, and the command
// given again brings the change to its end.
func TestRootKeyChangeIsKilled(t *testing.T) {
	kills := killStepsByDefault
	if text := os.Getenv(killSteps); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		kills = n
	}
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			steps := traced(t, newToRotate(t, database).command("key", "rotate", "--root"), 0)
			if steps < 10 {
				t.Fatalf("a change of the root key has %d steps", steps)
			}
			among := steps
			if kills < steps {
				among = steps / 2 // the later ones, which are those of the change itself
			}
			for n := range min(kills, steps) {
				at := 1 + steps - among + n*among/min(kills, steps)
				i := newToRotate(t, database)
				if made := traced(t, i.command("key", "rotate", "--root"), at); made < at {
					t.Logf("it ended after %d steps, before %d of %d", made, at, steps)
				}
				checkRotated(t, i, database, at)
			}
		})
	}
}

func newToRotate(t *testing.T, database string) *installation {
	t.Helper()
	var env []string
	if database == "postgres" {
		env = append(env, "PRIVACYD_DATABASE_URL="+sqldbtest.PostgresDSN(t))
	}
	i := newInstallation(t, append(env, "PRIVACYD_AUDIT_WAIT=0s")...)
	i.workspace("records.read")
	i.write("one.ndjson", `{"collection": "contacts", "record": {"id": "c-1", "name": "Ana Ruiz"}}`+"\n")
	i.must("import", "--workspace", "acme", "one.ndjson")
	return i
}

func checkRotated(t *testing.T, i *installation, database string, at int) {
	t.Helper()
	for _, args := range [][]string{
		{"workspace", "list"},
		{"key", "rotate", "--root"},
		{"export", "--workspace", "acme", "--out", "acme.zip"},
		{"archive", "verify", "acme.zip"},
	} {
		const exportLacksEntries = 5 // those that no checkpoint covers yet
		if _, said, status := i.run(args...); status != 0 && (args[0] != "export" || status != exportLacksEntries) {
			t.Errorf("killed before step %d: %s ended with %d: %s", at, strings.Join(args, " "), status, said)
		}
	}
	var keys struct {
		Root struct {
			Generation int
			Changing   bool
		} `json:"root_key"`
	}
	if err := json.Unmarshal([]byte(i.must("key", "list", "--json")), &keys); err != nil {
		t.Fatal(err)
	}
	if keys.Root.Generation < 2 || keys.Root.Changing != (database == "postgres") { // there others may be at work, for five minutes
		t.Errorf("killed before step %d: the root key is %+v", at, keys.Root)
	}
}

// traced runs a command and kills it right before one of its steps, of which the
// first is 1; 0: it runs to its end. It gives how many steps it made.
func traced(t *testing.T, c *exec.Cmd, kill int) (steps int) {
	t.Helper()
	runtime.LockOSThread() // who traces is a thread
	defer runtime.UnlockOSThread()
	c.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	main := c.Process.Pid
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(main, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	const exitsWithUs = 0x100000 // PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(main, syscall.PTRACE_O_TRACECLONE|syscall.PTRACE_O_TRACESYSGOOD|exitsWithUs); err != nil {
		t.Fatal(err)
	}
	inside := map[int]bool{} // threads that are in a call
	for thread, signal := main, 0; ; {
		_ = syscall.PtraceSyscall(thread, signal) // it may be gone
		var err error
		if thread, err = syscall.Wait4(-main, &status, syscall.WALL, nil); err != nil {
			t.Fatalf("wait for the command: %v", err)
		}
		signal = 0
		switch {
		case thread == main && (status.Exited() || status.Signaled()):
			return steps
		case !status.Stopped():
		case status.StopSignal() == syscall.SIGTRAP|0x80:
			if inside[thread] = !inside[thread]; !inside[thread] || !isStep(main, thread) {
				continue
			}
			if steps++; steps == kill {
				_ = syscall.Kill(main, syscall.SIGKILL)
			}
		case status.StopSignal() != syscall.SIGTRAP && status.StopSignal() != syscall.SIGSTOP:
			signal = int(status.StopSignal())
		}
	}
}

// isStep tells whether a thread is about to change what outlives the process.
func isStep(process, thread int) bool {
	var r syscall.PtraceRegs
	if syscall.PtraceGetRegs(thread, &r) != nil {
		return false
	}
	const renameat2 = 316
	switch r.Orig_rax {
	case syscall.SYS_RENAME, syscall.SYS_RENAMEAT, renameat2, syscall.SYS_LINKAT, syscall.SYS_UNLINK, syscall.SYS_UNLINKAT,
		syscall.SYS_MKDIRAT, syscall.SYS_FSYNC, syscall.SYS_FDATASYNC, syscall.SYS_FTRUNCATE, syscall.SYS_PWRITE64:
		return true
	case syscall.SYS_OPENAT:
		return r.Rdx&syscall.O_CREAT != 0
	case syscall.SYS_WRITE:
		to, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(process), "fd", fmt.Sprint(r.Rdi)))
		return err == nil && (strings.HasPrefix(to, "socket:") || strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "/dev/"))
	}
	return false
}
