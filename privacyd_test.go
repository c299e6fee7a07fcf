package privacyd_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

func TestRolesMayWhatThePageSays(t *testing.T) {
	for action, want := range map[privacyd.Action]string{
		privacyd.ActionExportWorkspace: "admin",
		privacyd.ActionExportSubject:   "admin agent",
		privacyd.ActionReadAudit:       "admin auditor",
		privacyd.ActionManageTokens:    "admin",
		privacyd.ActionCreateAccount:   "",
	} {
		var roles []string
		for _, r := range privacyd.RolesFor(action) {
			roles = append(roles, string(r))
		}
		if got := strings.Join(roles, " "); got != want {
			t.Errorf("%s: %q may, want %q", action, got, want)
		}
	}
	if privacyd.Role("owner").Valid() || privacyd.Role("").May(privacyd.ActionReadAudit) {
		t.Error("an unknown role may something")
	}
}

func TestJobStates(t *testing.T) {
	all := []privacyd.JobState{
		privacyd.JobPendingApproval, privacyd.JobScheduled, privacyd.JobQueued, privacyd.JobRunning, privacyd.JobBlocked,
		privacyd.JobCompleted, privacyd.JobCancelled, privacyd.JobFailed, privacyd.JobExpired,
	}
	for _, s := range all {
		for _, next := range all {
			expires, again := s == privacyd.JobCompleted && next == privacyd.JobExpired, s == privacyd.JobFailed && next == privacyd.JobQueued
			if s.Ended() && s.MayBecome(next) && !expires && !again {
				t.Errorf("an ended job goes from %s to %s", s, next)
			}
		}
		for _, kind := range privacyd.JobTypes() {
			if s.Cancellable(kind) && s.Ended() {
				t.Errorf("a job that is %s can be cancelled", s)
			}
		}
	}
	if privacyd.JobRunning.Cancellable(privacyd.JobAccountDeletion) || !privacyd.JobRunning.Cancellable(privacyd.JobDataExport) {
		t.Error("a running export can be cancelled and a running deletion cannot")
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("doing: %w", privacyd.Errorf(privacyd.ClassConflict, "x_exists", "It exists (%w).", cause))
	if privacyd.ClassOf(err) != privacyd.ClassConflict || privacyd.CodeOf(err) != "x_exists" || !errors.Is(err, cause) {
		t.Errorf("lost something of %v", err)
	}
	if privacyd.MessageOf(err) != "It exists (cause)." {
		t.Error(privacyd.MessageOf(err))
	}
	if privacyd.ClassOf(cause) != privacyd.ClassInternal || strings.Contains(privacyd.MessageOf(cause), "cause") {
		t.Error("an internal error's text would be shown")
	}
	if privacyd.CodeOf(nil) != "" || privacyd.ClassOf(nil) != "" {
		t.Error("no error has a class")
	}
}

func TestCallerScope(t *testing.T) {
	token := privacyd.Caller{Kind: privacyd.CallerToken, Token: &privacyd.Token{WorkspaceID: "w", Scopes: []privacyd.Action{"records.read"}}}
	if !token.Scoped("w", "records.read") || token.Scoped("w", "records.write") || token.Scoped("v", "records.read") {
		t.Error("a token's scope is wrong")
	}
	if !slices.Contains(privacyd.WorkspaceActions(), privacyd.ActionReadRecords) {
		t.Error("records.read is no scope")
	}
}

func TestValidSlug(t *testing.T) {
	for slug, want := range map[string]bool{
		"a": true, "acme-2": true, "": false, "-a": false, "a-": false, "Acme": false, "a b": false, "a/b": false,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
	} {
		if privacyd.ValidSlug(slug) != want {
			t.Errorf("%q", slug)
		}
	}
}

func FuzzNormalEmail(f *testing.F) {
	for _, s := range []string{"A@Example.com", "a@b", "", "a b@c.d", "\"x\"@y.z", "<a@b.c>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := privacyd.NormalEmail(s)
		if err != nil {
			return
		}
		if twice, err := privacyd.NormalEmail(once); err != nil || twice != once {
			t.Errorf("%q became %q, then %q (%v)", s, once, twice, err)
		}
	})
}

func TestOneFormOfTimesForPeople(t *testing.T) {
	at := time.Date(2026, 3, 1, 23, 30, 59, 0, time.FixedZone("", -3600))
	if got := privacyd.TimeWords(at) + "; " + privacyd.DayWords(at); got != "2 March 2026, 00:30 UTC; 2 March 2026" {
		t.Error(got)
	}
}
