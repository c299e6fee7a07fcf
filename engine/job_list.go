package engine

import (
	"context"

	"github.com/privacyd/privacyd"
)

// FindJobs lists a workspace's jobs that a filter lets through, newest first
// if not sorted otherwise. Admins and agents. Code cursor_invalid.
func (e *Engine) FindJobs(ctx context.Context, c privacyd.Caller, workspace string, f privacyd.JobFilter) ([]*privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadJobs)
	if err != nil {
		return nil, err
	}
	if f.Limit <= 0 || f.Limit > maxPage {
		f.Limit = 50
	}
	jobs, err := e.Lookup.FindJobs(ctx, g.Workspace.ID, f)
	if err != nil {
		return nil, err
	}
	for i := range jobs {
		if jobs[i], err = e.withSubject(ctx, jobs[i], nil); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// PendingDeletion gives the deletion of a person that waits or runs, and nil
// while there is none. Whoever may see jobs.
func (e *Engine) PendingDeletion(ctx context.Context, c privacyd.Caller, workspace string, s privacyd.Subject) (*privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadJobs)
	if err != nil {
		return nil, err
	}
	job, err := e.Lookup.PendingJob(ctx, &privacyd.Job{
		WorkspaceID: g.Workspace.ID, Type: privacyd.JobSubjectDeletion, Subject: &s, SubjectRef: e.reference(ownerOf(g.Workspace.ID, s)),
	})
	return e.withSubject(ctx, job, err)
}

// Closing gives the deletion that a workspace is waiting for in its grace
// period, and nil while there is none. Every member may know.
func (e *Engine) Closing(ctx context.Context, c privacyd.Caller, workspace string) (*privacyd.Job, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return nil, err
	}
	state, jobID, err := e.States.WorkspaceState(ctx, g.Workspace.ID)
	if err != nil || state != privacyd.WorkspaceReadOnly || jobID == "" {
		return nil, err
	}
	return e.Jobs.Job(ctx, jobID)
}

// NameToType is what a person types to confirm an erasure: the name of whom or
// what goes; the id of a person without a name. Who may ask for the erasure.
// Codes job_type_unknown, subject_not_found.
func (e *Engine) NameToType(ctx context.Context, c privacyd.Caller, workspace string, t privacyd.JobType, s *privacyd.Subject) (string, error) {
	rules, ok := t.Rules()
	if !ok || !rules.Erases || rules.Own || rules.System {
		return "", errNoPlan()
	}
	g, err := e.authorise(ctx, c, workspace, rules.Action)
	if err != nil {
		return "", err
	}
	if s != nil {
		if err := e.findSubject(ctx, g.Workspace, *s); err != nil {
			return "", err
		}
	}
	return e.nameOf(ctx, &privacyd.Job{Type: t, Subject: s}, g.Workspace)
}
