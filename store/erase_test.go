package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store"
)

// jobIn adds a job with an id to a workspace; without one it is an account's.
func jobIn(t *testing.T, s *store.Store, workspaceID, id string, change func(*privacyd.Job)) *privacyd.Job {
	t.Helper()
	j := &privacyd.Job{
		ID: id, WorkspaceID: workspaceID, Type: privacyd.JobSubjectDeletion, State: privacyd.JobQueued, RequestedBy: "operator",
		Progress: privacyd.Progress{Unit: "records"}, CreatedAt: at,
	}
	if change != nil {
		change(j)
	}
	must(t, s.InsertJob(t.Context(), j, auditID))
	return j
}

func ids(jobs []*privacyd.Job) (list []string) {
	for _, j := range jobs {
		list = append(list, j.ID)
	}
	return list
}

func TestErasureJobs(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		later := at.Add(time.Hour)
		job := jobIn(t, s, w.ID, "01", func(j *privacyd.Job) {
			j.Subject, j.SubjectRef, j.SubjectSealed = &privacyd.Subject{Kind: "contact", ID: "c1"}, "ref", []byte{1, 2}
			j.State, j.WaitingOn, j.Before, j.PlanHash = privacyd.JobPendingApproval, privacyd.WaitConfirmation, &later, "h"
		})
		job.State, job.WaitingOn, job.ConfirmedBy, job.ConfirmedAt, job.ApprovedBy = privacyd.JobScheduled, "", "ann", &at, "ben"
		job.ExecuteAfter, job.RemindAt, job.PlanHash = &later, &later, "h2"
		job.Result = &privacyd.JobResult{Changed: map[string]int64{"comments": 1}, FilesDeadline: &later, ReceiptID: "r"}
		must(t, s.UpdateJob(ctx, job, auditID))
		got, err := s.Job(ctx, job.ID)
		must(t, err)
		job.Subject.ID = "" // it is sealed
		if diff := cmp.Diff(job, got); diff != "" {
			t.Error(diff)
		}
		pending, err := s.PendingJob(ctx, job)
		must(t, err)
		if pending == nil || pending.ID != job.ID {
			t.Error("asking again makes another job")
		}
		other := *job
		other.Before = nil
		if pending, err = s.PendingJob(ctx, &other); err != nil || pending != nil {
			t.Errorf("another date gives the same job: %v, %v", pending, err)
		}
		for when, want := range map[time.Time]int{at: 0, later: 1} {
			due, err := s.DueReminders(ctx, when)
			must(t, err)
			if len(due) != want {
				t.Errorf("%d reminders at %s", len(due), when)
			}
		}
	})
}

func TestJobsOfAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		own := jobIn(t, s, "", "01", func(j *privacyd.Job) { j.Type, j.SubjectRef = privacyd.JobAccountDeletion, "ref" })
		jobIn(t, s, w.ID, "02", func(j *privacyd.Job) { j.Type, j.SubjectRef = privacyd.JobAccountDeletion, "ref" })
		pending, err := s.PendingJob(ctx, own)
		must(t, err)
		if pending == nil || pending.ID != "01" || pending.WorkspaceID != "" {
			t.Errorf("%+v", pending)
		}
		must(t, s.InsertJobKey(ctx, "an account", []byte{1}, "01", at))
		if j, err := s.JobByKey(ctx, "an account", []byte{1}); err != nil || j == nil || j.ID != "01" {
			t.Error(j, err)
		}
		must(t, s.InsertExportFile(ctx, privacyd.ExportFile{JobID: "01", CreatedAt: at, ExpiresAt: at}, auditID))
		if f, err := s.ExportFile(ctx, "01"); err != nil || f.WorkspaceID != "" {
			t.Error(f, err)
		}
		for ws, want := range map[string][]string{"": {"01", "02"}, w.ID: {"02"}} {
			jobs, err := s.UnfinishedJobs(ctx, ws)
			must(t, err)
			if diff := cmp.Diff(want, ids(jobs)); diff != "" {
				t.Errorf("unfinished in %q: %s", ws, diff)
			}
		}
	})
}

