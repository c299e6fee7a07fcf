package privacyd

import (
	"fmt"
	"time"
)

// Day is the unit of retention policies: 24 hours, whatever the clocks do.
const Day = 24 * time.Hour

// MaxRetentionDays is the longest finite policy.
const MaxRetentionDays = 36_500

// DefaultBrake is the share of a workspace, in percent, that one retention run
// may take without asking.
const DefaultBrake = 20

// Policy is one version of a workspace's retention policy. A version is never
// changed: each change of the policy is a new one.
type Policy struct {
	WorkspaceID string    `json:"workspace_id"`
	Version     int       `json:"version"`          // from 1; 0: nobody has set one yet
	Days        int       `json:"days"`             // of 24 h; 0: forever
	From        time.Time `json:"from,omitzero"`    // when it came into force
	SetBy       string    `json:"set_by,omitempty"` // account id, token id, or "operator"
}

// Forever tells whether nothing ever falls due under the version. Before the
// first version that is so, too.
func (p Policy) Forever() bool { return p.Days == 0 }

// Valid checks the number of days. Code retention_invalid.
func (p Policy) Valid() error {
	if p.Days < 0 || p.Days > MaxRetentionDays {
		return Errorf(ClassInvalid, "retention_invalid", "A retention policy is forever, or 1 to %d days.", MaxRetentionDays)
	}
	return nil
}

// period is how long the version promises to keep; only a finite one has one.
func (p Policy) period() time.Duration { return time.Duration(p.Days) * Day }

func (p Policy) words() string {
	if p.Days == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", p.Days)
}

// InForce gives the version in force at t: the newest that had come into force
// by then, in whichever order they are given. Before the first it is forever.
func InForce(versions []Policy, t time.Time) Policy {
	var best Policy
	for _, p := range versions {
		if p.From.After(t) {
			continue
		}
		if best.Version == 0 || p.From.After(best.From) || (p.From.Equal(best.From) && p.Version > best.Version) {
			best = p
		}
	}
	return best
}

// Clocked is what the retention rule looks at of a row with a clock, such as a
// conversation.
type Clocked struct {
	Resolved     bool
	ResolvedAt   time.Time // of the last resolution; zero: not known
	LastActivity time.Time // last message in, out or by the AI; zero: there is none
	Held         bool      // a legal hold covers it
	Kept         bool      // somebody said "keep this one"
}

// RetentionReason is a code that says why a row is due or is not.
type RetentionReason string

// The reasons, in the order in which they are looked at: the first that holds
// is given.
const (
	RetentionUnresolved        RetentionReason = "unresolved"
	RetentionUndated           RetentionReason = "undated"               // resolved, but nobody knows when
	RetentionForeverAtResolved RetentionReason = "forever_at_resolution" // the version in force when it was resolved
	RetentionForeverNow        RetentionReason = "forever_now"           // today's version
	RetentionWaiting           RetentionReason = "waiting"               // falls due later
	RetentionHeld              RetentionReason = "held"                  // would be due
	RetentionKept              RetentionReason = "kept"                  // would be due
	RetentionDue               RetentionReason = "due"
)

// Decision is whether a row is due, and why.
type Decision struct {
	Due     bool            `json:"due"`
	At      time.Time       `json:"at,omitzero"` // since when, or from when on; zero: it has no date
	Reason  RetentionReason `json:"reason"`
	Message string          `json:"message"` // one English sentence
}

// Due decides whether a row falls under the retention policy at now: when the
// version in force at its resolution and today's are both finite, and its last
// message (without one: its resolution) is at least the longer of the two ago.
// So a version never reaches what was resolved before it, and none deletes
// earlier than another promised. Reopened rows are unresolved and start again.
func Due(c Clocked, versions []Policy, now time.Time) Decision {
	switch {
	case !c.Resolved:
		return Decision{Reason: RetentionUnresolved, Message: "It stays: it is not resolved."}
	case c.ResolvedAt.IsZero():
		return Decision{Reason: RetentionUndated, Message: "It stays: nobody knows when it was resolved."}
	}
	then, today := InForce(versions, c.ResolvedAt), InForce(versions, now)
	switch {
	case then.Forever():
		return Decision{Reason: RetentionForeverAtResolved, Message: "It stays: the policy was to keep forever when it was resolved, and no change reaches back."}
	case today.Forever():
		return Decision{Reason: RetentionForeverNow, Message: "It stays: the policy is to keep forever."}
	}
	longer := then
	if today.Days > then.Days {
		longer = today
	}
	return dated(c, longer, now)
}

// dated decides where there is a date.
func dated(c Clocked, p Policy, now time.Time) Decision {
	since, what := c.LastActivity, "last message"
	if since.IsZero() {
		since, what = c.ResolvedAt, "resolution"
	}
	at := since.Add(p.period())
	date := TimeWords(at)
	d := Decision{At: at}
	switch {
	case at.After(now):
		d.Reason, d.Message = RetentionWaiting, fmt.Sprintf("It stays until %s: %s after its %s.", date, p.words(), what)
	case c.Held:
		d.Reason, d.Message = RetentionHeld, fmt.Sprintf("It stays under a legal hold; otherwise it would be due since %s.", date)
	case c.Kept:
		d.Reason, d.Message = RetentionKept, fmt.Sprintf("It stays because somebody chose to keep it; otherwise it would be due since %s.", date)
	default:
		d.Due, d.Reason = true, RetentionDue
		d.Message = fmt.Sprintf("It goes: since %s its %s is %s ago.", date, what, p.words())
	}
	return d
}

// KeptRow is a row that somebody chose to keep from retention runs.
type KeptRow struct {
	WorkspaceID string
	Ref         string // a keyed hash of the row
	Sealed      []byte // which row it is
	KeptBy      string // account id, token id, or "operator"
	KeptAt      time.Time
}

// Braked tells whether a retention run of due rows out of total must stop and
// ask: it would take more than percent of them.
func Braked(due, total int64, percent int) bool {
	return due > 0 && float64(due)*100 > float64(total)*float64(percent)
}

// NextHour is the first time after t at which a day's run at hour (0 to 23) on
// the clocks of zone is due. On the day on which the clocks skip the hour that
// is when they have done so; where the hour comes twice, it is due once.
func NextHour(t time.Time, hour int, zone *time.Location) time.Time {
	local := t.In(zone)
	for day := local.Day() - 1; ; day++ {
		if due := onDay(local.Year(), local.Month(), day, hour, zone); due.After(t) {
			return due.UTC()
		}
	}
}

func onDay(year int, month time.Month, day, hour int, zone *time.Location) time.Time {
	due := time.Date(year, month, day, hour, 0, 0, 0, zone)
	asked := time.Date(year, month, day, hour, 0, 0, 0, time.UTC)
	_, offset := due.Zone()
	// For an hour that is skipped the time package may answer with one before it.
	if shown := due.Add(time.Duration(offset) * time.Second); shown.Before(asked) {
		return due.Add(asked.Sub(shown))
	}
	return due
}
