package work

import (
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
)

// Daily is an item that runs once a day: by one node of many, and once, not
// once a day missed, after a downtime.
type Daily struct {
	Kind string
	Key  string
	Hour int            // 0 to 23, on the wall clocks of Zone
	Zone *time.Location // nil: UTC
}

// Valid fails when the hour is none or a name is missing.
func (d Daily) Valid() error {
	if d.Kind == "" || d.Key == "" {
		return fmt.Errorf("daily item %q %q: kind and key are needed", d.Kind, d.Key)
	}
	if d.Hour < 0 || d.Hour > 23 {
		return fmt.Errorf("daily item %q: %d is not an hour of a day", d.Kind, d.Hour)
	}
	return nil
}

// Next is the first time after t at which the item is due. On the day on which
// clocks skip the hour it is due when they have done so; where the hour comes
// twice, it is due once.
func (d Daily) Next(t time.Time) time.Time { return privacyd.NextHour(t, d.Hour, d.zone()) }

// Due tells whether the item is due at exactly t.
func (d Daily) Due(t time.Time) bool { return d.Next(t.Add(-time.Nanosecond)).Equal(t) }

func (d Daily) zone() *time.Location {
	if d.Zone == nil {
		return time.UTC
	}
	return d.Zone
}
