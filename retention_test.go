package privacyd_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/privacyd/privacyd"
)

var dayOne = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// day is the n-th day from the first, which is 0.
func day(n int) time.Time { return dayOne.Add(time.Duration(n) * privacyd.Day) }

// policies are versions as pairs of a day and a number of days to keep.
func policies(pairs ...int) []privacyd.Policy {
	var versions []privacyd.Policy
	for i := 0; i < len(pairs); i += 2 {
		versions = append(versions, privacyd.Policy{Version: i/2 + 1, From: day(pairs[i]), Days: pairs[i+1]})
	}
	return versions
}

func TestDue(t *testing.T) {
	resolved := func(at, last int) privacyd.Clocked {
		return privacyd.Clocked{Resolved: true, ResolvedAt: day(at), LastActivity: day(last)}
	}
	silent := privacyd.Clocked{Resolved: true, ResolvedAt: day(10)}
	held, kept, both := resolved(10, 10), resolved(10, 10), resolved(10, 10)
	held.Held, kept.Kept, both.Held, both.Kept = true, true, true, true
	for _, c := range []struct {
		name     string
		row      privacyd.Clocked
		versions []privacyd.Policy
		now      int
		want     privacyd.RetentionReason
		at       int // -1: no date
	}{
		{"never a policy", resolved(10, 10), nil, 9999, privacyd.RetentionForeverAtResolved, -1},
		{"open", privacyd.Clocked{LastActivity: day(1)}, policies(0, 1), 9999, privacyd.RetentionUnresolved, -1},
		{"reopened", privacyd.Clocked{ResolvedAt: day(1), LastActivity: day(1)}, policies(0, 1), 9999, privacyd.RetentionUnresolved, -1},
		{"resolved at no time", privacyd.Clocked{Resolved: true}, policies(0, 1), 9999, privacyd.RetentionUndated, -1},
		{"a moment early", resolved(10, 10), policies(0, 30), 39, privacyd.RetentionWaiting, 40},
		{"on the moment", resolved(10, 10), policies(0, 30), 40, privacyd.RetentionDue, 40},
		{"last message before the resolution", resolved(10, 4), policies(0, 30), 34, privacyd.RetentionDue, 34},
		{"last message after it", resolved(10, 12), policies(0, 30), 41, privacyd.RetentionWaiting, 42},
		{"no message: the resolution", silent, policies(0, 30), 40, privacyd.RetentionDue, 40},
		{"resolved before the first version", resolved(10, 10), policies(11, 30), 9999, privacyd.RetentionForeverAtResolved, -1},
		{"resolved with the first version", resolved(10, 10), policies(10, 30), 40, privacyd.RetentionDue, 40},
		{"resolved while it was forever", resolved(10, 10), policies(0, 30, 5, 0, 20, 30), 9999, privacyd.RetentionForeverAtResolved, -1},
		{"forever today", resolved(10, 10), policies(0, 30, 20, 0), 9999, privacyd.RetentionForeverNow, -1},
		{"shortened later", resolved(10, 10), policies(0, 90, 20, 30), 99, privacyd.RetentionWaiting, 100},
		{"lengthened later", resolved(10, 10), policies(0, 30, 20, 90), 99, privacyd.RetentionWaiting, 100},
		{"forever in between", resolved(10, 10), policies(0, 30, 20, 0, 30, 30), 40, privacyd.RetentionDue, 40},
		{"a change to come", resolved(10, 10), policies(0, 30, 50, 90), 40, privacyd.RetentionDue, 40},
		{"two changes at one time: the later version", resolved(10, 10), policies(0, 30, 0, 60), 40, privacyd.RetentionWaiting, 70},
		{"held", held, policies(0, 30), 40, privacyd.RetentionHeld, 40},
		{"held and not yet due", held, policies(0, 30), 39, privacyd.RetentionWaiting, 40},
		{"keep this one", kept, policies(0, 30), 40, privacyd.RetentionKept, 40},
		{"held and kept", both, policies(0, 30), 40, privacyd.RetentionHeld, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			slices.Reverse(c.versions) // their order does not count
			got := privacyd.Due(c.row, c.versions, day(c.now))
			at := time.Time{}
			if c.at >= 0 {
				at = day(c.at)
			}
			if got.Reason != c.want || got.Due != (c.want == privacyd.RetentionDue) || !got.At.Equal(at) {
				t.Errorf("%+v, want %s at day %d", got, c.want, c.at)
			}
		})
	}
}

