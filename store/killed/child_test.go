package killed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/ledger"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
)

// child tells the test binary, in this variable, to be a process that gets
// killed.
const child = "PRIVACYD_TEST_KILLED"

func TestMain(m *testing.M) {
	if text := os.Getenv(child); text != "" {
		if err := live(context.Background(), text); err != nil {
			say(complaint, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// life is what such a process does until it is killed.
type life struct {
	Folder     string // holds keys, ledger and, without a DSN, the database
	DSN        string
	Writers    int
	Sequencers int
	Room       int64 // the most bytes that a file may have until a line comes on standard input; 0: no limit
}

// place is an open database with its keys and published checkpoints.
type place struct {
	db        *sqldb.DB
	store     *store.Store
	keys      *vault.Vault
	published *ledger.Ledger
	log       *auditlog.Log
}

func (l life) open(ctx context.Context) (*place, error) {
	p := &place{}
	var err error
	if l.DSN != "" {
		p.db, err = sqldb.OpenPostgres(ctx, l.DSN)
	} else {
		p.db, err = sqldb.OpenSQLite(ctx, filepath.Join(l.Folder, "a.db"), sqldbtest.Key())
	}
	if err != nil {
		return nil, err
	}
	p.keys, err = vault.Open(ctx, vault.Options{Keys: filepath.Join(l.Folder, "keys"), Root: make([]byte, vault.RootSize)})
	if err != nil {
		return nil, err
	}
	if p.published, err = ledger.Open(ctx, filepath.Join(l.Folder, "ledger")); err != nil {
		return nil, err
	}
	p.store = store.New(p.db)
	p.log = &auditlog.Log{Entries: p.store, Keys: p.keys, Trees: p.store}
	return p, nil
}

func (p *place) close() error {
	return errors.Join(p.db.Close(), p.keys.Close(), p.published.Close())
}

func (p *place) sequencer(ctx context.Context) (*auditlog.Sequencer, error) {
	key, err := p.keys.SigningKey(ctx)
	if err != nil {
		return nil, err
	}
	return &auditlog.Sequencer{Store: p.store, Signer: key, Published: p.published, Append: p.log.Append}, nil
}

// live writes and sequences for ever, and says on standard output what it saw
// committed.
func live(ctx context.Context, text string) error {
	var l life
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return err
	}
	p, err := l.open(ctx)
	if err != nil {
		return err
	}
	store.Guard(p.db)
	var all sync.WaitGroup
	for range l.Sequencers {
		seq, err := p.sequencer(ctx)
		if err != nil {
			return err
		}
		seq.Every, seq.PublishEvery = 3*time.Millisecond, 5*time.Millisecond
		all.Go(func() { say(complaint, "a sequencer ended:", seq.Run(ctx)) })
	}
	if l.Room > 0 {
		if err := makeRoomLater(l.Room); err != nil {
			return err
		}
	}
	say("ready")
	for range l.Writers {
		all.Go(func() { p.write(ctx) })
	}
	all.Wait()
	return nil
}

// makeRoomLater lets no file grow beyond room, as on a disk that is full, until
// somebody says so.
func makeRoomLater(room int64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	full := limit
	full.Cur = uint64(room)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		return err
	}
	go func() {
		_, _ = io.ReadFull(os.Stdin, make([]byte, 1))
		say("room", syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	}()
	return nil
}

// say writes a line at once, so that it is there or not.
func say(words ...any) { _, _ = os.Stdout.WriteString(fmt.Sprintln(words...)) }

var errUndone = errors.New("undone")

// logs are those that are written to; the instance's is one of them.
func logs() []string {
	return []string{"", "0190a1b2-0000-7000-8000-00000000000a", "0190a1b2-0000-7000-8000-00000000000b"}
}

// What processes say of the ids that follow.
const (
	committed = "+"
	undone    = "-"
	complaint = "!"
)

// write runs transactions of one to three acts, of which every fifth is rolled
// back, and says what became of them.
func (p *place) write(ctx context.Context) {
	for {
		log, n, undo := logs()[rand.IntN(3)], 1+rand.IntN(3), rand.IntN(5) == 0
		var ids []string
		err := p.db.InTx(ctx, func(ctx context.Context) error {
			for range n {
				id, err := p.act(ctx, log)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			if undo {
				return errUndone
			}
			return nil
		})
		switch {
		case errors.Is(err, errUndone):
			say(undone, strings.Join(ids, " "))
		case err != nil:
			say(complaint, privacyd.CodeOf(err), err)
			time.Sleep(time.Millisecond) // the others shall get something done
		default:
			say(committed, strings.Join(ids, " "))
		}
	}
}

// act writes something with its entry, which discloses something of two
// people.
func (p *place) act(ctx context.Context, log string) (string, error) {
	who := auditlog.Owner{Kind: "account", ID: fmt.Sprint(rand.IntN(20))}
	id, err := p.log.Append(ctx, auditlog.Record{
		Log: log, Action: "test.done", Outcome: "done", At: time.Now(),
		Private: []auditlog.Claim{
			{Name: "actor", Value: "Ben Schneider", Owner: who},
			{Name: "target_id", Value: fmt.Sprint(rand.IntN(1000)), Owner: auditlog.Owner{Log: log}},
		},
	})
	if err != nil {
		return "", err
	}
	_, err = p.db.Exec(ctx, "INSERT INTO acts (audit_entry_id, log) VALUES ($1, $2)", id, log)
	return id, err
}
