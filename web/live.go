package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

const (
	liveLook  = 500 * time.Millisecond // how often jobs are looked at for a page that is open
	liveBeat  = 10 * time.Second       // how often the page hears that the server is there
	liveAgain = 5 * time.Minute        // then the browser asks anew
	liveMost  = 200                    // pages that are told at once; others ask for themselves
	liveWrite = 10 * time.Second       // how long a browser may take to read a line
)

// events tells an open page that a job changed (event "change"), and that the
// server is there (event "beat"), as server-sent events. What changed it then
// asks for as ever, so that nobody is told what they may not see.
func (d *door) events(w http.ResponseWriter, r *http.Request) error {
	if d.live.Add(1) > liveMost {
		d.live.Add(-1)
		return privacyd.Errorf(privacyd.ClassUnavailable, "too_many_pages", "Too many pages are open. This one asks for itself now and then.")
	}
	defer d.live.Add(-1)
	known, err := d.look(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // some proxies hold back what is not marked so
	d.tell(w, r, known)
	return nil
}

// tell looks until the page is closed, the server stops or it is time to ask
// anew.
func (d *door) tell(w http.ResponseWriter, r *http.Request, known string) {
	out := http.NewResponseController(w)
	say := func(event string) bool {
		_ = out.SetWriteDeadline(time.Now().Add(liveWrite)) // not every connection has one
		_, err := fmt.Fprintf(w, "retry: 2000\nevent: %s\ndata: {}\n\n", event)
		return err == nil && out.Flush() == nil
	}
	end, look, beat := time.NewTimer(liveAgain), time.NewTicker(liveLook), time.NewTicker(d.beat)
	defer end.Stop()
	defer look.Stop()
	defer beat.Stop()
	stopping := d.stopping(r)
	for going := say("change"); going; { // what the page shows may be old by now
		select {
		case <-r.Context().Done():
			return
		case <-stopping:
			return
		case <-end.C:
			return
		case <-beat.C:
			going = say("beat")
		case <-look.C:
			now, err := d.look(r)
			if err == nil && now == known {
				continue
			}
			known, going = now, say("change") && err == nil
		}
	}
}

// look says where the jobs stand that a page shows; it is another text when one
// of them changed.
func (d *door) look(r *http.Request) (string, error) {
	v, err := d.enter(r)
	if err != nil {
		return "", err
	}
	var jobs []*privacyd.Job
	if id := r.URL.Query().Get("job"); id != "" {
		job, err := d.engine.GetJob(r.Context(), v.caller, v.workspace.ID, id)
		if err != nil {
			return "", err
		}
		jobs = []*privacyd.Job{job}
	} else {
		if jobs, err = d.engine.FindJobs(r.Context(), v.caller, v.workspace.ID, new(jobsView).read(r.URL.Query())); err != nil {
			return "", err
		}
	}
	var text strings.Builder
	for _, j := range jobs {
		fmt.Fprintln(&text, j.ID, j.State, j.WaitingOn, j.CancelAsked, j.Progress, j.Runs)
	}
	return text.String(), nil
}

// stopping is closed when the server stops: it waits for open requests, and a
// stream does not end by itself.
func (d *door) stopping(r *http.Request) <-chan struct{} {
	if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		d.stopOnce.Do(func() { s.RegisterOnShutdown(func() { close(d.stop) }) })
	}
	return d.stop
}
