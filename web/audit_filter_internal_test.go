package web

import (
	"net/url"
	"testing"
)

// FuzzAuditFilter sends what anybody may put into the address.
func FuzzAuditFilter(f *testing.F) {
	for _, s := range []string{"", "from=2026-01-01&until=2026-01-31", "from=x", "until=9999-12-31", "actor=%00", "from=2026-02-02&until=2026-02-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		filter := newAuditFilter(q)
		asked, wrong := filter.filter()
		if wrong.Code == "" && !asked.From.IsZero() && !asked.Until.IsZero() && !asked.From.Before(asked.Until) {
			t.Errorf("%q asks from %s until %s", query, asked.From, asked.Until)
		}
		again, err := url.ParseQuery(filter.values().Encode())
		if err != nil || newAuditFilter(again) != filter {
			t.Errorf("%q is written as %q", query, filter.values().Encode())
		}
	})
}
