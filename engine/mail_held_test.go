package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// relayIn puts the mail server into a country.
func relayIn(b *enginetest.Bench, country string) {
	b.Allowed = privacyd.Countries{privacyd.EEA, "CH"}
	b.Places = []privacyd.Place{{Name: "relay", Kind: privacyd.PlaceMail, Uses: []string{"mail.smtp"}, Country: country}}
}

// narrow has a workspace allow some countries only.
func narrow(t *testing.T, b *enginetest.Bench, workspace string, countries ...string) {
	t.Helper()
	s, err := b.Settings(t.Context(), enginetest.Operator, workspace)
	b.Must(err)
	s.AllowedCountries = countries
	_, err = b.ChangeSettings(t.Context(), enginetest.Operator, workspace, s)
	b.Must(err)
}

// TestHeldMails has the mail server move to where one workspace's data may not
// be, and back.
func TestHeldMails(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p, w, other := sending(t, b), b.NewWorkspace("acme"), b.NewWorkspace("beta")
		relayIn(b, "DE")
		narrow(t, b, w.ID, "DE")
		relayIn(b, "CH")
		for _, workspace := range []string{w.ID, other.ID} {
			_, err := b.Invite(t.Context(), enginetest.Operator, workspace, engine.NewInvitation{Email: "new@example.com", Role: privacyd.RoleAgent})
			b.Must(err)
		}
		b.Run()
		if got := p.arrived(); len(got) != 1 || !strings.Contains(strings.Join(got, ""), other.Name) {
			t.Fatalf("arrived: %q, want the other workspace's mail alone", got)
		}
		checkHeld(t, b, w.ID, 1)
		checkDoctor(t, b, "mail.held", privacyd.CheckWarning, "1 mails are held")
		b.Pass(100 * time.Hour) // longer than a mail server may be down
		b.Run()
		checkHeld(t, b, w.ID, 1)
		p.cut = true
		relayIn(b, "DE")
		b.Must(b.LookAtHeldMails(t.Context(), ""))
		b.Run()
		checkHeld(t, b, w.ID, 0)
		if n := waiting(b); n != 1 {
			t.Fatalf("%d mails wait for the mail server, want 1", n)
		}
		p.cut = false
		b.Pass(time.Hour)
		b.Run()
		if got := p.arrived(); len(got) != 2 || waiting(b) != 0 {
			t.Errorf("arrived: %q, and %d wait", got, waiting(b))
		}
		log := b.Audited(w.ID)
		if n := strings.Count(strings.Join(log, "\n"), "mail.hold denied"); n != 1 || log[len(log)-1] != "mail.send done" {
			t.Errorf("the log has mail.hold %d times: %v", n, log)
		}
		checkDoctor(t, b, "mail.held", privacyd.CheckOK, "")
	})
}

func checkHeld(t *testing.T, b *enginetest.Bench, workspace string, want int) {
	t.Helper()
	r, err := b.Residency(t.Context(), enginetest.Operator, workspace)
	b.Must(err)
	if r.Held != want {
		t.Errorf("%d mails are held, want %d", r.Held, want)
	}
}

// TestHeldMailsEnd has one mail go when its workspace allows the country, and
// one run out before.
func TestHeldMailsEnd(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p, w := sending(t, b), b.NewWorkspace("acme")
		relayIn(b, "DE")
		narrow(t, b, w.ID, "DE")
		relayIn(b, "CH")
		invite := func(email string) {
			_, err := b.Invite(t.Context(), enginetest.Operator, w.ID, engine.NewInvitation{Email: email, Role: privacyd.RoleAgent})
			b.Must(err)
			b.Run()
		}
		invite("late@example.com")
		b.Pass(30 * 24 * time.Hour) // the invitation is good no more
		b.Run()
		if log := b.Audited(w.ID); !slices.Contains(log, "mail.drop done") || waiting(b) != 0 {
			t.Errorf("the log has %v, and %d wait", log, waiting(b))
		}
		invite("released@example.com")
		b.Pass(30 * 24 * time.Hour)
		relayIn(b, "DE")
		b.Must(b.LookAtHeldMails(t.Context(), "")) // as at a start
		b.Run()
		relayIn(b, "CH")
		if got := p.arrived(); len(got) != 0 || waiting(b) != 0 {
			t.Errorf("what had run out arrived when it was released: %q, and %d wait", got, waiting(b))
		}
		invite("soon@example.com")
		narrow(t, b, w.ID, "DE", "CH")
		b.Run()
		if got, _ := p.Received(); len(got) != 1 || got[0].Header.Get("To") != "<soon@example.com>" {
			t.Errorf("arrived: %v", p.arrived())
		}
	})
}

