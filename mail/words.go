package mail

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

var errAbsent = errors.New("the mail lacks what its template shows")

// date writes a time for people.
func date(t *time.Time) (string, error) {
	if t == nil {
		return "", errAbsent
	}
	return privacyd.TimeWords(*t), nil
}

// size writes a number of bytes in powers of 1000.
func size(bytes int64) string {
	value, units := float64(bytes)/1000, []string{"kB", "MB", "GB", "TB"}
	unit := 0
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f %s", value, units[unit])
	}
	return fmt.Sprintf("%.0f %s", value, units[unit])
}

func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

func records(n int64) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

// kept says how long something is kept; 0: for ever.
func kept(n *int) (string, error) {
	switch {
	case n == nil:
		return "", errAbsent
	case *n == 0:
		return "for ever", nil
	default:
		return days(*n), nil
	}
}

var jobNames = map[privacyd.JobType]string{
	privacyd.JobDataExport:        "an export of the workspace",
	privacyd.JobSubjectExport:     "an export of one person's data",
	privacyd.JobSubjectDeletion:   "the deletion of a contact",
	privacyd.JobAccountDeletion:   "the deletion of an account",
	privacyd.JobWorkspaceDeletion: "the deletion of the workspace",
	privacyd.JobBulkDeletion:      "a bulk deletion",
	privacyd.JobRetentionRun:      "a retention run",
}

// aJob names a job in the middle of a sentence.
func aJob(t string) (string, error) {
	name, ok := jobNames[privacyd.JobType(t)]
	if !ok {
		return "", errAbsent
	}
	return name, nil
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func format(f privacyd.Format) string { return strings.ToUpper(string(f)) }
