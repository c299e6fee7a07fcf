package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/ledger"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/work"
	"github.com/privacyd/privacyd/work/local"
)

const (
	exportLife = 7 * 24 * time.Hour
	purgeHour  = 3 // UTC
	sweepHour  = 4 // UTC
)

// instance is everything that runs: opened in order, closed in reverse.
type instance struct {
	engine    *engine.Engine
	runner    *local.Runner
	asked     *askedQueue
	audit     *auditlog.Log
	sequencer *auditlog.Sequencer
	signer    ed25519.PrivateKey // signs checkpoints and receipts
	public    ed25519.PublicKey  // of that key
	closers   []io.Closer

	keys        *vault.Vault
	published   *ledger.Ledger
	suppression *ledger.Suppression
	listening   listening
}

// listening is where the server is reached; empty in a command.
type listening struct {
	address net.Addr
	tls     *tls.Config
}

func (i *instance) keep(c io.Closer) { i.closers = append(i.closers, c) }

func (i *instance) close() error {
	var err error
	for n := len(i.closers) - 1; n >= 0; n-- {
		err = errors.Join(err, i.closers[n].Close())
	}
	return err
}

// open opens keys, database, files and datasets and wires the engine.
func (h host) open(ctx context.Context, f *folder, cfg config, log *slog.Logger) (*instance, error) {
	i := &instance{}
	if err := h.wire(ctx, i, f, cfg, log); err != nil {
		return nil, errors.Join(err, i.close())
	}
	return i, nil
}