// TestHeldMailsAreNotHeldForEver has one wait that never runs out.
func TestHeldMailsAreNotHeldForEver(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p, w := sending(t, b), b.NewWorkspace("acme")
		relayIn(b, "DE")
		narrow(t, b, w.ID, "DE")
		relayIn(b, "CH")
		_, err := b.SetRetention(t.Context(), enginetest.Operator, w.ID, 30)
		b.Must(err)
		b.Run()
		later(b, 29*privacyd.Day)
		checkHeld(t, b, w.ID, 1)
		later(b, privacyd.Day)
		checkHeld(t, b, w.ID, 0)
		if log := b.Audited(w.ID); !slices.Contains(log, "mail.drop done") || waiting(b) != 0 || len(p.arrived()) != 0 {
			t.Errorf("the log has %v, %d wait, and %q arrived", log, waiting(b), p.arrived())
		}
	})
}

// TestHeldMailsOfADeletedWorkspace are held as before: what the workspace
// allowed still counts when it is gone.
func TestHeldMailsOfADeletedWorkspace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p, w := sending(t, b), b.NewWorkspace("acme")
		relayIn(b, "DE")
		narrow(t, b, w.ID, "DE")
		relayIn(b, "CH")
		_, err := b.SetRetention(t.Context(), enginetest.Operator, w.ID, 30) // the admin is told, and not told yet
		b.Must(err)
		b.Grace = time.Hour
		confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		later(b, 2*time.Hour)
		later(b, 2*time.Hour)
		want := 1 + len(everybody(w)) // everybody is told that the workspace was deleted
		if got := p.arrived(); len(got) != 0 || waiting(b) != want {
			t.Errorf("arrived: %q, and %d wait, want %d", got, waiting(b), want)
		}
		relayIn(b, "DE")
		later(b, 2*time.Hour)
		if got := p.arrived(); len(got) != want || waiting(b) != 0 {
			t.Errorf("where it may go arrived: %q, and %d wait", got, waiting(b))
		}
	})
}

// TestHeldObjection is about a workspace, too, although it is for whoever runs
// the server.
func TestHeldObjection(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p, w := sending(t, b), b.NewWorkspace("acme")
		b.Mailing.Operator = "operator@example.com"
		relayIn(b, "DE")
		narrow(t, b, w.ID, "DE")
		relayIn(b, "CH")
		announced, err := b.SetSubProcessor(t.Context(), enginetest.Operator, hosting(nil))
		b.Must(err)
		_, err = b.ObjectTo(t.Context(), b.Member(privacyd.RoleAdmin, w), w.ID, announced.ID)
		b.Must(err)
		b.Run()
		b.Run()
		checkHeld(t, b, w.ID, 2) // the admin's and the operator's
		if got := p.arrived(); len(got) != 0 {
			t.Errorf("arrived: %q", got)
		}
	})
}

// TestHeldEscalation names the workspaces that keep a person from being deleted:
// it is held for each of them, and so is what the person is told.
func TestHeldEscalation(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p, w, other := sending(t, b), b.NewWorkspace("acme"), b.NewWorkspace("beta")
		b.Mailing.Operator = "operator@example.com"
		relayIn(b, "DE")
		me := secondAdmin(b, w, "sole@example.com")
		_, err := b.AddMember(t.Context(), enginetest.Operator, other.ID, "sole@example.com", privacyd.RoleAdmin)
		b.Must(err)
		for _, one := range []privacyd.Workspace{w, other} {
			narrow(t, b, one.ID, "DE")
			_, err := b.RemoveMember(t.Context(), enginetest.Operator, one.ID, b.Member(privacyd.RoleAdmin, one).AccountID)
			b.Must(err)
		}
		b.Run()
		before := len(p.arrived())
		relayIn(b, "CH")
		plan, err := b.PreviewAccountDeletion(t.Context(), me)
		b.Must(err)
		_, err = b.DeleteAccount(t.Context(), me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
		b.WantCode(err, "last_admin")
		for _, id := range []string{w.ID, other.ID} {
			b.Run()
			if held := heldFor(b, w.ID) + heldFor(b, other.ID); held != 1 || len(p.arrived()) != before {
				t.Fatalf("%d mails are held, and arrived: %q", held, p.arrived())
			}
			narrow(t, b, id, "DE", "CH")
		}
		b.Run()
		if got := p.arrived(); len(got) != before+1 || !strings.Contains(got[before], "needs you") {
			t.Errorf("where it may go arrived: %q", got[before:])
		}
	})
}

// heldFor counts the mails that are held for a workspace.
func heldFor(b *enginetest.Bench, workspace string) int {
	r, err := b.Residency(b.Context(), enginetest.Operator, workspace)
	b.Must(err)
	return r.Held
}
