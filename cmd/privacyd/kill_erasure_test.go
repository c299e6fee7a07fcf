package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// killRounds names the variable that says how many contacts are erased on each
// database, each by a server that is killed in the midst of it.
const (
	killRounds     = "PRIVACYD_KILL_ERASURES"
	killMessages   = 400 // of a contact, 100 in each conversation
	killPatience   = 90 * time.Second
	killPause      = 100 * time.Millisecond
	killedAtMost   = 3 // times for one contact
	killsByDefault = 1 // on PostgreSQL a dead process's work is taken over after its lease
)

// TestErasureIsKilled kills the server at random moments of an erasure, again
// and again, and starts it anew: each contact is erased once, with the right
// counts and one receipt, everybody else stays, and the audit log verifies.
func TestErasureIsKilled(t *testing.T) {
	rounds := killsByDefault
	if text := os.Getenv(killRounds); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, database, rounds)
			v.start()
			hash, began := v.plan(0), time.Now()
			if out, err := v.confirm(0, hash).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			took := time.Since(began)
			for round := 1; round <= rounds; round++ {
				v.round(round, took)
			}
			v.ended(rounds)
		})
	}
}

// victim is an installation whose server is killed.
type victim struct {
	t      *testing.T
	dir    string
	env    []string
	server *exec.Cmd
	log    bytes.Buffer
}

func newVictim(t *testing.T, database string, rounds int) *victim {
	v := &victim{t: t, dir: t.TempDir()}
	v.env = append(os.Environ(), "PRIVACYD_DATA="+filepath.Join(v.dir, "data"), "PRIVACYD_AUDIT_WAIT=1m")
	if database == "postgres" {
		v.env = append(v.env, "PRIVACYD_DATABASE_URL="+sqldbtest.PostgresDSN(t))
	}
	var lines strings.Builder
	for c := range rounds + 2 {
		fmt.Fprintf(&lines, `{"collection":"contacts","record":{"id":"c%d","name":"Contact %d","email":"contact-%d@victims.example"}}`+"\n", c, c, c)
		for m := range killMessages {
			if m%100 == 0 {
				fmt.Fprintf(&lines, `{"collection":"conversations","record":{"id":"v%d-%d","contact_id":"c%d"}}`+"\n", c, m/100, c)
				fmt.Fprintf(&lines, `{"collection":"attachments","record":{"id":"a%d-%d","record_type":"contact","record_id":"c%d","filename":"f","content_base64":"YQ=="}}`+"\n", c, m, c)
			}
			fmt.Fprintf(&lines, `{"collection":"messages","record":{"id":"m%d-%d","conversation_id":"v%d-%d","direction":"inbound","body":"A message"}}`+"\n", c, m, c, m/100)
		}
	}
	if err := os.WriteFile(filepath.Join(v.dir, "all.ndjson"), []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	v.must("account", "create", "--email", "ada@example.com", "--name", "Ada")
	v.must("workspace", "create", "--slug", "acme", "--name", "Acme", "--admin", "ada@example.com")
	v.must("import", "--workspace", "acme", "all.ndjson")
	t.Cleanup(v.kill)
	return v
}

func (v *victim) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(os.Getenv(envBinary), "privacyd"), args...)
	cmd.Dir, cmd.Env = v.dir, v.env
	return cmd
}

func (v *victim) must(args ...string) []byte {
	v.t.Helper()
	out, err := v.command(args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		v.t.Fatalf("privacyd %s: %v\n%s", strings.Join(args, " "), err, v.log.String())
	}
	return out
}

// start starts the server and waits until it listens.
func (v *victim) start() {
	v.t.Helper()
	v.server = v.command("serve", "--listen", "127.0.0.1:0")
	v.log.Reset()
	v.server.Stderr = &v.log
	out, err := v.server.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.server.Start(); err != nil {
		v.t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if listens.MatchString(lines.Text()) {
			return
		}
	}
	v.kill()
	v.t.Fatalf("the server did not start: %s", v.log.String())
}

func (v *victim) kill() {
	if v.server != nil {
		_ = v.server.Process.Kill() // it may be dead
		_ = v.server.Wait()
		v.server = nil
	}
}

