package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkAnnounce is the kind of work that tells admins of a change of
// sub-processors; the key is its id and version, with a slash between them.
const WorkAnnounce = "announce"

const announceBatch = 50 // workspaces in one transaction

// SubProcessors keeps the register of sub-processors.
type SubProcessors interface {
	InsertSubProcessor(ctx context.Context, p privacyd.SubProcessor, auditID string) error
	SubProcessors(ctx context.Context) ([]privacyd.SubProcessor, error)
	ToldOf(ctx context.Context, id string, version, limit int) ([]privacyd.Workspace, error)
	TellOf(ctx context.Context, id string, version int, upTo string) error
	InsertObjection(ctx context.Context, o privacyd.Objection, auditID string) (added bool, err error)
	Objections(ctx context.Context, workspaceID string) ([]privacyd.Objection, error)
}

// NewSubProcessor asks for a new sub-processor, or for a new version of one.
type NewSubProcessor struct {
	privacyd.SubProcessor
	Engaged bool // it is engaged already: the register begins after the fact, and nobody could be told before
}

// Register tells which sub-processors there are, will be and were. It is
// public: anybody may.
func (e *Engine) Register(ctx context.Context) ([]privacyd.Register, error) {
	versions, err := e.Processors.SubProcessors(ctx)
	return privacyd.Registers(versions, e.Now()), err
}

// SetSubProcessor adds a version to the register and has the admins of every
// workspace told. The operator. From has to be 30 days ahead, and is so when it
// is zero. Codes: those of SubProcessor.Valid, sub_processor_not_found,
// notice_too_short, sub_processor_engaged. Audit: subprocessor.set.
func (e *Engine) SetSubProcessor(ctx context.Context, c privacyd.Caller, n NewSubProcessor) (p privacyd.SubProcessor, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageSubProcessors); err != nil {
		return p, err
	}
	p = n.SubProcessor
	if err := p.Valid(); err != nil {
		return p, err
	}
	p.AnnouncedAt = e.Now()
	if p.From.IsZero() {
		p.From = p.AnnouncedAt.Add(privacyd.NoticeOfChange)
	}
	return p, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := e.numberVersion(ctx, &p, n.Engaged); err != nil {
			return err
		}
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			Caller: c, Action: "subprocessor.set", Outcome: privacyd.OutcomeDone,
			Target: privacyd.Target{Type: "sub_processor", ID: p.ID, Name: p.Name}, Changes: subProcessorChanges(p),
		})
		if err != nil {
			return err
		}
		if err := e.Processors.InsertSubProcessor(ctx, p, auditID); err != nil {
			return err
		}
		return e.Queue.Enqueue(ctx, work.Item{Kind: WorkAnnounce, Key: p.ID + "/" + strconv.Itoa(p.Version), At: e.Now()})
	})
}

// numberVersion gives a version its number and checks that it is announced in
// time. Ending one needs no notice.
func (e *Engine) numberVersion(ctx context.Context, p *privacyd.SubProcessor, engaged bool) error {
	all, err := e.Processors.SubProcessors(ctx)
	if err != nil {
		return err
	}
	if p.ID == "" {
		if p.ID, err = newID(); err != nil {
			return err
		}
	} else if !slices.ContainsFunc(all, func(o privacyd.SubProcessor) bool { return o.ID == p.ID }) {
		return privacyd.Errorf(privacyd.ClassNotFound, "sub_processor_not_found", "There is no such sub-processor. List them to see their ids.")
	}
	p.Version = 1
	for _, o := range all {
		if o.ID == p.ID && o.Version >= p.Version {
			p.Version = o.Version + 1
		}
	}
	switch {
	case engaged && p.Version == 1 && p.From.After(p.AnnouncedAt):
		return privacyd.Errorf(privacyd.ClassInvalid, "sub_processor_engaged", "It cannot be engaged already and begin later. Give the day since when it is engaged.")
	case engaged && p.Version > 1:
		return privacyd.Errorf(privacyd.ClassInvalid, "sub_processor_engaged", "Only a sub-processor that the register did not have can be engaged already.")
	case p.Ended && p.From.Before(p.AnnouncedAt.Add(-time.Minute)):
		return privacyd.Errorf(privacyd.ClassInvalid, "notice_too_short", "An end cannot lie in the past: whoever reads the register was told something else then. Leave the day out for today.")
	case !engaged && !p.Ended && p.From.Before(p.AnnouncedAt.Add(privacyd.NoticeOfChange)):
		return privacyd.Errorf(privacyd.ClassInvalid, "notice_too_short",
			"A change of sub-processors is announced 30 days ahead: it can take effect on %s at the earliest.", privacyd.DayWords(p.AnnouncedAt.Add(privacyd.NoticeOfChange)))
	}
	return nil
}

