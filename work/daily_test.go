package work_test

import (
	"errors"
	"testing"
	"time"

	"github.com/privacyd/privacyd/work"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestDailyNext(t *testing.T) {
	for _, c := range []struct {
		name, zone, after, want string
		hour                    int
	}{
		{"later today", "UTC", "2026-03-10T01:00:00Z", "2026-03-10T03:00:00Z", 3},
		{"exactly now is past", "UTC", "2026-03-10T03:00:00Z", "2026-03-11T03:00:00Z", 3},
		{"over the month", "UTC", "2026-02-28T22:00:00Z", "2026-03-01T03:00:00Z", 3},
		{"the zone's day, not ours", "Asia/Tokyo", "2026-03-10T20:00:00Z", "2026-03-11T18:00:00Z", 3},
		{"west of us", "America/Los_Angeles", "2026-01-10T05:00:00Z", "2026-01-10T11:00:00Z", 3},
		{"winter in Berlin", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", 3},
		{"the skipped hour", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", 2},
		{"the day after it", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", 2},
		{"a skipped midnight", "Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z", 0},
		{"the day after that", "Africa/Cairo", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			after, err := time.Parse(time.RFC3339, c.after)
			if err != nil {
				t.Fatal(err)
			}
			d := work.Daily{Kind: "k", Key: "k", Hour: c.hour, Zone: zone(t, c.zone)}
			if got := d.Next(after).Format(time.RFC3339); got != c.want {
				t.Errorf("Next(%s) = %s, want %s", c.after, got, c.want)
			}
		})
	}
}

// Over some years, in zones with odd clocks, every day has one run.
func TestDailyIsOnceADay(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "America/Santiago"} {
		z := zone(t, name)
		for hour := range 24 {
			d := work.Daily{Kind: "k", Key: "k", Hour: hour, Zone: z}
			due := d.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, z))
			for range 3 * 366 {
				next := d.Next(due)
				from, to := due.In(z), next.In(z)
				days := time.Date(to.Year(), to.Month(), to.Day(), 0, 0, 0, 0, time.UTC).
					Sub(time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.UTC))
				if days != 24*time.Hour || !d.Due(next) || d.Due(next.Add(time.Microsecond)) {
					t.Fatalf("%s at %d: after %s comes %s", name, hour, from, to)
				}
				due = next
			}
		}
	}
}

func TestRetryKeepsItsCause(t *testing.T) {
	cause := errors.New("boom")
	err := work.Retry(time.Minute, cause)
	var retry *work.RetryError
	if !errors.Is(err, cause) || !errors.As(err, &retry) || retry.After != time.Minute {
		t.Fatalf("%#v", err)
	}
	if got, want := err.Error(), "try again after 1m0s: boom"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := work.Retry(time.Second, nil).Error(), "try again after 1s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
