package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func hosting(f func(*engine.NewSubProcessor)) engine.NewSubProcessor {
	n := engine.NewSubProcessor{SubProcessor: privacyd.SubProcessor{
		Name: "Example Hosting GmbH", Purpose: "Servers", Country: "DE", Categories: []string{"all records"},
	}}
	if f != nil {
		f(&n)
	}
	return n
}

// TestAnnouncement follows a sub-processor from its announcement to its end.
func TestAnnouncement(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme, beta := t.Context(), b.NewWorkspace("acme"), b.NewWorkspace("beta")
		p, err := b.SetSubProcessor(ctx, enginetest.Operator, hosting(nil))
		b.Must(err)
		if p.Version != 1 || !p.From.Equal(b.Clock().Add(privacyd.NoticeOfChange)) {
			t.Errorf("announced %+v", p)
		}
		b.Run()
		b.Run()
		wantAdminsTold(t, b, map[string]int{"admin@acme.example.com": 1, "admin@beta.example.com": 1}, "a new sub-processor")

		o, err := b.ObjectTo(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID, p.ID)
		b.Must(err)
		_, err = b.ObjectTo(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID, p.ID)
		b.Must(err)
		list, err := b.Objections(ctx, b.Member(privacyd.RoleAgent, acme), acme.ID)
		b.Must(err)
		if len(list) != 1 || list[0] != o {
			t.Errorf("objections %+v, want %+v", list, o)
		}
		all, err := b.AllObjections(ctx, enginetest.Operator)
		b.Must(err)
		if len(all) != 1 {
			t.Errorf("all objections %+v", all)
		}
		_, err = b.ObjectTo(ctx, b.Member(privacyd.RoleAgent, acme), acme.ID, p.ID)
		b.WantCode(err, "role_missing")
		_, err = b.ObjectTo(ctx, b.Member(privacyd.RoleAdmin, acme), beta.ID, p.ID)
		b.WantCode(err, "workspace_not_found")
		_, err = b.ObjectTo(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID, "nobody")
		b.WantCode(err, "sub_processor_not_found")

		b.Pass(31 * privacyd.Day)
		end, err := b.SetSubProcessor(ctx, enginetest.Operator, hosting(func(n *engine.NewSubProcessor) { n.ID, n.Ended, n.From = p.ID, true, b.Clock().Add(time.Hour) }))
		b.Must(err)
		registers, err := b.Engine.Register(ctx)
		b.Must(err)
		if len(registers) != 1 || registers[0].Now.Version != 1 || registers[0].Next.Version != 2 || end.Version != 2 {
			t.Errorf("register %+v", registers)
		}
		_, err = b.ObjectTo(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID, p.ID)
		b.WantCode(err, "sub_processor_not_found")
		b.Run()
		wantAdminsTold(t, b, map[string]int{"admin@acme.example.com": 1, "admin@beta.example.com": 1}, "a sub-processor ends")
	})
}

func wantAdminsTold(t *testing.T, b *enginetest.Bench, want map[string]int, subject string) {
	t.Helper()
	for _, l := range b.Mails() {
		if strings.Contains(l.Subject, subject) {
			want[l.To]--
		}
	}
	for to, left := range want {
		if left != 0 {
			t.Errorf("%s got %d mails too few with %q", to, left, subject)
		}
	}
}

func TestAnnouncementRefused(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme := t.Context(), b.NewWorkspace("acme")
		_, err := b.SetSubProcessor(ctx, b.Member(privacyd.RoleAdmin, acme), hosting(nil))
		b.WantCode(err, "operator_only")
		for _, c := range []struct {
			n    engine.NewSubProcessor
			code string
		}{
			{hosting(func(n *engine.NewSubProcessor) { n.From = b.Clock().Add(29 * privacyd.Day) }), "notice_too_short"},
			{hosting(func(n *engine.NewSubProcessor) { n.ID = "nobody" }), "sub_processor_not_found"},
			{hosting(func(n *engine.NewSubProcessor) { n.Country = "US" }), "sub_processor_basis"},
			{hosting(func(n *engine.NewSubProcessor) { n.Engaged = true }), "sub_processor_engaged"},
		} {
			_, err := b.SetSubProcessor(ctx, enginetest.Operator, c.n)
			b.WantCode(err, c.code)
		}
		since := hosting(func(n *engine.NewSubProcessor) { n.Engaged, n.From = true, b.Clock().Add(-90*privacyd.Day) })
		p, err := b.SetSubProcessor(ctx, enginetest.Operator, since)
		b.Must(err)
		since.ID = p.ID
		_, err = b.SetSubProcessor(ctx, enginetest.Operator, since)
		b.WantCode(err, "sub_processor_engaged")
		_, err = b.SetSubProcessor(ctx, enginetest.Operator, hosting(func(n *engine.NewSubProcessor) {
			n.ID, n.Ended, n.From = p.ID, true, b.Clock().Add(-privacyd.Day)
		}))
		b.WantCode(err, "notice_too_short")
		registers, err := b.Engine.Register(ctx)
		b.Must(err)
		if len(registers) != 1 || registers[0].Now == nil || registers[0].Next != nil {
			t.Errorf("register %+v", registers)
		}
	})
}
