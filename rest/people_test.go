package rest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

const (
	firstWords = "correct horse battery"
	otherWords = "seven wet umbrellas"
)

// enter is a session of a new account with a password.
func (s *server) enter(email string) *client.Client {
	s.t.Helper()
	_, err := s.CreateAccount(s.t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: "A Person", Password: firstWords})
	s.Must(err)
	return s.again(email, firstWords)
}

func (s *server) again(email, password string) *client.Client {
	s.t.Helper()
	in, err := s.SignIn(s.t.Context(), privacyd.Caller{Door: privacyd.DoorREST, IP: "192.0.2.1"}, email, password)
	s.Must(err)
	return &client.Client{Base: s.public.URL, Token: in.Secret}
}

// ask calls as somebody, wants a status and gives the answer.
func (s *server) ask(c *client.Client, method, path, body string, status int) map[string]any {
	s.t.Helper()
	got, text, _ := s.call(method, c.Base+path, body, "Authorization", "Bearer "+c.Token)
	if got != status {
		s.t.Fatalf("%s %s: %d %s", method, path, got, text)
	}
	out := map[string]any{}
	if text != "" {
		s.Must(json.Unmarshal([]byte(text), &out))
	}
	return out
}

func TestOnesOwnAccountOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		me := s.enter("ada@example.com")
		other := s.again("ada@example.com", firstWords)
		list := s.ask(me, "GET", "/v1/me/sessions", "", 200)["items"].([]any)
		if len(list) != 2 {
			t.Fatalf("%v", list)
		}
		for _, v := range list {
			if v := v.(map[string]any); v["current"] == nil {
				s.ask(me, "DELETE", "/v1/me/sessions/"+v["id"].(string), "", 204)
				s.ask(me, "DELETE", "/v1/me/sessions/"+v["id"].(string), "", 404)
			}
		}
		s.ask(other, "GET", "/v1/me", "", 401)
		s.again("ada@example.com", firstWords)
		if n := s.ask(me, "DELETE", "/v1/me/sessions", "", 200)["sessions"]; n != 1.0 {
			t.Errorf("%v", n)
		}
		if code := s.ask(me, "PUT", "/v1/me/password", `{"old": "wrong", "password": "`+otherWords+`"}`, 403)["code"]; code != "password_wrong" {
			t.Errorf("%v", code)
		}
		s.ask(me, "PUT", "/v1/me/password", `{"old": "`+firstWords+`", "password": "`+otherWords+`"}`, 204)
		s.again("ada@example.com", otherWords)
	})
}

func TestSecondFactorOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		me := s.enter("ada@example.com")
		const path = "/v1/me/second-factor"
		begun := s.ask(me, "POST", path, `{"password": "`+firstWords+`"}`, 201)
		code := func() string {
			s.Pass(time.Minute)
			code, err := totp.GenerateCode(begun["secret"].(string), s.Clock())
			s.Must(err)
			return `{"password": "` + firstWords + `", "code": "` + code + `"}`
		}
		s.ask(me, "POST", path+"/confirm", strings.Replace(code(), `"password": "`+firstWords+`", `, "", 1), 200)
		if f := s.ask(me, "GET", path, "", 200); f["on"] != true || f["recovery_codes_left"] != 10.0 {
			t.Errorf("%v", f)
		}
		s.ask(me, "POST", path, `{"password": "`+firstWords+`"}`, 409)
		s.ask(me, "POST", path+"/off", `{"password": "`+firstWords+`", "code": "000000"}`, 403)
		s.ask(me, "POST", path+"/off", code(), 204)
		if f := s.ask(me, "GET", path, "", 200); f["on"] != false || f["since"] != nil {
			t.Errorf("%v", f)
		}
		s.ask(s.token(s.NewWorkspace("acme")), "GET", path, "", 401)
	})
}

func TestMembersOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		w := s.NewWorkspace("acme")
		admin := s.token(w, privacyd.ActionManageMembers)
		members, _, err := admin.Members(ctx, w.Slug, "", 50)
		s.Must(err)
		if len(members) != 3 {
			t.Fatalf("%+v", members)
		}
		first, next, err := admin.Members(ctx, w.Slug, "", 2)
		s.Must(err)
		rest, end, err := admin.Members(ctx, w.Slug, next, 2)
		s.Must(err)
		if len(first) != 2 || len(rest) != 1 || rest[0].AccountID != members[2].AccountID || next != first[1].AccountID || end != "" {
			t.Errorf("%+v, then %q: %+v", first, next, rest)
		}
		_, _, err = admin.Members(ctx, w.Slug, "nobody", 2)
		if privacyd.CodeOf(err) != "cursor_invalid" {
			t.Errorf("a cursor that is none: %v", err)
		}
		m, err := admin.ChangeRole(ctx, w.Slug, members[1].AccountID, privacyd.RoleAuditor)
		s.Must(err)
		if m.Role != privacyd.RoleAuditor || m.Audit == nil || m.Audit.Checkpoint != privacyd.CheckpointSigned {
			t.Errorf("%+v", m)
		}
		_, err = admin.RemoveMember(ctx, w.Slug, members[0].AccountID)
		if privacyd.CodeOf(err) != "last_admin" || privacyd.ClassOf(err) != privacyd.ClassConflict {
			t.Errorf("%v", err)
		}
		v, err := admin.Invite(ctx, w.Slug, "new@example.com", privacyd.RoleAgent)
		s.Must(err)
		open, _, err := admin.Invitations(ctx, w.Slug, "", 50)
		s.Must(err)
		if len(open) != 1 || open[0].ID != v.ID || v.URL != "" {
			t.Errorf("%+v %+v", open, v)
		}
		s.Must(admin.Withdraw(ctx, w.Slug, v.ID))
		_, _, err = s.token(w, privacyd.ActionReadRecords).Members(ctx, w.Slug, "", 50)
		if privacyd.CodeOf(err) != "scope_missing" {
			t.Errorf("%v", err)
		}
		s.Mailing = engine.Mailing{}
		if _, err = admin.Invite(ctx, w.Slug, "new@example.com", privacyd.RoleAgent); privacyd.CodeOf(err) != "mail_missing" {
			t.Errorf("%v", err)
		}
		if v, err = s.operator().Invite(ctx, w.Slug, "new@example.com", privacyd.RoleAgent); err != nil || !strings.HasPrefix(v.URL, "/sign-in/invitation/") {
			t.Errorf("%q %v", v.URL, err)
		}
	})
}

func TestTheOperatorHelpsOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		me := s.enter("ada@example.com")
		link, err := s.operator().CreatePasswordLink(ctx, "ada@example.com")
		s.Must(err)
		if !strings.HasPrefix(link, "/sign-in/reset/") {
			t.Errorf("%q", link)
		}
		if err := s.operator().RemoveSecondFactor(ctx, "ada@example.com"); privacyd.CodeOf(err) != "second_factor_off" {
			t.Errorf("%v", err)
		}
		if _, err := me.CreatePasswordLink(ctx, "ada@example.com"); privacyd.CodeOf(err) != "operator_only" {
			t.Errorf("%v", err)
		}
		if err := me.RemoveSecondFactor(ctx, "ada@example.com"); privacyd.CodeOf(err) != "operator_only" {
			t.Errorf("%v", err)
		}
	})
}

func TestTooOftenSaysWhenToTryAgain(t *testing.T) {
	s := newServer(t, enginetest.NewSQLite(t))
	me := s.enter("ada@example.com")
	for range 6 {
		s.ask(me, "PUT", "/v1/me/password", `{"old": "wrong", "password": "`+otherWords+`"}`, 403)
	}
	status, body, h := s.call(http.MethodPut, s.public.URL+"/v1/me/password", `{"old": "x", "password": "`+otherWords+`"}`, "Authorization", "Bearer "+me.Token)
	if status != http.StatusTooManyRequests || h.Get("Retry-After") != "30" || !strings.Contains(body, `"class":"limited"`) {
		t.Errorf("%d %v %s", status, h, body)
	}
}

func TestTheLastAdminsWorkspacesAreNamed(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx, w := t.Context(), s.NewWorkspace("acme")
		me := s.signedIn(s.Member(privacyd.RoleAdmin, w).Email)
		want := []privacyd.WorkspaceName{w.Named()}
		plan, err := me.PreviewAccountDeletion(ctx)
		s.Must(err)
		if len(plan.Blockers) != 1 || !cmp.Equal(plan.Blockers[0].Workspaces, want) {
			t.Errorf("%+v", plan.Blockers)
		}
		_, err = me.DeleteAccount(ctx, plan.Hash, "none: it has just signed in")
		var refused *client.RefusedPlan
		if !errors.As(err, &refused) || privacyd.CodeOf(err) != "last_admin" || !cmp.Equal(refused.Plan.Blockers[0].Workspaces, want) {
			t.Errorf("%v", err)
		}
	})
}
