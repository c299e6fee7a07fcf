package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// conversations are the markers of somebody's conversations and of what
// belongs to them.
func (k *marked) conversations(who string) (list []string) {
	for _, part := range []string{".open", ".resolved", ".file of a message", ".wrote of another", ".words", ".held conversation", ".released conversation"} {
		list = append(list, k.m.Texts(who+part)...)
	}
	return list
}

// TestMarkersOfConversations deletes the conversations of a workspace by date
// or by its policy and looks for what was in them. Whose they were stays.
func TestMarkersOfConversations(t *testing.T) {
	for name, erase := range map[string]func(t *testing.T, k *marked) *privacyd.Job{"by date": byDate, "by policy": byPolicy} {
		t.Run(name, func(t *testing.T) {
			enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
				k := newMarked(t, b)
				k.spread(t)
				if name == "by policy" {
					b.Must(b.KeepRow(t.Context(), k.admin, k.w.ID, k.conversation("her.resolved.id"), false))
				}
				gone := k.conversations("her")
				if name == "by policy" { // only resolved ones fall due
					gone = k.m.Texts("her.resolved")
				}
				if missing := len(gone) - len(k.traces.Find(gone)); missing > 0 || len(gone) < 10 {
					t.Fatalf("%d of %d markers are nowhere", missing, len(gone))
				}
				stay := k.m.Texts("her.contact")
				if job := erase(t, k); job.State != privacyd.JobCompleted {
					t.Fatalf("the job is %s: %s", job.State, job.ErrorMessage)
				}
				for _, line := range k.m.Say(withoutAudit(k.traces.Find(gone))) {
					t.Error(line)
				}
				if left := k.traces.Find(stay); len(left) != len(stay) {
					t.Errorf("of the person %d of %d markers are left", len(left), len(stay))
				}
			})
		})
	}
}

// withoutAudit leaves out the audit log, which goes on to tell of actions on a
// person's rows, by their ids, as long as the person is there.
func withoutAudit(found map[string][]string) map[string][]string {
	left := map[string][]string{}
	for text, places := range found {
		for _, at := range places {
			if !strings.HasPrefix(at, enginetest.InAudit) {
				left[text] = append(left[text], at)
			}
		}
	}
	return left
}

func byDate(t *testing.T, k *marked) *privacyd.Job {
	t.Helper()
	k.b.Pass(24 * time.Hour)
	before := k.b.Clock()
	return confirmed(t, k.b, engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
}

func byPolicy(t *testing.T, k *marked) *privacyd.Job {
	t.Helper()
	_, err := k.b.SetRetention(t.Context(), k.admin, k.w.ID, 1)
	k.b.Must(err)
	settings, err := k.b.Settings(t.Context(), k.admin, k.w.ID)
	k.b.Must(err)
	settings.RetentionBrake = 100
	_, err = k.b.ChangeSettings(t.Context(), k.admin, k.w.ID, settings)
	k.b.Must(err)
	// What was resolved before there was a policy is never due.
	at := k.b.Clock().Format(time.RFC3339)
	put(t, k.b, k.w, [2]string{"conversations/" + k.m.Of("her.resolved.id"), k.m.Fill(
		`{"id":"~her.resolved.id~","contact_id":"~her.contact.id~","status":"resolved","resolved_at":"` + at + `","channel":"~her.resolved.channel~"}`)})
	k.b.Pass(3 * 24 * time.Hour)
	job, err := k.b.RetainNow(t.Context(), enginetest.Operator, k.w.ID)
	k.b.Must(err)
	k.b.Run()
	job, err = k.b.Jobs.Job(t.Context(), job.ID)
	k.b.Must(err)
	return job
}
