package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store"
)

func TestReceipts(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		jobIn(t, s, w.ID, "01", nil)
		jobIn(t, s, "", "02", nil)
		issue := func(id string, n int, job, ws string) privacyd.StoredReceipt {
			r := privacyd.StoredReceipt{ID: id, Issue: n, JobID: job, WorkspaceID: ws, Operation: "b", Deleted: 1, File: []byte(id + job), IssuedAt: at}
			must(t, s.InsertReceipt(ctx, r, auditID))
			return r
		}
		issue("r1", 1, "01", w.ID)
		second := issue("r1", 2, "01", w.ID)
		newer := issue("r2", 1, "01", w.ID)
		issue("r3", 1, "02", "")
		got, err := s.Receipt(ctx, "r1")
		must(t, err)
		if diff := cmp.Diff(second, got); diff != "" {
			t.Error(diff)
		}
		if got, err = s.ReceiptOfJob(ctx, "02"); err != nil || got.ID != "r3" {
			t.Error(got, err)
		}
		_, err = s.Receipt(ctx, "none")
		wantCode(t, err, "receipt_not_found")
		_, err = s.ReceiptOfJob(ctx, "none")
		wantCode(t, err, "receipt_not_found")
		must(t, s.InsertReceipt(ctx, privacyd.StoredReceipt{ID: "r0", Issue: 1, JobID: "01", WorkspaceID: w.ID, Operation: "a", Deleted: 9, File: []byte("x"), IssuedAt: at}, auditID))
		page, err := s.ReceiptsPage(ctx, w.ID, privacyd.PageQuery{Limit: 2})
		must(t, err)
		if diff := cmp.Diff([]privacyd.StoredReceipt{newer, second}, page.Items); diff != "" {
			t.Error(diff)
		}
		for order, want := range map[string]string{"": "r2 r1 r0", "ended": "r0 r1 r2", "kind": "r0 r1 r2", "-kind": "r2 r1 r0", "-deleted": "r0 r2 r1", "deleted": "r1 r2 r0"} {
			got := everyPage(t, order, func(q privacyd.PageQuery) (privacyd.Page[privacyd.StoredReceipt], error) {
				return s.ReceiptsPage(ctx, w.ID, q)
			},
				func(r privacyd.StoredReceipt) string { return r.ID })
			if got != want+" of 0" {
				t.Errorf("by %q: %s, want %s", order, got, want)
			}
		}
	})
}

func TestApprovals(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		jobIn(t, s, workspace(t, s, "acme").ID, "01", nil)
		yes := privacyd.Approval{JobID: "01", PlanHash: "h", DecidedBy: "ann", Approved: true, At: at}
		no := privacyd.Approval{JobID: "01", PlanHash: "h2", DecidedBy: "ben", At: at}
		must(t, s.InsertApproval(ctx, yes, auditID))
		must(t, s.InsertApproval(ctx, no, auditID))
		again := yes
		again.DecidedBy, again.Approved = "ben", false
		must(t, s.InsertApproval(ctx, again, auditID))
		got, err := s.Approvals(ctx, "01")
		must(t, err)
		if diff := cmp.Diff([]privacyd.Approval{again, no}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReviewItems(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		jobIn(t, s, workspace(t, s, "acme").ID, "01", nil)
		items := []privacyd.ReviewItem{{JobID: "01", N: 1, Sealed: []byte{1}}, {JobID: "01", N: 2, Sealed: []byte{2}}, {JobID: "01", N: 3, Sealed: []byte{3}}}
		must(t, s.InsertReviewItems(ctx, "01", items))
		must(t, s.InsertReviewItems(ctx, "01", items[:1]))
		got, err := s.ReviewItems(ctx, "01", 1, 1)
		must(t, err)
		if diff := cmp.Diff(items[1:2], got); diff != "" {
			t.Error(diff)
		}
		must(t, s.DeleteReviewItem(ctx, "01", 2))
		if got, err = s.ReviewItems(ctx, "01", 0, 10); err != nil || len(got) != 2 || got[1].N != 3 {
			t.Error(got, err)
		}
		must(t, s.DeleteReviewItem(ctx, "01", 0))
		if got, err = s.ReviewItems(ctx, "01", 0, 10); err != nil || len(got) > 0 {
			t.Error(got, err)
		}
	})
}

