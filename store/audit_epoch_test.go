package store_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// site is a database that can be put back to an earlier state.
type site struct {
	open    func() *sqldb.DB
	backup  func() // of the closed database
	restore func()
}

func sites(t *testing.T, fn func(t *testing.T, s site)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, sqliteSite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, postgresSite(t)) })
}

func sqliteSite(t *testing.T) site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.db")
	copied := func(from, to string) {
		b, err := os.ReadFile(from)
		must(t, err)
		must(t, os.WriteFile(to, b, 0o600))
	}
	return site{
		open: func() *sqldb.DB {
			db, err := sqldb.OpenSQLite(t.Context(), path, sqldbtest.Key())
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			return db
		},
		backup:  func() { copied(path, path+".backup") },
		restore: func() { copied(path+".backup", path) },
	}
}

// postgresSite restores into another database, as pg_restore would.
func postgresSite(t *testing.T) site {
	t.Helper()
	admin := sqldbtest.Postgres(t)
	dsn := sqldbtest.PostgresDSN(t)
	var name string
	open := func() *sqldb.DB {
		db, err := sqldb.OpenPostgres(t.Context(), dsn)
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		must(t, db.QueryRow(t.Context(), `SELECT current_database()`).Scan(&name))
		return db
	}
	exec := func(statements ...string) {
		for _, s := range statements {
			_, err := admin.Writer().ExecContext(t.Context(), s)
			must(t, err)
		}
	}
	t.Cleanup(func() {
		_, err := admin.Writer().Exec(`DROP DATABASE IF EXISTS ` + name + `_backup WITH (FORCE)`)
		must(t, err)
	})
	return site{
		open:   open,
		backup: func() { exec(`CREATE DATABASE ` + name + `_backup TEMPLATE ` + name) },
		restore: func() {
			exec(`DROP DATABASE `+name+` WITH (FORCE)`, `CREATE DATABASE `+name+` TEMPLATE `+name+`_backup`)
		},
	}
}

// bench opens a bench on the site, as a new process would.
func (s site) bench(t *testing.T, shelf *auditlogtest.Shelf) *logBench {
	t.Helper()
	b := newLogBench(t, s.open())
	b.shelf = shelf
	b.seq = b.sequencer()
	return b
}

func (b *logBench) close(t *testing.T) {
	t.Helper()
	must(t, b.db.Close())
}

func (b *logBench) appendMany(t *testing.T, log string, n int) {
	t.Helper()
	for range n {
		b.append(t, log)
	}
}

// wantEpoch wants the first leaf of an epoch to say what was published and
// what was found, and the epoch to have so many leaves.
func (b *logBench) wantEpoch(t *testing.T, log string, epoch int, size int64, published auditlog.Head, found int64) {
	t.Helper()
	v := b.view(t, log)
	checkLog(t, v)
	heads := v.Epochs()
	if last := heads[len(heads)-1]; last.Epoch != epoch || last.Size != size {
		t.Fatalf("the log is at %d leaves of the epoch %d, want %d of %d", last.Size, last.Epoch, size, epoch)
	}
	for p, err := range v.Entries(t.Context(), epoch, 0, 1) {
		must(t, err)
		want := map[string]any{
			"actor_kind": "system", "epoch": int64(published.Epoch), "size": published.Size,
			"root": hex.EncodeToString(published.Root[:]), "found": found,
		}
		if diff := cmp.Diff(want, p.Public); p.Action != auditlog.ActionEpoch || diff != "" {
			t.Errorf("the first leaf is %s: %s", p.Action, diff)
		}
	}
}

func (b *logBench) head(t *testing.T, log string) auditlog.Head {
	t.Helper()
	heads := b.view(t, log).Epochs()
	if len(heads) == 0 {
		t.Fatalf("the log %q has no checkpoint", log)
	}
	return heads[len(heads)-1]
}

// TestRestored puts yesterday's database back, twice. What it had not
// integrated yet goes into the new epoch.
func TestRestored(t *testing.T) {
	sites(t, func(t *testing.T, s site) {
		shelf := &auditlogtest.Shelf{}
		b := s.bench(t, shelf)
		b.appendMany(t, logA, 300)
		b.appendMany(t, logB, 3)
		b.pass(t)
		b.appendMany(t, logA, 5)
		b.close(t)
		s.backup()

		b = s.bench(t, shelf)
		b.appendMany(t, logA, 50)
		b.pass(t)
		published := b.head(t, logA)
		if published.Size != 355 {
			t.Fatalf("%d leaves are published", published.Size)
		}
		b.close(t)
		s.restore()

		b = s.bench(t, shelf)
		b.appendMany(t, logA, 7)
		b.appendMany(t, logB, 1)
		b.pass(t)
		b.wantEpoch(t, logA, 2, 1+5+7, published, 300)
		if h := b.head(t, logB); h.Epoch != 1 || h.Size != 4 {
			t.Errorf("a log that lost nothing is at %d leaves of the epoch %d", h.Size, h.Epoch)
		}
		published = b.head(t, logA)
		b.close(t)
		s.restore()

		b = s.bench(t, shelf)
		b.pass(t)
		b.wantEpoch(t, logA, 3, 1+5, published, 0)
		b.close(t)

		b = s.bench(t, shelf)
		b.appendMany(t, logA, 1)
		b.pass(t)
		if h := b.head(t, logA); h.Epoch != 3 || h.Size != 7 {
			t.Errorf("after a mere restart the log is at %d leaves of the epoch %d", h.Size, h.Epoch)
		}
	})
}

