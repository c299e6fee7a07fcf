package store_test

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func purge(job, ref string) privacyd.Purge {
	return privacyd.Purge{JobID: job, Ref: ref, Dataset: "app", Bucket: "uploads", Sealed: []byte("sealed " + ref), Due: at, Deadline: at.Add(24 * time.Hour)}
}

func refs(purges []privacyd.Purge) (list []string) {
	for _, p := range purges {
		list = append(list, p.Ref)
	}
	return list
}

func TestPurges(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		jobIn(t, s, workspace(t, s, "acme").ID, "01", nil)
		later := at.Add(time.Hour)
		claim := func(now time.Time, want ...string) []privacyd.Purge {
			t.Helper()
			got, err := s.ClaimPurges(ctx, now, now.Add(10*time.Minute), 10)
			must(t, err)
			if diff := cmp.Diff(want, refs(got)); diff != "" {
				t.Error(diff)
			}
			return got
		}
		must(t, s.QueuePurges(ctx, []privacyd.Purge{purge("01", "a"), purge("01", "b"), purge("01", "a")}))
		claim(later) // their rows are still there
		if next, err := s.NextPurge(ctx); err != nil || next != nil {
			t.Error(next, err)
		}
		must(t, s.ArmPurges(ctx, "01", at))
		if next, err := s.NextPurge(ctx); err != nil || next == nil || !next.Equal(at) {
			t.Error(next, err)
		}
		got := claim(at, "a", "b")
		want := purge("01", "a")
		want.Attempts = 1
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Error(diff)
		}
		claim(at.Add(9 * time.Minute)) // somebody has them
		must(t, s.FinishPurge(ctx, got[0], privacyd.PurgeDeleted, at))
		must(t, s.FailPurge(ctx, got[1], "blob_unavailable", later))
		claim(at.Add(30 * time.Minute))
		if got = claim(later, "b"); got[0].Attempts != 2 {
			t.Errorf("%+v", got[0])
		}
		must(t, s.FinishPurge(ctx, got[0], privacyd.PurgeShared, later))
		counts, err := s.CountPurges(ctx, "01")
		must(t, err)
		if diff := cmp.Diff(privacyd.PurgeCounts{Queued: 2, Deleted: 1, Shared: 1, LastAt: later, Deadline: want.Deadline}, counts); diff != "" || counts.Gone() != 2 {
			t.Error(diff)
		}
		if none, err := s.CountPurges(ctx, "none"); err != nil || none != (privacyd.PurgeCounts{}) {
			t.Error(none, err)
		}
	})
}

// TestPurgesQueuedAgain is a file that rows name which go one after the other:
// what was left because of the later ones goes with them.
func TestPurgesQueuedAgain(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		jobIn(t, s, workspace(t, s, "acme").ID, "01", nil)
		p := purge("01", "a")
		claimed := func() int {
			got, err := s.ClaimPurges(ctx, at, at, 10)
			must(t, err)
			return len(got)
		}
		queue := func() { must(t, s.QueuePurges(ctx, []privacyd.Purge{p})) }
		arm := func() { must(t, s.ArmPurges(ctx, "01", at)) }
		finish := func(state privacyd.PurgeState) { must(t, s.FinishPurge(ctx, p, state, at)) }
		queue()
		arm()
		finish(privacyd.PurgeShared)
		queue()
		arm()
		if claimed() != 1 {
			t.Error("a file that was shared does not wait anew")
		}
		queue() // by rows that go while somebody looks at the file
		finish(privacyd.PurgeShared)
		if claimed() != 0 {
			t.Error("a file goes before its rows")
		}
		arm()
		if claimed() != 1 {
			t.Error("a file was left for rows that are gone")
		}
		finish(privacyd.PurgeDeleted)
		queue()
		arm()
		if claimed() != 0 {
			t.Error("a file that is deleted waits anew")
		}
	})
}