// TestDueStory follows some conversations through a workspace's year; what a
// person reads is in the golden file. UPDATE=1 writes it anew.
func TestDueStory(t *testing.T) {
	versions := policies(10, 30, 60, 0, 120, 365, 200, 30)
	var b strings.Builder
	for _, v := range versions {
		fmt.Fprintf(&b, "version %d from %s: %d days\n", v.Version, v.From.Format(time.DateOnly), v.Days)
	}
	for _, c := range []struct {
		name string
		row  privacyd.Clocked
	}{
		{"old, resolved before any policy", privacyd.Clocked{Resolved: true, ResolvedAt: day(5), LastActivity: day(4)}},
		{"resolved under 30 days", privacyd.Clocked{Resolved: true, ResolvedAt: day(20), LastActivity: day(19)}},
		{"resolved under 30 days, without a message", privacyd.Clocked{Resolved: true, ResolvedAt: day(20)}},
		{"the same, held", privacyd.Clocked{Resolved: true, ResolvedAt: day(20), LastActivity: day(19), Held: true}},
		{"the same, kept", privacyd.Clocked{Resolved: true, ResolvedAt: day(20), LastActivity: day(19), Kept: true}},
		{"resolved under forever", privacyd.Clocked{Resolved: true, ResolvedAt: day(70), LastActivity: day(70)}},
		{"resolved under 365 days", privacyd.Clocked{Resolved: true, ResolvedAt: day(150), LastActivity: day(150)}},
		{"still open", privacyd.Clocked{LastActivity: day(1)}},
		{"resolved, nobody knows when", privacyd.Clocked{Resolved: true, LastActivity: day(1)}},
	} {
		fmt.Fprintf(&b, "\n%s\n", c.name)
		for _, n := range []int{30, 49, 100, 130, 210, 515} {
			d := privacyd.Due(c.row, versions, day(n))
			fmt.Fprintf(&b, "  %s  %-21s %s\n", day(n).Format(time.DateOnly), d.Reason, d.Message)
		}
	}
	golden(t, "testdata/retention/story.txt", b.String())
}

// golden compares text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func someTime(t *rapid.T, name string) time.Time {
	return dayOne.Add(time.Duration(rapid.IntRange(0, 800*24).Draw(t, name)) * time.Hour)
}

func someDays(t *rapid.T) int {
	return rapid.SampledFrom([]int{0, 1, 2, 30, 90, 365}).Draw(t, "days")
}

// someVersions draws versions that were all made by the time until.
func someVersions(t *rapid.T, until time.Time) []privacyd.Policy {
	var versions []privacyd.Policy
	for v := range rapid.IntRange(0, 5).Draw(t, "versions") {
		from := someTime(t, "from")
		if from.After(until) {
			from = until
		}
		versions = append(versions, privacyd.Policy{Version: v + 1, From: from, Days: someDays(t)})
	}
	slices.SortStableFunc(versions, func(a, b privacyd.Policy) int { return a.From.Compare(b.From) })
	for i := range versions {
		versions[i].Version = i + 1
	}
	return versions
}

func someRow(t *rapid.T) privacyd.Clocked {
	c := privacyd.Clocked{Resolved: rapid.Bool().Draw(t, "resolved"), ResolvedAt: someTime(t, "resolved at")}
	if rapid.Bool().Draw(t, "has a message") {
		c.LastActivity = someTime(t, "last message")
	}
	return c
}

// check is one drawing of a row, versions and a time.
func check(t *testing.T, fn func(t *rapid.T, c privacyd.Clocked, versions []privacyd.Policy, now time.Time)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		for range 20 { // few drawings have a row that is due
			now := someTime(t, "now")
			fn(t, someRow(t), someVersions(t, now), now)
		}
	})
}

// promised is how many days the policy was at a time, 0: forever, told from
// versions in the order in which they came into force.
func promised(versions []privacyd.Policy, at time.Time) (days int) {
	for _, v := range versions {
		if !v.From.After(at) {
			days = v.Days
		}
	}
	return days
}

func TestDueIsNeverRetroactive(t *testing.T) {
	check(t, func(t *rapid.T, c privacyd.Clocked, versions []privacyd.Policy, now time.Time) {
		if !privacyd.Due(c, versions, now).Due {
			return
		}
		since := c.LastActivity
		if since.IsZero() {
			since = c.ResolvedAt
		}
		for _, at := range []time.Time{c.ResolvedAt, now} {
			days := promised(versions, at)
			if days == 0 || now.Before(since.Add(time.Duration(days)*privacyd.Day)) {
				t.Fatalf("goes although %d days (0: forever) were promised", days)
			}
		}
	})
}

