package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/ledger"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/work/local"
)

// site is a new database with keys, a log and a sequencer, as the binary wires
// them, and with the tables of the actions.
type site struct {
	name       string
	dir        string
	db         *sqldb.DB
	store      *store.Store
	keys       *vault.Vault
	key        ed25519.PrivateKey
	log        *auditlog.Log
	chain      auditlog.Log // the same log, whose entries are chained as well
	published  *ledger.Ledger
	sequencing *sqldb.DB // the sequencer's own handle where its share can be told so; else db
	wake       func()    // the sequencer that runs; nil: none does
	closers    []func() error
}

// openSite opens a new site in a folder.
type openSite func(ctx context.Context, b *bench) (*site, error)

func sqliteSite(ctx context.Context, b *bench) (*site, error) {
	return newSite(ctx, b, "SQLite", func(s *site) error {
		var err error
		s.db, err = sqldb.OpenSQLite(ctx, filepath.Join(s.dir, "privacyd.db"), s.keys.DatabaseKey())
		s.sequencing = s.db
		return err
	})
}

func postgresSite(ctx context.Context, b *bench) (*site, error) {
	return newSite(ctx, b, "PostgreSQL", func(s *site) error {
		dsn, err := s.createDatabase(ctx, b.postgres)
		if err != nil {
			return err
		}
		if s.db, err = sqldb.OpenPostgres(ctx, dsn); err != nil {
			return err
		}
		if s.sequencing, err = sqldb.OpenPostgres(ctx, dsn); err != nil {
			return err
		}
		s.sequencing.Writer().SetMaxOpenConns(1)
		s.onClose(s.sequencing)
		return nil
	})
}

func newSite(ctx context.Context, b *bench, name string, open func(s *site) error) (s *site, err error) {
	s = &site{name: name}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open a new %s: %w", name, err), s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp(b.dir, "site-*"); err != nil {
		return s, err
	}
	s.closers = append(s.closers, func() error { return os.RemoveAll(s.dir) })
	s.keys, err = vault.Open(ctx, vault.Options{Keys: filepath.Join(s.dir, "keys"), RootFile: filepath.Join(s.dir, "root.key")})
	if err != nil {
		return s, err
	}
	s.onClose(s.keys)
	if err := open(s); err != nil {
		return s, err
	}
	s.onClose(s.db)
	if s.published, err = ledger.Open(ctx, filepath.Join(s.dir, "ledger")); err != nil {
		return s, err
	}
	s.onClose(s.published)
	if s.key, err = s.keys.SigningKey(ctx); err != nil {
		return s, err
	}
	s.store = store.New(s.db)
	s.log = &auditlog.Log{Entries: waking{s.store, s}, Keys: s.keys, Trees: s.store, Signer: s.key}
	s.chain.Entries, s.chain.Keys = chainEntries{s.store, s.db}, s.keys
	return s, s.migrate(ctx)
}

func (s *site) migrate(ctx context.Context) error {
	for _, m := range []func(context.Context, *sqldb.DB) error{store.Migrate, local.Migrate} {
		if err := m(ctx, s.db); err != nil {
			return err
		}
	}
	for _, statement := range tables() {
		if _, err := s.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the tables of actions: %w", err)
		}
	}
	store.Guard(s.db)
	return heads(ctx, s.db)
}

// waking wakes the sequencer upon each commit, as the server does.
type waking struct {
	*store.Store
	site *site
}

// Insert implements auditlog.Entries.
func (w waking) Insert(ctx context.Context, e auditlog.Entry, d []auditlog.SealedDisclosure) error {
	if err := w.Store.Insert(ctx, e, d); err != nil {
		return err
	}
	if w.site.wake != nil {
		w.site.db.AfterCommit(ctx, w.site.wake)
	}
	return nil
}

// sequencer is the site's, on its own handle.
func (s *site) sequencer() *auditlog.Sequencer {
	tables := store.New(s.sequencing)
	log := &auditlog.Log{Entries: tables, Keys: s.keys, Trees: tables}
	return &auditlog.Sequencer{Store: tables, Signer: s.key, Published: s.published, Append: log.Append}
}

// createDatabase makes a database on the server at dsn, dropped at the end.
func (s *site) createDatabase(ctx context.Context, dsn string) (string, error) {
	server, err := sqldb.OpenPostgres(ctx, dsn)
	if err != nil {
		return "", err
	}
	s.onClose(server)
	random := make([]byte, 8)
	_, _ = rand.Read(random) // it never fails
	name := "audit_" + hex.EncodeToString(random)
	if _, err := server.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	s.closers = append(s.closers, func() error {
		_, err := server.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		return err
	})
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("read the server's address: %w", err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

func (s *site) onClose(c io.Closer) { s.closers = append(s.closers, c.Close) }

func (s *site) close() error {
	var err error
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return err
}
