package web

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"github.com/privacyd/privacyd"
)

// policy lets a page load from this server alone, run no inline code, and be
// framed by nobody.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

const maxForm = 64 << 10

func (d *door) handler(a action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if r.Method == http.MethodPost {
			d.once(w, r, a)
			return
		}
		d.answer(w, r, a)
	})
}

func (d *door) answer(w http.ResponseWriter, r *http.Request, a action) {
	if err := a(w, r); err != nil {
		d.fail(w, r, err)
	}
}

// show renders a component. It is rendered whole first, so that an error can
// still become a page of its own.
func (d *door) show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		return err
	}
	d.markBrowser(w, r)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	writeBody(w, r, status, b.Bytes(), zipped(b.Bytes()))
	return nil
}

func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// statusOf is the one table from class to HTTP status.
func statusOf(class privacyd.Class) int {
	switch class {
	case privacyd.ClassInvalid:
		return http.StatusUnprocessableEntity
	case privacyd.ClassUnauthenticated:
		return http.StatusUnauthorized
	case privacyd.ClassForbidden:
		return http.StatusForbidden
	case privacyd.ClassNotFound:
		return http.StatusNotFound
	case privacyd.ClassConflict, privacyd.ClassRefused:
		return http.StatusConflict
	case privacyd.ClassLimited:
		return http.StatusTooManyRequests
	case privacyd.ClassUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// fail answers with the error's page, or leads to the sign-in page.
func (d *door) fail(w http.ResponseWriter, r *http.Request, err error) {
	class := privacyd.ClassOf(err)
	var known *privacyd.Error
	if !errors.As(err, &known) && r.Context().Err() == nil { // else nobody waits for it any more
		d.log.ErrorContext(r.Context(), "page failed", "error", err)
	}
	if r.Header.Get("HX-Request") != "" {
		failPart(w, class)
		return
	}
	if privacyd.CodeOf(err) == "account_leaving" {
		http.Redirect(w, r, accountPath, http.StatusSeeOther)
		return
	}
	if class == privacyd.ClassUnauthenticated {
		d.forget(w)
		http.Redirect(w, r, signInPath(r), http.StatusSeeOther)
		return
	}
	d.failPage(w, r, err)
}

func (d *door) failPage(w http.ResponseWriter, r *http.Request, err error) {
	tryAgain(w, err)
	p := d.page(r, d.whereFailed(r, err), titleOf(privacyd.ClassOf(err)))
	view := errorView{Title: p.Title, Message: privacyd.MessageOf(err), Code: privacyd.CodeOf(err)}
	if shown := d.show(w, r, statusOf(privacyd.ClassOf(err)), errorPage(p, view)); shown != nil {
		d.log.ErrorContext(r.Context(), "error page failed", "error", shown)
		http.Error(w, view.Message, http.StatusInternalServerError)
	}
}

// whereFailed keeps a member's way round the workspace beside an error that says
// nothing of the workspace itself.
func (d *door) whereFailed(r *http.Request, failed error) visit {
	v := visit{caller: callerOf(r.Context())}
	code, slug := privacyd.CodeOf(failed), r.PathValue("workspace")
	member := code == "role_missing" || privacyd.ClassOf(failed) == privacyd.ClassNotFound && code != "workspace_not_found"
	if slug == "" || !member || v.caller.Kind != privacyd.CallerAccount {
		return v
	}
	w, role, err := d.engine.Workspace(r.Context(), v.caller, slug)
	if err != nil {
		return v
	}
	v.workspace, v.role = w, role
	return v
}

// failPart answers a request for part of a page. A passing trouble leaves the
// page as it is, to be asked again; anything else is told by the whole page.
func failPart(w http.ResponseWriter, class privacyd.Class) {
	if class != privacyd.ClassUnavailable && class != privacyd.ClassInternal {
		w.Header().Set("HX-Refresh", "true")
	}
	w.WriteHeader(statusOf(class))
}

// signInPath leads to the sign-in page and back again.
func signInPath(r *http.Request) string {
	if r.Method != http.MethodGet || r.URL.Path == "/" {
		return "/sign-in"
	}
	return "/sign-in?next=" + url.QueryEscape(r.URL.RequestURI())
}

func titleOf(class privacyd.Class) string {
	switch class {
	case privacyd.ClassInvalid:
		return "That request is not right"
	case privacyd.ClassForbidden:
		return "You may not see this page"
	case privacyd.ClassNotFound:
		return "Not found"
	case privacyd.ClassConflict, privacyd.ClassRefused:
		return "That is not possible now"
	case privacyd.ClassLimited:
		return "Too often"
	case privacyd.ClassUnavailable:
		return "Not available at the moment"
	default:
		return "Something went wrong"
	}
}
