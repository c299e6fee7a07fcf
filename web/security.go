package web

import (
	"net/http"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const securityPath = "/account/security"

// securityView is the page "Security" of one's own account.
type securityView struct {
	engine.Security
	Problem problem
	Form    string // which of the forms the problem is about
	Done    string
	Gone    bool // the session that a form is about
	Mail    engine.MailState
}

// at gives the problem if it is about this form.
func (v securityView) at(form string) problem {
	if v.Form == form {
		return v.Problem
	}
	return problem{}
}

// others counts the sessions that are not this one.
func (v securityView) others() int {
	n := 0
	for _, s := range v.Sessions {
		if !s.Current {
			n++
		}
	}
	return n
}

// securityDone says what was done, by the word in the address.
var securityDone = map[string]string{
	"password": "Your password is changed. All other sessions were ended.",
	"off":      "The second factor is off. Signing in asks for your password alone.",
	"ended":    "The session is ended.",
	"others":   "All other sessions are ended.",
}

func (d *door) securityPage(w http.ResponseWriter, r *http.Request) error {
	return d.showSecurity(w, r, http.StatusOK, securityView{Done: securityDone[r.URL.Query().Get("done")]})
}

func (d *door) showSecurity(w http.ResponseWriter, r *http.Request, status int, view securityView) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if view.Security, err = d.engine.MySecurity(r.Context(), c); err != nil {
		return err
	}
	view.Mail = d.engine.MailState()
	title := "Security"
	if view.Problem.Code != "" {
		title += ": please check"
	}
	return d.show(w, r, status, securityPageOf(d.page(r, visit{caller: c}, title), view))
}

// change runs one of the page's forms and leads back to the page.
func (d *door) change(form string, do func(r *http.Request, c privacyd.Caller) (done string, err error)) action {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := d.signedIn(r)
		if err != nil {
			return err
		}
		if err := parseForm(r); err != nil {
			return err
		}
		done, err := do(r, c)
		if err == nil {
			return redirect(w, r, securityPath+"?done="+done)
		}
		if privacyd.CodeOf(err) == "session_not_found" {
			return d.showSecurity(w, r, http.StatusNotFound, securityView{Gone: true})
		}
		wrong, ok := d.wrong(w, err)
		if !ok {
			return err
		}
		return d.showSecurity(w, r, statusOf(privacyd.ClassOf(err)), securityView{Problem: wrong, Form: form})
	}
}

func (d *door) changePassword(r *http.Request, c privacyd.Caller) (string, error) {
	return "password", d.engine.ChangePassword(r.Context(), c, r.PostForm.Get("old"), r.PostForm.Get("password"))
}

func (d *door) endFactor(r *http.Request, c privacyd.Caller) (string, error) {
	return "off", d.engine.EndSecondFactor(r.Context(), c, r.PostForm.Get("old"), r.PostForm.Get("code"))
}

func (d *door) endSession(r *http.Request, c privacyd.Caller) (string, error) {
	return "ended", d.engine.EndSession(r.Context(), c, r.PathValue("session"))
}

func (d *door) endOthers(r *http.Request, c privacyd.Caller) (string, error) {
	_, err := d.engine.EndOtherSessions(r.Context(), c)
	return "others", err
}

// enrolView is the page on which an app is set up.
type enrolView struct {
	engine.Enrolment
	Picture qrCode
	Problem problem
}

// beginFactor asks for the password and leads to the page with the QR code.
func (d *door) beginFactor(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	_, err = d.engine.BeginSecondFactor(r.Context(), c, r.PostForm.Get("old"))
	if err == nil {
		return redirect(w, r, "/account/second-factor")
	}
	wrong, ok := d.wrong(w, err)
	if !ok {
		return err
	}
	return d.showSecurity(w, r, statusOf(privacyd.ClassOf(err)), securityView{Problem: wrong, Form: "begin"})
}

func (d *door) factorPage(w http.ResponseWriter, r *http.Request) error {
	return d.showFactor(w, r, http.StatusOK, problem{})
}

func (d *door) showFactor(w http.ResponseWriter, r *http.Request, status int, wrong problem) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	pending, err := d.engine.PendingSecondFactor(r.Context(), c)
	if privacyd.CodeOf(err) == "second_factor_not_begun" {
		return redirect(w, r, securityPath)
	}
	if err != nil {
		return err
	}
	picture, err := newQR(pending.URL)
	if err != nil {
		return err
	}
	title := "Set up the second factor"
	if wrong.Code != "" {
		title += ": please check"
	}
	return d.show(w, r, status, enrolPage(d.page(r, visit{caller: c}, title), enrolView{Enrolment: pending, Picture: picture, Problem: wrong}))
}

// confirmFactor turns it on and shows the recovery codes, this once.
func (d *door) confirmFactor(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	codes, err := d.engine.ConfirmSecondFactor(r.Context(), c, r.PostForm.Get("code"))
	switch code := privacyd.CodeOf(err); code {
	case "":
		return d.show(w, r, http.StatusOK, codesPage(d.page(r, visit{caller: c}, "Your recovery codes"), codes, true))
	case "second_factor_not_begun", "second_factor_on":
		return redirect(w, r, securityPath)
	}
	wrong, ok := d.wrong(w, err)
	if !ok {
		return err
	}
	return d.showFactor(w, r, statusOf(privacyd.ClassOf(err)), wrong)
}

// newCodes makes recovery codes in place of the old ones and shows them.
func (d *door) newCodes(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	codes, err := d.engine.NewRecoveryCodes(r.Context(), c, r.PostForm.Get("code"))
	if err == nil {
		return d.show(w, r, http.StatusOK, codesPage(d.page(r, visit{caller: c}, "Your recovery codes"), codes, false))
	}
	wrong, ok := d.wrong(w, err)
	if !ok {
		return err
	}
	return d.showSecurity(w, r, statusOf(privacyd.ClassOf(err)), securityView{Problem: wrong, Form: "codes"})
}

// grouped writes a secret in groups of four, as people type it.
func grouped(secret string) string {
	var groups []string
	for len(secret) > 4 {
		groups, secret = append(groups, secret[:4]), secret[4:]
	}
	return strings.Join(append(groups, secret), " ")
}

// sessionName says in which browser a session is.
func sessionName(s privacyd.Session) string {
	if s.Browser == "" {
		return "A browser that is not known"
	}
	return s.Browser
}
