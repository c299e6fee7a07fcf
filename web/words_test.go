package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/privacyd/privacyd"
)

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 12: "12", 999: "999", 1000: "1,000", -1234: "-1,234", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 28_400: "28 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		5_250_000_000: "5.2 GB", 3_000_000_000_000_000: "3000 TB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestRelative(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		away time.Duration
		want string
	}{
		{0, "just now"},
		{-9 * time.Second, "just now"},
		{-30 * time.Second, "30 seconds ago"},
		{-61 * time.Second, "1 minute ago"},
		{-3 * time.Hour, "3 hours ago"},
		{-40 * 24 * time.Hour, "1 month ago"},
		{-800 * 24 * time.Hour, "2 years ago"},
		{7*24*time.Hour - time.Minute, "in 7 days"},
		{90 * time.Minute, "in 2 hours"},
	} {
		if got := relative(now.Add(c.away), now); got != c.want {
			t.Errorf("%v: %q, want %q", c.away, got, c.want)
		}
	}
}

func TestPercentIsWholeOnlyAtTheEnd(t *testing.T) {
	for p, want := range map[privacyd.Progress]int64{
		{}: 0, {Done: 5}: 0, {Done: 1, Total: 3}: 33, {Done: 3, Total: 3}: 99, {Done: 9, Total: 3}: 99,
	} {
		if got := percent(p); got != want {
			t.Errorf("percent(%+v) = %d, want %d", p, got, want)
		}
	}
}

func TestEveryActionHasWords(t *testing.T) {
	shown := map[privacyd.Action]int{}
	for _, g := range roleGroups() {
		for _, a := range g.Actions {
			shown[a]++
		}
	}
	for _, a := range privacyd.WorkspaceActions() {
		if shown[a] != 1 {
			t.Errorf("the table of roles has %s %d times", a, shown[a])
		}
		if actionLabel(a) == string(a) {
			t.Errorf("%s has no words", a)
		}
	}
}

func TestStateAndOutcomeWords(t *testing.T) {
	states := []privacyd.JobState{
		privacyd.JobPendingApproval, privacyd.JobScheduled, privacyd.JobQueued, privacyd.JobRunning, privacyd.JobBlocked,
		privacyd.JobCompleted, privacyd.JobCancelled, privacyd.JobFailed, privacyd.JobExpired,
	}
	for _, s := range states {
		if word, style := stateWords(&privacyd.Job{State: s}); word == "" || strings.Contains(word, "_") || style == "" {
			t.Errorf("%s is shown as %q in style %q", s, word, style)
		}
	}
	if word, _ := stateWords(&privacyd.Job{Type: privacyd.JobDataExport, State: privacyd.JobCompleted, Result: &privacyd.JobResult{Missing: 1}}); word != "Ready, with gaps" {
		t.Errorf("an export with missing files is %q", word)
	}
}

func TestActorWords(t *testing.T) {
	for want, a := range map[string]privacyd.AuditEntry{
		"privacyd itself":  {ActorKind: privacyd.CallerSystem, Actor: "export"},
		"Operator root":    {ActorKind: privacyd.CallerOperator, Actor: "root"},
		"API token import": {ActorKind: privacyd.CallerToken, Actor: "import"},
		"Ann":              {ActorKind: privacyd.CallerAccount, Actor: "Ann"},
		"Erased person":    {ActorKind: privacyd.CallerAccount, Erased: true},
		"Nobody signed in": {},
	} {
		if got := actorWords(a); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDetails(t *testing.T) {
	entry := privacyd.AuditEntry{
		Action:  "retention.set",
		Changes: map[string]privacyd.Change{"days": {Before: nil, After: 30.0}, "zone": {Before: "UTC"}},
		Facts:   map[string]int64{"bytes": 2048, "missing": 0}, Code: "role_missing",
	}
	got := append(changes(entry), details(entry)...)
	want := []detail{{"Days", "for ever", "30 days"}, {"Zone", "UTC", "none"}, {"Size", "", "2.0 kB"}, {"Code", "", "role_missing"}}
	if len(got) != len(want) {
		t.Fatalf("details are %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("detail %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"", "/", "/w/acme?x=1#y", "//evil.example", `/\evil.example`, "https://evil.example", "/\t/evil.example", "javascript:alert(1)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path := localPath(s)
		base := &url.URL{Scheme: "https", Host: "privacyd.example", Path: "/sign-in"}
		to, err := base.Parse(path)
		if err == nil && (to.Host != base.Host || to.Scheme != base.Scheme) {
			t.Errorf("%q leads to %s", s, to)
		}
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\n\r\t") {
			t.Errorf("%q becomes %q", s, path)
		}
	})
}

// TestPendingCheckpointsAreTold renders what is told of jobs and members while a
// checkpoint is still to come.
func TestPendingCheckpointsAreTold(t *testing.T) {
	export := &privacyd.Job{Type: privacyd.JobDataExport, State: privacyd.JobCompleted, Result: &privacyd.JobResult{AuditPending: true}}
	erased := &privacyd.Job{Type: privacyd.JobSubjectDeletion, State: privacyd.JobCompleted, Result: &privacyd.JobResult{AuditPending: true}}
	if word, _ := stateWords(export); word != "Ready, with gaps" {
		t.Errorf("the export is %q", word)
	}
	for want, part := range map[string]templ.Component{
		"lacks the newest entries": missing(export), "is still to come: the receipt": erasureDone(page{}, erased),
	} {
		var b strings.Builder
		if err := part.Render(t.Context(), &b); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%q is not said: %v %s", want, err, b.String())
		}
	}
	pending := &privacyd.Audited{Checkpoint: privacyd.CheckpointPending}
	if done := membersDone[doneAs("removed", pending)]; !strings.Contains(done, "is still to come") {
		t.Errorf("of a member is said %q", done)
	}
	if joinedPath(privacyd.Workspace{Slug: "acme", Audit: pending}) != "/w/acme?joined=pending" || joinedPath(privacyd.Workspace{Slug: "acme", Audit: &privacyd.Audited{Checkpoint: privacyd.CheckpointSigned}}) != "/w/acme" {
		t.Error("somebody who joined is not told, or told for nothing")
	}
	if doneAs("role", &privacyd.Audited{Checkpoint: privacyd.CheckpointSigned}) != "role" || doneAs("role", nil) != "role" {
		t.Error("what is signed is called pending")
	}
}
