package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// answer is a response whose body is T.
type answer[T any] struct{ Body T }

type newAccount struct {
	Body struct {
		Email    string `json:"email"`
		Name     string `json:"name"`
		Password string `json:"password,omitempty" doc:"At least 10 characters; empty: signs in by link only."`
	}
}

// Me is who the caller is.
type Me struct {
	Kind  privacyd.CallerKind `json:"kind"`
	ID    string              `json:"id"`
	Email string              `json:"email,omitempty"`
	Name  string              `json:"name,omitempty"`
}

func (d *door) accounts() {
	huma.Register(d.api, operation("me", http.MethodGet, "/v1/me", "Who am I", "Any caller."),
		func(ctx context.Context, _ *struct{}) (*answer[Me], error) {
			c := callerOf(ctx)
			return &answer[Me]{Me{Kind: c.Kind, ID: c.ID(), Email: c.Email, Name: c.Name}}, nil
		})
	huma.Register(d.api, created("create-account", "/v1/accounts", "Create an account", "The operator, on the server's own machine."),
		func(ctx context.Context, in *newAccount) (*answer[privacyd.Account], error) {
			a, err := d.engine.CreateAccount(ctx, callerOf(ctx),
				engine.NewAccount{Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password})
			return &answer[privacyd.Account]{a}, d.fail(err)
		})
	huma.Register(d.api, created("create-sign-in-link", "/v1/sign-in-links", "Make a one-time sign-in link",
		"The operator, on the server's own machine. The link works once, for an hour."),
		func(ctx context.Context, in *struct {
			Body struct {
				Email string `json:"email"`
			}
		},
		) (*answer[SignInLink], error) {
			secret, err := d.engine.CreateSignInLink(ctx, callerOf(ctx), in.Body.Email)
			return &answer[SignInLink]{SignInLink{URL: d.base + "/sign-in/" + secret}}, d.fail(err)
		})
}

// SignInLink is a one-time link.
type SignInLink struct {
	URL string `json:"url"`
}

func operation(id, method, path, summary, who string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Description: "Who may: " + who,
		Errors:          []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity},
		BodyReadTimeout: -1, // a deadline that is not taken back ends what is asked for; refuseRepeated has one of its own
	}
}

func created(id, path, summary, who string) huma.Operation {
	op := operation(id, http.MethodPost, path, summary, who)
	op.DefaultStatus = http.StatusCreated
	return op
}