// subProcessorChanges are for the audit log; nothing of it is personal.
func subProcessorChanges(p privacyd.SubProcessor) map[string]privacyd.Change {
	return map[string]privacyd.Change{
		"version": {After: p.Version}, "name": {After: p.Name}, "purpose": {After: p.Purpose}, "country": {After: p.Country},
		"categories": {After: p.Categories}, "transfer_basis": {After: p.Basis}, "from": {After: p.From}, "ended": {After: p.Ended},
	}
}

// RunAnnounce is the handler of WorkAnnounce. Nobody is told twice: whom it has
// told commits with the mails.
func (e *Engine) RunAnnounce(ctx context.Context, key string, lease work.Lease) error {
	id, number, _ := strings.Cut(key, "/")
	version, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	all, err := e.Processors.SubProcessors(ctx)
	if err != nil {
		return err
	}
	n := slices.IndexFunc(all, func(p privacyd.SubProcessor) bool { return p.ID == id && p.Version == version })
	if n < 0 {
		return nil
	}
	for more := true; more && err == nil; {
		more, err = e.announceSome(ctx, all[n], lease)
	}
	return err
}

func (e *Engine) announceSome(ctx context.Context, p privacyd.SubProcessor, lease work.Lease) (more bool, err error) {
	return more, e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		next, err := e.Processors.ToldOf(ctx, p.ID, p.Version, announceBatch)
		if more = len(next) > 0; err != nil || !more {
			return err
		}
		for _, w := range next {
			err := e.notify(ctx, notice{Role: privacyd.RoleAdmin, Mail: privacyd.Mail{
				Kind: privacyd.MailSubProcessor, WorkspaceID: w.ID, Workspace: w.Name, Processor: p.Name, Change: changeOf(p), At: &p.From,
				Path: workspacePage(w) + "/residency",
			}}, "")
			if err != nil {
				return err
			}
		}
		return e.Processors.TellOf(ctx, p.ID, p.Version, next[len(next)-1].ID)
	})
}

func changeOf(p privacyd.SubProcessor) string {
	switch {
	case p.Ended:
		return privacyd.SubProcessorEnded
	case p.Version == 1:
		return privacyd.SubProcessorNew
	default:
		return privacyd.SubProcessorChanged
	}
}

// ObjectTo objects, for a workspace, to what a sub-processor will be, or is.
// Objecting again is fine. Admins. Code sub_processor_not_found. Audit:
// subprocessor.objection.
func (e *Engine) ObjectTo(ctx context.Context, c privacyd.Caller, workspace, id string) (o privacyd.Objection, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionObject)
	if err != nil {
		return o, err
	}
	registers, err := e.Register(ctx)
	if err != nil {
		return o, err
	}
	n := slices.IndexFunc(registers, func(r privacyd.Register) bool { return r.History[0].ID == id })
	if n < 0 || registers[n].History[0].Ended {
		return o, privacyd.Errorf(privacyd.ClassNotFound, "sub_processor_not_found", "There is no such sub-processor, or it is engaged no more.")
	}
	p := registers[n].History[0]
	o = privacyd.Objection{WorkspaceID: g.Workspace.ID, SubProcessor: p.ID, Version: p.Version, By: c.ID(), At: e.Now()}
	return o, e.Tx.InTx(ctx, func(ctx context.Context) error {
		auditID, err := e.record(ctx, privacyd.AuditEvent{
			WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: string(privacyd.ActionObject), Outcome: privacyd.OutcomeDone,
			Target:  privacyd.Target{Type: "sub_processor", ID: p.ID, Name: p.Name},
			Changes: map[string]privacyd.Change{"version": {After: p.Version}},
		})
		if err != nil {
			return err
		}
		added, err := e.Processors.InsertObjection(ctx, o, auditID)
		if err != nil || !added {
			return err
		}
		return e.tellOperator(ctx, privacyd.Mail{
			Kind: privacyd.MailObjection, WorkspaceID: g.Workspace.ID, Workspace: g.Workspace.Name, Processor: p.Name, At: &o.At,
		})
	})
}

// Objections lists a workspace's objections. Members.
func (e *Engine) Objections(ctx context.Context, c privacyd.Caller, workspace string) ([]privacyd.Objection, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return nil, err
	}
	return e.Processors.Objections(ctx, g.Workspace.ID)
}

// AllObjections lists those of every workspace. The operator.
func (e *Engine) AllObjections(ctx context.Context, c privacyd.Caller) ([]privacyd.Objection, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageSubProcessors); err != nil {
		return nil, err
	}
	return e.Processors.Objections(ctx, "")
}
