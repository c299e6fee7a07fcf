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
	return c, d.checkStaying(r.Context(), c, r.URL.Path)
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

// news are what the sign-in page says of what has just happened.
var news = map[string]string{
	"signed-out":   "You are signed out.",
	"leaving":      "The deletion of your account is scheduled, and all your sessions were ended. Sign in to see when it happens, to export your data, or to cancel.",
	"new-password": "Your new password is set, and every session was ended. Sign in with it.",
}

func (d *door) signInPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	next := localPath(q.Get("next"))
	if _, err := d.signedIn(r); err == nil || privacyd.CodeOf(err) == "account_leaving" {
		return redirect(w, r, next)
	}
	view := signInView{Next: next}
	for name, text := range news {
		if q.Has(name) {
			view.News = text
		}
	}
	return d.show(w, r, http.StatusOK, signInForm(d.page(r, visit{}, "Sign in"), view))
}

func (d *door) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	next, email := localPath(r.PostForm.Get("next")), r.PostForm.Get("email")
	in, err := d.engine.SignIn(r.Context(), stranger(r), email, r.PostForm.Get("password"))
	if err == nil {
		return d.welcome(w, r, in, next)
	}
	wrong, ok := d.wrong(w, err)
	if !ok {
		return err
	}
	view := signInView{Next: next, Email: email, Problem: wrong}
	return d.show(w, r, statusOf(privacyd.ClassOf(err)), signInForm(d.page(r, visit{}, "Sign in: please check"), view))
}

// codePage asks for a code of the second factor.
func (d *door) codePage(w http.ResponseWriter, r *http.Request) error {
	if _, err := r.Cookie(codeCookie); err != nil {
		return redirect(w, r, signInFolder)
	}
	view := codeView{Next: localPath(r.URL.Query().Get("next"))}
	return d.show(w, r, http.StatusOK, codeForm(d.page(r, visit{}, "Sign in: your code"), view))
}

func (d *door) confirmSignIn(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	half, err := r.Cookie(codeCookie)
	if err != nil {
		return redirect(w, r, signInFolder)
	}
	next := localPath(r.PostForm.Get("next"))
	in, err := d.engine.ConfirmSignIn(r.Context(), stranger(r), half.Value, r.PostForm.Get("code"))
	if err == nil {
		http.SetCookie(w, d.small(codeCookie, "", 0))
		return d.welcome(w, r, in, next)
	}
	wrong, ok := d.wrong(w, err)
	if !ok {
		return err
	}
	if wrong.Code == "link_used" { // it took too long
		http.SetCookie(w, d.small(codeCookie, "", 0))
		return d.show(w, r, statusOf(privacyd.ClassOf(err)), signInForm(d.page(r, visit{}, "Sign in: please check"), signInView{
			Next: next, Problem: problem{Message: "That took too long. Type your password once more.", Code: wrong.Code},
		}))
	}
	return d.show(w, r, statusOf(privacyd.ClassOf(err)), codeForm(d.page(r, visit{}, "Sign in: please check"), codeView{Next: next, Problem: wrong}))
}

// linkPage asks before it uses a one-time link up: programs that fetch links
// in advance must not.
func (d *door) linkPage(w http.ResponseWriter, r *http.Request) error {
	return d.show(w, r, http.StatusOK, signInByLink(d.page(r, visit{}, "Sign in"), ""))
}

func (d *door) redeemLink(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	in, err := d.engine.RedeemSignInLink(r.Context(), stranger(r), r.PathValue("secret"))
	switch privacyd.ClassOf(err) {
	case "":
		return d.welcome(w, r, in, "/")
	case privacyd.ClassInternal, privacyd.ClassUnavailable:
		return err
	default:
		return d.show(w, r, statusOf(privacyd.ClassOf(err)), signInByLink(d.page(r, visit{}, "Sign in: this link does not work"), privacyd.MessageOf(err)))
	}
}

func (d *door) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
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

// parseForm reads a form that was sent and checks that its fields are there.
func parseForm(r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	return checkFields(r)
}

func readForm(r *http.Request) error {
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
