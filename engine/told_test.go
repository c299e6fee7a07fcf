package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/mail/mailtest"
)

// toldTo gives the subjects of the kept mails to an address, the oldest first.
func toldTo(b *enginetest.Bench, email string) []string {
	subjects := []string{}
	for _, l := range b.Mails() {
		if l.To == email {
			subjects = append(subjects, l.Subject)
		}
	}
	return subjects
}

func wantTold(t *testing.T, b *enginetest.Bench, email string, want ...string) {
	t.Helper()
	if got := toldTo(b, email); !slices.Equal(got, want) {
		t.Errorf("%s was told %q, not %q", email, got, want)
	}
}

// later lets time pass and what is due happen.
func later(b *enginetest.Bench, d time.Duration) {
	b.Pass(d)
	b.Run()
}

// leaving has somebody with a password ask for the deletion of their account.
func leaving(b *enginetest.Bench, email string) (privacyd.Caller, *privacyd.Job) {
	personWith(b, email)
	me, err := b.As(b.Context(), enginetest.Operator, email)
	b.Must(err)
	plan, err := b.PreviewAccountDeletion(b.Context(), me)
	b.Must(err)
	job, err := b.DeleteAccount(b.Context(), me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
	b.Must(err)
	b.Run()
	return me, job
}

const (
	jo          = "jo@example.com"
	willBeGone  = "Your account will be deleted"
	goneInSeven = "Your account will be deleted in 7 days"
	goneInOne   = "Your account will be deleted in 1 day"
	staysAgain  = "Your account stays"
)

func TestADeletionOfAnAccountIsTold(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		me, job := leaving(b, jo)
		wantTold(t, b, jo, willBeGone)
		later(b, 22*privacyd.Day)
		wantTold(t, b, jo, willBeGone)
		later(b, privacyd.Day)
		wantTold(t, b, jo, willBeGone, goneInSeven)
		if l := lastMail(b); !strings.Contains(l.Text, job.ExecuteAfter.Format("2 January 2006, 15:04")+" UTC") {
			t.Errorf("the reminder does not say when:\n%s", l.Text)
		}
		b.Run()
		later(b, 6*privacyd.Day)
		wantTold(t, b, jo, willBeGone, goneInSeven, goneInOne)
		_, err := b.CancelAccountDeletion(t.Context(), me)
		b.Must(err)
		later(b, 10*privacyd.Day)
		wantTold(t, b, jo, willBeGone, goneInSeven, goneInOne, staysAgain)
		log := b.Audited("")
		if n := len(slices.DeleteFunc(log, func(a string) bool { return a != "account_deletion.remind done" })); n != 2 {
			t.Errorf("%d reminders are in the log", n)
		}
	})
}

func TestRemindersThatWereMissed(t *testing.T) {
	for name, c := range map[string]struct {
		down []time.Duration
		want []string
	}{
		"for the first one":       {[]time.Duration{25 * privacyd.Day, 0, 4*privacyd.Day - time.Hour}, []string{"Your account will be deleted in 5 days"}},
		"for the first, then not": {[]time.Duration{25 * privacyd.Day, 4 * privacyd.Day}, []string{"Your account will be deleted in 5 days", goneInOne}},
		"for both":                {[]time.Duration{30*privacyd.Day - 5*time.Hour, 0, time.Hour}, []string{goneInOne}},
		"for all of it":           {[]time.Duration{31 * privacyd.Day}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.NewSQLite(t)
			p := sending(t, b)
			leaving(b, jo)
			for _, d := range c.down {
				later(b, d)
			}
			got := slices.DeleteFunc(p.arrived(), func(s string) bool { return !strings.Contains(s, " in ") })
			if !slices.Equal(got, c.want) {
				t.Errorf("the reminders are %q, not %q", got, c.want)
			}
		})
	}
}

func TestWhoDoesNotWaitIsNotReminded(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p := sending(t, b)
		me, _ := leaving(b, jo)
		job, err := b.DeleteAccountNow(t.Context(), me, secretWords)
		b.Must(err)
		if job.RemindAt != nil {
			t.Error("a reminder is still planned")
		}
		b.Run()
		for range 4 {
			later(b, 10*privacyd.Day)
		}
		if got := p.arrived(); !slices.Equal(got, []string{willBeGone, "Your account was deleted"}) {
			t.Errorf("%q", got)
		}
		letters, _ := p.Received()
		if to := letters[1].Header.Get("To"); to != "<jo@example.com>" {
			t.Errorf("the last mail went to %s", to)
		}
		if n := waiting(b); n != 0 {
			t.Errorf("%d mails still wait", n)
		}
	})
}

