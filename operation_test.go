package privacyd_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

func TestEveryJobTypeHasRules(t *testing.T) {
	for _, kind := range privacyd.JobTypes() {
		r, ok := kind.Rules()
		if !ok || r.Action == "" {
			t.Errorf("%s has no rules", kind)
		}
		if r.Erases == kind.Export() || r.Erases != kind.Erases() {
			t.Errorf("%s both reads and erases, or neither", kind)
		}
		if !r.Erases && (r.Grace > 0 || len(r.Proofs) > 0) || r.Waivable && r.Grace == 0 {
			t.Errorf("%s: %+v makes no sense", kind, r)
		}
		if !r.Own && len(privacyd.RolesFor(r.Action)) == 0 || r.Own && len(privacyd.RolesFor(r.Action)) > 0 {
			t.Errorf("%s: the roles of %s", kind, r.Action)
		}
	}
	if _, ok := privacyd.JobType("nothing").Rules(); ok {
		t.Error("an unknown type has rules")
	}
}

func TestErasuresMayGoBackToBeConfirmed(t *testing.T) {
	for _, s := range []privacyd.JobState{privacyd.JobScheduled, privacyd.JobQueued, privacyd.JobRunning, privacyd.JobBlocked} {
		if !s.MayBecome(privacyd.JobPendingApproval) {
			t.Errorf("a job that is %s cannot wait for confirmation again", s)
		}
	}
}

func TestConfirmation(t *testing.T) {
	rules := func(kind privacyd.JobType) privacyd.Rules { r, _ := kind.Rules(); return r }
	two := int64(2)
	for _, c := range []struct {
		name string
		kind privacyd.JobType
		give privacyd.Confirmation
		code string
	}{
		{"no plan", privacyd.JobSubjectDeletion, privacyd.Confirmation{Name: "Zoë"}, "confirm_plan_missing"},
		{"no name", privacyd.JobSubjectDeletion, privacyd.Confirmation{PlanHash: "h"}, "confirm_name_wrong"},
		{"another name", privacyd.JobSubjectDeletion, privacyd.Confirmation{PlanHash: "h", Name: "zoë"}, "confirm_name_wrong"},
		{"the name", privacyd.JobSubjectDeletion, privacyd.Confirmation{PlanHash: "h", Name: " Zoë "}, ""},
		{"no count", privacyd.JobBulkDeletion, privacyd.Confirmation{PlanHash: "h"}, "confirm_count_wrong"},
		{"another count", privacyd.JobBulkDeletion, privacyd.Confirmation{PlanHash: "h", Count: new(int64)}, "confirm_count_wrong"},
		{"the count", privacyd.JobBulkDeletion, privacyd.Confirmation{PlanHash: "h", Count: &two}, ""},
		{"no password", privacyd.JobAccountDeletion, privacyd.Confirmation{PlanHash: "h", Name: "Zoë"}, "confirm_password_missing"},
		{"name without a password", privacyd.JobWorkspaceDeletion, privacyd.Confirmation{PlanHash: "h", Name: "Zoë"}, "confirm_password_missing"},
		{"both", privacyd.JobWorkspaceDeletion, privacyd.Confirmation{PlanHash: "h", Name: "Zoë", Password: "p"}, ""},
		{"the system's", privacyd.JobRetentionRun, privacyd.Confirmation{PlanHash: "h"}, ""},
	} {
		if got := privacyd.CodeOf(rules(c.kind).Check(c.give, "Zoë", 2)); got != c.code {
			t.Errorf("%s: %q, want %q", c.name, got, c.code)
		}
	}
	empty := rules(privacyd.JobSubjectDeletion).Check(privacyd.Confirmation{PlanHash: "h"}, "", 0)
	if privacyd.CodeOf(empty) != "confirm_name_wrong" {
		t.Error("nothing typed confirms what has no name")
	}
}

func TestNextReminder(t *testing.T) {
	end := day(30)
	for _, c := range []struct{ now, want time.Time }{
		{day(0), day(23)},
		{day(23), day(29)},
		{day(28), day(29)},
		{day(29), time.Time{}},
		{day(31), time.Time{}},
	} {
		got, ok := privacyd.NextReminder(end, c.now)
		if !got.Equal(c.want) || ok == c.want.IsZero() {
			t.Errorf("at %s: %s, %v", c.now, got, ok)
		}
	}
}

