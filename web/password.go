package web

import (
	"net/http"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// forgottenView is the form for a new password by mail.
type forgottenView struct {
	Email   string
	Problem problem
	Mail    engine.MailState
	Sent    bool
}

func (d *door) forgottenPage(w http.ResponseWriter, r *http.Request) error {
	view := forgottenView{Mail: d.engine.MailState(), Sent: r.URL.Query().Has("sent")}
	title := "Forgotten password"
	if view.Sent {
		title = "Look into your mail"
	}
	return d.show(w, r, http.StatusOK, forgottenForm(d.page(r, visit{}, title), view))
}

// askReset answers the same whether there is such an account or not.
func (d *door) askReset(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	email := r.PostForm.Get("email")
	err := d.engine.AskPasswordReset(r.Context(), stranger(r), email)
	if err == nil {
		return redirect(w, r, "/sign-in/forgotten?sent")
	}
	wrong, ok := d.wrong(w, err)
	if !ok {
		return err
	}
	view := forgottenView{Email: email, Problem: wrong, Mail: d.engine.MailState()}
	return d.show(w, r, statusOf(privacyd.ClassOf(err)), forgottenForm(d.page(r, visit{}, "Forgotten password: please check"), view))
}

func (d *door) resetPage(w http.ResponseWriter, r *http.Request) error {
	err := d.engine.CheckPasswordLink(r.Context(), r.PathValue("secret"))
	if err == nil {
		return d.show(w, r, http.StatusOK, resetForm(d.page(r, visit{}, "New password"), problem{}))
	}
	return d.deadReset(w, r, err)
}

func (d *door) resetPassword(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	err := d.engine.ResetPassword(r.Context(), stranger(r), r.PathValue("secret"), r.PostForm.Get("password"))
	switch privacyd.CodeOf(err) {
	case "":
		d.forget(w)
		return redirect(w, r, "/sign-in?new-password")
	case "password_invalid":
		wrong, _ := d.wrong(w, err)
		return d.show(w, r, http.StatusUnprocessableEntity, resetForm(d.page(r, visit{}, "New password: please check"), wrong))
	default:
		return d.deadReset(w, r, err)
	}
}

func (d *door) deadReset(w http.ResponseWriter, r *http.Request, err error) error {
	if _, ok := d.wrong(w, err); !ok {
		return err
	}
	page := deadLink(d.page(r, visit{}, "This link does not work"), privacyd.MessageOf(err),
		"A link to set a new password works once, for an hour; asking again makes the older one worthless. Did you set it just now? Then sign in with it.")
	return d.show(w, r, statusOf(privacyd.ClassOf(err)), page)
}