// A mail server that is down for days must not have somebody read that their
// account will be deleted when they have cancelled that.
func TestWhatIsNoMoreSoIsNotSent(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p := sending(t, b)
		p.Fail(mailtest.Busy)
		me, _ := leaving(b, jo)
		_, err := b.CancelAccountDeletion(t.Context(), me)
		b.Must(err)
		p.Fail(mailtest.Works)
		later(b, privacyd.Day)
		if got := p.arrived(); !slices.Equal(got, []string{staysAgain}) || waiting(b) != 0 {
			t.Errorf("%q, and %d wait", got, waiting(b))
		}
		if log := b.Audited(""); !slices.Contains(log, "mail.drop done") {
			t.Errorf("%q", log)
		}
	})
}

// What was kept for somebody goes with them, and nothing is told to an address
// that is nobody's any more but the last mail.
func TestMailsOfAnErasedAccount(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		me, _ := leaving(b, jo)
		if n := waiting(b); n == 0 {
			t.Fatal("nothing was kept")
		}
		_, err := b.DeleteAccountNow(t.Context(), me, secretWords)
		b.Must(err)
		b.Run()
		wantTold(t, b, jo, "Your account was deleted")
		if n := waiting(b); n != 1 {
			t.Errorf("%d mails are kept", n)
		}
		if l := lastMail(b); strings.Contains(l.Text+l.HTML, jo) {
			t.Error("the last mail repeats the address")
		}
	})
}

const (
	acmeGone    = "The workspace Workspace acme will be deleted"
	acmeInSeven = acmeGone + " in 7 days"
	acmeStays   = "The workspace Workspace acme stays"
)

func everybody(w privacyd.Workspace) []string {
	at := "@" + w.Slug + ".example.com"
	return []string{"admin" + at, "agent" + at, "auditor" + at}
}

func TestADeletionOfAWorkspaceIsToldToAll(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("globex")
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		later(b, 23*privacyd.Day)
		_, err := b.CancelJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		later(b, 10*privacyd.Day)
		want := []string{acmeGone, acmeInSeven, acmeStays}
		for _, email := range everybody(w) {
			wantTold(t, b, email, want...)
		}
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		later(b, 31*privacyd.Day)
		for _, email := range everybody(w) {
			wantTold(t, b, email, append(want, acmeGone, "The workspace Workspace acme was deleted")...)
		}
		for _, email := range everybody(other) {
			wantTold(t, b, email)
		}
		var left int
		b.Must(b.DB.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM notices) + (SELECT count(*) FROM notice_readers)").Scan(&left))
		if left != 0 {
			t.Errorf("%d rows of notices are left", left)
		}
	})
}

func TestADeletedWorkspacesLogStaysFrozen(t *testing.T) {
	b := enginetest.NewSQLite(t)
	p := sending(t, b)
	w := b.NewWorkspace("acme")
	confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
	p.cut = true
	later(b, 31*privacyd.Day)
	before := len(b.Audited(w.ID))
	p.cut = false
	later(b, time.Hour)
	if after := len(b.Audited(w.ID)); after != before {
		t.Errorf("the log has grown from %d to %d entries", before, after)
	}
	gone := slices.DeleteFunc(p.arrived(), func(s string) bool { return !strings.HasSuffix(s, "was deleted") })
	if len(gone) != 3 || waiting(b) != 0 {
		t.Errorf("%q, and %d wait", p.arrived(), waiting(b))
	}
}

func TestChangedRetentionIsToldToAdmins(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		for _, days := range []int{365, 365, 30} { // the same again is no change
			_, err := b.SetRetention(t.Context(), enginetest.Operator, w.ID, days)
			b.Must(err)
			b.Pass(time.Minute)
		}
		b.Run()
		subject := "Workspace acme: how long conversations are kept has changed"
		wantTold(t, b, "admin@acme.example.com", subject, subject)
		wantTold(t, b, "agent@acme.example.com")
		if l := lastMail(b); !strings.Contains(l.Text, "were kept 365 days") || !strings.Contains(l.Text, "it is 30 days") {
			t.Error(l.Text)
		}
	})
}
