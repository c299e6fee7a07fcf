package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// awayPost is a mail server that cannot be reached until it is back.
type awayPost struct {
	back bool
	sent []string
}

func (p *awayPost) Send(_ context.Context, l privacyd.Letter) error {
	if !p.back {
		return privacyd.Errorf(privacyd.ClassUnavailable, "mail_unavailable", "The mail server cannot be reached.")
	}
	p.sent = append(p.sent, l.To+" "+l.Subject)
	return nil
}

func (p *awayPost) got(part string) bool {
	return slices.ContainsFunc(p.sent, func(s string) bool { return strings.Contains(s, part) })
}

// What leads nowhere by the time at which it can be sent is not sent: a link that
// is too old, an invitation that is withdrawn, an export that one may not have.
func TestAMailWhoseLinkIsDeadIsDropped(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		post := &awayPost{}
		b.Mailing.Post = post
		personWith(b, jo)
		b.Must(b.AskPasswordReset(ctx, privacyd.Caller{IP: "192.0.2.1"}, jo))
		withdrawn, err := b.Invite(ctx, enginetest.Operator, w.ID, engine.NewInvitation{Email: "withdrawn@example.com", Role: privacyd.RoleAgent})
		b.Must(err)
		_, err = b.Invite(ctx, enginetest.Operator, w.ID, engine.NewInvitation{Email: "invited@example.com", Role: privacyd.RoleAgent})
		b.Must(err)
		second := secondAdmin(b, w, "second@example.com")
		_, _, err = b.CreateJob(ctx, second, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.Must(err)
		b.Run()
		_, err = b.RemoveMember(ctx, enginetest.Operator, w.ID, second.AccountID)
		b.Must(err)
		b.Must(b.Withdraw(ctx, enginetest.Operator, w.ID, withdrawn.ID))
		post.back = true
		later(b, 2*time.Hour)
		if !post.got("invited@") || post.got("withdrawn@") || post.got("second@") || post.got(jo) {
			t.Errorf("%q", post.sent)
		}
	})
}

// Who was removed while their export ran is not told of it.
func TestAnExportIsNotToldToWhoWasRemoved(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w := t.Context(), b.NewWorkspace("acme")
		second := secondAdmin(b, w, "second@example.com")
		_, _, err := b.CreateJob(ctx, second, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.Must(err)
		_, err = b.RemoveMember(ctx, enginetest.Operator, w.ID, second.AccountID)
		b.Must(err)
		b.Run()
		for _, told := range toldTo(b, "second@example.com") {
			if strings.Contains(told, "export") {
				t.Errorf("they were told %q", told)
			}
		}
	})
}
