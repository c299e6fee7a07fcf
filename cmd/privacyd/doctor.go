package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/ledger"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
)

// Doctor looks at every part of an installation: through the server that runs
// on the folder, or else by opening it, as far as that goes.
func (h host) Doctor(ctx context.Context, o cli.Folder) (privacyd.Diagnosis, error) {
	d := privacyd.Diagnosis{At: now(), Version: h.version}
	if _, err := os.Stat(o.Data); errors.Is(err, fs.ErrNotExist) {
		d.Checks = []privacyd.Check{privacyd.Problem("folder", "There is no data folder.", "Give the server's with --data. The first command that needs one makes it.")}
		return d, nil
	}
	f, err := openFolder(o.Data)
	if err != nil {
		return d, err
	}
	cfg, err := readConfig(o)
	if err != nil {
		return d, err
	}
	if cfg.Database == "" {
		owner, err := f.own()
		if err != nil {
			return d, err
		}
		if !owner {
			return f.askServer(ctx, o)
		}
	}
	defer f.close()
	return h.examine(ctx, f, cfg, d)
}

func (f *folder) askServer(ctx context.Context, o cli.Folder) (d privacyd.Diagnosis, err error) {
	server, err := f.toServer(ctx, o)
	if err != nil {
		return d, err
	}
	d, err = server.Client.Doctor(ctx)
	return d, errors.Join(err, server.Close(ctx))
}

// examine opens the folder, also where a restored database is to be replayed
// first. What keeps it from being opened is a finding.
func (h host) examine(ctx context.Context, f *folder, cfg config, d privacyd.Diagnosis) (privacyd.Diagnosis, error) {
	f.replaying = true
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	catchStray(log)
	i, err := h.open(ctx, f, cfg, log)
	if err != nil {
		d.Checks = append(examineOutside(f, cfg), privacyd.Problem("open", privacyd.MessageOf(err)+" ("+privacyd.CodeOf(err)+")", "Mend that first; nothing else could be looked at."))
		return d, nil
	}
	// Nothing is signed: of a restored database that would begin a new epoch.
	d, err = i.engine.Diagnose(ctx, privacyd.Caller{Kind: privacyd.CallerOperator, Name: osUser(), Door: privacyd.DoorCLI})
	return d, errors.Join(err, i.close())
}

// examineOutside looks at what lies in files, with nothing opened.
func examineOutside(f *folder, cfg config) []privacyd.Check {
	checks := append([]privacyd.Check{examineRoot(cfg.Keys.Root)}, examineDisks(f, cfg)...)
	return append(append(checks, examineFileClock(f)), examineCertificate(f, cfg)...)
}

// examiner looks at what lies under the engine.
type examiner struct {
	i         *instance
	folder    *folder
	cfg       config
	keys      *vault.Vault
	published *ledger.Ledger
}

// Examine implements engine.Examiner.
func (x examiner) Examine(ctx context.Context) []privacyd.Check {
	checks := examineOutside(x.folder, x.cfg)
	checks = append(checks, x.unlock(ctx))
	checks = append(checks, x.keyAges(ctx)...)
	checks = append(checks, x.database(ctx)...)
	checks = append(checks, x.clock(ctx), x.checkpoints(ctx))
	return append(append(checks, x.outside(ctx)...), x.endpoints(ctx)...)
}

// database finds whether the database is whole, and on PostgreSQL whether the
// server may do more than it needs.
func (x examiner) database(ctx context.Context) []privacyd.Check {
	db := x.i.asked.db
	checks := []privacyd.Check{privacyd.OK("database", "The database opens, and its tables are those of this version.")}
	if db.Dialect == sqldb.Postgres {
		return append(checks, examineRights(ctx, db))
	}
	var found string
	err := db.QueryRow(ctx, "PRAGMA quick_check(1)").Scan(&found)
	switch {
	case err != nil:
		return append(checks, privacyd.Problem("database.integrity", "The database file cannot be checked: "+privacyd.MessageOf(err), "Put it back from a backup, and run privacyd restore replay."))
	case found != "ok":
		return append(checks, privacyd.Problem("database.integrity", "The database file is damaged.", "Copy the folder, put the database back from a backup, and run privacyd restore replay."))
	}
	return append(checks, privacyd.OK("database.integrity", "The database file is whole."))
}

func examineRights(ctx context.Context, db *sqldb.DB) privacyd.Check {
	const name = "database.rights"
	over, err := store.Overreach(ctx, db)
	switch {
	case err != nil:
		return privacyd.Problem(name, "The rights of the server's role cannot be read: "+privacyd.MessageOf(err), "See whether the role may read PostgreSQL's catalogue.")
	case len(over) > 0:
		return privacyd.Warning(name, fmt.Sprintf("The server's role may do more with the audit log than add to it (%d rights): whoever takes the server over could rewrite it.", len(over)),
			"Give it a role of its own: privacyd migrate --database OWNER_DSN --grant ROLE.")
	}
	return privacyd.OK(name, "The server's role may only add to the audit log.")
}