func TestSubjectsInTheClearAreSealed(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		clear := func(j *privacyd.Job) { j.Subject = &privacyd.Subject{Kind: "contact", ID: "c1"} }
		old := jobIn(t, s, w.ID, "01", clear)
		jobIn(t, s, w.ID, "02", nil)
		jobIn(t, s, w.ID, "03", clear)
		asked := *old
		asked.SubjectRef = "ref"
		if pending, err := s.PendingJob(ctx, &asked); err != nil || pending == nil || pending.Subject.ID != "c1" {
			t.Error("a job from before is not found:", pending, err)
		}
		jobs, err := s.PlainJobs(ctx, 10)
		must(t, err)
		if diff := cmp.Diff([]string{"01", "03"}, ids(jobs)); diff != "" {
			t.Error(diff)
		}
		must(t, s.SealJob(ctx, "01", "ref", []byte{1}))
		must(t, s.SealJob(ctx, "03", "", nil))
		if jobs, err = s.PlainJobs(ctx, 10); err != nil || len(jobs) > 0 {
			t.Error(jobs, err)
		}
		of, err := s.JobsOf(ctx, "ref")
		must(t, err)
		if len(of) != 1 || of[0].Subject.ID != "" || len(of[0].SubjectSealed) != 1 {
			t.Errorf("%+v", of)
		}
		if none, err := s.JobsOf(ctx, ""); err != nil || len(none) > 0 {
			t.Error("jobs of nobody:", none, err)
		}
	})
}

func TestForgetSubject(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		for i, ref := range []string{"gone", "gone", "other"} {
			jobIn(t, s, w.ID, fmt.Sprint(i), func(j *privacyd.Job) {
				j.Subject, j.SubjectRef, j.SubjectSealed = &privacyd.Subject{Kind: "contact"}, ref, []byte{1}
			})
			must(t, s.KeepRow(ctx, privacyd.KeptRow{WorkspaceID: w.ID, Ref: ref, Sealed: []byte{1}, KeptAt: at}, auditID))
		}
		released := hold(w.ID, "h1", privacyd.HoldSubject, "gone")
		must(t, s.InsertHold(ctx, released, auditID))
		released.ReleasedAt = &at
		must(t, s.ReleaseHold(ctx, released, auditID))
		must(t, s.InsertHold(ctx, hold(w.ID, "h2", privacyd.HoldSubject, "gone"), auditID))
		refs := []string{"gone"}
		for i := range 1100 { // more than one statement takes
			refs = append(refs, fmt.Sprint("row", i))
		}
		must(t, s.ForgetSubject(ctx, workspace(t, s, "elsewhere").ID, refs))
		if j, err := s.Job(ctx, "1"); err != nil || j.SubjectRef != "gone" {
			t.Errorf("a job of another workspace: %+v, %v", j, err)
		}
		must(t, s.ForgetSubject(ctx, w.ID, refs))
		j, err := s.Job(ctx, "1")
		must(t, err)
		if j.SubjectRef != "" || j.SubjectSealed != nil || j.Subject.Kind != "contact" {
			t.Errorf("%+v", j)
		}
		if j, err = s.Job(ctx, "2"); err != nil || j.SubjectRef != "other" {
			t.Error(j, err)
		}
		holds, err := s.Holds(ctx, w.ID, "", 10)
		must(t, err)
		if len(holds) != 1 || holds[0].ID != "h2" {
			t.Errorf("%v", holds)
		}
		if kept, err := s.KeptRows(ctx, w.ID, "", 10); err != nil || len(kept) != 1 || kept[0].Ref != "other" {
			t.Error(kept, err)
		}
	})
}

func TestForgetAccount(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w, a, b := workspace(t, s, "acme"), account(t, s, "a@example.com"), account(t, s, "b@example.com")
		jobIn(t, s, w.ID, "01", func(j *privacyd.Job) { j.RequestedBy, j.ConfirmedBy, j.ApprovedBy = a.ID, b.ID, a.ID })
		for i, who := range []string{a.ID, b.ID} {
			must(t, s.InsertSession(ctx, privacyd.Session{ID: who, AccountID: who, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}, []byte{byte(i)}, nil, auditID))
			must(t, s.InsertToken(ctx, privacyd.Token{ID: who, WorkspaceID: w.ID, CreatedBy: who, CreatedAt: at}, []byte{byte(i)}, auditID))
			must(t, s.PutPlan(ctx, privacyd.StoredPlan{Scope: w.ID, Hash: "h", ShownTo: who, Sealed: []byte{1}, MadeAt: at, ExpiresAt: at.Add(time.Hour)}))
			must(t, s.InsertPolicy(ctx, privacyd.Policy{WorkspaceID: w.ID, Version: i, From: at, SetBy: who}, auditID))
		}
		must(t, s.LeaveAccount(ctx, a.ID, "01", auditID))
		must(t, s.ForgetAccount(ctx, a.ID, "somebody"))
		j, err := s.Job(ctx, "01")
		must(t, err)
		if j.RequestedBy != "somebody" || j.ConfirmedBy != b.ID || j.ApprovedBy != "somebody" {
			t.Errorf("%+v", j)
		}
		_, err = s.Session(ctx, []byte{0}, at)
		wantCode(t, err, "session_unknown")
		_, err = s.Session(ctx, []byte{1}, at)
		must(t, err)
		_, err = s.Token(ctx, []byte{0})
		wantCode(t, err, "token_unknown")
		_, err = s.Token(ctx, []byte{1})
		must(t, err)
		_, err = s.Plan(ctx, w.ID, "h", a.ID, at)
		wantCode(t, err, "plan_not_found")
		versions, err := s.Policies(ctx, w.ID)
		must(t, err)
		if len(versions) != 2 || versions[0].SetBy != "somebody" || versions[1].SetBy != b.ID {
			t.Errorf("%v", versions)
		}
	})
}

