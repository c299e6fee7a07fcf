package web

import (
	"time"

	"github.com/privacyd/privacyd"
)

// relative says how far a time is from now.
func relative(t, now time.Time) string {
	away := now.Sub(t)
	if away < 0 {
		return "in " + span(-away)
	}
	if away < 10*time.Second {
		return "just now"
	}
	return span(away) + " ago"
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, step := range []struct {
		unit      time.Duration
		one, many string
	}{{365 * day, "year", "years"}, {30 * day, "month", "months"}, {day, "day", "days"}, {time.Hour, "hour", "hours"}, {time.Minute, "minute", "minutes"}} {
		if step.unit == 30*day && d < 32*day {
			continue // "30 days" is what laws and settings say
		}
		if n := int64(d.Round(step.unit) / step.unit); n > 0 && d > step.unit*9/10 {
			return counted(n, step.one, step.many)
		}
	}
	return counted(int64(d/time.Second), "second", "seconds")
}

// absolute writes a time in UTC for people.
func absolute(t time.Time) string { return privacyd.TimeWords(t) }

// machine writes a time for programs.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
