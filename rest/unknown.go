package rest

import (
	"net/http"
	"strings"

	"github.com/privacyd/privacyd"
)

// routed answers what no route is for in the form of all other errors. Codes
// route_unknown, method_unknown.
func routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		standIn, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := &overheard{header: http.Header{}}
		standIn.ServeHTTP(said, r)
		switch said.status {
		case http.StatusMethodNotAllowed:
			allowed := said.header.Get("Allow")
			w.Header().Set("Allow", allowed)
			p := problem(privacyd.Errorf(privacyd.ClassInvalid, "method_unknown",
				"This path takes %s. All routes are at /docs.", strings.ReplaceAll(allowed, ", ", " or ")))
			p.Title, p.Status = http.StatusText(said.status), said.status
			p.write(w)
		case http.StatusNotFound:
			writeProblem(w, privacyd.Errorf(privacyd.ClassNotFound, "route_unknown", "There is no such route. All routes are at /docs."))
		default: // a redirect to the path as it should be
			standIn.ServeHTTP(w, r)
		}
	})
}

// overheard takes note of an answer that nobody gets.
type overheard struct {
	header http.Header
	status int
}

func (o *overheard) Header() http.Header { return o.header }

func (o *overheard) Write(p []byte) (int, error) { return len(p), nil }

func (o *overheard) WriteHeader(status int) { o.status = status }
