package sqlsource

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func TestParseMoment(t *testing.T) {
	at := time.Date(2024, 2, 29, 7, 4, 56, 789_000_000, time.UTC)
	cases := []struct {
		text   string
		format datamap.Format
		want   time.Time
	}{
		{"", datamap.FormatPlain, time.Time{}},
		{"2024-02-29 07:04:56.789+00", datamap.FormatPlain, at},
		{"2024-02-29 12:34:56.789+05:30", datamap.FormatPlain, at},
		{"2024-02-29 07:04:56.789", datamap.FormatPlain, at},
		{"2024-02-29T07:04:56.789Z", datamap.FormatPlain, at},
		{"2024-02-29T08:04:56.789+01:00", datamap.FormatPlain, at},
		{"2024-02-29 07:04", datamap.FormatPlain, at.Truncate(time.Minute)},
		{"2024-02-29", datamap.FormatPlain, at.Truncate(24 * time.Hour)},
		{"infinity", datamap.FormatPlain, farAway(true)},
		{"-infinity", datamap.FormatPlain, farAway(false)},
		{"0044-03-15 00:00:00+00 BC", datamap.FormatPlain, farAway(false)},
		{"12345-06-07 00:00:00+00", datamap.FormatPlain, farAway(true)},
		{"1709190296789000", datamap.FormatUnixMicros, at},
		{"1709190296789", datamap.FormatUnixMillis, at},
		{"1709190296.789", datamap.FormatUnixSeconds, at},
		{"-1", datamap.FormatUnixSeconds, time.Unix(-1, 0).UTC()},
		{"9223372036854775807", datamap.FormatUnixSeconds, farAway(true)},
		{"-1e300", datamap.FormatUnixMillis, farAway(false)},
	}
	for _, c := range cases {
		if got, err := parseMoment([]byte(c.text), c.format); err != nil || !got.Equal(c.want) {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
	}
	for text, format := range map[string]datamap.Format{"yesterday": datamap.FormatPlain, "5": datamap.FormatPlain, "NaN": datamap.FormatUnixSeconds, "x": datamap.FormatUnixMicros} {
		if _, err := parseMoment([]byte(text), format); err == nil {
			t.Errorf("%q is a time", text)
		}
	}
}

// FuzzParseMoment: no text breaks it, and what is a time lies between the ends.
func FuzzParseMoment(f *testing.F) {
	f.Add("2024-02-29 07:04:56.789+00", "")
	f.Add("1709190296.789", "unix_seconds")
	f.Fuzz(func(t *testing.T, text, format string) {
		got, err := parseMoment([]byte(text), datamap.Format(format))
		if err == nil && got.After(time.Date(400_000, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%q is %v", text, got)
		}
	})
}

// Clocks of each type that a product may have, before a time that falls between
// two rows.
func TestClockColumns(t *testing.T) {
	types := map[sqldb.Dialect][]string{
		sqldb.Postgres: {"TIMESTAMPTZ", "TIMESTAMP", "DATE", "TEXT"}, sqldb.SQLite: {"TEXT", "DATETIME"},
	}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Dialect == sqldb.Postgres {
			execute(t, db, "CREATE SCHEMA privacyd")
		}
		e, err := Own(db).Eraser()
		if err != nil {
			t.Fatal(err)
		}
		for i, typ := range types[db.Dialect] {
			table := "c" + string(rune('0'+i))
			execute(t, db, "CREATE TABLE "+table+" (id BIGINT, at "+typ+")", "INSERT INTO "+table+" VALUES (1, '2024-03-01'), (2, '2024-03-03'), (3, NULL)")
			c := &datamap.Collection{Name: table, Table: table, Key: []string{"id"}, Clock: &datamap.Clock{Resolved: "id < 3", ResolvedAt: "at"}}
			var got []string
			err := e.ClockRows(t.Context(), datamap.Selection{Collection: c}, time.Date(2024, 3, 2, 0, 0, 0, 0, time.UTC), func(r ClockRow) error {
				got = append(got, r.Key[0]+" "+r.ResolvedAt.Format(time.DateOnly))
				return nil
			})
			if err != nil || len(got) != 1 || got[0] != "1 2024-03-01" {
				t.Errorf("%s: %v, %v", typ, got, err)
			}
		}
		execute(t, db, "CREATE TABLE odd (id BIGINT, at TEXT)", "INSERT INTO odd VALUES (1, 'jane')")
		c := &datamap.Collection{Name: "odd", Table: "odd", Key: []string{"id"}, Clock: &datamap.Clock{Resolved: "TRUE", ResolvedAt: "at"}}
		err = e.ClockRows(t.Context(), datamap.Selection{Collection: c}, time.Time{}, func(ClockRow) error { return nil })
		if privacyd.CodeOf(err) != "source_unreadable" {
			t.Error(err)
		}
		c.Clock = nil
		err = e.ClockRows(t.Context(), datamap.Selection{Collection: c}, time.Time{}, func(ClockRow) error { return nil })
		if privacyd.CodeOf(err) != "map_invalid" {
			t.Error(err)
		}
	})
}

func execute(t *testing.T, db *sqldb.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
