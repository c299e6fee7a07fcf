package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestMarkersOfAWorkspace deletes a workspace and looks for everything that was
// in it, and for another one, which must be as it was.
func TestMarkersOfAWorkspace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		k := newMarked(t, b)
		k.spread(t)
		far := &marked{b: b, m: enginetest.NewMarkers(t), traces: k.traces, w: b.NewWorkspace("globex")}
		p := &planter{t: t, m: far.m, account: "agent@globex.example.com"}
		for range 1000 { // so that its markers are others
			far.m.Of(string(rune('a' + len(far.m.Texts("")))))
		}
		p.team()
		p.person("far")
		p.plant(b, far.w)
		_, _, err := b.CreateToken(t.Context(), k.admin, k.w.ID, k.m.Of("her.token"), []privacyd.Action{privacyd.ActionReadRecords})
		b.Must(err)
		all := slices.Concat(k.m.Texts(""), []string{"Workspace acme"})
		theirs := slices.Concat(far.m.Texts("far"), far.m.Texts("team"))
		others := tableHits(k.traces.Find(theirs))
		job := confirmed(t, b, engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobWorkspaceDeletion})
		b.Pass(31 * 24 * time.Hour)
		b.Run()
		for _, line := range k.m.Say(withoutMails(k.traces.Find(all))) {
			t.Error(line)
		}
		forgetMails(t, b)
		job, err = b.Jobs.Job(t.Context(), job.ID)
		b.Must(err)
		if job.State != privacyd.JobCompleted {
			t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
		}
		for _, line := range k.m.Say(k.traces.Find(all)) {
			t.Error(line)
		}
		if verified, err := b.VerifyAudit(t.Context(), enginetest.Operator, k.w.ID); err != nil || !verified.OK {
			t.Errorf("its audit log: %+v, %v", verified, err)
		}
		if left := tableHits(k.traces.Find(theirs)); len(left) < 80 || len(left) != len(others) {
			t.Errorf("of the %d markers of the other workspace %d are left", len(others), len(left))
		}
	})
}
