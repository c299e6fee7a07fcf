package privacyd

import (
	"errors"
	"fmt"
	"time"
)

// Class groups errors by what a caller can do about them. Every door has one
// table from Class to its own status (HTTP, exit status, MCP).
type Class string

// The classes of errors that reach people. Anything that is not an *Error is
// ClassInternal and its text is never shown to a remote caller.
const (
	ClassInvalid         Class = "invalid"         // the request itself is wrong
	ClassUnauthenticated Class = "unauthenticated" // nobody is signed in
	ClassForbidden       Class = "forbidden"       // this caller may not
	ClassNotFound        Class = "not_found"       // no such thing, or not the caller's to see
	ClassConflict        Class = "conflict"        // the state of things does not allow it now
	ClassRefused         Class = "refused"         // a hold, a blocker, a changed plan, a map that does not fit
	ClassLimited         Class = "limited"         // too often; Later says when to try again
	ClassUnavailable     Class = "unavailable"     // a database, disk or key is not usable at the moment
	ClassInternal        Class = "internal"        // a defect of ours
)

// Error is the only error type that people meet.
//
// Code is stable and may be branched on by programs ("workspace_not_found").
// Message is one or more sentences for a person and ends with the remedy where
// there is one. Neither ever holds personal data.
type Error struct {
	Class   Class
	Code    string
	Message string
	Err     error // the cause, for logs only
}

// Later is the cause of an error that passes by itself: how long to wait.
type Later time.Duration

// Error implements error.
func (l Later) Error() string { return "try again in " + time.Duration(l).String() }

// Errorf makes an Error whose message is formatted as fmt.Errorf does; a %w
// operand becomes its cause.
func Errorf(class Class, code, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Class: class, Code: code, Message: wrapped.Error(), Err: errors.Unwrap(wrapped)}
}

// Because sets the cause without showing it: for logs, where the caller may be
// anybody.
func (e *Error) Because(cause error) *Error {
	e.Err = cause
	return e
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes two Errors equal when their codes are, so that errors.Is works on
// errors that came back over the wire.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// ClassOf tells the class of any error; nil has none.
func ClassOf(err error) Class {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Class
	default:
		return ClassInternal
	}
}

// CodeOf tells the stable code of any error: "internal" when it is not an Error.
func CodeOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	default:
		return "internal"
	}
}

// MessageOf tells what may be shown to a remote caller.
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Something went wrong on our side. The server's log says what."
}
