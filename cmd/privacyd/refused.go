package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
)

// placeRefusal is why nothing starts: something is where it may not be.
type placeRefusal struct {
	error
	name string // of the place, or of what of the configuration is there
}

// Unwrap gives the error for people.
func (r placeRefusal) Unwrap() error { return r.error }

// auditRefusal writes into the instance's audit log that nothing starts since
// something is where it may not be: where there is a log, and all that it takes
// to write it is where it may be. Of the configuration nothing else is opened.
func (h host) auditRefusal(ctx context.Context, f *folder, cfg config, refusal error, log *slog.Logger) {
	var r placeRefusal
	if !errors.As(refusal, &r) || !cfg.ownAllowed() {
		return
	}
	i := &instance{}
	used, err := f.used(ctx, cfg)
	if err == nil && used {
		err = errors.Join(h.writeRefusal(ctx, i, f, cfg, r, log), i.close())
	}
	if err != nil {
		log.ErrorContext(ctx, "a refused start could not be audited", "error", err)
	}
}

func (h host) writeRefusal(ctx context.Context, i *instance, f *folder, cfg config, r placeRefusal, log *slog.Logger) error {
	keys, err := vault.Open(ctx, vault.Options{Keys: cfg.Keys.Store, RootFile: cfg.Keys.Root, Alone: f.lock != nil})
	if err != nil {
		return err
	}
	i.keep(keys)
	db, err := openDatabase(ctx, f, cfg, keys)
	if err != nil {
		return err
	}
	i.keep(db)
	tables := store.New(db)
	if err := tables.CheckKeys(ctx, keys.Sign([]byte("privacyd database")), keys.Fresh()); err != nil {
		return err
	}
	if err := i.openAudit(ctx, cfg, db, tables, keys, log); err != nil {
		return err
	}
	i.engine = &engine.Engine{Tx: tables, Audit: i.audit, Memos: tables, Now: now, Log: log}
	return i.engine.RefuseStart(ctx, r.name, privacyd.CodeOf(r))
}

// used tells whether there is an installation, with keys and tables: a refusal
// makes none, also where folders and keys were put into place for the first
// start.
func (f *folder) used(ctx context.Context, cfg config) (bool, error) {
	if used, err := vault.Used(ctx, cfg.Keys.Store); err != nil || !used {
		return false, err
	}
	if cfg.Database == "" {
		_, err := os.Stat(f.path("privacyd.db"))
		return err == nil, nil
	}
	db, err := sqldb.OpenPostgres(ctx, cfg.Database)
	if err != nil {
		return false, err
	}
	made, err := db.Made(ctx)
	return made, errors.Join(err, db.Close())
}

// ownAllowed tells whether what the audit log is made of is where it may be.
func (c *config) ownAllowed() bool {
	uses, err := c.uses()
	if err != nil {
		return false
	}
	for _, u := range uses {
		if !slices.Contains([]string{"database", "keys.root", "keys.store", "ledger"}, u.name) {
			continue
		}
		n, err := c.at(u)
		if err != nil || n < 0 && !u.local() || n >= 0 && !c.allowed().Permit(c.Places[n].Country) {
			return false
		}
	}
	return true
}
