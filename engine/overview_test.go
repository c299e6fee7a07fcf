package engine_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestCollectionSizes(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		contacts := func() (n int64) {
			list, err := b.CollectionSizes(t.Context(), b.Member(privacyd.RoleAgent, w), w.Slug)
			b.Must(err)
			for _, s := range list {
				if s.Collection == "contacts" {
					n += s.Records
				}
			}
			return n
		}
		before := contacts()
		for id, in := range map[string]privacyd.Workspace{"c-new": w, "c-newer": w, "c-elsewhere": other} {
			_, err := b.PutRecord(t.Context(), enginetest.Operator, in.ID, "contacts", id, []byte(`{"id":"`+id+`"}`))
			b.Must(err)
		}
		if n := contacts(); n != before+2 {
			t.Errorf("two contacts more: %d, before %d", n, before)
		}
		_, err := b.CollectionSizes(t.Context(), b.Member(privacyd.RoleAuditor, w), w.Slug)
		b.WantCode(err, "role_missing")
		_, err = b.CollectionSizes(t.Context(), b.Member(privacyd.RoleAdmin, other), w.Slug)
		b.WantCode(err, "workspace_not_found")
	})
}
