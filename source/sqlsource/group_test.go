package sqlsource_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
)

// below is a step for the rows of a table that link to those of another one.
func below(table, column string, to *datamap.Step, target string) *datamap.Step {
	step := stepOn(table)
	p := to.All[0].Any[0]
	p.Hops = append([]datamap.Hop{{Link: &datamap.Link{To: to.Table, On: []datamap.ColumnPair{{Column: column, Target: target}}}, To: to.Collection}}, p.Hops...)
	step.All = []datamap.Condition{{Any: []datamap.Path{p}}}
	return step
}

// Of two links that lead to one table, one may lead to a row that the other
// cannot: what it links to there is NULL.
func TestEachLinkHasItsTarget(t *testing.T) {
	db, e := beside(t)
	e.MaxRows = 0
	exec(t, db, "CREATE TABLE people (id INT PRIMARY KEY, owner TEXT)", "INSERT INTO people VALUES (1, 'jane'), (2, 'joe')",
		"CREATE TABLE talks (id INT PRIMARY KEY, thread TEXT, person INT)",
		"CREATE TABLE lines (id INT PRIMARY KEY, talk INT)", "CREATE TABLE mails (id INT PRIMARY KEY, thread TEXT)",
		"INSERT INTO talks VALUES (1, NULL, 1), (2, 'b', 1), (3, 'c', 2)",
		"INSERT INTO lines VALUES (1, 1), (2, 2), (3, 3), (4, NULL)", "INSERT INTO mails VALUES (1, ''), (2, 'b'), (3, 'c'), (4, NULL)")
	people := stepOn("people")
	talks := below("talks", "person", people, "id")
	steps := []*datamap.Step{below("lines", "talk", talks, "id"), below("mails", "thread", talks, "thread"), talks, people}
	if n, err := e.RunAll(t.Context(), steps, sqlsource.Batch{}); err != nil || n != 6 {
		t.Errorf("%d rows went: %v", n, err)
	}
	for table, want := range map[string][]string{"talks": {"3"}, "lines": {"3", "4"}, "mails": {"1", "3", "4"}} {
		for i := range want {
			want[i] = `{"id":` + want[i] + `}`
		}
		if diff := cmp.Diff(want, ids(t, db, table)); diff != "" {
			t.Errorf("%s: %s", table, diff)
		}
	}
}

// A view that is lost while rows go no longer keeps their places: rows that
// come to lie there are others, and stay.
func TestOthersInPlacesOfALostView(t *testing.T) {
	const kill = `SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'`
	meanwhile := map[string]struct {
		first, again []string
		done         string // again, until it is true
	}{
		"a place is used again": {
			[]string{kill, "DELETE FROM t WHERE id IN (2, 4)"},
			[]string{"VACUUM t", "INSERT INTO t SELECT max(id) + 1, 'joe', NULL FROM t"},
			"SELECT EXISTS (SELECT 1 FROM t WHERE owner = 'joe' AND ctid = '(0,2)')",
		},
		"all rows move": {[]string{kill, "DELETE FROM t WHERE id = 1"}, []string{"VACUUM FULL t"}, "SELECT ctid = '(0,9)' FROM t WHERE id = 10"},
	}
	ways := map[string]func(*sqlsource.Eraser, *datamap.Step, sqlsource.Batch) error{
		"together": func(e *sqlsource.Eraser, step *datamap.Step, batch sqlsource.Batch) error {
			_, err := e.RunAll(t.Context(), []*datamap.Step{step}, batch)
			return err
		},
		"in order": func(e *sqlsource.Eraser, step *datamap.Step, batch sqlsource.Batch) error {
			step.SelfLinks = []datamap.SelfLink{{Link: &datamap.Link{To: "t", On: []datamap.ColumnPair{{Column: "n", Target: "id"}}}, Discovers: true}}
			_, err := e.Run(t.Context(), step, batch)
			return err
		},
	}
	const others = "SELECT count(*) FROM t WHERE owner = 'joe'"
	for what, c := range meanwhile {
		for how, run := range ways {
			t.Run(what+" "+how, func(t *testing.T) {
				db, e := beside(t)
				exec(t, db, owned(10)...)
				want := 0
				err := run(e, stepOn("t"), sqlsource.Batch{Guard: func(context.Context) error {
					if want == 0 {
						exec(t, db, c.first...)
						exec(t, db, c.again...)
						for !one[bool](t, db, c.done) {
							exec(t, db, c.again...)
						}
						want = one[int](t, db, others)
					}
					return nil
				}})
				if err != nil && privacyd.CodeOf(err) != "database_unavailable" {
					t.Error(err)
				}
				if left := one[int](t, db, others); left != want {
					t.Errorf("%d rows of others are left of %d", left, want)
				}
			})
		}
	}
}

// one is what a query says.
func one[T any](t *testing.T, db *sqldb.DB, query string) (answer T) {
	t.Helper()
	if err := db.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// What a table refuses is said of that one.
func TestTheTableAtFaultIsNamed(t *testing.T) {
	for _, most := range []int{0, 1} { // together, and in batches
		db, e := beside(t)
		e.MaxRows = most
		exec(t, db, append(talkTables("", 3),
			"CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN RAISE EXCEPTION 'no'; END $x$",
			"CREATE TRIGGER stay BEFORE DELETE ON chats FOR EACH ROW EXECUTE FUNCTION stay()")...)
		steps, _, _ := talk()
		_, err := e.RunAll(t.Context(), steps, sqlsource.Batch{})
		if privacyd.CodeOf(err) != "trigger_refused" || !strings.Contains(err.Error(), `rows of table "chats"`) {
			t.Error(err)
		}
		exec(t, db, "ALTER TABLE chats ALTER person TYPE jsonb USING NULL")
		_, err = e.RunAll(t.Context(), steps, sqlsource.Batch{})
		if err == nil || !strings.Contains(err.Error(), "erase chats") {
			t.Error(err)
		}
	}
}
