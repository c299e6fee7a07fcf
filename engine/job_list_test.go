package engine_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestFindJobs(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w, other := t.Context(), b.NewWorkspace("acme"), b.NewWorkspace("globex")
		ask := func(r engine.NewJob) *privacyd.Job {
			job, _, err := b.CreateJob(ctx, enginetest.Operator, r)
			b.Must(err)
			return job
		}
		export := ask(engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		person := ask(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: aContact("c-006")})
		waits := ask(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("c-006")})
		ask(engine.NewJob{Workspace: other.ID, Type: privacyd.JobDataExport})
		for name, c := range map[string]struct {
			filter privacyd.JobFilter
			want   []*privacyd.Job
		}{
			"all":           {privacyd.JobFilter{}, []*privacyd.Job{waits, person, export}},
			"one":           {privacyd.JobFilter{Limit: 1}, []*privacyd.Job{waits}},
			"older":         {privacyd.JobFilter{Before: waits.ID}, []*privacyd.Job{person, export}},
			"exports":       {privacyd.JobFilter{Types: []privacyd.JobType{privacyd.JobDataExport, privacyd.JobSubjectExport}}, []*privacyd.Job{person, export}},
			"by state":      {privacyd.JobFilter{States: []privacyd.JobState{privacyd.JobPendingApproval}}, []*privacyd.Job{waits}},
			"by plan":       {privacyd.JobFilter{PlanHash: waits.PlanHash}, []*privacyd.Job{waits}},
			"another state": {privacyd.JobFilter{States: []privacyd.JobState{privacyd.JobFailed}}, nil},
		} {
			list, err := b.FindJobs(ctx, b.Member(privacyd.RoleAgent, w), w.ID, c.filter)
			b.Must(err)
			if len(list) != len(c.want) {
				t.Errorf("%s: %d jobs, want %d", name, len(list), len(c.want))
				continue
			}
			for i, job := range list {
				if job.ID != c.want[i].ID || (job.Subject != nil && job.Subject.ID != "c-006") {
					t.Errorf("%s: %+v", name, job)
				}
			}
		}
		_, err := b.FindJobs(ctx, b.Member(privacyd.RoleAuditor, w), w.ID, privacyd.JobFilter{})
		b.WantCode(err, "role_missing")
		_, err = b.FindJobs(ctx, b.Member(privacyd.RoleAdmin, other), w.ID, privacyd.JobFilter{})
		b.WantCode(err, "workspace_not_found")
	})
}

func TestNameToType(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		_, err := b.PutRecord(ctx, admin, w.ID, "contacts", "nameless", []byte(`{"id":"nameless"}`))
		b.Must(err)
		for id, want := range map[string]string{"c-006": "Elif Yılmaz", "nameless": "nameless"} {
			name, err := b.NameToType(ctx, admin, w.ID, privacyd.JobSubjectDeletion, aContact(id))
			b.Must(err)
			if name != want {
				t.Errorf("the name of %s is %q, want %q", id, name, want)
			}
		}
		if name, err := b.NameToType(ctx, admin, w.ID, privacyd.JobWorkspaceDeletion, nil); err != nil || name != w.Name {
			t.Errorf("the workspace's name is %q, %v", name, err)
		}
		_, err = b.NameToType(ctx, admin, w.ID, privacyd.JobSubjectDeletion, aContact("nobody"))
		b.WantCode(err, "subject_not_found")
		_, err = b.NameToType(ctx, b.Member(privacyd.RoleAgent, w), w.ID, privacyd.JobSubjectDeletion, aContact("c-006"))
		b.WantCode(err, "role_missing")
		_, err = b.NameToType(ctx, admin, w.ID, privacyd.JobDataExport, nil)
		b.WantCode(err, "job_type_unknown")
	})
}

func TestClosing(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		closing := func(role privacyd.Role) *privacyd.Job {
			job, err := b.Closing(ctx, b.Member(role, w), w.ID)
			b.Must(err)
			return job
		}
		if closing(privacyd.RoleAdmin) != nil {
			t.Error("a workspace is closing that nobody deletes")
		}
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion}
		plan, err := b.PreviewJob(ctx, enginetest.Operator, r)
		b.Must(err)
		r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		job, _, err := b.CreateJob(ctx, enginetest.Operator, r)
		b.Must(err)
		if seen := closing(privacyd.RoleAuditor); seen == nil || seen.ID != job.ID || seen.ExecuteAfter == nil {
			t.Errorf("an auditor sees %+v", seen)
		}
		_, err = b.CancelJob(ctx, b.Member(privacyd.RoleAdmin, w), w.ID, job.ID)
		b.Must(err)
		if closing(privacyd.RoleAgent) != nil {
			t.Error("a workspace is closing whose deletion was cancelled")
		}
	})
}
