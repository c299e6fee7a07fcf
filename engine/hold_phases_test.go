package engine_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// watchedRuns tells when the state of a run is kept, and when verification ends,
// in their transactions.
type watchedRuns struct {
	engine.ErasureRuns
	kept, verified func(ctx context.Context)
}

func (r watchedRuns) PutErasureRun(ctx context.Context, jobID string, sealed []byte) error {
	r.kept(ctx)
	return r.ErasureRuns.PutErasureRun(ctx, jobID, sealed)
}

func (r watchedRuns) InsertReviewItems(ctx context.Context, jobID string, items []privacyd.ReviewItem) error {
	r.verified(ctx)
	return r.ErasureRuns.InsertReviewItems(ctx, jobID, items)
}

func nothing(context.Context) {}

// TestWorkspaceHeldInEachPhase holds the workspace in each phase of an erasure:
// nothing more of it goes until the hold is released.
func TestWorkspaceHeldInEachPhase(t *testing.T) {
	phases := map[string]func(node *enginetest.Bench, place func(context.Context)){
		"planned": func(node *enginetest.Bench, place func(context.Context)) {
			node.Runs = watchedRuns{node.Runs, place, nothing}
		},
		"searched": func(node *enginetest.Bench, place func(context.Context)) {
			before := func() { place(context.Background()) }
			node.Suppression = &watchedMarks{Suppression: node.Suppression, asked: func(int) {}, before: before}
		},
		"verified": func(node *enginetest.Bench, place func(context.Context)) {
			node.Runs = watchedRuns{node.Runs, nothing, place}
		},
	}
	kinds := map[int][]string{0: {"planned", "searched", "verified"}, 2: {"planned"}, 5: {"verified"}}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		for k, in := range kinds {
			for _, phase := range in {
				t.Run(erasables()[k].name+" "+phase, func(t *testing.T) {
					defer b.In(t)()
					holdWorkspaceIn(t, b, erasables()[k], phase, phases[phase])
				})
			}
		}
	})
}

func holdWorkspaceIn(t *testing.T, b *enginetest.Bench, kind erasable, phase string, watch func(node *enginetest.Bench, place func(context.Context))) {
	w := newOrg(t, b, kind.name[:4]+"-"+phase)
	put(t, b, w, [2]string{"knowledge_sources/faq", `{"id":"faq","kind":"snippet","title":"FAQ"}`})
	archive := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport, Format: privacyd.FormatJSON})
	job := kind.ask(t, b, w)
	node := b.Beside()
	defer node.Stop()
	var once sync.Once
	then := map[string]int64{}
	watch(node, func(ctx context.Context) {
		once.Do(func() {
			text := `{"id":"late","source_id":"faq","position":1,"text":"Ask ann@` + w.Slug + `.example.org."}`
			_, err := b.PutRecord(ctx, enginetest.Operator, w.ID, "knowledge_chunks", "late", []byte(text))
			if privacyd.CodeOf(err) != "workspace_read_only" {
				b.Must(err)
			}
			_, err = b.PlaceHold(ctx, enginetest.Operator, engine.NewHold{
				Workspace: w.ID, Target: privacyd.HoldTarget{Type: privacyd.HoldWorkspace}, Reason: "a claim",
			})
			b.Must(err)
			then = keptOf(t, ctx, b, w, archive)
		})
	})
	b.Must(node.RunErasure(t.Context(), job.ID, &lease{attempt: 1}))
	b.Run()
	job, err := b.Jobs.Job(t.Context(), job.ID)
	b.Must(err)
	if job.State != privacyd.JobBlocked || job.WaitingOn != privacyd.WaitHold {
		t.Errorf("%s, waiting on %s: %s", job.State, job.WaitingOn, job.ErrorMessage)
	}
	if phase != "planned" { // the end of its life has been decided before
		then["archives"] = 0
	}
	if diff := cmp.Diff(then, keptOf(t, t.Context(), b, w, archive)); diff != "" || len(then) == 0 {
		t.Errorf("it changed (-when the workspace was held): %s", diff)
	}
	_, err = b.ReleaseHoldsOn(t.Context(), enginetest.Operator, w.ID, privacyd.HoldTarget{Type: privacyd.HoldWorkspace}, "over")
	b.Must(err)
	runOn(b)
	if end := endingOf(t, b, w, job); end.State != privacyd.JobCompleted {
		t.Errorf("once released: %s %s", end.State, end.Error)
	}
}

// keptOf counts what a workspace has that goes in one phase or another.
func keptOf(t *testing.T, ctx context.Context, b *enginetest.Bench, w privacyd.Workspace, archive *privacyd.Job) map[string]int64 {
	t.Helper()
	kept := map[string]int64{}
	count := func(what, query string, args ...any) {
		var n int64
		b.Must(b.DB.QueryRow(ctx, "SELECT count(*) FROM "+query, args...).Scan(&n))
		kept[what] = n
	}
	for _, table := range []string{"contacts", "conversations", "messages", "attachments", "knowledge_chunks"} {
		count(table, table+" WHERE workspace_id = $1", w.ID)
	}
	count("archives", "jobs WHERE id = $1 AND state = $2", archive.ID, privacyd.JobCompleted)
	count("workspaces", "workspaces WHERE id = $1 AND slug = $2", w.ID, w.Slug)
	count("persons erased from the logs", "audit_erasures WHERE owner <> $1", "")
	return kept
}
