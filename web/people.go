package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const (
	// browserCookie is by what a browser is known again; it signs nobody in.
	browserCookie = "privacyd_browser"
	browserLife   = 400 * 24 * time.Hour // the longest that browsers keep one

	// codeCookie holds a sign-in that waits for a code.
	codeCookie = "privacyd_code"
	codeLife   = 10 * time.Minute

	signInFolder = "/sign-in" // the only place where these two are sent
)

// problem is what is wrong with a form, and with which of its fields.
type problem struct{ Message, Code, Field string }

// problemFields says at which field a code is shown.
var problemFields = map[string]string{
	"email_invalid": "email", "name_invalid": "name", "password_invalid": "password", "password_wrong": "old",
	"code_wrong": "code", "workspace_name_invalid": "workspace", "slug_invalid": "slug", "workspace_exists": "slug",
	"account_exists": "email", "role_invalid": "role", "member_exists": "email",
}

// problemOf makes an error of the engine a problem of a form. An error that no
// form can put right is not one.
func problemOf(err error) (problem, bool) {
	switch privacyd.ClassOf(err) {
	case privacyd.ClassInvalid, privacyd.ClassUnauthenticated, privacyd.ClassForbidden, privacyd.ClassConflict, privacyd.ClassLimited:
		code := privacyd.CodeOf(err)
		return problem{Message: privacyd.MessageOf(err), Code: code, Field: problemFields[code]}, code != "not_signed_in" && code != "session_unknown"
	default:
		return problem{}, false
	}
}

// wrong is problemOf, and tells the browser too when to try again.
func (d *door) wrong(w http.ResponseWriter, err error) (problem, bool) {
	tryAgain(w, err)
	return problemOf(err)
}

// tryAgain says when what was too often may be tried again.
func tryAgain(w http.ResponseWriter, err error) {
	var later privacyd.Later
	if errors.As(err, &later) {
		seconds := (time.Duration(later) + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
}

// field is one line of a form.
type field struct {
	Name, Label, Type, Value, Autocomplete, Hint string
	Numeric, Optional                            bool
}

func (f field) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

func (f field) mode() string {
	if f.Numeric {
		return "numeric"
	}
	return "text"
}

// describedBy names what explains a field: its hint, and what is wrong with it.
func (f field) describedBy(id string, p problem) string {
	var ids []string
	if p.Field == f.Name && p.Field != "" {
		ids = append(ids, "problem")
	}
	if f.Hint != "" {
		ids = append(ids, id+"-hint")
	}
	return strings.Join(ids, " ")
}

// small makes a cookie that is sent where people sign in and nowhere else.
func (d *door) small(name, value string, life time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: name, Value: value, Path: signInFolder, MaxAge: int(life / time.Second),
		HttpOnly: true, Secure: d.secure, SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// stranger is a caller who has not signed in yet.
func stranger(r *http.Request) privacyd.Caller {
	c := privacyd.Caller{Door: privacyd.DoorWeb, IP: clientIP(r), Browser: privacyd.Browser{Name: browserName(r.UserAgent())}}
	if cookie, err := r.Cookie(browserCookie); err == nil {
		c.Browser.Secret = cookie.Value
	}
	return c
}

// welcome lets somebody in, or asks for their code first, and leads on to next.
func (d *door) welcome(w http.ResponseWriter, r *http.Request, in engine.SignedIn, next string) error {
	if in.NeedsCode {
		http.SetCookie(w, d.small(codeCookie, in.Secret, codeLife))
		return redirect(w, r, signInFolder+"/code?next="+url.QueryEscape(next))
	}
	if in.Browser != "" {
		http.SetCookie(w, d.small(browserCookie, in.Browser, browserLife))
	}
	d.remember(w, in)
	return redirect(w, r, next)
}

// browserName tells browser and system of a User-Agent header, as far as
// people want to know; empty when it is neither's.
func browserName(agent string) string {
	find := func(marks [][2]string) string {
		for _, m := range marks {
			if strings.Contains(agent, m[0]) {
				return m[1]
			}
		}
		return ""
	}
	// The order counts: most of them say that they are the others, too.
	browser := find([][2]string{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"Vivaldi", "Vivaldi"},
		{"Firefox/", "Firefox"},
		{"FxiOS", "Firefox"},
		{"Chrome/", "Chrome"},
		{"CriOS", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"},
	})
	system := find([][2]string{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"CrOS", "ChromeOS"},
		{"Mac OS X", "macOS"},
		{"Linux", "Linux"},
	})
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case system != "":
		return "A browser on " + system
	default:
		return browser
	}
}
