package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/work"
)

// WorkForgotten is the kind of work that looks after erasures from the audit
// logs: daily, and some minutes after each.
const WorkForgotten = "forgotten"

const (
	forgetAtOnce    = 1000                   // persons
	eraseAtOnce     = 30_000                 // disclosures in one transaction at most
	eraseAtFirst    = 12_000                 // fewer write almost as many pages: a person's lie all over the index
	eraseBudget     = 200 * time.Millisecond // for one such transaction
	harvestAtOnce   = 50_000
	forgetRetry     = 2 * time.Second
	lateAfter       = 2 * time.Minute // by then no process knows a destroyed key
	abandonedAfter  = 5 * time.Minute // by then an erasure is not just slow: its process died
	rememberErasure = 7 * 24 * time.Hour
)

// forgetting is whom forget erases, and for whom.
type forgetting struct {
	Caller    privacyd.Caller
	Role      privacyd.Role // of the caller in the workspace, where it has one
	Workspace string        // whose log tells of it, and which knows the subjects; empty: the instance
	Subjects  []privacyd.Subject
	Owners    []string                        // persons of whom only the reference of the key is known
	Guard     func(ctx context.Context) error // called in each transaction; nil: not
}

// forget erases persons from every audit log: it destroys their keys and
// deletes what the logs disclosed of them, so that their entries are the same
// as before but say nothing of them any more. Many persons at once take far
// less time than one after the other.
//
// Whoever is erased from one workspace and lives on in others (an account)
// keeps the key, or nothing that they do would be known any more: what the
// log of that workspace disclosed of them is deleted, and no other log touched.
// Whoever is erased for the instance is erased whole.
//
// It goes step by step, and calling it again after it failed or its process
// died goes on and ends the same: an entry that says that it begins; the keys
// are destroyed, and never made again; the disclosures are deleted in batches,
// each with an entry in each log concerned that says between which entries they
// lay; SQLite's own log is cut; an entry says that it is done. What other
// processes write meanwhile RunForgotten finds.
//
// A work.RetryError says that there is something to wait for, which may take
// as long as an export: entries that are in no tree yet, or a reader of the
// database as it was. Audit: audit.erase (intent and done), audit.erased.
func (e *Engine) forget(ctx context.Context, f forgetting) error {
	owners := slices.Clone(f.Owners)
	for _, s := range f.Subjects {
		owners = append(owners, e.reference(ownerOf(f.Workspace, s)))
	}
	slices.Sort(owners)
	owners = slices.Compact(owners)
	here := e.reference(scopeOwner(f.Workspace)) + "/"
	if f.Workspace == "" {
		here = ""
	}
	elsewhere := slices.DeleteFunc(slices.Clone(owners), func(o string) bool { return strings.HasPrefix(o, here) })
	owners = slices.DeleteFunc(owners, func(o string) bool { return !strings.HasPrefix(o, here) })
	for some := range slices.Chunk(owners, forgetAtOnce) {
		if err := e.eraseOwners(ctx, f, some, false); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(elsewhere, forgetAtOnce) {
		err := e.deleteAll(ctx, f, func() ([]auditlog.Disclosed, error) {
			return e.Disclosed.DisclosuresIn(ctx, f.Workspace, some, harvestAtOnce)
		})
		if err != nil {
			return err
		}
	}
	return e.endErasures(ctx, f, owners)
}

// eraseOwners does all but the end. Those who were done before are not begun
// again, unless it is anew; but that their keys are gone is made sure of.
func (e *Engine) eraseOwners(ctx context.Context, f forgetting, owners []string, anew bool) error {
	if err := e.beginErasures(ctx, f, owners, anew); err != nil {
		return err
	}
	if err := e.Keys.ShredFor(ctx, owners...); err != nil {
		return fmt.Errorf("erase from the audit log: %w", err)
	}
	return e.deleteAll(ctx, f, func() ([]auditlog.Disclosed, error) { return e.Disclosed.Disclosures(ctx, owners, harvestAtOnce) })
}

// deleteAll deletes disclosures until none is found.
func (e *Engine) deleteAll(ctx context.Context, f forgetting, find func() ([]auditlog.Disclosed, error)) error {
	for {
		found, err := find()
		if err != nil || len(found) == 0 {
			return err
		}
		gone, err := e.eraseDisclosures(ctx, f, found)
		if err != nil {
			return err
		}
		waiting := slices.IndexFunc(found, func(d auditlog.Disclosed) bool { return !d.Placed })
		if gone > 0 || waiting < 0 {
			continue
		}
		if err := e.awaitTree(ctx, found[waiting].EntryID); err != nil {
			return err
		}
	}
}

func (e *Engine) beginErasures(ctx context.Context, f forgetting, owners []string, anew bool) error {
	return e.guarded(ctx, f, func(ctx context.Context) error {
		known, err := e.Erasures.Erasures(ctx, owners)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(owners), func(o string) bool {
			return slices.ContainsFunc(known, func(k privacyd.AuditErasure) bool { return k.Owner == o && !(anew && k.Done) })
		})
		if len(fresh) == 0 {
			return nil
		}
		intent, err := e.recordErasure(ctx, f, privacyd.OutcomeIntent, len(fresh))
		if err != nil {
			return err
		}
		return e.Erasures.BeginErasures(ctx, fresh, intent, e.Now())
	})
}

func (e *Engine) recordErasure(ctx context.Context, f forgetting, o privacyd.Outcome, persons int) (string, error) {
	return e.record(ctx, privacyd.AuditEvent{
		WorkspaceID: f.Workspace, Caller: f.Caller, Role: f.Role, Action: "audit.erase", Outcome: o,
		Facts: map[string]int64{"persons": int64(persons)},
	})
}

