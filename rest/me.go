package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const onesOwn = "Any signed-in account, about itself."

// Sessions is a list of sessions.
type Sessions struct {
	Items []privacyd.Session `json:"items"`
}

// Ended says how many sessions were ended.
type Ended struct {
	Sessions int64 `json:"sessions"`
}

// RecoveryCodes are shown once and not kept.
type RecoveryCodes struct {
	Codes []string `json:"recovery_codes" doc:"Each signs in once in place of a code. Shown once and not kept."`
}

type newPassword struct {
	Body struct {
		Old      string `json:"old,omitempty" doc:"The password now; empty for an account that has none."`
		Password string `json:"password" doc:"At least 10 characters."`
	}
}

type withPassword struct {
	Body struct {
		Password string `json:"password,omitempty" doc:"The password now; empty for an account that has none."`
	}
}

type withCode struct {
	Body struct {
		Code string `json:"code" doc:"Of the app, or a recovery code."`
	}
}

type withBoth struct {
	Body struct {
		Password string `json:"password,omitempty" doc:"The password now; empty for an account that has none."`
		Code     string `json:"code" doc:"Of the app, or a recovery code."`
	}
}

func (d *door) ownSessions() {
	huma.Register(d.api, operation("list-sessions", http.MethodGet, "/v1/me/sessions", "List one's own sessions", onesOwn),
		func(ctx context.Context, _ *struct{}) (*answer[Sessions], error) {
			list, err := d.engine.ListSessions(ctx, callerOf(ctx))
			return &answer[Sessions]{Sessions{Items: append([]privacyd.Session{}, list...)}}, d.fail(err)
		})
	huma.Register(d.api, operation("end-other-sessions", http.MethodDelete, "/v1/me/sessions", "End one's other sessions", onesOwn),
		func(ctx context.Context, _ *struct{}) (*answer[Ended], error) {
			n, err := d.engine.EndOtherSessions(ctx, callerOf(ctx))
			return &answer[Ended]{Ended{Sessions: n}}, d.fail(err)
		})
	huma.Register(d.api, gone("end-session", "/v1/me/sessions/{session}", "End one of one's own sessions", onesOwn),
		func(ctx context.Context, in *struct {
			Session string `path:"session"`
		},
		) (*struct{}, error) {
			return nil, d.fail(d.engine.EndSession(ctx, callerOf(ctx), in.Session))
		})
	change := operation("change-password", http.MethodPut, "/v1/me/password", "Change one's own password", onesOwn+" All other sessions end.")
	change.DefaultStatus = http.StatusNoContent
	huma.Register(d.api, change, func(ctx context.Context, in *newPassword) (*struct{}, error) {
		return nil, d.fail(d.engine.ChangePassword(ctx, callerOf(ctx), in.Body.Old, in.Body.Password))
	})
}

func (d *door) ownSecondFactor() {
	const path = "/v1/me/second-factor"
	huma.Register(d.api, operation("get-second-factor", http.MethodGet, path, "How one's own second factor stands", onesOwn),
		func(ctx context.Context, _ *struct{}) (*answer[privacyd.SecondFactor], error) {
			f, err := d.engine.MySecondFactor(ctx, callerOf(ctx))
			return &answer[privacyd.SecondFactor]{f}, d.fail(err)
		})
	huma.Register(d.api, created("begin-second-factor", path, "Begin to set up a second factor (TOTP, RFC 6238)", onesOwn+" It changes nothing until a code confirms it."),
		func(ctx context.Context, in *withPassword) (*answer[engine.Enrolment], error) {
			e, err := d.engine.BeginSecondFactor(ctx, callerOf(ctx), in.Body.Password)
			return &answer[engine.Enrolment]{e}, d.fail(err)
		})
	huma.Register(d.api, operation("confirm-second-factor", http.MethodPost, path+"/confirm", "Turn one's own second factor on", onesOwn),
		func(ctx context.Context, in *withCode) (*answer[RecoveryCodes], error) {
			codes, err := d.engine.ConfirmSecondFactor(ctx, callerOf(ctx), in.Body.Code)
			return &answer[RecoveryCodes]{RecoveryCodes{Codes: codes}}, d.fail(err)
		})
	huma.Register(d.api, operation("new-recovery-codes", http.MethodPost, path+"/recovery-codes", "Make new recovery codes in place of the old ones", onesOwn),
		func(ctx context.Context, in *withCode) (*answer[RecoveryCodes], error) {
			codes, err := d.engine.NewRecoveryCodes(ctx, callerOf(ctx), in.Body.Code)
			return &answer[RecoveryCodes]{RecoveryCodes{Codes: codes}}, d.fail(err)
		})
	off := operation("end-second-factor", http.MethodPost, path+"/off", "Turn one's own second factor off", onesOwn)
	off.DefaultStatus = http.StatusNoContent
	huma.Register(d.api, off, func(ctx context.Context, in *withBoth) (*struct{}, error) {
		return nil, d.fail(d.engine.EndSecondFactor(ctx, callerOf(ctx), in.Body.Password, in.Body.Code))
	})
}

// byEmail names an account for the operator.
type byEmail struct {
	Body struct {
		Email string `json:"email"`
	}
}

// recovery is what the operator does for somebody who cannot sign in.
func (d *door) recovery() {
	const who = "The operator, on the server's own machine."
	huma.Register(d.api, created("create-password-link", "/v1/password-links", "Make a one-time link to set a new password", who+" The link works once, for an hour."),
		func(ctx context.Context, in *byEmail) (*answer[SignInLink], error) {
			secret, err := d.engine.CreatePasswordLink(ctx, callerOf(ctx), in.Body.Email)
			return &answer[SignInLink]{SignInLink{URL: d.base + engine.ResetPath(secret)}}, d.fail(err)
		})
	off := operation("remove-second-factor", http.MethodPost, "/v1/second-factors/remove", "Turn an account's second factor off", who)
	off.DefaultStatus = http.StatusNoContent
	huma.Register(d.api, off, func(ctx context.Context, in *byEmail) (*struct{}, error) {
		return nil, d.fail(d.engine.RemoveSecondFactor(ctx, callerOf(ctx), in.Body.Email))
	})
}
