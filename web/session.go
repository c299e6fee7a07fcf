package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// sessionCookie holds a browser's session; the REST door reads the same one.
const sessionCookie = "privacyd_session"

// signedIn finds out who calls, and leaves it in the request for error pages.
func (d *door) signedIn(r *http.Request) (privacyd.Caller, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || cookie.Value == "" {
		return privacyd.Caller{}, errNotSignedIn()
	}
	c, err := d.engine.Authenticate(r.Context(), cookie.Value)
	if err != nil {
		return privacyd.Caller{}, err
	}
	if c.Kind != privacyd.CallerAccount {
		return privacyd.Caller{}, errNotSignedIn()
	}
	c.Door, c.IP = privacyd.DoorWeb, clientIP(r)
	*r = *r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
	return c, nil
}

func (d *door) remember(w http.ResponseWriter, in engine.SignedIn) {
	http.SetCookie(w, d.cookie(in.Secret, int(in.Session.ExpiresAt.Sub(in.Session.CreatedAt)/time.Second)))
}

func (d *door) forget(w http.ResponseWriter) { http.SetCookie(w, d.cookie("", -1)) }

func (d *door) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: d.secure, SameSite: http.SameSiteLaxMode,
	}
}

// stranger is a caller who has not signed in yet.
func stranger(r *http.Request) privacyd.Caller {
	return privacyd.Caller{Door: privacyd.DoorWeb, IP: clientIP(r)}
}

func (d *door) signInPage(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("next"))
	if _, err := d.signedIn(r); err == nil {
		return redirect(w, r, next)
	}
	view := signInView{Next: next, SignedOut: r.URL.Query().Has("signed-out")}
	return d.show(w, r, http.StatusOK, signInForm(d.page(r, visit{}, "Sign in"), view))
}

func (d *door) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	next, email := localPath(r.PostForm.Get("next")), r.PostForm.Get("email")
	in, err := d.engine.SignIn(r.Context(), stranger(r), email, r.PostForm.Get("password"))
	switch privacyd.ClassOf(err) {
	case "":
		d.remember(w, in)
		return redirect(w, r, next)
	case privacyd.ClassInvalid, privacyd.ClassUnauthenticated:
		view := signInView{Next: next, Email: email, Problem: privacyd.MessageOf(err), Code: privacyd.CodeOf(err)}
		return d.show(w, r, statusOf(privacyd.ClassOf(err)), signInForm(d.page(r, visit{}, "Sign in: please check"), view))
	default:
		return err
	}
}

// linkPage asks before it uses a one-time link up: programs that fetch links
// in advance must not.
func (d *door) linkPage(w http.ResponseWriter, r *http.Request) error {
	return d.show(w, r, http.StatusOK, signInByLink(d.page(r, visit{}, "Sign in"), ""))
}

func (d *door) redeemLink(w http.ResponseWriter, r *http.Request) error {
	in, err := d.engine.RedeemSignInLink(r.Context(), stranger(r), r.PathValue("secret"))
	switch privacyd.ClassOf(err) {
	case "":
		d.remember(w, in)
		return redirect(w, r, "/")
	case privacyd.ClassInternal, privacyd.ClassUnavailable:
		return err
	default:
		return d.show(w, r, statusOf(privacyd.ClassOf(err)), signInByLink(d.page(r, visit{}, "Sign in: this link does not work"), privacyd.MessageOf(err)))
	}
}

func (d *door) signOut(w http.ResponseWriter, r *http.Request) error {
	if c, err := d.signedIn(r); err == nil {
		if err := d.engine.SignOut(r.Context(), c); err != nil {
			return err
		}
	}
	d.forget(w)
	return redirect(w, r, "/sign-in?signed-out")
}

// localPath keeps a path of this server and turns anything else into the
// start page: a link must not lead from here to somewhere else.
func localPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || r < ' ' }) {
		return "/"
	}
	return s
}

func parseForm(r *http.Request) error {
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return privacyd.Errorf(privacyd.ClassInvalid, "form_too_large", "The form is too large. Shorten what you typed.")
	}
	if err != nil {
		return privacyd.Errorf(privacyd.ClassInvalid, "form_invalid", "The form cannot be read. Open the page again and send it once more.")
	}
	return nil
}

func errNotSignedIn() error {
	return privacyd.Errorf(privacyd.ClassUnauthenticated, "not_signed_in", "Sign in first.")
}