// TestRestoredBeforeTheLog puts back a database from before the log's first
// entry.
func TestRestoredBeforeTheLog(t *testing.T) {
	sites(t, func(t *testing.T, s site) {
		shelf := &auditlogtest.Shelf{}
		b := s.bench(t, shelf)
		b.close(t)
		s.backup()
		b = s.bench(t, shelf)
		b.appendMany(t, logA, 2)
		b.pass(t)
		published := b.head(t, logA)
		b.close(t)
		s.restore()
		b = s.bench(t, shelf)
		b.appendMany(t, logA, 1)
		b.pass(t)
		b.wantEpoch(t, logA, 2, 2, published, 0)
	})
}

// TestAnotherHistory has another history behind a published checkpoint: shorter,
// of the same size, and longer.
func TestAnotherHistory(t *testing.T) {
	for name, size := range map[string]int{"shorter": 2, "of the same size": 3, "longer": 600} {
		t.Run(name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				first := newLogBench(t, sqldbtest.SQLite(t))
				first.appendMany(t, logA, 3)
				first.pass(t)
				b := newLogBench(t, db)
				b.appendMany(t, logA, size)
				b.pass(t)

				b.shelf.Put(logA, first.head(t, logA).Checkpoint)
				b.seq = b.sequencer()
				b.appendMany(t, logA, 2)
				b.pass(t)
				b.wantEpoch(t, logA, 2, 3, first.head(t, logA), int64(size))
			})
		})
	}
}

// TestRestoredBehindARunningNode puts the database back while a node runs that
// has seen more, before that was published.
func TestRestoredBehindARunningNode(t *testing.T) {
	sites(t, func(t *testing.T, s site) {
		shelf := &auditlogtest.Shelf{}
		b := s.bench(t, shelf)
		b.appendMany(t, logA, 2)
		b.pass(t)
		published, err := shelf.Read(t.Context(), logA)
		must(t, err)
		b.close(t)
		s.backup()
		b = s.bench(t, shelf)
		b.appendMany(t, logA, 2)
		b.pass(t)
		seen, seq := b.head(t, logA), b.seq
		b.close(t)
		s.restore()
		shelf.Put(logA, published)

		b = s.bench(t, shelf)
		seq.Store, seq.Append = b.store, b.Append
		b.seq = seq
		b.appendMany(t, logA, 1)
		b.pass(t)
		b.wantEpoch(t, logA, 2, 2, seen, 2)
	})
}

// TestNotPublished must not sign anything that it cannot compare, and goes on
// when it can.
func TestNotPublished(t *testing.T) {
	origin := auditlog.Origin(publicKey(), logA, 1)
	otherKey := ed25519.NewKeyFromSeed([]byte("another seed of thirty-two bytes"))
	forged, err := auditlog.SignCheckpoint(signingKey(), origin, 9, [32]byte{})
	must(t, err)
	forged[len(forged)-10] ^= 1
	others, err := auditlog.SignCheckpoint(otherKey, origin, 9, [32]byte{})
	must(t, err)
	foreign, err := auditlog.SignCheckpoint(signingKey(), auditlog.Origin(publicKey(), logB, 1), 9, [32]byte{})
	must(t, err)
	unreachable := errors.New("unreachable")
	for name, tc := range map[string]struct {
		note []byte
		want error
	}{
		"unreachable":       {nil, unreachable},
		"damaged":           {[]byte("?"), auditlog.ErrCheckpoint},
		"forged":            {forged, auditlog.ErrSignature},
		"another key's":     {others, auditlog.ErrOtherKey},
		"another log's":     {foreign, auditlog.ErrOrigin},
		"another product's": {[]byte("rekor/1\n9\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x y\n"), auditlog.ErrOrigin},
	} {
		t.Run(name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				b := newLogBench(t, db)
				b.append(t, logA)
				b.shelf.Put(logA, tc.note)
				if tc.note == nil {
					b.shelf.Fail(unreachable)
				}
				err := b.untilError(t)
				if heads := b.view(t, logA).Epochs(); !errors.Is(err, tc.want) || len(heads) != 0 {
					t.Fatalf("error %v, want %v; heads %v", err, tc.want, heads)
				}
				*b.shelf = auditlogtest.Shelf{}
				b.pass(t)
				if h := b.head(t, logA); h.Size != 1 || h.Epoch != 1 {
					t.Errorf("the log is at %d leaves of the epoch %d", h.Size, h.Epoch)
				}
			})
		})
	}
}

func (b *logBench) untilError(t *testing.T) error {
	t.Helper()
	for {
		if _, err := b.seq.Pass(t.Context()); err != nil {
			return err
		}
		pause(t)
	}
}

// TestKeyLost goes on with another key.
func TestKeyLost(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newLogBench(t, db)
		b.appendMany(t, logA, 4)
		b.pass(t)
		old := b.head(t, logA)
		b.seq = b.sequencer()
		key := ed25519.NewKeyFromSeed([]byte("another seed of thirty-two bytes"))
		b.seq.Signer = key
		b.appendMany(t, logA, 1)
		b.pass(t)
		h := b.head(t, logA)
		public := key.Public().(ed25519.PublicKey)
		size, _, err := auditlog.ParseCheckpoint(h.Checkpoint, public, auditlog.Origin(public, logA, 2))
		if err != nil || size != 2 || h.Epoch != 2 {
			t.Errorf("epoch %d, size %d, %v", h.Epoch, size, err)
		}
		for p, err := range b.view(t, logA).Entries(t.Context(), 2, 0, 1) {
			must(t, err)
			if p.Public["size"] != old.Size || p.Public["found"] != old.Size || p.Public["root"] != hex.EncodeToString(old.Root[:]) {
				t.Errorf("the first leaf says %v", p.Public)
			}
		}
	})
}
