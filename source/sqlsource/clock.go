package sqlsource

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// ClockRow is a row that has a retention clock.
type ClockRow = datamap.ClockRow

// ClockRows gives fn the rows of a selection whose last activity or, without
// one, resolution is before a time, in no particular order; without a time,
// all. Times without a zone are taken as UTC.
//
// Error codes: those of Snapshot.Read.
func (e *Eraser) ClockRows(ctx context.Context, sel datamap.Selection, before time.Time, fn func(ClockRow) error) error {
	return e.look(ctx, "read the clocks of "+sel.Collection.Name, func(s *Snapshot) error {
		k := clockReader{c: sel.Collection, before: before, fn: fn, builder: s.builder(ctx)}
		query, err := k.query(sel)
		if err != nil {
			return err
		}
		return s.reader.values(ctx, query, len(sel.Collection.Key)+3, k.row)
	})
}

type clockReader struct {
	c      *datamap.Collection
	before time.Time
	fn     func(ClockRow) error

	builder *builder
	formats [2]datamap.Format // of the resolution and the last activity
}

const resolvedColumn = "privacyd resolved"

// query asks for what row reads.
func (k *clockReader) query(sel datamap.Selection) (string, error) {
	what, times, err := k.columns()
	if err != nil {
		return "", err
	}
	if k.before.IsZero() || len(times) == 0 {
		return k.builder.query(sel, what)
	}
	return k.builder.query(sel, what, k.earlier(k.builder, times))
}

// columns are the key, whether the row is resolved, and two times, as text; and
// the columns of the times that there are.
func (k *clockReader) columns() (what []string, times []column, err error) {
	if k.c.Clock == nil {
		return nil, nil, privacyd.Errorf(privacyd.ClassInvalid, "map_invalid", "The data map gives collection %q no clock. Write one under `clock`.", k.c.Name)
	}
	b := k.builder
	b.extra = []string{"((" + k.c.Clock.Resolved + "\n) IS TRUE) AS " + identifier(resolvedColumn)}
	if what, err = b.keyText(k.c, "r"); err != nil {
		return nil, nil, err
	}
	resolved := named("r", resolvedColumn)
	what = append(what, "CASE WHEN "+resolved+" THEN '1' ELSE '' END")
	for i, name := range []string{k.c.Clock.ResolvedAt, k.c.Clock.LastActivity} {
		if name == "" {
			what = append(what, "CAST(NULL AS text)")
			continue
		}
		c, err := b.column(k.c.Table, name)
		if err != nil {
			return nil, nil, err
		}
		k.formats[i] = formatOf(k.c, name)
		what = append(what, b.text("r", c))
		times = append(times, c)
	}
	return what, times, nil
}

// earlier narrows the rows; row looks at each again.
func (k *clockReader) earlier(b *builder, times []column) string {
	at := len(times) - 1
	text := b.upTo(times[at], formatOf(k.c, times[at].name), k.before)
	if at == 0 {
		return text
	}
	return "CASE WHEN " + named("r", times[1].name) + " IS NOT NULL THEN " + text + " ELSE " +
		b.upTo(times[0], formatOf(k.c, times[0].name), k.before) + " END"
}

func (k *clockReader) row(values [][]byte) error {
	n := len(k.c.Key)
	row := ClockRow{Key: texts(values[:n]), Resolved: string(values[n]) == "1"}
	var err error
	if row.ResolvedAt, err = parseMoment(values[n+1], k.formats[0]); err != nil {
		return k.noTime(k.c.Clock.ResolvedAt)
	}
	if row.LastActivity, err = parseMoment(values[n+2], k.formats[1]); err != nil {
		return k.noTime(k.c.Clock.LastActivity)
	}
	if last := row.Last(); !k.before.IsZero() && (last.IsZero() || !last.Before(k.before)) {
		return nil
	}
	return theirs(k.fn(row))
}

func (k *clockReader) noTime(column string) error {
	return privacyd.Errorf(privacyd.ClassRefused, "source_unreadable",
		"Column %q of table %q is the clock of collection %q, and a row's value there is no time. Correct the value, or give the "+
			"column's `format` in the data map.", column, k.c.Table, k.c.Name)
}

// formatOf is what the map says of a column's plain values.
func formatOf(c *datamap.Collection, column string) datamap.Format {
	for _, f := range c.Fields {
		if f.Column == column {
			return f.Format
		}
	}
	return datamap.FormatPlain
}

func texts(values [][]byte) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

// upTo is true of rows whose column is not after a time, and of those of which
// SQL alone cannot say.
func (b *builder) upTo(c column, format datamap.Format, at time.Time) string {
	expr := named("r", c.name)
	if scale := unixScale(format); scale > 0 {
		count := expr + " <= " + strconv.FormatInt(at.UnixMicro()/scale+1, 10)
		if b.dialect == sqldb.SQLite {
			return "(typeof(" + expr + ") NOT IN ('integer', 'real') OR " + count + ")"
		}
		return "(" + count + ")"
	}
	if b.dialect == sqldb.SQLite {
		return "TRUE"
	}
	return "(" + expr + " <= '" + at.UTC().Add(time.Second).Format("2006-01-02 15:04:05-07") + "')"
}

// unixScale is how many microseconds a format counts in; 0: it does not count.
func unixScale(format datamap.Format) int64 {
	switch format {
	case datamap.FormatUnixSeconds:
		return microsPerSecond
	case datamap.FormatUnixMillis:
		return 1000
	case datamap.FormatUnixMicros:
		return 1
	case datamap.FormatPlain, datamap.FormatJSON, datamap.FormatBoolean:
	}
	return 0
}

// farAway is what stands for times that no calendar reaches.
func farAway(later bool) time.Time {
	if later {
		return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
}

// parseMoment reads a time as PostgreSQL writes it under ISO settings, as RFC
// 3339, or as a count since 1970. NULL and an empty text are no time.
func parseMoment(text []byte, format datamap.Format) (time.Time, error) {
	if len(text) == 0 {
		return time.Time{}, nil
	}
	if scale := unixScale(format); scale > 0 {
		return parseUnix(string(text), scale)
	}
	switch s := string(text); {
	case s == "infinity":
		return farAway(true), nil
	case s == "-infinity" || strings.HasSuffix(s, " BC"):
		return farAway(false), nil
	default:
		return parseISO(strings.Replace(s, " ", "T", 1))
	}
}

func parseUnix(text string, scale int64) (time.Time, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n <= math.MaxInt64/scale && n >= math.MinInt64/scale {
		return time.UnixMicro(n * scale).UTC(), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	f *= float64(scale)
	switch {
	case err != nil || math.IsNaN(f):
		return time.Time{}, fmt.Errorf("read a count since 1970: not a number")
	case math.Abs(f) > 1<<61:
		return farAway(f > 0), nil
	}
	return time.UnixMicro(int64(math.Round(f))).UTC(), nil
}

func parseISO(text string) (time.Time, error) {
	var t time.Time
	var err error
	for _, layout := range []string{"2006-01-02T15:04:05.999999999Z07", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04Z07:00"} {
		if t, err = time.ParseInLocation(layout, text, time.UTC); err == nil {
			return t.UTC(), nil
		}
	}
	if year, _, ok := strings.Cut(text, "-"); ok && len(year) > 4 && strings.Trim(year, "0123456789") == "" {
		return farAway(true), nil
	}
	return t, fmt.Errorf("read a time: not in ISO 8601")
}