// plan shows what erasing a contact does and gives its hash.
func (v *victim) plan(contact int) string {
	v.t.Helper()
	var plan struct{ Hash string }
	v.read(&plan, "erase", "--workspace", "acme", "--contact", fmt.Sprint("c", contact), "--dry-run", "--json")
	return plan.Hash
}

func (v *victim) confirm(contact int, hash string) *exec.Cmd {
	return v.command("erase", "--workspace", "acme", "--contact", fmt.Sprint("c", contact), "--confirm", hash)
}

// round has a contact erased while the server, and the command that asked for
// it, are killed at random moments within the time that it took once.
func (v *victim) round(contact int, took time.Duration) {
	v.t.Helper()
	asks := v.confirm(contact, v.plan(contact))
	if err := asks.Start(); err != nil {
		v.t.Fatal(err)
	}
	for range 1 + rand.IntN(killedAtMost) {
		after := rand.N(took)
		time.Sleep(after)
		_ = asks.Process.Kill() // it may have ended
		_ = asks.Wait()
		v.kill()
		v.t.Logf("contact %d: killed after %v of %v", contact, after, took)
		v.start()
	}
	if len(v.deletions()) <= contact { // it was killed before it asked
		if out, err := v.confirm(contact, v.plan(contact)).CombinedOutput(); err != nil {
			v.t.Fatalf("%v: %s", err, out)
		}
	}
	v.await(contact + 1)
}

type deletion struct {
	ID     string
	Type   string
	State  string
	Runs   int
	Result struct{ Records map[string]int64 }
}

func (v *victim) read(into any, args ...string) {
	v.t.Helper()
	if err := json.Unmarshal(v.must(args...), into); err != nil {
		v.t.Fatal(err)
	}
}

// deletions are the jobs, each of which erases a contact.
func (v *victim) deletions() []deletion {
	v.t.Helper()
	var jobs struct{ Items []deletion }
	v.read(&jobs, "job", "list", "--workspace", "acme", "--limit", "200", "--json")
	return jobs.Items
}

// await waits until so many contacts are erased.
func (v *victim) await(n int) {
	v.t.Helper()
	for until := time.Now().Add(killPatience); ; {
		completed := 0
		for _, d := range v.deletions() {
			if d.State == "completed" {
				completed++
			}
		}
		if completed == n {
			return
		}
		if completed > n || time.Now().After(until) {
			v.t.Fatalf("%d are completed, not %d: %+v\n%s", completed, n, v.deletions(), v.log.String())
		}
		time.Sleep(killPause)
	}
}

// ended looks at all that was done.
func (v *victim) ended(rounds int) {
	v.t.Helper()
	v.kill()
	v.start()
	keys := strings.Fields(string(v.must("audit", "key")))
	key := keys[len(keys)-1]
	jobs := v.deletions()
	want := map[string]int64{"contacts": 1, "conversations": killMessages / 100, "messages": killMessages, "attachments": killMessages / 100, "flow_runs": 0}
	for _, d := range jobs {
		if diff := cmp.Diff(want, d.Result.Records); diff != "" || d.Type != "subject_deletion" {
			v.t.Errorf("%+v: %s", d, diff)
		}
		file := d.ID + ".json"
		v.must("receipt", "show", "--workspace", "acme", d.ID, "--out", file)
		v.must("receipt", "verify", file, "--key", key)
	}
	var receipts struct{ Items []struct{ ID string } }
	v.read(&receipts, "receipt", "list", "--workspace", "acme", "--limit", "200", "--json")
	if len(jobs) != rounds+1 || len(receipts.Items) != rounds+1 {
		v.t.Errorf("%d contacts, %d jobs, %d receipts", rounds+1, len(jobs), len(receipts.Items))
	}
	v.must("audit", "export", "--workspace", "acme", "--out", "log.ndjson")
	v.must("audit", "verify", "log.ndjson", "--key", key)
	v.must("export", "--workspace", "acme", "--out", "left.zip")
	v.must("archive", "verify", "left.zip")
	var exported struct{ Records map[string]int64 }
	for _, e := range v.deletions() {
		if e.Type == "data_export" {
			exported.Records = e.Result.Records
		}
	}
	for collection, n := range want {
		if exported.Records[collection] != n && n > 0 { // of the one contact whom nobody erased
			v.t.Errorf("%d %s are left, not %d", exported.Records[collection], collection, n)
		}
	}
}
