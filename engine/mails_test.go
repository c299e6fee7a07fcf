package engine_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/mail"
	"github.com/privacyd/privacyd/mail/mailtest"
	"github.com/privacyd/privacyd/vault"
)

// post has a bench send its mails to a real server with TLS. The line to it
// can be cut.
type post struct {
	*mailtest.Server
	cut bool
}

func sending(t *testing.T, b *enginetest.Bench) *post {
	t.Helper()
	p := &post{Server: mailtest.New(t, mailtest.Implicit)}
	relay, err := mail.ParseRelay("smtps://relay:a%20p%40ssword%3A%20with%20%25@"+mailtest.Host, "privacy@example.com")
	b.Must(err)
	relay.Roots, relay.Patience = p.Roots, 5*time.Second
	relay.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		if p.cut {
			return nil, errors.New("connection refused")
		}
		return (&net.Dialer{}).DialContext(ctx, network, p.Addr)
	}
	b.Mailing.Post = relay
	return p
}

// arrived gives the subjects of what arrived.
func (p *post) arrived() []string {
	var subjects []string
	letters, _ := p.Received()
	for _, l := range letters {
		subjects = append(subjects, l.Header.Get("Subject"))
	}
	return subjects
}

func waiting(b *enginetest.Bench) int {
	var n int
	b.Must(b.DB.QueryRow(b.Context(), "SELECT count(*) FROM mails").Scan(&n))
	return n
}

func TestMailsAreSentAndForgotten(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p := sending(t, b)
		w := b.NewWorkspace("acme")
		invite(b, b.Member(privacyd.RoleAdmin, w), w, "new@example.com", privacyd.RoleAgent)
		if n := waiting(b); n != 1 || len(p.arrived()) != 0 {
			t.Fatalf("%d wait, %v were sent", n, p.arrived())
		}
		b.Run()
		if got := p.arrived(); !slices.Equal(got, []string{"You are invited to Workspace acme"}) {
			t.Errorf("%v", got)
		}
		if n := waiting(b); n != 0 {
			t.Errorf("%d still wait", n)
		}
		if log := b.Audited(w.ID); log[len(log)-1] != "mail.send done" {
			t.Errorf("%v", log)
		}
	})
}

func TestWhatWasNotDoneIsNotTold(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		undo := errors.New("something else failed")
		err := b.Tx.InTx(t.Context(), func(ctx context.Context) error {
			if _, err := b.Invite(ctx, admin, w.ID, engine.NewInvitation{Email: "new@example.com", Role: privacyd.RoleAgent}); err != nil {
				return err
			}
			return undo
		})
		if !errors.Is(err, undo) || waiting(b) != 0 {
			t.Errorf("%v, and %d mails wait", err, waiting(b))
		}
	})
}

func TestAServerThatIsDownForAnHour(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p := sending(t, b)
		w := b.NewWorkspace("acme")
		invite(b, b.Member(privacyd.RoleAdmin, w), w, "new@example.com", privacyd.RoleAgent)
		p.cut = true
		tries := func() (n int) {
			b.Must(b.DB.QueryRow(t.Context(), "SELECT tries FROM mails").Scan(&n))
			return n
		}
		for range 60 {
			b.Run() // a command that ends does not wait for the server
			b.Pass(time.Minute)
		}
		if n := tries(); n < 5 || n > 8 {
			t.Errorf("tried %d times in an hour", n)
		}
		p.cut = false
		b.Pass(time.Hour)
		b.Run()
		if got := p.arrived(); len(got) != 1 || waiting(b) != 0 {
			t.Errorf("%v", got)
		}
	})
}

func TestMailsAreGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		fault mailtest.Fault
		after time.Duration
		code  string
	}{
		"after days":             {mailtest.Busy, 3 * 24 * time.Hour, "mail_unavailable"},
		"at once, when refused":  {mailtest.RefusesUser, 0, "mail_refused"},
		"at once, when unwanted": {mailtest.Refuses, 0, "mail_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.NewSQLite(t)
			p := sending(t, b)
			p.Fail(c.fault)
			w := b.NewWorkspace("acme")
			invite(b, b.Member(privacyd.RoleAdmin, w), w, "new@example.com", privacyd.RoleAgent)
			b.Run()
			if c.after > 0 && waiting(b) != 1 {
				t.Error("it was given up at the first failure")
			}
			b.Pass(c.after)
			b.Run()
			if waiting(b) != 0 {
				t.Error("it still waits")
			}
			list, err := b.ListAudit(t.Context(), enginetest.Operator, w.ID, privacyd.AuditFilter{Action: "mail.fail"})
			b.Must(err)
			for e, err := range list {
				b.Must(err)
				if e.Code != c.code || e.Outcome != privacyd.OutcomeFailed {
					t.Errorf("%+v", e)
				}
				return
			}
			t.Error("that it was given up is not in the log")
		})
	}
}