// TestWorkspaceReviewItems reads the lists of all jobs of one workspace, a page
// at a time.
func TestWorkspaceReviewItems(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, w, other := t.Context(), workspace(t, s, "acme"), workspace(t, s, "beta")
		for id, ws := range map[string]string{"01": w.ID, "02": w.ID, "03": other.ID} {
			jobIn(t, s, ws, id, nil)
			must(t, s.InsertReviewItems(ctx, id, []privacyd.ReviewItem{{N: 1, Sealed: []byte{1}}, {N: 2, Sealed: []byte{2}}}))
		}
		var got []string
		for last := (privacyd.ReviewItem{}); ; {
			page, err := s.WorkspaceReviewItems(ctx, w.ID, last, 3)
			must(t, err)
			if len(page) == 0 {
				break
			}
			last = page[len(page)-1]
			for _, i := range page {
				got = append(got, fmt.Sprint(i.JobID, " ", i.N, i.Sealed))
			}
		}
		if diff := cmp.Diff([]string{"01 1 [1]", "01 2 [2]", "02 1 [1]", "02 2 [2]"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestErasureSequence(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		want := func(n int64) {
			t.Helper()
			if got, _, err := s.ErasureSequence(ctx); err != nil || got != n {
				t.Errorf("sequence %d, %v; want %d", got, err, n)
			}
		}
		want(0)
		for _, n := range []int64{7, 9, 8, 7} {
			must(t, s.RecordErasure(ctx, n, "01", at))
		}
		want(9)
		for n, want := range map[int64]bool{6: false, 7: true, 8: true, 10: false} {
			if known, err := s.KnowsErasure(ctx, n); err != nil || known != want {
				t.Error(n, known, err)
			}
		}
		must(t, s.BeginReplay(ctx, 8, "01", "02", at))
		want(7)
		if job, err := s.ReplayOf(ctx, 8); err != nil || job != "02" {
			t.Error(job, err)
		}
		must(t, s.EndReplay(ctx, "02"))
		want(9)
		if err := s.RecordErasure(ctx, 9, "another", at); privacyd.CodeOf(err) != "ledger_damaged" {
			t.Errorf("a number that was given twice: %v", err)
		}
	})
}

func TestExportsWith(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w, other := workspace(t, s, "acme"), workspace(t, s, "beta")
		export := func(ws, id string, kind privacyd.JobType, ref string) {
			jobIn(t, s, ws, id, func(j *privacyd.Job) { j.Type, j.SubjectRef = kind, ref })
			must(t, s.InsertExportFile(ctx, privacyd.ExportFile{JobID: id, WorkspaceID: ws, CreatedAt: at, ExpiresAt: at}, auditID))
		}
		export(w.ID, "1", privacyd.JobDataExport, "")
		export(w.ID, "2", privacyd.JobSubjectExport, "ann")
		export(w.ID, "3", privacyd.JobSubjectExport, "ben")
		export(other.ID, "4", privacyd.JobDataExport, "")
		export("", "5", privacyd.JobSubjectExport, "ann")
		jobIn(t, s, w.ID, "6", func(j *privacyd.Job) { j.Type = privacyd.JobDataExport })
		for _, c := range []struct{ workspaces, want []string }{
			{[]string{w.ID}, []string{"1", "2", "5"}}, {[]string{w.ID, other.ID}, []string{"1", "4", "2", "5"}}, {nil, []string{"2", "5"}},
		} {
			jobs, err := s.ExportsWith(ctx, c.workspaces, []string{"ann"})
			must(t, err)
			if diff := cmp.Diff(c.want, ids(jobs)); diff != "" {
				t.Error(diff)
			}
		}
		exported, err := s.ExportedWorkspaces(ctx)
		must(t, err)
		if diff := cmp.Diff(slices.Sorted(slices.Values([]string{w.ID, other.ID})), exported); diff != "" {
			t.Error(diff)
		}
	})
}