func (h host) wire(ctx context.Context, i *instance, f *folder, cfg config, log *slog.Logger) error {
	if err := f.checkWhole(cfg); err != nil {
		return err
	}
	places, err := cfg.places()
	if err != nil {
		h.auditRefusal(ctx, f, cfg, err, log)
		return err
	}
	keys, err := vault.Open(ctx, vault.Options{Keys: cfg.Keys.Store, RootFile: cfg.Keys.Root, Alone: f.lock != nil})
	if err != nil {
		return err
	}
	i.keep(keys)
	i.keys = keys
	db, err := openDatabase(ctx, f, cfg, keys)
	if err != nil {
		return err
	}
	i.keep(db)
	files, err := blob.Open(ctx, cfg.Blobs.Exports, keys)
	if err != nil {
		return err
	}
	i.keep(files)
	i.runner = local.New(db, local.Options{
		Logger: log,
		OnDead: func(ctx context.Context, kind, key string, err error) error {
			return i.engine.GiveUp(ctx, kind, key, err)
		},
	})
	i.asked = &askedQueue{Queue: i.runner, db: db, keys: make(chan string, 8)}
	tables := store.New(db)
	if err := tables.CheckKeys(ctx, keys.Sign([]byte("privacyd database")), keys.Fresh()); err != nil {
		return err
	}
	if err := i.openAudit(ctx, cfg, db, tables, keys, log); err != nil {
		return err
	}
	mailing, err := cfg.mailing()
	if err != nil {
		return err
	}
	providers, err := cfg.providers()
	if err != nil {
		return err
	}
	spool := vault.NewSpool(f.path("tmp"))
	i.engine = &engine.Engine{
		Tx: tables, Accounts: tables, Workspaces: tables, Sessions: tables, Jobs: tables, Lookup: tables, Exports: tables,
		Audit: i.audit, AuditKeys: tables, Sequencer: i.sequencer, PublicKey: i.public, SettleFor: cfg.Audit.wait, Visitors: cfg.Audit.visitors,
		Erasures: tables, Disclosed: tables, Keys: keys, Queue: i.asked, Blobs: blobs{files}, Signer: keys,
		Plans: tables, Holds: tables, Approvals: tables, Retention: tables, Receipts: tables, ReceiptKey: i.signer,
		Purges: tables, Reviews: tables, Runs: tables, Own: tables, States: tables, SoleAdmins: tables, Troubles: tables, Plain: tables, Suppression: i.suppression, Grace: cfg.grace,
		Spool: func() (archive.Spool, error) { return spool() },
		Now:   now, Log: log, Version: h.version, ExportLife: exportLife,
		Legal:      cfg.legal(tables),
		Processors: tables, Places: places, Allowed: cfg.allowed(), Egress: engine.Egress{Providers: providers, Counts: tables},
		People: tables, Secrets: keys, Mailing: mailing, Notices: tables, Memos: tables,
	}
	if len(cfg.Datasets) == 0 {
		i.engine.Records = embedded{files: files, Store: &records.Store{
			DB: db, Blobs: files, Authors: authors{i}, Now: i.engine.Now,
			Spool: func() (records.Spool, error) { return spool() },
		}}
	}
	i.engine.Ring, i.engine.Described = placedKeys{keys, cfg}, describer{i: i, folder: f, cfg: cfg, keys: keys}
	i.engine.Examiner = examiner{i: i, folder: f, cfg: cfg, keys: keys, published: i.published}
	i.engine.Surveyor = surveyor{cfg.buckets()}
	if err := i.openDatasets(ctx, cfg, db, files); err != nil {
		return err
	}
	if err := i.engine.AllowStart(ctx); err != nil {
		return err
	}
	if err := i.survey(ctx, f); err != nil {
		return err
	}
	return i.start(ctx, f, files)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func openDatabase(ctx context.Context, f *folder, cfg config, keys *vault.Vault) (*sqldb.DB, error) {
	var db *sqldb.DB
	var err error
	if cfg.Database == "" {
		db, err = sqldb.OpenSQLite(ctx, f.path("privacyd.db"), keys.DatabaseKey())
	} else {
		db, err = sqldb.OpenPostgres(ctx, cfg.Database)
	}
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	store.Guard(db)
	return db, nil
}

func migrate(ctx context.Context, db *sqldb.DB) error {
	for _, m := range []func(context.Context, *sqldb.DB) error{store.Migrate, local.Migrate, records.Migrate} {
		if err := m(ctx, db); err != nil {
			return err
		}
	}
	return nil
}

// start takes over what a process left that died, and tells the runner whom to
// call.
func (i *instance) start(ctx context.Context, f *folder, files *blob.Store) error {
	i.runner.Handle(engine.WorkExport, i.engine.RunExport, 2)
	i.runner.Handle(engine.WorkExpire, i.engine.RunExpire, 1)
	i.runner.Handle(engine.WorkSweep, i.engine.RunSweep, 1)
	i.runner.Handle(engine.WorkReconcile, i.engine.RunReconcile, 1)
	i.runner.Handle(engine.WorkForgotten, i.engine.RunForgotten, 1)
	i.runner.Handle(engine.WorkErase, i.engine.RunErasure, 2)
	i.runner.Handle(engine.WorkFiles, i.engine.RunFiles, 1)
	i.runner.Handle(engine.WorkReceipt, i.engine.RunReceipt, 1)
	i.runner.Handle(engine.WorkRetention, i.engine.RunRetention, 1)
	i.runner.Handle(engine.WorkKeys, i.engine.RunKeys, 1)
	i.handleMails()
	for _, d := range []work.Daily{
		{Kind: engine.WorkSweep, Key: "exports", Hour: sweepHour},
		{Kind: engine.WorkReconcile, Key: "audit", Hour: reconcileHour},
		{Kind: engine.WorkForgotten, Key: "audit", Hour: reconcileHour},
	} {
		if err := i.runner.Daily(ctx, d); err != nil {
			return err
		}
	}
	if i.engine.Records != nil {
		i.runner.Handle(engine.WorkPurge, i.purge(files), 1)
		if err := i.runner.Daily(ctx, work.Daily{Kind: engine.WorkPurge, Key: "embedded", Hour: purgeHour}); err != nil {
			return err
		}
	}
	if err := i.checkDeletions(ctx, f); err != nil {
		return err
	}
	if err := i.engine.ResumeKeys(ctx, f.lock != nil); err != nil {
		return fmt.Errorf("go on with a change of keys: %w", err)
	}
	if err := files.Clean(ctx); err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	if f.lock == nil {
		return nil // other nodes may be at work: their leases end by themselves, and the sweep does the rest
	}
	if err := i.runner.Recover(ctx); err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	if err := deleteUploads(ctx, i.engine, files); err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	return i.engine.Recover(ctx)
}

// purge deletes what an upload or import left behind, besides the files that
// no record names.
func (i *instance) purge(files *blob.Store) work.Handler {
	return func(ctx context.Context, key string, lease work.Lease) error {
		if err := deleteUploads(ctx, i.engine, files); err != nil {
			return err
		}
		return i.engine.RunPurge(ctx, key, lease)
	}
}

// blobs is a blob.Store as engine sees it.
type blobs struct{ *blob.Store }

func (b blobs) Create(ctx context.Context, workspace, key string) (engine.BlobWriter, error) {
	w, err := b.Store.Create(ctx, workspace, key)
	if err != nil {
		return nil, err
	}
	return blobWriter{w}, nil
}

func (b blobs) Open(ctx context.Context, workspace, key string) (engine.Blob, error) {
	r, err := b.Store.Open(ctx, workspace, key)
	if err != nil {
		return nil, err
	}
	return r, nil
}

type blobWriter struct{ *blob.Writer }

func (w blobWriter) Commit() (int64, string, error) {
	info, err := w.Writer.Commit()
	return info.Size, info.SHA256, err
}
