package web

import (
	"net/url"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// firstRows is how many of what goes next are shown at once.
const firstRows = 8

// policyWords says in a few words how long a policy keeps.
func policyWords(days int) string {
	if days == 0 {
		return "Forever"
	}
	return counted(int64(days), "day", "days") + " after the last message"
}

// policyEffect says what a policy does.
func policyEffect(days int) string {
	if days == 0 {
		return "Kept until you delete them"
	}
	return "Deleted " + counted(int64(days), "day", "days") + " after the last message of a resolved conversation"
}

// effectLine is one reason why conversations go or stay.
type effectLine struct {
	Count       int64
	Words, Text string
	Style       string
}

// effectLines says how many conversations a policy takes and why others stay,
// the most telling first.
func effectLines(f *engine.RetentionEffect) []effectLine {
	var list []effectLine
	for _, line := range []struct {
		reason             privacyd.RetentionReason
		words, text, style string
	}{
		{privacyd.RetentionDue, "go at the next run", "They are due already.", "state-bad"},
		{privacyd.RetentionWaiting, "go later", "Resolved, and not old enough yet.", "state-warn"},
		{privacyd.RetentionHeld, "stay under a legal hold", "They would be due.", "state-off"},
		{privacyd.RetentionKept, "stay because somebody keeps them", "They would be due.", "state-off"},
		{privacyd.RetentionForeverAtResolved, "stay for good", "They were resolved while everything was kept for ever, and no change reaches back. Delete them by date if they have to go.", "state-off"},
		{privacyd.RetentionForeverNow, "stay", "Everything is kept for ever now.", "state-off"},
		{privacyd.RetentionUnresolved, "stay: they are not resolved", "The clock begins when they are.", "state-off"},
		{privacyd.RetentionUndated, "stay: nobody knows when they were resolved", "Nothing is deleted on a guess.", "state-off"},
	} {
		if n := f.Reasons[line.reason]; n > 0 {
			list = append(list, effectLine{Count: n, Words: line.words, Text: line.text, Style: line.style})
		}
	}
	return list
}

// goneWithin counts what goes within so many days.
func goneWithin(f *engine.RetentionEffect, days int) int64 {
	var n int64
	for i, on := range goesOn(f) {
		if i < days {
			n += on
		}
	}
	return n
}

// goesOn is how many go on each of the next days. What is held or kept has a
// date that is past, and stays.
func goesOn(f *engine.RetentionEffect) [90]int64 {
	days := f.Days
	days[0] = max(0, days[0]-f.Reasons[privacyd.RetentionHeld]-f.Reasons[privacyd.RetentionKept])
	return days
}

// retentionChart is what retention removes over the next 90 days.
func retentionChart(id string, f *engine.RetentionEffect, now time.Time) chart {
	days := goesOn(f)
	c := chart{ID: id, Title: "What retention removes over the next 90 days", From: "Today", Until: dayWords(now.AddDate(0, 0, 89))}
	most := 0
	for i, n := range days {
		c.Bars = append(c.Bars, bar90{Value: n})
		if n > days[most] {
			most = i
		}
	}
	c.scale(days[most])
	c.Middle = dayWords(now.AddDate(0, 0, 45))
	total := goneWithin(f, len(days))
	switch {
	case total == 0:
		c.Text = "No conversation falls due within 90 days."
	default:
		c.Text = counted(total, "conversation falls", "conversations fall") + " due within 90 days: " + count(goneWithin(f, 7)) + " within a week, " +
			count(goneWithin(f, 30)) + " within 30 days. The most on one day are " + count(days[most]) + ", on " + dayWords(now.AddDate(0, 0, most)) + "."
	}
	return c
}

// weekRow is a week of the chart in numbers.
type weekRow struct {
	From, Until string
	Count       int64
}

func weekRows(f *engine.RetentionEffect, now time.Time) []weekRow {
	var rows []weekRow
	days := goesOn(f)
	for at := 0; at < len(days); at += 7 {
		end := min(at+7, len(days))
		row := weekRow{From: dayWords(now.AddDate(0, 0, at)), Until: dayWords(now.AddDate(0, 0, end-1))}
		for _, n := range days[at:end] {
			row.Count += n
		}
		rows = append(rows, row)
	}
	return rows
}

// dayWords writes a day in UTC.
func dayWords(t time.Time) string { return privacyd.DayWords(t) }

// shareWords says how much of the workspace a run would take.
func shareWords(f *engine.RetentionEffect) string {
	if f.Total == 0 {
		return "0 %"
	}
	return strconv.FormatInt((f.Due*100+f.Total/2)/f.Total, 10) + " %"
}

// inForce tells whether the version is the one in force.
func inForce(p, now privacyd.Policy) bool { return p.Version == now.Version }

// setters are those who set versions of the policy.
func setters(versions []privacyd.Policy) (ids []string) {
	for _, version := range versions {
		ids = append(ids, version.SetBy)
	}
	return ids
}

// setterWords says who set a version.
func setterWords(p page, by string) string {
	switch by {
	case p.Caller.AccountID:
		return "you"
	case string(privacyd.CallerOperator):
		return "the operator"
	default:
		return orText(p.People[by], "another admin")
	}
}

// keepPath is where a row is kept, or given back, and the part of the list to
// which that leads back.
func keepPath(p page, row engine.RetentionRow, after string) string {
	verb := "keep"
	if row.Kept {
		verb = "unkeep"
	}
	if after == "" {
		return p.to("retention", verb)
	}
	return p.to("retention", verb) + "?" + url.Values{"after": {after}}.Encode()
}

// nextQuery asks for what goes next, after a cursor.
func nextQuery(after string) string {
	if after == "" {
		return "?effect"
	}
	return "?effect&" + url.Values{"after": {after}}.Encode()
}