func TestDueWithMoreToKeepNeverTakesMore(t *testing.T) {
	check(t, func(t *rapid.T, c privacyd.Clocked, versions []privacyd.Policy, now time.Time) {
		before := privacyd.Due(c, versions, now)
		longer := privacyd.Policy{Version: len(versions) + 1, From: now, Days: someDays(t)}
		today := promised(versions, now)
		if !longer.Forever() && (today == 0 || longer.Days < today) {
			longer.Days = today
		}
		if privacyd.Due(c, append(versions, longer), now).Due && !before.Due {
			t.Fatal("a longer version takes what the shorter did not")
		}
		held, kept := c, c
		held.Held, kept.Kept = true, true
		if privacyd.Due(held, versions, now).Due || privacyd.Due(kept, versions, now).Due {
			t.Fatal("it goes although it is held or kept")
		}
	})
}

func TestDueStartsAgainAfterReopening(t *testing.T) {
	check(t, func(t *rapid.T, c privacyd.Clocked, versions []privacyd.Policy, now time.Time) {
		reopened := c
		reopened.Resolved = false
		if privacyd.Due(reopened, versions, now).Due {
			t.Fatal("an open row is due")
		}
		again := c
		again.Resolved, again.ResolvedAt, again.LastActivity = true, now, now
		if d := privacyd.Due(again, versions, now); d.Due || (!d.At.IsZero() && !d.At.After(now)) {
			t.Fatalf("resolved again at this moment and due: %+v", d)
		}
	})
}

func TestDueStaysDue(t *testing.T) {
	check(t, func(t *rapid.T, c privacyd.Clocked, versions []privacyd.Policy, now time.Time) {
		later := now.Add(time.Duration(rapid.IntRange(0, 1000*24).Draw(t, "later")) * time.Hour)
		first, second := privacyd.Due(c, versions, now), privacyd.Due(c, versions, later)
		if first.Due && !second.Due {
			t.Fatal("what was due is so no more, and nothing happened")
		}
		if first.Reason == privacyd.RetentionWaiting && !privacyd.Due(c, versions, first.At).Due && len(versions) > 0 {
			t.Fatalf("it was to be due at %s and is not", first.At)
		}
		if first.Message == "" || first.Due != (first.Reason == privacyd.RetentionDue) || first.Due && first.At.After(now) {
			t.Fatalf("%+v", first)
		}
	})
}

func TestBraked(t *testing.T) {
	for _, c := range []struct {
		due, total int64
		percent    int
		want       bool
	}{
		{0, 0, 20, false},
		{1, 0, 20, true},
		{20, 100, 20, false},
		{21, 100, 20, true},
		{1, 5, 20, false},
		{2, 9, 20, true},
		{100, 100, 100, false},
		{1, 100, 0, true},
		{1 << 60, 1 << 62, 20, true},
	} {
		if got := privacyd.Braked(c.due, c.total, c.percent); got != c.want {
			t.Errorf("%d of %d at %d %%: %v", c.due, c.total, c.percent, got)
		}
	}
}

func TestPolicyValid(t *testing.T) {
	for days, want := range map[int]string{0: "", 1: "", 36_500: "", -1: "retention_invalid", 36_501: "retention_invalid"} {
		if got := privacyd.CodeOf(privacyd.Policy{Days: days}.Valid()); got != want {
			t.Errorf("%d days: %q", days, got)
		}
	}
}

func TestNextHour(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, now, want string
		hour            int
	}{
		{"today", "2026-03-10T01:00:00Z", "2026-03-10T02:00:00Z", 3},
		{"when today's hour is past", "2026-03-10T02:00:00Z", "2026-03-11T02:00:00Z", 3},
		{"the hour that is skipped", "2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z", 2},
		{"summer", "2026-03-29T02:00:00Z", "2026-03-30T00:00:00Z", 2},
		{"the hour that comes twice", "2026-10-24T01:00:00Z", "2026-10-25T01:00:00Z", 2},
		{"and is due once", "2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := privacyd.NextHour(moment(t, c.now), c.hour, berlin); !got.Equal(moment(t, c.want)) {
				t.Errorf("%s, want %s", got.Format(time.RFC3339), c.want)
			}
		})
	}
}

func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
