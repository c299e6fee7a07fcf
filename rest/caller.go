package rest

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/privacyd/privacyd"
)

// SessionCookie holds a browser's session.
const SessionCookie = "privacyd_session"

// AsHeader names the account as which an operator's request acts.
const AsHeader = "Privacyd-As"

type operatorKey struct{}

type callerKey struct{}

// WithOperator marks a connection as the operator's: one that only the owner
// of the data folder can open. user is the operating-system user.
func WithOperator(ctx context.Context, user string) context.Context {
	return context.WithValue(ctx, operatorKey{}, user)
}

// OperatorOf gives the operating-system user of an operator's connection, as
// WithOperator has marked it; false for any other.
func OperatorOf(ctx context.Context) (user string, ok bool) {
	user, ok = ctx.Value(operatorKey{}).(string)
	return user, ok
}

func callerOf(ctx context.Context) privacyd.Caller {
	c, _ := ctx.Value(callerKey{}).(privacyd.Caller)
	return c
}

// identify finds out who calls. Nobody gets an answer under /v1/ without
// having said who it is, not even that something does not exist.
func (d *door) identify(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, privacyd.Errorf(privacyd.ClassForbidden, "cross_origin", "This request comes from another site's page."))
	}))
	return guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		c, err := d.caller(r)
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeProblem(w, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	}))
}

func (d *door) caller(r *http.Request) (privacyd.Caller, error) {
	ctx := r.Context()
	if user, ok := OperatorOf(ctx); ok {
		c := privacyd.Caller{Kind: privacyd.CallerOperator, Name: user, Door: privacyd.DoorCLI}
		if as := r.Header.Get(AsHeader); as != "" {
			return d.engine.As(ctx, c, as)
		}
		return c, nil
	}
	secret := bearer(r)
	if secret == "" {
		return privacyd.Caller{}, privacyd.Errorf(privacyd.ClassUnauthenticated, "not_signed_in",
			"Sign in first, or send an API token as: Authorization: Bearer TOKEN.")
	}
	c, err := d.engine.Authenticate(ctx, secret)
	c.Door, c.IP = privacyd.DoorREST, clientIP(r)
	return c, err
}

func bearer(r *http.Request) string {
	if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(secret)
	}
	if cookie, err := r.Cookie(SessionCookie); err == nil {
		return cookie.Value
	}
	return ""
}

func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}
