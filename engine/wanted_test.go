package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
)

const acmeAdmin = "admin@acme.example.com"

// secondAdmin makes another admin, who can confirm with a password.
func secondAdmin(b *enginetest.Bench, w privacyd.Workspace, email string) privacyd.Caller {
	personWith(b, email)
	_, err := b.AddMember(b.Context(), enginetest.Operator, w.ID, email, privacyd.RoleAdmin)
	b.Must(err)
	c, err := b.As(b.Context(), enginetest.Operator, email)
	b.Must(err)
	c.Door = privacyd.DoorCLI
	return c
}

func TestASecondAdminIsAskedToApprove(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		first := secondAdmin(b, w, "first@example.com")
		settings := privacyd.DefaultSettings()
		settings.Approval = true
		_, err := b.ChangeSettings(ctx, enginetest.Operator, w.ID, settings)
		b.Must(err)
		who := firstContact(t, b, w)
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(who)}
		plan, err := b.PreviewJob(ctx, first, r)
		b.Must(err)
		r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		job, _, err := b.CreateJob(ctx, first, r)
		b.Must(err)
		b.Run()
		wantTold(t, b, "first@example.com")
		wantTold(t, b, acmeAdmin, "Workspace acme: the deletion of a contact waits for you")
		if l := lastMail(b); !strings.Contains(l.Text, "/w/acme/jobs/"+job.ID) || strings.Contains(l.Text+l.HTML, who) {
			t.Errorf("%s", l.Text)
		}
	})
}

func TestProposalsOfProgramsAreToldTogether(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		_, secret, err := b.CreateToken(ctx, enginetest.Operator, w.ID, "product", []privacyd.Action{privacyd.ActionDeleteSubject})
		b.Must(err)
		token, err := b.Authenticate(ctx, secret)
		b.Must(err)
		propose := func(id string) {
			_, _, err := b.CreateJob(ctx, token, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact(id)})
			b.Must(err)
		}
		propose("c-001")
		propose("c-001") // the same job
		b.Run()
		one, three := "Workspace acme: the deletion of a contact waits for you", "Workspace acme: 3 deletions wait for you"
		wantTold(t, b, acmeAdmin, one)
		propose("c-002")
		propose("c-003")
		later(b, time.Minute)
		wantTold(t, b, acmeAdmin, one)
		later(b, time.Hour)
		wantTold(t, b, acmeAdmin, one, three)
		later(b, 3*time.Hour)
		wantTold(t, b, acmeAdmin, one, three)
	})
}

func TestABrakedRetentionRunAsks(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		_, err := b.SetRetention(t.Context(), enginetest.Operator, w.ID, 30)
		b.Must(err)
		_, err = b.DB.Exec(t.Context(), "UPDATE conversations SET status = 'resolved', resolved_at = $1", sqldb.Micros(b.Clock()))
		b.Must(err)
		for range 3 { // the next days find it still waiting
			later(b, 40*privacyd.Day)
		}
		want := "Workspace acme: a retention run waits for you"
		got := slices.DeleteFunc(toldTo(b, acmeAdmin), func(s string) bool { return s != want })
		if len(got) != 1 {
			t.Errorf("%d mails of %q", len(got), toldTo(b, acmeAdmin))
		}
	})
}

func TestAHoldIsDueForReview(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		place := func(who string) *privacyd.Hold {
			h, err := b.PlaceHold(ctx, enginetest.Operator, engine.NewHold{
				Workspace: w.ID, Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: aContact(who)}, Reason: "a claim by Zoë",
			})
			b.Must(err)
			return h
		}
		place("c-001")
		released := place("c-002")
		_, err := b.ReleaseHold(ctx, enginetest.Operator, w.ID, released.ID, "settled")
		b.Must(err)
		later(b, 364*privacyd.Day)
		wantTold(t, b, acmeAdmin)
		b.Must(b.ScheduleReviews(ctx)) // as at a start
		later(b, 2*privacyd.Day)
		b.Must(b.ScheduleReviews(ctx))
		later(b, 400*privacyd.Day)
		wantTold(t, b, acmeAdmin, "Workspace acme: a legal hold is due for review")
		if l := lastMail(b); strings.Contains(l.Text+l.HTML, "c-001") || strings.Contains(l.Text+l.HTML, "Zoë") {
			t.Errorf("it tells too much:\n%s", l.Text)
		}
	})
}

func TestTheLastAdminWhoWantsToLeaveIsHeard(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		b.Mailing.Operator = "operator@example.com"
		me := secondAdmin(b, w, "sole@example.com")
		admin := b.Member(privacyd.RoleAdmin, w)
		_, err := b.RemoveMember(ctx, enginetest.Operator, w.ID, admin.AccountID)
		b.Must(err)
		for range 3 {
			plan, err := b.PreviewAccountDeletion(ctx, me)
			b.Must(err)
			_, err = b.DeleteAccount(ctx, me, privacyd.Confirmation{PlanHash: plan.Hash, Password: secretWords})
			b.WantCode(err, "last_admin")
			b.Run()
		}
		wantTold(t, b, "operator@example.com", "The deletion of an account is blocked and needs you")
		if l := lastMail(b); !strings.Contains(l.Text, me.AccountID) || !strings.Contains(l.Text, "acme") || strings.Contains(l.Text, "sole@") {
			t.Errorf("%s", l.Text)
		}
	})
}