func TestAccountInGrace(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a := account(t, s, "a@example.com")
		jobIn(t, s, "", "01", nil)
		want := func(state privacyd.AccountState, job string) {
			t.Helper()
			if got, id, err := s.AccountState(ctx, a.ID); err != nil || got != state || id != job {
				t.Error(got, id, err)
			}
		}
		want(privacyd.AccountActive, "")
		must(t, s.InsertSession(ctx, privacyd.Session{ID: "s", AccountID: a.ID, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}, []byte{1}, nil, auditID))
		must(t, s.InsertSignInLink(ctx, []byte{2}, a.ID, at.Add(time.Hour), auditID))
		must(t, s.LeaveAccount(ctx, a.ID, "01", auditID))
		must(t, s.LeaveAccount(ctx, a.ID, "01", auditID))
		want(privacyd.AccountLeaving, "01")
		_, err := s.Session(ctx, []byte{1}, at)
		wantCode(t, err, "session_unknown")
		err = s.InTx(ctx, func(ctx context.Context) error {
			_, err := s.TakeSignInLink(ctx, []byte{2}, at)
			return err
		})
		wantCode(t, err, "sign_in_link_invalid")
		must(t, s.StayAccount(ctx, a.ID))
		want(privacyd.AccountActive, "")
	})
}

func TestWorkspaceSettingsAndState(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		jobIn(t, s, w.ID, "01", nil)
		check := func(want privacyd.Settings, state privacyd.WorkspaceState, job string) {
			t.Helper()
			settings, err := s.Settings(ctx, w.ID)
			must(t, err)
			if diff := cmp.Diff(want, settings); diff != "" {
				t.Error(diff)
			}
			if got, id, err := s.WorkspaceState(ctx, w.ID); err != nil || got != state || id != job {
				t.Error(got, id, err)
			}
		}
		check(privacyd.DefaultSettings(), privacyd.WorkspaceActive, "")
		must(t, s.SetWorkspaceState(ctx, w.ID, privacyd.WorkspaceReadOnly, "01", auditID))
		check(privacyd.DefaultSettings(), privacyd.WorkspaceReadOnly, "01")
		changed := privacyd.Settings{TimeZone: "Europe/Berlin", RetentionHour: 4, RetentionBrake: 50, Approval: true, AllowedCountries: []string{"EEA"}}
		must(t, s.PutSettings(ctx, w.ID, changed, auditID))
		check(changed, privacyd.WorkspaceReadOnly, "01")
		must(t, s.SetWorkspaceState(ctx, w.ID, privacyd.WorkspaceActive, "", auditID))
		check(changed, privacyd.WorkspaceActive, "")
	})
}

