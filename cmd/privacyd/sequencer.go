package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/ledger"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
)

const (
	reconcileHour = 2           // UTC
	refusalsEvery = time.Minute // how soon refusals that were only counted are written down
	optimizeEvery = 10 * time.Minute
	keysEvery     = time.Minute // how soon a change of the root key by another process is noticed
)

// openAudit opens the audit log and what signs it.
func (i *instance) openAudit(ctx context.Context, cfg config, db *sqldb.DB, tables *store.Store, keys *vault.Vault, log *slog.Logger) error {
	key, err := keys.SigningKey(ctx)
	if err != nil {
		return err
	}
	i.signer, i.public = key, key.Public().(ed25519.PublicKey)
	if err := tables.CheckSigner(ctx, i.public); err != nil {
		return err
	}
	published, err := ledger.Open(ctx, cfg.Ledger)
	if err != nil {
		return err
	}
	i.keep(published)
	i.published = published
	if i.suppression, err = published.Suppression(ctx, ledgerKey{keys}, now); err != nil {
		return err
	}
	i.sequencer = &auditlog.Sequencer{Store: tables, Signer: key, Published: published, Now: now, Log: log}
	i.audit = &auditlog.Log{Entries: waking{tables, db, i.sequencer.Wake}, Keys: keys, Trees: tables, Signer: key}
	i.sequencer.Append = i.audit.Append
	if keys.Fresh() {
		fmt.Fprintf(os.Stderr, "The audit log is signed with this key. Give it to whoever is to check the log (privacyd audit key shows it again):\n\n    %s\n\n",
			auditlog.VerifierKey(i.public, auditlog.Origin(i.public, "", 1)))
	}
	return nil
}

// waking is the store of audit entries, which wakes the sequencer when one has
// committed.
type waking struct {
	*store.Store
	db   *sqldb.DB
	wake func()
}

// Insert implements auditlog.Entries.
func (w waking) Insert(ctx context.Context, e auditlog.Entry, d []auditlog.SealedDisclosure) error {
	if err := w.Store.Insert(ctx, e, d); err != nil {
		return err
	}
	w.db.AfterCommit(ctx, w.wake)
	return nil
}

// keepAudit signs checkpoints and writes down counted refusals until the
// instance is to end. What it gives ends that: it is to be called once nothing
// more is asked of the engine. What it cannot sign then, the next process does.
func (i *instance) keepAudit(ctx context.Context) (end func()) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	log := i.engine.Log
	var parts sync.WaitGroup
	parts.Go(func() {
		if err := i.sequencer.Run(running); err != nil {
			log.ErrorContext(ctx, "the newest audit entries are not covered by a checkpoint; the next start does it", "error", err)
		}
	})
	parts.Go(func() {
		i.every(running, refusalsEvery, func(ctx context.Context) error { return i.engine.RecordRefusals(ctx, false) })
	})
	parts.Go(func() { i.every(running, optimizeEvery, i.asked.db.Optimize) })
	parts.Go(func() { i.every(running, keysEvery, i.keys.Refresh) })
	return func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalsEvery)
		defer cancel()
		if err := i.engine.RecordRefusals(last, true); err != nil {
			log.ErrorContext(last, "counted refusals could not be written into the audit log", "error", err)
		}
		stop()
		parts.Wait()
	}
}

// every does something small again and again until ctx ends.
func (i *instance) every(ctx context.Context, pause time.Duration, do func(ctx context.Context) error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := do(ctx); err != nil && ctx.Err() == nil {
				i.engine.Log.WarnContext(ctx, "upkeep failed and will be tried again", "error", err)
			}
		}
	}
}