func TestPurgesOverdueAndForgotten(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := workspace(t, s, "acme")
		jobIn(t, s, w.ID, "01", nil)
		jobIn(t, s, w.ID, "02", nil)
		must(t, s.QueuePurges(ctx, []privacyd.Purge{purge("01", "a"), purge("01", "b"), purge("02", "a")}))
		must(t, s.ArmPurges(ctx, "01", at))
		must(t, s.FinishPurge(ctx, purge("01", "a"), privacyd.PurgeDeleted, at))
		deadline := at.Add(24 * time.Hour)
		for when, want := range map[time.Time]int64{deadline: 0, deadline.Add(time.Second): 2} {
			if n, err := s.OverduePurges(ctx, when); err != nil || n != want {
				t.Error(when, n, err)
			}
		}
		queued := func(job string) int64 {
			c, err := s.CountPurges(ctx, job)
			must(t, err)
			return c.Queued
		}
		must(t, s.DeletePurges(ctx, deadline))
		if n := queued("01"); n != 2 {
			t.Errorf("%d files left of a job that is not done", n)
		}
		must(t, s.FinishPurge(ctx, purge("01", "b"), privacyd.PurgeShared, at))
		must(t, s.DeletePurges(ctx, at))
		if n := queued("01"); n != 2 {
			t.Errorf("%d files left before their time", n)
		}
		must(t, s.DeletePurges(ctx, deadline))
		if a, b := queued("01"), queued("02"); a != 0 || b != 1 {
			t.Errorf("%d and %d files left", a, b)
		}
	})
}

// TestPurgesAreSharedByNodes has several nodes claim at once: each file goes to
// one of them.
func TestPurgesAreSharedByNodes(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		jobIn(t, s, workspace(t, s, "acme").ID, "01", nil)
		const files, nodes = 150, 4
		var all []privacyd.Purge
		for i := range files {
			all = append(all, purge("01", fmt.Sprint(i)))
		}
		must(t, s.QueuePurges(ctx, all))
		must(t, s.ArmPurges(ctx, "01", at))
		var mu sync.Mutex
		var wg sync.WaitGroup
		seen := map[string]int{}
		for range nodes {
			wg.Go(func() {
				for {
					got, err := s.ClaimPurges(ctx, at, at.Add(time.Hour), 7)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, p := range got {
						seen[p.Ref]++
					}
					n := len(seen)
					mu.Unlock()
					if len(got) == 0 && n == files {
						return
					}
				}
			})
		}
		wg.Wait()
		for ref, n := range seen {
			if n != 1 {
				t.Errorf("%s was claimed %d times", ref, n)
			}
		}
	})
}

// before gives the migrations that come before one.
func before(t *testing.T, number string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	entries, err := os.ReadDir("schema")
	must(t, err)
	for _, e := range entries {
		if e.Name() < number {
			text, err := os.ReadFile("schema/" + e.Name())
			must(t, err)
			files[e.Name()] = &fstest.MapFile{Data: text}
		}
	}
	return files
}

// TestMigrateWithJobs brings a database up to date that has jobs, keys and
// exports from before there were erasures.
func TestMigrateWithJobs(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		must(t, db.Migrate(t.Context(), "store", before(t, "0006")))
		for _, statement := range []string{
			`INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash) VALUES ('e', '', 0, '', '', '', 'x', 'x')`,
			`INSERT INTO workspaces (id, slug, name, created_at, audit_entry_id) VALUES ('w', 'w', 'w', 0, 'e')`,
			`INSERT INTO jobs (id, workspace_id, type, state, subject_kind, subject_id, requested_by, created_at, audit_entry_id)
				VALUES ('j', 'w', 'subject_export', 'completed', 'contact', 'c1', 'operator', 0, 'e')`,
			`INSERT INTO export_files (job_id, workspace_id, blob_key, name, size, sha256, created_at, expires_at, audit_entry_id)
				VALUES ('j', 'w', 'k', 'n', 1, '', 0, 0, 'e')`,
		} {
			if _, err := db.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		_, err := db.Exec(t.Context(), `INSERT INTO job_keys (workspace_id, hash, job_id, created_at) VALUES ('w', $1, 'j', 0)`, []byte("x"))
		must(t, err)
		s := migrated(t, db)
		if j, err := s.Job(t.Context(), "j"); err != nil || j.Subject.ID != "c1" || j.State != privacyd.JobCompleted || j.WorkspaceID != "w" {
			t.Error(j, err)
		}
		if j, err := s.JobByKey(t.Context(), "w", []byte("x")); err != nil || j == nil {
			t.Error(j, err)
		}
		if f, err := s.ExportFile(t.Context(), "j"); err != nil || f.WorkspaceID != "w" || f.BlobKey != "k" {
			t.Error(f, err)
		}
		for _, broken := range []string{
			`DELETE FROM jobs`,
			`INSERT INTO job_keys (scope, hash, job_id, created_at) VALUES ('w', 'y', 'none', 0)`,
			`UPDATE export_files SET job_id = 'none'`,
		} {
			if _, err := db.Exec(t.Context(), broken); err == nil {
				t.Errorf("went through: %s", broken)
			}
		}
		if err := s.InsertJob(t.Context(), &privacyd.Job{ID: "k", WorkspaceID: "none"}, "e"); err == nil {
			t.Error("a job of a workspace that there is not")
		}
	})
}
