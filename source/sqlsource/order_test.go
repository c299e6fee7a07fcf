package sqlsource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// replies are threads of which only the first reply says whose they are: a
// chain, a tree, a reply to itself, and replies to each other. The database
// guards the references, and none may be blanked.
func replies(t *testing.T, db *sqldb.DB) {
	t.Helper()
	if db.Dialect == sqldb.Postgres {
		exec(t, db, "CREATE SCHEMA privacyd")
	}
	exec(t, db, "CREATE TABLE replies (id BIGINT PRIMARY KEY, owner TEXT, answers BIGINT NOT NULL REFERENCES replies (id))")
	add := func(owner string, id, answers int) {
		exec(t, db, fmt.Sprintf("INSERT INTO replies VALUES (%d, NULLIF('%s', ''), %d)", id, owner, answers))
	}
	for base, owner := range map[int]string{1000: "jane", 2000: "joe"} {
		add(owner, base, base)
		for i := 1; i < 60; i++ {
			add("", base+i, base+i-1)
		}
		for i := 100; i < 140; i++ {
			add("", base+i, base+(i-100)/2)
		}
		for i := 200; i < 203; i++ {
			add(owner, base+i, base+i)
		}
		exec(t, db, fmt.Sprintf("UPDATE replies SET answers = CASE id WHEN %d THEN %d WHEN %d THEN %d ELSE %d END WHERE id BETWEEN %d AND %d",
			base+200, base+201, base+201, base+202, base+200, base+200, base+202))
	}
}

// thread is the step that deletes the replies below what somebody owns.
func thread(owner string) *datamap.Step {
	c := &datamap.Collection{Name: "replies", Table: "replies", Key: []string{"id"}, Fields: []*datamap.Field{{Column: "id", Name: "id"}}}
	link := &datamap.Link{To: "replies", On: []datamap.ColumnPair{{Column: "answers", Target: "id"}}}
	up := datamap.Path{Hops: []datamap.Hop{{Link: link, To: c, Recursive: true}}, Column: "owner", Value: owner}
	return &datamap.Step{
		Collection: c, Table: "replies", Action: datamap.Delete, Rows: datamap.Rows{All: []datamap.Condition{{Any: []datamap.Path{up}}}},
		SelfLinks: []datamap.SelfLink{{Link: link, Discovers: true}},
	}
}

// Replies go before what they answer, or else those left behind would not be
// found any more when a run is taken up again; those that answer each other go
// together.
func TestLeavesGoFirst(t *testing.T) {
	for name, most := range map[string]int{"in order": 1000, "by leaves": 10} {
		t.Run(name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				replies(t, db)
				e := newEraser(t, db, most)
				enough := errors.New("enough")
				runs := 0
				for {
					calls := 0
					_, err := e.Run(t.Context(), thread("jane"), sqlsource.Batch{Guard: func(context.Context) error {
						if calls++; calls == 2 {
							return enough
						}
						return nil
					}})
					if runs++; err == nil {
						break
					}
					if !errors.Is(err, enough) {
						t.Fatal(err)
					}
				}
				if runs < 10 {
					t.Errorf("%d runs", runs)
				}
				left := sourcetest.Records(t, snapshot(t, db), selection("replies", "id"))
				if len(left) != 103 || strings.Contains(strings.Join(left, ""), ":1") {
					t.Errorf("%d are left: %v", len(left), left)
				}
			})
		})
	}
}

// Rows that refer to themselves or to each other cannot be told apart by who
// refers to whom: too many of them are refused, not half deleted.
func TestTooManyInACircle(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		replies(t, db)
		_, err := newEraser(t, db, 2).Run(t.Context(), thread("jane"), sqlsource.Batch{})
		if privacyd.CodeOf(err) != "rows_remain" {
			t.Error(err)
		}
	})
}

func newEraser(t *testing.T, db *sqldb.DB, ordered int) *sqlsource.Eraser {
	t.Helper()
	e, err := sqlsource.Own(db).Eraser()
	if err != nil {
		t.Fatal(err)
	}
	e.MaxRows = 5
	e.SetChunks(7, ordered)
	return e
}

// A large set of keys goes as one value, and whatever stands in a key is data.
func TestManyKeys(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Dialect == sqldb.Postgres {
			exec(t, db, "CREATE SCHEMA privacyd")
		}
		exec(t, db, "CREATE TABLE k (a VARCHAR(20), b BIGINT, PRIMARY KEY (a, b))",
			"INSERT INTO k WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 30000) SELECT 'k' || (x % 7), x FROM c")
		odd := []string{`it's`, `"{},\`, "a\nb", "$1", "é", "%", ""}
		c := &datamap.Collection{Name: "k", Table: "k", Key: []string{"a", "b"}}
		keys := &datamap.KeySet{Columns: c.Key}
		for i, a := range odd {
			if _, err := db.Exec(t.Context(), "INSERT INTO k VALUES ($1, $2)", a, -i); err != nil {
				t.Fatal(err)
			}
			keys.Values = append(keys.Values, []string{a, fmt.Sprint(-i)})
		}
		for i := range 20000 {
			keys.Values = append(keys.Values, []string{fmt.Sprint("k", i%7), fmt.Sprint(i)})
		}
		keys.Values = append(keys.Values, []string{"k0 and more than twenty characters", "7"})
		step := &datamap.Step{
			Collection: c, Table: "k", Action: datamap.Delete,
			Rows: datamap.Rows{All: []datamap.Condition{{Any: []datamap.Path{{Keys: keys}}}}},
		}
		e, err := sqlsource.Own(db).Eraser()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := e.Run(t.Context(), step, sqlsource.Batch{}); err != nil || n != 19999+int64(len(odd)) {
			t.Errorf("%d rows: %v", n, err)
		}
		left := sourcetest.Records(t, snapshot(t, db), selection("k", "b"))
		if diff := cmp.Diff(10001, len(left)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
