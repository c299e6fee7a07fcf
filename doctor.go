package privacyd

import "time"

// CheckState is what looking at one part of an installation came to.
type CheckState string

// The states of a check.
const (
	CheckOK      CheckState = "ok"
	CheckWarning CheckState = "warning" // it works, and may not for long, or not after a disaster
	CheckProblem CheckState = "problem" // something is broken or overdue
)

// Check is what looking at one part of an installation found. It holds nothing
// personal.
type Check struct {
	Name    string     `json:"name"` // a code, such as keys.root
	State   CheckState `json:"state" enum:"ok,warning,problem"`
	Message string     `json:"message"`
	Remedy  string     `json:"remedy,omitempty"` // what to do about it
}

// Diagnosis is what a doctor found.
type Diagnosis struct {
	At      time.Time `json:"at"`
	Version string    `json:"version"`
	Checks  []Check   `json:"checks"`
}

// Count tells how many checks came to a state.
func (d Diagnosis) Count(s CheckState) (n int) {
	for _, c := range d.Checks {
		if c.State == s {
			n++
		}
	}
	return n
}

// OK is a check that found nothing wrong.
func OK(name, message string) Check { return Check{name, CheckOK, message, ""} }

// Warning is a check that found what may become a problem.
func Warning(name, message, remedy string) Check { return Check{name, CheckWarning, message, remedy} }

// Problem is a check that found what is broken or overdue.
func Problem(name, message, remedy string) Check { return Check{name, CheckProblem, message, remedy} }

// Troubles counts what has not gone as it should.
type Troubles struct {
	OverdueFiles int64 // that should be deleted by now
	FailedJobs   int64 // lately
	BlockedJobs  int64 // that wait for somebody
	DeadWork     int64 // that was tried as often as it is
}