func TestAFailedExportIsTold(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		job, _, err := b.CreateJob(t.Context(), b.Member(privacyd.RoleAdmin, w), engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.Must(err)
		b.Must(b.GiveUp(t.Context(), engine.WorkExport, job.ID, errors.New("the disk is full")))
		job, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
		wantTold(t, b, acmeAdmin, "Workspace acme: an export of the workspace failed")
		if l := lastMail(b); !strings.Contains(l.Text, job.ErrorMessage) {
			t.Errorf("%s", l.Text)
		}
	})
}

// crowd makes a workspace with so many members.
func crowd(b *enginetest.Bench, n int) privacyd.Workspace {
	w, err := b.CreateWorkspace(b.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "crowd", Name: "Crowd"})
	b.Must(err)
	var entry string
	b.Must(b.DB.QueryRow(b.Context(), "SELECT audit_entry_id FROM workspaces WHERE id = $1", w.ID).Scan(&entry))
	b.Must(b.Tx.InTx(b.Context(), func(ctx context.Context) error {
		for i := range n {
			id := fmt.Sprintf("0190-%06d", i)
			_, err := b.DB.Exec(ctx, `INSERT INTO accounts (id, email, name, password_hash, invited, created_at, audit_entry_id)
				VALUES ($1, $2, 'One of many', '', 1, 0, $3)`, id, id+"@example.com", entry)
			if err == nil {
				_, err = b.DB.Exec(ctx, `INSERT INTO members (workspace_id, account_id, role, created_at, audit_entry_id) VALUES ($1, $2, 'agent', 0, $3)`, w.ID, id, entry)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return w
}

// breaking is a lease that is lost after so many batches.
type breaking struct{ left int }

func (l *breaking) Attempt() int { return 1 }

func (l *breaking) Check(context.Context) error {
	if l.left--; l.left < 0 {
		return errors.New("the process died")
	}
	return nil
}

// However often a process dies on the way, each of many is told once.
func TestEachOfManyIsToldOnce(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		const many = 1100
		ctx, w := t.Context(), crowd(b, many)
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion}
		plan, err := b.PreviewJob(ctx, enginetest.Operator, r)
		b.Must(err)
		r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
		_, _, err = b.CreateJob(ctx, enginetest.Operator, r)
		b.Must(err)
		if n := waiting(b); n != 0 {
			t.Errorf("%d mails were made in the request", n)
		}
		var id string
		b.Must(b.DB.QueryRow(ctx, "SELECT id FROM notices").Scan(&id))
		for tries := 0; ; tries++ {
			if err := b.RunNotice(ctx, id, &breaking{tries % 3}); err == nil {
				break
			}
		}
		var mails, owners int
		b.Must(b.DB.QueryRow(ctx, "SELECT count(*), count(DISTINCT owner) FROM mails").Scan(&mails, &owners))
		if mails != many || owners != many {
			t.Errorf("%d mails to %d of %d members", mails, owners, many)
		}
	})
}

// A name must not become a header, another recipient, or markup.
func TestNamesInMails(t *testing.T) {
	b := enginetest.NewSQLite(t)
	p := sending(t, b)
	evil := `A"</title><script>x</script> =?utf-8?q?Bcc:?= <eve@example.net>, ` + strings.Repeat("ü", 50)
	w, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "evil", Name: evil})
	b.Must(err)
	for _, bad := range []string{"two\nlines", "two\r\nBcc: eve@example.net", "nul\x00"} {
		_, err := b.CreateWorkspace(t.Context(), enginetest.Operator, engine.NewWorkspace{Slug: "bad", Name: bad})
		if privacyd.ClassOf(err) != privacyd.ClassInvalid {
			t.Errorf("the name %q: %v", bad, err)
		}
	}
	secondAdmin(b, w, "ana@example.com")
	_, err = b.SetRetention(t.Context(), enginetest.Operator, w.ID, 30)
	b.Must(err)
	b.Run()
	letters, bodies := p.Received()
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	h := letters[0].Header
	if len(h["Bcc"])+len(h["Cc"]) > 0 || h.Get("To") != "<ana@example.com>" || strings.Contains(h.Get("Subject"), "eve@example.net>") && !strings.HasPrefix(h.Get("Subject"), "=?") {
		t.Errorf("%v", h)
	}
	if strings.Contains(bodies[0], "<script>") && !strings.Contains(bodies[0], "&lt;script&gt;") {
		t.Error("the name is markup")
	}
}
