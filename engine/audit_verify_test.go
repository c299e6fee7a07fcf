package engine_test

import (
	"slices"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestALogIsCheckedInPlace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		v, err := b.VerifyAudit(t.Context(), b.Member(privacyd.RoleAuditor, w), w.ID)
		b.Must(err)
		if !v.OK || v.Pending || v.Log != w.ID || v.Entries == 0 || v.Total != 0 {
			t.Errorf("%+v", v)
		}
		if all := b.Audited(w.ID); !slices.Contains(all, "audit.verify done") {
			t.Errorf("%v", all)
		}
		_, err = b.VerifyAudit(t.Context(), b.Member(privacyd.RoleAgent, w), w.ID)
		b.WantCode(err, "role_missing")
	})
}

// TestKeptToOneWorkspace has an operator and a member of two workspaces keep to
// one of them.
func TestKeptToOneWorkspace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, w, other := t.Context(), b.NewWorkspace("acme"), b.NewWorkspace("other")
		admin := b.Member(privacyd.RoleAdmin, other)
		_, err := b.AddMember(ctx, enginetest.Operator, w.ID, admin.Email, privacyd.RoleAdmin)
		b.Must(err)
		for _, c := range []privacyd.Caller{enginetest.Operator, admin} {
			c.Only = w.ID
			_, _, err := b.Engine.Workspace(ctx, c, w.Slug)
			b.Must(err)
			_, _, err = b.Engine.Workspace(ctx, c, other.Slug)
			b.WantCode(err, "workspace_not_found")
			_, err = b.AuditState(ctx, c, "")
			b.WantCode(err, "operator_only")
		}
	})
}