func TestAServerThatDiesInTheMiddle(t *testing.T) {
	for name, c := range map[string]struct {
		fault  mailtest.Fault
		copies int
	}{"of DATA": {mailtest.Dies, 1}, "of saying thank you": {mailtest.DiesLate, 2}} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.NewSQLite(t)
			p := sending(t, b)
			p.Fail(c.fault)
			personWith(b, "ada@example.com")
			me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
			b.Must(b.ChangePassword(t.Context(), me, secretWords, otherWords))
			b.Run()
			p.Fail(mailtest.Works)
			b.Pass(2 * time.Minute)
			b.Run()
			letters, _ := p.Received()
			if len(letters) != c.copies {
				t.Fatalf("%d copies arrived", len(letters))
			}
			if first, last := letters[0].Header.Get("Message-Id"), letters[len(letters)-1].Header.Get("Message-Id"); first != last || first == "" {
				t.Errorf("copies are named %s and %s", first, last)
			}
		})
	}
}

func TestMailsWaitSealed(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		sending(t, b)
		a := personWith(b, "ada@example.com")
		me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
		b.Must(b.ChangePassword(t.Context(), me, secretWords, otherWords))
		var owner, kind string
		var sealed []byte
		b.Must(b.DB.QueryRow(t.Context(), "SELECT owner, kind, sealed FROM mails").Scan(&owner, &kind, &sealed))
		if text := owner + kind + string(sealed); strings.Contains(text, "ada@") || strings.Contains(text, a.ID) {
			t.Errorf("the row shows %q", text)
		}
		b.Must(b.Keys.Shred(t.Context(), vault.Owner{Kind: "account", ID: a.ID}))
		b.Run()
		if waiting(b) != 0 {
			t.Error("the mail of an erased account still waits")
		}
		if log := b.Audited(""); slices.Contains(log, "mail.send done") || slices.Contains(log, "mail.fail failed") {
			t.Errorf("%v", log)
		}
	})
}

func TestAFinishedExportIsTold(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		job := b.Export(admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		l := lastMail(b)
		link, err := b.DownloadLink(t.Context(), admin, w.ID, job.ID)
		b.Must(err)
		if l.To != admin.Email || !strings.Contains(l.Text, "/w/acme/jobs/"+job.ID+"/archive?expires=") || !strings.Contains(l.Text, link.Signature) {
			t.Errorf("%+v", l)
		}
		b.Export(b.Member(privacyd.RoleAgent, w), engine.NewJob{
			Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"},
		})
		if l = lastMail(b); strings.Contains(l.Text+l.HTML+l.Subject, "c-001") || !strings.Contains(l.Subject, "one person") {
			t.Errorf("%s", l.Text)
		}
		before := len(b.Mails())
		b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport, Format: privacyd.FormatCSV})
		if len(b.Mails()) != before {
			t.Error("the operator was sent a mail")
		}
	})
}

func TestTheOutbox(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ctx := t.Context()
	w := b.NewWorkspace("acme")
	admin := b.Member(privacyd.RoleAdmin, w)
	invite(b, admin, w, "new@example.com", privacyd.RoleAgent)
	b.Export(admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
	own, err := b.KeptMails(ctx, admin)
	b.Must(err)
	if len(own) != 1 || own[0].To != admin.Email || len(b.Mails()) != 2 {
		t.Errorf("%d of %d mails are one's own", len(own), len(b.Mails()))
	}
	_, err = b.KeptMails(ctx, privacyd.Caller{})
	b.WantCode(err, "not_signed_in")
	operator, err := b.Outbox(privacyd.Caller{}, b.OutboxKey())
	b.Must(err)
	if all, err := b.KeptMails(ctx, operator); err != nil || len(all) != 2 {
		t.Errorf("%d %v", len(all), err)
	}
	_, err = b.Outbox(privacyd.Caller{}, b.OutboxKey()[1:])
	b.WantCode(err, "outbox_missing")
	sending(t, b)
	_, err = b.Outbox(privacyd.Caller{}, b.OutboxKey())
	b.WantCode(err, "outbox_missing")
}
