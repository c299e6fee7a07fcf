package privacyd

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// JobFilter narrows a list of jobs. The zero value lists everything, newest
// first.
type JobFilter struct {
	Types    []JobType  // empty: all
	States   []JobState // empty: all
	PlanHash string     // of the plan that is, or was, to be confirmed
	Sort     JobSort    // empty: JobsNewest
	Before   string     // where the part before ended: the id of its last job, or its JobSort.Cursor
	Limit    int        // 1 to 200; 0: 50
}

// JobSort is an order of a list of jobs.
type JobSort string

// The orders of a list of jobs. Those that have not ended come with the latest
// ends, exports that are not kept until a day with those that are kept longest.
const (
	JobsNewest    JobSort = "-asked"
	JobsOldest    JobSort = "asked"
	JobsEndedLast JobSort = "-ended"
	JobsEnded     JobSort = "ended"
	JobsKeptLast  JobSort = "-kept"
	JobsKept      JobSort = "kept"
)

// By is the column, and whether it is sorted downwards.
func (s JobSort) By() (column string, down bool) {
	if s == "" {
		s = JobsNewest
	}
	column, down = strings.CutPrefix(string(s), "-")
	return column, down
}

// Cursor is where a list in this order ends with a job.
func (s JobSort) Cursor(j *Job) string {
	switch column, _ := s.By(); column {
	case "ended":
		return jobCursor(j.EndedAt, j.ID)
	case "kept":
		return jobCursor(j.ExpiresAt, j.ID)
	default:
		return j.ID
	}
}

func jobCursor(t *time.Time, id string) string {
	at := int64(math.MaxInt64)
	if t != nil {
		at = t.UnixMicro()
	}
	return strconv.FormatInt(at, 10) + "." + id
}

// ParseCursor reads what Cursor gave: microseconds, where the order is one of
// times, and the job's id. Code cursor_invalid.
func (s JobSort) ParseCursor(cursor string) (at int64, id string, err error) {
	if column, _ := s.By(); column == "asked" {
		return 0, cursor, nil
	}
	text, id, found := strings.Cut(cursor, ".")
	at, wrong := strconv.ParseInt(text, 10, 64)
	if !found || wrong != nil {
		return 0, "", Errorf(ClassInvalid, "cursor_invalid", "The cursor is not one that a list has given. Begin without one.")
	}
	return at, id, nil
}