func TestClearWorkspace(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w, other, a := workspace(t, s, "acme"), workspace(t, s, "beta"), account(t, s, "a@example.com")
		for _, ws := range []string{w.ID, other.ID} {
			must(t, s.InsertMember(ctx, privacyd.Member{WorkspaceID: ws, AccountID: a.ID, Role: privacyd.RoleAdmin, CreatedAt: at}, auditID))
			must(t, s.InsertToken(ctx, privacyd.Token{ID: ws, WorkspaceID: ws, CreatedAt: at}, []byte(ws), auditID))
			must(t, s.InsertHold(ctx, hold(ws, "h"+ws, privacyd.HoldWorkspace, "w"), auditID))
			must(t, s.InsertPolicy(ctx, privacyd.Policy{WorkspaceID: ws, Version: 1, From: at}, auditID))
			must(t, s.KeepRow(ctx, privacyd.KeptRow{WorkspaceID: ws, Ref: "r", Sealed: []byte{1}, KeptAt: at}, auditID))
			must(t, s.PutPlan(ctx, privacyd.StoredPlan{Scope: ws, Hash: "h", Sealed: []byte{1}, MadeAt: at, ExpiresAt: at.Add(time.Hour)}))
			must(t, s.PutSettings(ctx, ws, privacyd.Settings{TimeZone: "Europe/Berlin", AllowedCountries: []string{"DE"}}, auditID))
			jobIn(t, s, ws, "job of "+ws, func(j *privacyd.Job) {
				j.Subject, j.SubjectRef, j.SubjectSealed = &privacyd.Subject{Kind: "contact"}, "ref", []byte{1}
			})
			must(t, s.InsertJobKey(ctx, ws, []byte{1}, "job of "+ws, at))
			must(t, s.InsertReviewItems(ctx, "job of "+ws, []privacyd.ReviewItem{{N: 1, Sealed: []byte{1}}}))
		}
		must(t, s.ClearWorkspace(ctx, w.ID, "job of "+w.ID, auditID))
		must(t, s.ClearWorkspace(ctx, w.ID, "job of "+w.ID, auditID))
		if got, want := traces(t, s, w.ID), "holds 0 policies 0 kept 0 plans 0 refs 0 review 0 keys 0 token 0 member 0 zone UTC in DE"; got != want {
			t.Errorf("of the cleared one: %s, want %s", got, want)
		}
		if got, want := traces(t, s, other.ID), "holds 1 policies 1 kept 1 plans 1 refs 1 review 1 keys 1 token 1 member 1 zone Europe/Berlin in DE"; got != want {
			t.Errorf("of the other one: %s, want %s", got, want)
		}
		gone, err := s.Workspace(ctx, w.ID)
		must(t, err)
		if gone.Name != "" || !privacyd.ValidSlug(gone.Slug) && gone.Slug != "deleted-"+w.ID || len(gone.DatasetKeys) > 0 {
			t.Errorf("%+v", gone)
		}
		if state, job, err := s.WorkspaceState(ctx, w.ID); err != nil || state != privacyd.WorkspaceDeleted || job != "job of "+w.ID {
			t.Error(state, job, err)
		}
		if all, err := s.Workspaces(ctx, ""); err != nil || len(all) != 1 || all[0].ID != other.ID {
			t.Error(all, err)
		}
		again := privacyd.Workspace{ID: "new", Slug: "acme", DatasetKeys: map[string]string{"app": "key-acme"}, CreatedAt: at}
		must(t, s.InsertWorkspace(ctx, again, auditID))
	})
}

// traces counts what is left of a workspace.
func traces(t *testing.T, s *store.Store, ws string) string {
	t.Helper()
	ctx := t.Context()
	one := func(n int, err error) int { must(t, err); return n }
	found := func(err error) int {
		if err != nil {
			return 0
		}
		return 1
	}
	holds, err := s.Holds(ctx, ws, "", 9)
	h := one(len(holds), err)
	policies, err := s.Policies(ctx, ws)
	p := one(len(policies), err)
	kept, err := s.KeptRows(ctx, ws, "", 9)
	k := one(len(kept), err)
	_, planErr := s.Plan(ctx, ws, "h", "", at)
	of, err := s.JobsOf(ctx, "ref")
	of = slices.DeleteFunc(of, func(j *privacyd.Job) bool { return j.WorkspaceID != ws })
	r := one(len(of), err)
	review, err := s.ReviewItems(ctx, "job of "+ws, 0, 9)
	v := one(len(review), err)
	key, err := s.JobByKey(ctx, ws, []byte{1})
	must(t, err)
	keys := 0
	if key != nil {
		keys = 1
	}
	_, tokenErr := s.Token(ctx, []byte(ws))
	_, memberErr := s.MemberRole(ctx, ws, "id-a@example.com")
	settings, err := s.Settings(ctx, ws)
	must(t, err)
	return fmt.Sprintf("holds %d policies %d kept %d plans %d refs %d review %d keys %d token %d member %d zone %s in %s",
		h, p, k, found(planErr), r, v, keys, found(tokenErr), found(memberErr), settings.TimeZone, settings.AllowedCountries)
}
