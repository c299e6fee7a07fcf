package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
)

// A second click sends a form again, and the browser throws away the answer to
// the first sending: a session, recovery codes. So what a form was answered is
// kept for a moment, in memory alone, and given to the same form of the same
// browser again, without anything being done.
const (
	// onceCookie tells browsers apart; it signs nobody in.
	onceCookie = "privacyd_once"

	onceLife = time.Minute
	onceMost = 1000             // answers that are kept; others are not
	onceWait = 90 * time.Second // for an action whose asker has gone away

	onceLargest = 256 << 10 // bytes of an answer that is kept: a page has less
)

// formPatience is how long a form may take to come: it is small.
const formPatience = 30 * time.Second

type onceKey [sha256.Size]byte

// onceOf names the sending of a form; false: it is one that has no name, as
// those that are made by programs.
func onceOf(r *http.Request) (key onceKey, named bool) {
	cookie, err := r.Cookie(onceCookie)
	if err != nil || len(cookie.Value) < len(rand.Text()) || len(r.PostForm.Get("once")) < len(rand.Text()) {
		return key, false
	}
	// Whoever has signed out meanwhile, or is somebody else, is answered anew.
	named = true
	text := cookie.Value
	for _, name := range []string{sessionCookie, codeCookie} {
		text += "\n"
		if c, err := r.Cookie(name); err == nil {
			text += c.Value
		}
	}
	return sha256.Sum256([]byte(text + "\n" + r.URL.RequestURI() + "\n" + r.PostForm.Encode())), named
}

// markBrowser gives a browser its onceCookie, before it sends a form.
func (d *door) markBrowser(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(onceCookie); err == nil || r.Header.Get("HX-Request") != "" {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: onceCookie, Value: rand.Text(), Path: "/", HttpOnly: true, Secure: d.secure, SameSite: http.SameSiteLaxMode,
	})
}

// answered is what a form was answered, or will be once done is closed.
type answered struct {
	done   chan struct{}
	until  time.Time
	header http.Header
	status int // 0: it failed on the way
	body   bytes.Buffer
}

func (a *answered) Header() http.Header { return a.header }

func (a *answered) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answered) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answered) give(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header.Clone())
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // the asker has gone away
}

// answers are those of the last minute.
type answers struct {
	mu  sync.Mutex
	now func() time.Time
	by  map[onceKey]*answered
}

// of gives the answer to a sending; first tells that it is still to be made.
// nil: there are too many.
func (s *answers) of(key onceKey) (a *answered, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if a := s.by[key]; a != nil && (a.until.IsZero() || now.Before(a.until)) {
		return a, false
	}
	maps.DeleteFunc(s.by, func(_ onceKey, a *answered) bool { return !a.until.IsZero() && !now.Before(a.until) })
	if len(s.by) >= onceMost {
		return nil, true
	}
	a = &answered{done: make(chan struct{}), header: http.Header{}}
	s.by[key] = a
	return a, true
}

// end has others get the answer. What was refused they do not, since it may be put
// right by then, nor what is large: both are answered anew.
func (s *answers) end(key onceKey, a *answered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.until = s.now().Add(onceLife)
	if a.status == 0 || a.status >= http.StatusBadRequest || a.body.Len() > onceLargest {
		delete(s.by, key)
	}
	close(a.done)
}

// once answers a form that may be sent twice. What the first sending began goes
// on when a second one has the browser drop it.
func (d *door) once(w http.ResponseWriter, r *http.Request, do action) {
	// By forms that never come whoever has not signed in could keep all connections.
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(d.patience)) // not every connection has one
	if err := readForm(r); err != nil {               // the deadline stays: an answer would wait for the rest of the form
		d.fail(w, r, err)
		return
	}
	_ = c.SetReadDeadline(time.Time{}) // it would end what is asked for, too
	key, named := onceOf(r)
	if !named {
		d.answer(w, r, do)
		return
	}
	a, first := d.answers.of(key)
	switch {
	case a == nil:
		d.answer(w, r, do)
		return
	case first:
		d.first(key, a, r, do)
	default:
		select {
		case <-a.done:
		case <-r.Context().Done():
			return
		}
	}
	if a.status == 0 {
		d.fail(w, r, errNotAnswered())
		return
	}
	a.give(w)
}

func (d *door) first(key onceKey, a *answered, r *http.Request, do action) {
	ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	defer stop()
	left := context.AfterFunc(r.Context(), func() {
		select {
		case <-time.After(onceWait):
			stop()
		case <-ctx.Done():
		}
	})
	defer left()
	defer d.answers.end(key, a)
	d.answer(a, r.WithContext(ctx), do)
}

func errNotAnswered() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "form_not_answered", "Something went wrong while this was done. Look whether it was, and try again if not.")
}
