package engine_test

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestAnInvitationAskedForTwiceAtOnceIsOne(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		ask := engine.NewInvitation{Email: "new@example.com", Role: privacyd.RoleAgent}
		first, err := b.Invite(t.Context(), admin, w.ID, ask)
		b.Must(err)
		second, err := b.Invite(t.Context(), admin, w.ID, ask)
		b.Must(err)
		b.Pass(time.Minute)
		third, err := b.Invite(t.Context(), admin, w.ID, ask)
		b.Must(err)
		b.Run()
		if second.ID != first.ID || third.ID == first.ID || len(b.Mails()) != 2 {
			t.Errorf("%s, %s, %s and %d mails", first.ID, second.ID, third.ID, len(b.Mails()))
		}
	})
}
