package web

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/privacyd/privacyd"
)

// outboxView is the page of mails that were kept.
type outboxView struct {
	Letters []privacyd.Letter
	All     bool // of everybody: the address that the server printed was used
	Before  string
	Older   string // where the next page begins; empty: there is none
}

// outboxPolicy is policy, and lets the mails in their frames have the styles that
// are in them: a frame without an address has the policy of its page. Nothing in
// it runs, and nothing is loaded.
func outboxPolicy() string {
	return strings.Replace(policy, "style-src 'self'", "style-src 'self' 'unsafe-inline'", 1)
}

// outbox shows one's own kept mails.
func (d *door) outbox(w http.ResponseWriter, r *http.Request) error {
	c, err := d.signedIn(r)
	if err != nil {
		return err
	}
	return d.showOutbox(w, r, c, false)
}

// wholeOutbox shows all kept mails to whoever has the address that the server
// printed.
func (d *door) wholeOutbox(w http.ResponseWriter, r *http.Request) error {
	c, err := d.engine.Outbox(stranger(r), r.PathValue("key"))
	if err != nil {
		return err
	}
	return d.showOutbox(w, r, c, true)
}

func (d *door) showOutbox(w http.ResponseWriter, r *http.Request, c privacyd.Caller, all bool) error {
	view := outboxView{All: all, Before: r.URL.Query().Get("before")}
	var err error
	if view.Letters, view.Older, err = d.engine.KeptMailsBefore(r.Context(), c, view.Before); err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", outboxPolicy())
	return d.show(w, r, http.StatusOK, outboxPage(d.page(r, visit{}, "Outbox"), view))
}

var linkOfLetter = regexp.MustCompile(`(?m)^https?://\S+$`)

// leadsTo is the link of a letter, or nothing.
func leadsTo(l privacyd.Letter) string { return linkOfLetter.FindString(l.Text) }