func (e *Engine) guarded(ctx context.Context, f forgetting, fn func(ctx context.Context) error) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if f.Guard != nil {
			if err := f.Guard(ctx); err != nil {
				return err
			}
		}
		return fn(ctx)
	})
}

// eraseDisclosures deletes disclosures of entries that are in a tree, in
// batches that hold up others for no longer than their budget, each together
// with the entries that explain their absence.
func (e *Engine) eraseDisclosures(ctx context.Context, f forgetting, found []auditlog.Disclosed) (entries int, err error) {
	for size := eraseAtFirst; len(found) > 0; {
		some := found[:min(size, len(found))]
		found = found[len(some):]
		start := e.Now()
		err := e.guarded(ctx, f, func(ctx context.Context) error {
			gone, err := e.Disclosed.EraseDisclosures(ctx, some)
			if err != nil {
				return err
			}
			entries += len(gone)
			return e.recordErased(ctx, gone)
		})
		if err != nil {
			return entries, err
		}
		switch took := e.Now().Sub(start); {
		case took > eraseBudget:
			size = max(size/2, 1)
		case took < eraseBudget/2:
			size = min(size*2, eraseAtOnce)
		}
	}
	return entries, nil
}

func (e *Engine) recordErased(ctx context.Context, gone []auditlog.Gone) error {
	logs := map[string]*auditlog.Erasure{}
	for _, g := range gone {
		if logs[g.Log] == nil {
			logs[g.Log] = &auditlog.Erasure{}
		}
		logs[g.Log].Add(g)
	}
	for _, log := range slices.Sorted(maps.Keys(logs)) {
		for _, public := range logs[log].Public() {
			public[auditlog.PublicActorKind] = string(privacyd.CallerSystem)
			_, err := e.Audit.Append(ctx, auditlog.Record{
				Log: log, Action: auditlog.ActionErased, Outcome: string(privacyd.OutcomeDone), At: e.Now(), Public: public,
			})
			if err != nil {
				return fmt.Errorf("append audit entry: %w", err)
			}
		}
	}
	return nil
}

// awaitTree waits until an entry has its place in a tree: only then can it be
// said where disclosures are missing.
func (e *Engine) awaitTree(ctx context.Context, entry string) error {
	waiting, cancel := context.WithTimeout(ctx, e.SettleFor)
	defer cancel()
	err := e.Sequencer.Wait(waiting, entry)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, auditlog.ErrPending), waiting.Err() != nil:
		return work.Retry(forgetRetry, nil)
	default:
		return fmt.Errorf("wait for an audit entry's place: %w", err)
	}
}

// endErasures says that owners are erased, once no file of the database has
// what was deleted.
func (e *Engine) endErasures(ctx context.Context, f forgetting, owners []string) error {
	if err := e.truncateLog(ctx); err != nil {
		return err
	}
	for some := range slices.Chunk(owners, forgetAtOnce) {
		err := e.guarded(ctx, f, func(ctx context.Context) error {
			// Also here: a forgetting that had to wait, or whose process died, ends later.
			if err := e.Disclosed.ForgetKnown(ctx, some); err != nil {
				return err
			}
			ended, err := e.Erasures.EndErasures(ctx, some, e.Now())
			if err != nil || ended == 0 {
				return err
			}
			entry, err := e.recordErasure(ctx, f, privacyd.OutcomeDone, int(ended))
			if err != nil {
				return err
			}
			return e.Queue.Enqueue(ctx, work.Item{Kind: WorkForgotten, Key: entry, At: e.Now().Add(lateAfter)})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// truncateLog cuts SQLite's own log, which has pages as they were; a
// work.RetryError says that somebody still reads them.
func (e *Engine) truncateLog(ctx context.Context) error {
	done, err := e.Erasures.TruncateLog(ctx)
	if err == nil && !done {
		return work.Retry(forgetRetry, nil)
	}
	return err
}

// RunForgotten is the handler of WorkForgotten: it goes on with erasures that
// a process left when it died, and deletes what other processes have disclosed
// of erased persons, whose keys they knew for up to a minute longer. Visitors
// of long ago it forgets. Audit: audit.erase, audit.erased.
func (e *Engine) RunForgotten(ctx context.Context, _ string, lease work.Lease) error {
	f := forgetting{Caller: privacyd.System("erasure"), Guard: lease.Check}
	open := func() ([]privacyd.AuditErasure, error) {
		return e.Erasures.OpenErasures(ctx, e.Now().Add(-abandonedAfter), forgetAtOnce)
	}
	late := func() ([]privacyd.AuditErasure, error) { return e.Erasures.LateErasures(ctx, forgetAtOnce) }
	for _, find := range []func() ([]privacyd.AuditErasure, error){open, late} {
		for {
			found, err := find()
			if err != nil {
				return err
			}
			if len(found) == 0 {
				break
			}
			if err := e.resumeErasures(ctx, f, found); err != nil {
				return err
			}
		}
	}
	if err := e.Erasures.DropErasures(ctx, e.Now().Add(-rememberErasure)); err != nil {
		return err
	}
	return e.forgetVisitors(ctx, lease)
}

// resumeErasures erases persons of whom nothing but the reference is known any
// more.
func (e *Engine) resumeErasures(ctx context.Context, f forgetting, found []privacyd.AuditErasure) error {
	logs := map[string][]string{}
	for _, a := range found {
		logs[a.Log] = append(logs[a.Log], a.Owner)
	}
	for _, log := range slices.Sorted(maps.Keys(logs)) {
		f.Workspace = log
		if err := e.eraseOwners(ctx, f, logs[log], true); err != nil {
			return err
		}
		if err := e.endErasures(ctx, f, logs[log]); err != nil {
			return err
		}
	}
	return nil
}
