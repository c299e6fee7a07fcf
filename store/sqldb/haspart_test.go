package sqldb_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func TestHasPart(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		query := "SELECT CASE WHEN " + db.Dialect.HasPart("$1", "a, b, c") + " THEN 1 ELSE 0 END FROM (SELECT CAST($2 AS TEXT) AS a, CAST($3 AS TEXT) AS b, CAST($4 AS TEXT) AS c) AS t"
		for _, c := range []struct {
			part    string
			texts   [3]any
			want    int
			only    sqldb.Dialect // where a locale would have to know the letters
			because string
		}{
			{part: "NOBODY", texts: [3]any{"Ana", nil, ""}, because: "nobody has it"},
			{part: "na", texts: [3]any{"Ana", nil, ""}, want: 1, because: "the middle of the first"},
			{part: "NA", texts: [3]any{nil, nil, "ANA"}, want: 1, because: "another case, of the last"},
			{part: "ana bo", texts: [3]any{"Ana", "Bo", nil}, because: "across two texts"},
			{part: "anabo", texts: [3]any{"Ana", "Bo", nil}, because: "across two texts without a space"},
			{part: "%", texts: [3]any{"Ana", "_", nil}, because: "no wildcard"},
			{part: "é p", texts: [3]any{"Chloé Person", nil, nil}, want: 1, because: "letters that are small already"},
			{part: "ÉLOD", texts: [3]any{"Élodie", nil, nil}, want: 1, only: sqldb.SQLite, because: "a capital letter beyond ASCII"},
			{part: "x", texts: [3]any{nil, nil, nil}, because: "nothing"},
			{part: strings.Repeat("a", 60_000), texts: [3]any{strings.Repeat("A", 100_000), nil, nil}, want: 1, because: "a long one"},
		} {
			if c.only != "" && c.only != db.Dialect {
				continue
			}
			got := -1
			if err := db.QueryRow(t.Context(), query, strings.ToLower(c.part), c.texts[0], c.texts[1], c.texts[2]).Scan(&got); err != nil || got != c.want {
				t.Errorf("%s: %d, %v", c.because, got, err)
			}
		}
	})
}
