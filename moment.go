package privacyd

import "time"

// Moment reads what people and programs give for a moment: a time (RFC 3339),
// or a day (2025-01-31): its beginning, in UTC. Empty is the zero time.
func Moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err
}

// TimeWords writes a moment for people, on pages, in mails, plans and receipts
// alike.
func TimeWords(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// DayWords writes a day for people.
func DayWords(t time.Time) string { return t.UTC().Format("2 January 2006") }
