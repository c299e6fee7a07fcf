// Package killed_test kills the processes that write audit entries and sign
// checkpoints, at random moments, and the database's server and connections,
// and fills the disk: nothing that was committed may be lost, nothing may be
// there twice, every proof must verify, and what is published is never
// lowered. Open killed_test.go first; child_test.go is what gets killed.
package killed_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// roundsVariable says how often processes are killed on each database. 200
// rounds take some minutes with the race detector on a busy machine.
const (
	roundsVariable = "PRIVACYD_KILL_ROUNDS"
	defaultRounds  = 30
)

func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv(roundsVariable)
	if text == "" {
		return defaultRounds
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestKilledSQLite kills the one process that a folder belongs to, in which
// eight writers and two sequencers are at work.
func TestKilledSQLite(t *testing.T) {
	s := newSiege(t, life{Folder: t.TempDir(), Writers: 8, Sequencers: 2})
	for range rounds(t) {
		s.round(t, 1, nil)
	}
	s.end(t)
}

// TestKilledPostgres kills two processes of four writers and a sequencer each.
// Now and then the server crashes, or all connections are cut.
func TestKilledPostgres(t *testing.T) {
	server := sqldbtest.NewServer(t)
	s := newSiege(t, life{Folder: t.TempDir(), DSN: server.DSN(), Writers: 4, Sequencers: 1})
	for i := range rounds(t) {
		var trouble func()
		switch i % 10 {
		case 3:
			trouble = func() { server.Crash(t) }
		case 8:
			trouble = func() { s.cut(t) }
		}
		s.round(t, 2, trouble)
	}
	s.end(t)
}

// siege is a place under attack, and what is known of it.
type siege struct {
	life
	mu        sync.Mutex
	committed map[string]bool
	undone    map[string]bool
	failed    []string // what processes complained about
	published map[string][]published
}

// published is a checkpoint that was published.
type published struct {
	size int64
	root [32]byte
}

func newSiege(t *testing.T, l life) *siege {
	t.Helper()
	s := &siege{life: l, committed: map[string]bool{}, undone: map[string]bool{}, published: map[string][]published{}}
	p := s.openPlace(t)
	must(t, store.Migrate(t.Context(), p.db))
	_, err := p.db.Exec(t.Context(), "CREATE TABLE acts (audit_entry_id TEXT NOT NULL REFERENCES audit_entries (id), log TEXT NOT NULL)")
	must(t, err)
	for _, log := range logs() { // processes may be killed before each log had its turn
		s.writeMany(t, p, log, 1)
	}
	must(t, p.close())
	return s
}

func (s *siege) openPlace(t *testing.T) *place {
	t.Helper()
	p, err := s.open(t.Context())
	must(t, err)
	return p
}

// victim is a process that will be killed.
type victim struct {
	*exec.Cmd
	in     io.Writer
	words  chan string // that it says first in a line; the channel is closed when it is dead
	reader sync.WaitGroup
}

// start starts a process and waits until it is at work.
func (s *siege) start(t *testing.T) *victim {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	text, err := json.Marshal(s.life)
	must(t, err)
	v := &victim{Cmd: exec.Command(self), words: make(chan string, 1000)}
	v.Env = append(os.Environ(), child+"="+string(text))
	v.Stderr = os.Stderr
	v.in, err = v.StdinPipe()
	must(t, err)
	out, err := v.StdoutPipe()
	must(t, err)
	must(t, v.Start())
	t.Cleanup(v.kill)
	ready := make(chan struct{})
	v.reader.Go(func() { s.listen(v, out, ready) })
	<-ready
	return v
}

// listen takes down what a process says until it is dead.
func (s *siege) listen(v *victim, out io.Reader, ready chan<- struct{}) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "ready":
			close(ready)
			ready = nil
		case committed:
			s.note(s.committed, rest)
		case undone:
			s.note(s.undone, rest)
		default:
			s.mu.Lock()
			s.failed = append(s.failed, lines.Text())
			s.mu.Unlock()
		}
		select {
		case v.words <- what:
		default: // nobody waits
		}
	}
	close(v.words)
	if ready != nil {
		close(ready)
	}
}

func (s *siege) note(in map[string]bool, ids string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range strings.FieldsSeq(ids) {
		in[id] = true
	}
}

func (v *victim) kill() {
	_ = v.Process.Kill() // it may be dead
	v.reader.Wait()
	_ = v.Wait()
}

// until waits until a process has said a word so many times from now on.
func (v *victim) until(t *testing.T, word string, times int) {
	t.Helper()
	for range len(v.words) {
		<-v.words
	}
	for times > 0 {
		said, alive := <-v.words
		if !alive {
			t.Fatalf("a process died before it said %q", word)
		}
		if said == word {
			times--
		}
	}
}

// Processes are killed after at most so many commits and a moment.
const (
	mostCommits = 12
	moment      = 20 * time.Millisecond
)

// round has some processes work for a while, in trouble or not, and kills them
// one after the other.
func (s *siege) round(t *testing.T, processes int, trouble func()) {
	t.Helper()
	var all []*victim
	for range processes {
		all = append(all, s.start(t))
	}
	if trouble != nil {
		all[0].until(t, committed, 1)
		trouble()
		for _, v := range all {
			v.until(t, committed, 1) // it goes on
		}
	}
	for _, v := range all {
		v.until(t, committed, rand.IntN(mostCommits+1))
		time.Sleep(rand.N(moment)) // the moment is what is tested
		v.kill()
	}
	s.mu.Lock()
	if len(s.failed) > 0 && trouble == nil {
		t.Errorf("processes complained: %q", s.failed)
	}
	s.failed = nil
	s.mu.Unlock()
	s.look(t)
}

// look reads what is published: never less than before.
func (s *siege) look(t *testing.T) {
	t.Helper()
	p := s.openPlace(t)
	defer p.close() //nolint:errcheck // a test's
	for _, log := range logs() {
		note, err := p.published.Read(t.Context(), auditlog.LogName(log))
		if errors.Is(err, fs.ErrNotExist) && len(s.published[log]) == 0 {
			continue
		}
		must(t, err)
		origin, size, root, err := auditlog.ReadCheckpoint(note)
		must(t, err)
		_, _, epoch, err := auditlog.ParseOrigin(origin)
		must(t, err)
		if before := s.published[log]; epoch != 1 || len(before) > 0 && size < before[len(before)-1].size {
			t.Fatalf("of the log %q %d leaves of the epoch %d are published, after %v", log, size, epoch, before)
		}
		s.published[log] = append(s.published[log], published{size, root})
	}
}

// cut ends every connection to the server.
func (s *siege) cut(t *testing.T) {
	t.Helper()
	db, err := sqldb.OpenPostgres(t.Context(), s.DSN)
	must(t, err)
	defer db.Close() //nolint:errcheck // a test's
	_, err = db.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`)
	must(t, err)
}
