package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// Problem is every error's body (RFC 9457). Code is stable; Detail is for
// people and names the remedy.
type Problem struct {
	Title  string   `json:"title"`
	Status int      `json:"status"`
	Detail string   `json:"detail"`
	Code   string   `json:"code" doc:"Stable; programs may branch on it."`
	Class  string   `json:"class" doc:"What can be done about it."`
	Errors []string `json:"errors,omitempty" doc:"Where the request is wrong."`

	Entries []engine.EntryProblem `json:"entries,omitempty" doc:"Of a batch: the entries that cannot be taken, at most 100."`
	Plan    *Plan                 `json:"plan,omitempty" doc:"Of a refused confirmation: the plan as it would run now."`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus tells huma the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType tells huma that it is a problem document.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

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

// problem is what a caller is told of an error.
func problem(err error) *Problem {
	class := privacyd.ClassOf(err)
	status := statusOf(class)
	return &Problem{
		Title: http.StatusText(status), Status: status, Detail: privacyd.MessageOf(err), Code: privacyd.CodeOf(err), Class: string(class),
	}
}

// fail turns an error of engine into what huma sends; nil stays nil.
func (d *door) fail(err error) error {
	if err == nil {
		return nil
	}
	switch privacyd.ClassOf(err) {
	case privacyd.ClassInternal:
		d.engine.Log.Error("request failed", "error", err)
	case privacyd.ClassUnavailable:
		d.engine.Log.Warn("request failed", "error", err, "cause", errors.Unwrap(err))
	}
	var later privacyd.Later
	if errors.As(err, &later) {
		seconds := (time.Duration(later) + time.Second - 1) / time.Second
		return huma.ErrorWithHeaders(problem(err), http.Header{"Retry-After": {strconv.Itoa(int(seconds))}})
	}
	return problem(err)
}

// explainInvalid gives huma's own findings about a request our form.
func explainInvalid(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &Problem{
		Title: model.Title, Status: model.Status, Detail: model.Detail, Code: "request_invalid", Class: string(privacyd.ClassInvalid),
	}
	switch model.Status {
	case http.StatusRequestEntityTooLarge:
		return tooLarge(), nil
	case http.StatusUnsupportedMediaType:
		p.Code, p.Detail = "content_type_unknown", "Send the body as application/json, unless the description of the route says otherwise."
	}
	for _, e := range model.Errors {
		p.Errors = append(p.Errors, e.Location+": "+e.Message)
	}
	if len(p.Errors) > 0 {
		p.Detail = "The request is not right: " + p.Errors[0] + ". The API's description is at /docs."
	}
	return p, nil
}

// refuseLarge refuses a body that says that it is larger than its route takes,
// before any of it is sent. One that does not say so is read that far.
func refuseLarge(c huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(c)
	if limit := c.Operation().MaxBodyBytes; limit <= 0 || r.ContentLength <= limit {
		next(c)
		return
	}
	w.Header().Set("Connection", "close")
	tooLarge().write(w)
}

func tooLarge() *Problem {
	p := problem(privacyd.Errorf(privacyd.ClassInvalid, "request_too_large", "The body is larger than this route takes. Send less at a time."))
	p.Title, p.Status = http.StatusText(http.StatusRequestEntityTooLarge), http.StatusRequestEntityTooLarge
	return p
}

// refuseRepeated refuses a JSON body that names a field twice, before any of it
// is believed. Code field_repeated.
func refuseRepeated(c huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(c)
	op := c.Operation()
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil || op.MaxBodyBytes <= 0 {
		next(c)
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(bodyPatience)) // not every connection has one
	body, err := io.ReadAll(io.LimitReader(r.Body, op.MaxBodyBytes+1))
	if err == nil { // else an answer would wait for the rest of the body
		_ = c.SetReadDeadline(time.Time{}) // it would end what is asked for, too
	}
	if name, found := privacyd.RepeatedField(body); found && err == nil {
		p := problem(privacyd.Errorf(privacyd.ClassInvalid, "field_repeated", "The body names the field %q twice. Send it once.", name))
		p.Title, p.Status = http.StatusText(http.StatusBadRequest), http.StatusBadRequest
		p.write(w)
		return
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), broken{err}), r.Body}
	next(c)
}

// bodyPatience is how long a JSON body may take to come.
const bodyPatience = 30 * time.Second

// broken is a body that broke off, or came to its end.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err == nil {
		return 0, io.EOF
	}
	return 0, b.err
}

func writeProblem(w http.ResponseWriter, err error) { problem(err).write(w) }

func (p *Problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the asker has gone away
}
