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

const (
	herAddress = "2001:db8:feed:beef::77"
	aPassword2 = "another horse battery"
)

// markedAccount is an instance in which an account has done everything that an
// account can do.
type markedAccount struct {
	*marked
	jo  privacyd.Caller
	far privacyd.Workspace // another one that the account is in
}

func newMarkedAccount(t *testing.T, b *enginetest.Bench) *markedAccount {
	t.Helper()
	k := &markedAccount{marked: newMarked(t, b), far: b.NewWorkspace("globex")}
	email := k.m.Of("jo.email") + "@example.net"
	_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: k.m.Of("jo.name"), Password: aPassword})
	b.Must(err)
	for _, w := range []privacyd.Workspace{k.w, k.far} {
		_, err := b.AddMember(t.Context(), enginetest.Operator, w.ID, email, privacyd.RoleAdmin)
		b.Must(err)
		p := &planter{t: t, m: k.m, account: email}
		p.record("by jo in "+w.Slug, "tickets", nil)
		p.record("by jo in "+w.Slug+" document", "documents", nil)
		p.record("by jo in "+w.Slug+" comment", "comments", map[string]any{"record_type": "ticket", "record_id": k.m.Of("by jo in " + w.Slug + ".id")})
		p.plant(b, w)
	}
	in, err := b.SignIn(t.Context(), privacyd.Caller{IP: herAddress, Door: privacyd.DoorWeb, Browser: privacyd.Browser{Name: k.m.Of("jo.browser"), Secret: k.m.Of("jo.browser's secret")}}, email, aPassword)
	b.Must(err)
	k.jo, err = b.Authenticate(t.Context(), in.Secret)
	b.Must(err)
	k.jo.IP, k.jo.Door = herAddress, privacyd.DoorWeb
	return k
}

// spread has the account do what leaves a trace of whoever did it.
func (k *markedAccount) spread(t *testing.T) {
	t.Helper()
	ctx, b, jo, ws := t.Context(), k.b, k.jo, k.w.ID
	must := func(_ any, err error) { t.Helper(); b.Must(err) }
	must(b.Invite(ctx, jo, ws, engine.NewInvitation{Email: "somebody@example.net", Role: privacyd.RoleAgent}))
	third := b.NewWorkspace("initech")
	must(b.Invite(ctx, b.Member(privacyd.RoleAdmin, third), third.ID, engine.NewInvitation{Email: jo.Email, Role: privacyd.RoleAgent}))
	_, _, err := b.CreateToken(ctx, jo, ws, k.m.Of("jo.label"), []privacyd.Action{privacyd.ActionReadRecords})
	b.Must(err)
	must(b.SetRetention(ctx, jo, ws, 30))
	b.Must(b.KeepRow(ctx, jo, ws, k.conversation("other.resolved.id"), true))
	target := k.conversation("other.open.id")
	target.Type = privacyd.HoldConversation
	hold, err := b.PlaceHold(ctx, jo, engine.NewHold{Workspace: ws, Target: target, Reason: "a claim"})
	b.Must(err)
	must(b.ReleaseHold(ctx, jo, ws, hold.ID, "settled"))
	b.Export(jo, engine.NewJob{Workspace: ws, Type: privacyd.JobDataExport})
	must(b.PreviewJob(ctx, jo, engine.NewJob{Workspace: ws, Type: privacyd.JobSubjectDeletion, Subject: k.her()}))
	must(b.SetLegalNotice(ctx, jo, ws, privacyd.LegalNotice{Party: privacyd.Party{
		Contact: privacyd.Contact{Name: "Acme", Email: "privacy@acme.example.com"}, Officer: privacyd.Contact{Name: k.m.Of("jo.name"), Email: jo.Email},
	}}))
	agreement, err := b.PublishAgreement(ctx, enginetest.Operator, "The agreement.")
	b.Must(err)
	must(b.AcceptAgreement(ctx, jo, ws, agreement.Version, agreement.SHA256))
	must(b.BeginSecondFactor(ctx, jo, aPassword))
	must(b.CreateSignInLink(ctx, enginetest.Operator, jo.Email))
	must(b.CreatePasswordLink(ctx, enginetest.Operator, jo.Email))
	b.Must(b.AskPasswordReset(ctx, privacyd.Caller{IP: herAddress}, jo.Email))
	_, err = b.SignIn(ctx, privacyd.Caller{IP: herAddress}, jo.Email, aPassword2)
	b.WantCode(err, "sign_in_failed")
	b.Run()
}

// forgetMails lets the time pass for which mails are kept where there is no mail
// server: the last one says that it is done.
func forgetMails(t *testing.T, b *enginetest.Bench) {
	t.Helper()
	b.Pass(8 * 24 * time.Hour)
	b.Must(b.RunSweep(t.Context(), "", nil))
	b.Run()
}

// withoutMails leaves out kept mails, of which the last says that it is done.
func withoutMails(found map[string][]string) map[string][]string {
	left := map[string][]string{}
	for text, places := range found {
		for _, at := range places {
			if !strings.HasPrefix(at, enginetest.InMail) && at != enginetest.InSealed+" mails.sealed" {
				left[text] = append(left[text], at)
			}
		}
	}
	return left
}

// TestMarkersOfAnAccount deletes an account that has left its trace everywhere
// and looks for its address, its name, its id and whence it came.
func TestMarkersOfAnAccount(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		k := newMarkedAccount(t, b)
		k.spread(t)
		hers := append(k.m.Texts("jo."), k.jo.AccountID, herAddress)
		before := k.traces.Find(hers)
		for _, kind := range []string{enginetest.InTable, enginetest.InSealed, enginetest.InAudit, enginetest.InArchive, enginetest.InMail} {
			if !slices.Contains(kinds(before), kind) {
				t.Errorf("before the erasure nothing was found in a place of the kind %s", kind)
			}
		}
		all := slices.Concat(k.m.Texts("by jo"), k.m.Texts("other"), k.m.Texts("team"), k.m.Texts("her"))
		others := tableHits(k.traces.Find(all))
		leave(t, b, k.jo)
		for _, line := range k.m.Say(withoutMails(k.traces.Find(hers))) {
			t.Error(line)
		}
		forgetMails(t, b)
		for _, line := range k.m.Say(k.traces.Find(hers)) {
			t.Error(line)
		}
		if left := tableHits(k.traces.Find(all)); len(left) < 100 || len(left) != len(others) {
			t.Errorf("of the %d markers of everybody else %d are left", len(others), len(left))
		}
	})
}