func TestDecide(t *testing.T) {
	waiting := privacyd.Job{State: privacyd.JobPendingApproval, WaitingOn: privacyd.WaitApproval, PlanHash: "h", RequestedBy: "ann", ConfirmedBy: "ben"}
	other := waiting
	other.WaitingOn = privacyd.WaitConfirmation
	noPlan := waiting
	noPlan.PlanHash = ""
	for _, c := range []struct {
		job      privacyd.Job
		by, hash string
		code     string
	}{
		{waiting, "cleo", "h", ""},
		{waiting, "ann", "h", "approval_own"},
		{waiting, "ben", "h", "approval_own"},
		{waiting, "cleo", "other", "plan_changed"},
		{noPlan, "cleo", "", "plan_changed"},
		{other, "cleo", "h", "approval_not_asked"},
		{privacyd.Job{State: privacyd.JobQueued}, "cleo", "", "approval_not_asked"},
	} {
		if got := privacyd.CodeOf(c.job.Decide(c.by, c.hash)); got != c.code {
			t.Errorf("%s decides on %+v: %q, want %q", c.by, c.job, got, c.code)
		}
	}
}

func TestSettings(t *testing.T) {
	change := func(fn func(*privacyd.Settings)) privacyd.Settings {
		s := privacyd.DefaultSettings()
		fn(&s)
		return s
	}
	for _, c := range []struct {
		give privacyd.Settings
		code string
	}{
		{privacyd.DefaultSettings(), ""},
		{change(func(s *privacyd.Settings) { s.TimeZone = "Europe/Berlin"; s.AllowedCountries = []string{"EEA", "CH"} }), ""},
		{change(func(s *privacyd.Settings) { s.TimeZone = "" }), "time_zone_invalid"},
		{change(func(s *privacyd.Settings) { s.TimeZone = "Local" }), "time_zone_invalid"},
		{change(func(s *privacyd.Settings) { s.TimeZone = "../../etc/passwd" }), "time_zone_invalid"},
		{change(func(s *privacyd.Settings) { s.RetentionHour = 24 }), "retention_hour_invalid"},
		{change(func(s *privacyd.Settings) { s.RetentionBrake = 0 }), "retention_brake_invalid"},
		{change(func(s *privacyd.Settings) { s.AllowedCountries = []string{"Ireland"} }), "countries_invalid"},
	} {
		if got := privacyd.CodeOf(c.give.Valid()); got != c.code {
			t.Errorf("%+v: %q, want %q", c.give, got, c.code)
		}
	}
	changed := change(func(s *privacyd.Settings) { s.Approval = true; s.RetentionHour = 4 })
	if got := privacyd.DefaultSettings().Changes(changed); len(got) != 2 || got["approval"].After != true || got["retention_hour"].Before != 3 {
		t.Errorf("%v", got)
	}
}

func TestGroundsAreThoseOfDataMaps(t *testing.T) {
	for _, g := range privacyd.Grounds() {
		if !slices.Contains(datamap.Grounds(), string(g)) || g.Article() == "" {
			t.Errorf("%s", g)
		}
	}
	if len(privacyd.Grounds()) != len(datamap.Grounds()) || privacyd.Ground("because").Article() != "" {
		t.Error("the grounds differ")
	}
	if got := privacyd.GroundLegalClaims.Article(); got != "Art. 17(3)(e) GDPR" {
		t.Error(got)
	}
}

func TestStopped(t *testing.T) {
	begun := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for says, j := range map[string]privacyd.Job{
		"before it began. Nothing was deleted":                            {},
		"cancelled before anything was deleted":                           {StartedAt: &begun},
		"1,200 records had been deleted":                                  {StartedAt: &begun, Progress: privacyd.Progress{Done: 1200}},
		"1 record had been deleted":                                       {StartedAt: &begun, Result: &privacyd.JobResult{Changed: map[string]int64{"messages": 1}}},
		"4 records had been deleted or changed by then, and cannot be br": {StartedAt: &begun, Result: &privacyd.JobResult{Records: map[string]int64{"a": 2, "b": 1}, ExportsExpired: 1}},
	} {
		j.Type, j.State = privacyd.JobBulkDeletion, privacyd.JobCancelled
		if got := j.Stopped(); !strings.Contains(got, says) {
			t.Errorf("%q does not say %q", got, says)
		}
	}
}