const (
	skewNoticed = 5 * time.Second
	skewSerious = time.Minute
)

// clock compares this machine's clock with the database server's, or with what
// was written last: a clock that was put back has deadlines come late.
func (x examiner) clock(ctx context.Context) privacyd.Check {
	db := x.i.asked.db
	if db.Dialect == sqldb.Postgres {
		var micros int64
		before := now()
		if err := db.QueryRow(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").Scan(&micros); err != nil {
			return privacyd.Problem("clock", "The database's clock cannot be read: "+privacyd.MessageOf(err), "See whether the database can be reached.")
		}
		took := now().Sub(before)
		return examineSkew(sqldb.Time(micros).Sub(before.Add(took/2)), took)
	}
	var newest int64
	if err := db.QueryRow(ctx, "SELECT coalesce(max(created_at), 0) FROM jobs").Scan(&newest); err != nil {
		return privacyd.Problem("clock", "The newest time in the database cannot be read: "+privacyd.MessageOf(err), "Put the database back from a backup.")
	}
	if ahead := sqldb.Time(newest).Sub(now()); newest > 0 && ahead > skewSerious {
		return privacyd.Problem("clock", fmt.Sprintf("The database has a time that is %s in the future: the clock was put back, or was wrong.", ahead.Round(time.Second)),
			"Set the machine's clock, best by NTP. Deadlines and expiries go by it.")
	}
	return privacyd.OK("clock", "The clock is not behind what was written last.")
}

func examineSkew(skew, took time.Duration) privacyd.Check {
	if skew < 0 {
		skew = -skew
	}
	text := fmt.Sprintf("The clocks of this machine and of the database differ by %s.", skew.Round(time.Millisecond))
	const remedy = "Set both clocks by NTP. Deadlines and expiries go by this machine's."
	switch {
	case skew > skewSerious+took:
		return privacyd.Problem("clock", text, remedy)
	case skew > skewNoticed+took:
		return privacyd.Warning("clock", text, remedy)
	}
	return privacyd.OK("clock", text)
}

// logsLooked bounds how many logs are compared with what is published of them.
const logsLooked = 1000

// checkpoints compares each audit log with what is published of it outside of
// the database.
func (x examiner) checkpoints(ctx context.Context) privacyd.Check {
	const name = "audit.published"
	workspaces, err := x.i.engine.ListWorkspaces(ctx, privacyd.System("doctor"))
	if err != nil {
		return privacyd.Problem(name, "The workspaces cannot be listed: "+privacyd.MessageOf(err), "See whether the database can be used.")
	}
	logs := []string{""}
	for _, w := range workspaces[:min(len(workspaces), logsLooked)] {
		logs = append(logs, w.ID)
	}
	behind, unpublished := 0, 0
	for _, log := range logs {
		origin, size, err := x.publishedOf(ctx, log)
		if err != nil {
			return privacyd.Problem(name, "What is published of an audit log cannot be read: "+privacyd.MessageOf(err), "See whether the ledger's folder or bucket can be reached.")
		}
		switch here := x.newest(ctx, log); {
		case here.Size > 0 && origin == "":
			unpublished++
		case origin == here.Origin && size > here.Size, origin != "" && here.Size == 0:
			behind++
		}
	}
	switch {
	case behind > 0:
		return privacyd.Problem(name, fmt.Sprintf("%d audit logs are shorter than what is published of them: the database was restored from a backup, or entries were cut off.", behind),
			"If it was restored, go on: a new epoch says what is lost. If not, somebody has changed the database: privacyd audit verify says more.")
	case unpublished > 0:
		return privacyd.Warning(name, fmt.Sprintf("Of %d audit logs no checkpoint is published outside of the database.", unpublished),
			"It happens within seconds of the first entry while a server runs; else see whether the ledger can be written to.")
	}
	return privacyd.OK(name, fmt.Sprintf("What is published of %d audit logs is in them.", len(logs)))
}

// publishedOf gives the origin and size of what is published of a log; an empty
// origin: nothing is.
func (x examiner) publishedOf(ctx context.Context, log string) (origin string, size int64, err error) {
	note, err := x.published.Read(ctx, auditlog.LogName(log))
	if errors.Is(err, fs.ErrNotExist) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	origin, size, _, err = auditlog.ReadCheckpoint(note)
	return origin, size, err
}

// newest is the head of a log's newest epoch; empty before its first
// checkpoint.
func (x examiner) newest(ctx context.Context, log string) auditlog.Head {
	view, err := x.i.engine.Audit.View(ctx, log)
	if err != nil {
		return auditlog.Head{}
	}
	heads := view.Epochs()
	if len(heads) == 0 {
		return auditlog.Head{}
	}
	return heads[len(heads)-1]
}
