package engine_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func first(email string) engine.FirstStart {
	return engine.FirstStart{Email: email, Name: "Ada", Password: secretWords, Workspace: "Acme & Sons"}
}

func TestTheFirstPersonBegins(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		secret, err := b.CreateFirstLink(ctx, enginetest.Operator)
		b.Must(err)
		b.Must(b.CheckFirstLink(ctx, secret))
		_, err = b.Begin(ctx, from("192.0.2.1"), "forged", first("ada@example.com"))
		b.WantCode(err, "link_used")
		for code, wrong := range map[string]engine.FirstStart{
			"email_invalid":          {Email: "ada", Name: "Ada", Password: secretWords, Workspace: "Acme"},
			"name_invalid":           {Email: "ada@example.com", Password: secretWords, Workspace: "Acme"},
			"password_invalid":       {Email: "ada@example.com", Name: "Ada", Workspace: "Acme"},
			"workspace_name_invalid": {Email: "ada@example.com", Name: "Ada", Password: secretWords},
			"slug_invalid":           {Email: "ada@example.com", Name: "Ada", Password: secretWords, Workspace: "Acme", Slug: "No Good"},
		} {
			_, err := b.Begin(ctx, from("192.0.2.1"), secret, wrong)
			b.WantCode(err, code)
		}
		in, err := b.Begin(ctx, from("192.0.2.1"), secret, first("ada@example.com"))
		b.Must(err)
		me, err := b.Authenticate(ctx, in.Secret)
		b.Must(err)
		w, role, err := b.Workspace(ctx, me, "acme-sons")
		b.Must(err)
		if role != privacyd.RoleAdmin || w.Name != "Acme & Sons" {
			t.Errorf("%s of %+v", role, w)
		}
		_, err = b.Begin(ctx, from("192.0.2.1"), secret, first("eve@example.com"))
		b.WantCode(err, "link_used")
		_, err = b.CreateFirstLink(ctx, enginetest.Operator)
		b.WantCode(err, "first_start_over")
		if actions := b.Audited(w.ID); !slices.Equal(actions, []string{"workspace.create done", "member.add done"}) {
			t.Errorf("%v", actions)
		}
	})
}

func TestOfTwoFirstPersonsOneBegins(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		var wait sync.WaitGroup
		errs, links := make([]error, 4), make([]string, 4)
		for i := range links {
			var err error
			links[i], err = b.CreateFirstLink(t.Context(), enginetest.Operator)
			b.Must(err)
		}
		for i := range errs {
			wait.Go(func() {
				_, errs[i] = b.Begin(t.Context(), from("192.0.2.1"), links[i], first(fmt.Sprintf("ada%d@example.com", i)))
			})
		}
		wait.Wait()
		begun := 0
		for _, err := range errs {
			switch privacyd.CodeOf(err) {
			case "":
				begun++
			case "first_start_over", "link_used", "database_busy":
			default:
				t.Errorf("%v", err)
			}
		}
		if begun != 1 {
			t.Errorf("%d began", begun)
		}
	})
}

func TestTheFirstStartIsOver(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ctx := t.Context()
	old, err := b.CreateFirstLink(ctx, enginetest.Operator)
	b.Must(err)
	b.Pass(8 * 24 * time.Hour)
	b.WantCode(b.CheckFirstLink(ctx, old), "link_used")
	late, err := b.CreateFirstLink(ctx, enginetest.Operator)
	b.Must(err)
	personWith(b, "ben@example.com") // made by a command meanwhile
	b.WantCode(b.CheckFirstLink(ctx, late), "first_start_over")
	_, err = b.Begin(ctx, from("192.0.2.1"), late, first("ada@example.com"))
	b.WantCode(err, "first_start_over")
	me, _ := enter(b, from("192.0.2.1"), "ben@example.com")
	_, err = b.CreateFirstLink(ctx, me)
	b.WantCode(err, "operator_only")
}

func TestBesideAProductNoWorkspaceIsMade(t *testing.T) {
	b := enginetest.NewSQLite(t)
	b.Records = nil
	secret, err := b.CreateFirstLink(t.Context(), enginetest.Operator)
	b.Must(err)
	r := first("ada@example.com")
	r.Workspace = ""
	_, err = b.Begin(t.Context(), from("192.0.2.1"), secret, r)
	b.Must(err)
	if list, err := b.ListWorkspaces(t.Context(), enginetest.Operator); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}
