package engine_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestRowsAddedMeanwhile has the product write while a customer of it is
// erased: what is added goes, too, and is counted.
func TestRowsAddedMeanwhile(t *testing.T) {
	cases := map[string]struct {
		when string
		add  func(p *enginetest.Product, org string)
		want map[string]int64
	}{
		"a row that stands in the way": {"delete chats", func(p *enginetest.Product, org string) {
			p.AddLine(org+"-a-1", org+"-new", true)
		}, map[string]int64{"customers": 1, "chats": 2, "lines": 7}},
		"a row of its own": {"delete chats", func(p *enginetest.Product, org string) {
			p.Exec("INSERT INTO chats VALUES ($1, $2, $3, NULL, 0, NULL, NULL)", org+"-new", org, org+"-a")
		}, map[string]int64{"customers": 1, "chats": 3, "lines": 6}},
		"the person again": {"files", func(p *enginetest.Product, org string) {
			p.Exec("INSERT INTO customers VALUES ($1, $2, 'again', 'again@example.org')", org+"-a", org)
			p.Exec("INSERT INTO chats VALUES ($1, $2, $3, NULL, 0, NULL, NULL)", org+"-new", org, org+"-a")
			p.AddLine(org+"-new", org+"-new", true)
		}, map[string]int64{"customers": 2, "chats": 3, "lines": 7}},
	}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		k := 0
		for name, c := range cases {
			k++
			t.Run(name, func(t *testing.T) {
				defer b.In(t)()
				w := newOrg(t, b, fmt.Sprint("org-", k))
				job := erasables()[1].ask(t, b, w)
				f := &effects{}
				f.before = func(what string) {
					if what == c.when {
						f.before = nil
						c.add(b.Product, w.Slug)
					}
				}
				runWatched(t, b, f, job)
				end := endingOf(t, b, w, job)
				got := map[string]int64{}
				for table := range c.want {
					got[table] = end.Result.Records[table]
				}
				if diff := cmp.Diff(c.want, got); diff != "" || end.State != privacyd.JobCompleted || end.Files != privacyd.FilesMet {
					t.Errorf("%s %s, files %s: %s", end.State, end.Error, end.Files, diff)
				}
				left := []int64{end.Left["product's customers"], end.Left["product's chats"], end.Left["product's lines"], int64(end.Uploads)}
				if diff := cmp.Diff([]int64{1, 2, 6, 2}, left); diff != "" {
					t.Errorf("of the other customer: %s", diff)
				}
			})
		}
	})
}

// TestTransactionsConflict has PostgreSQL end transactions in which rows go
// because of a deadlock, or since they cannot be put in an order.
func TestTransactionsConflict(t *testing.T) {
	b := beside(t, sqldbtest.Postgres(t))
	const trouble = `CREATE SEQUENCE trouble;
		CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			CASE nextval('trouble') % 11 WHEN 0 THEN RAISE EXCEPTION 'test' USING ERRCODE = '40P01';
			WHEN 4 THEN RAISE EXCEPTION 'test' USING ERRCODE = '40001'; ELSE RETURN NULL; END CASE; END $$;`
	wants := map[string]ending{}
	for k, kind := range erasables() {
		wants[kind.name], _ = untouched(t, b, kind, 300+k)
	}
	b.Product.Exec(trouble + "CREATE TRIGGER trouble BEFORE DELETE ON lines EXECUTE FUNCTION trouble()")
	_, err := b.DB.Writer().ExecContext(t.Context(), trouble+`CREATE TRIGGER trouble BEFORE DELETE ON messages EXECUTE FUNCTION trouble();
		CREATE TRIGGER trouble BEFORE UPDATE ON erasure_runs EXECUTE FUNCTION trouble()`)
	b.Must(err)
	for k, kind := range erasables() {
		t.Run(kind.name, func(t *testing.T) {
			defer b.In(t)()
			w := newOrg(t, b, fmt.Sprint("conflict-", k))
			prepareRetention(t, b, w)
			job := kind.ask(t, b, w)
			runWatched(t, b, &effects{}, job)
			endsSo(t, b, w, job, wants[kind.name])
		})
	}
	var ours int
	b.Must(b.DB.QueryRow(t.Context(), "SELECT last_value FROM trouble").Scan(&ours))
	if theirs := b.Product.Count("generate_series(1, (SELECT last_value FROM trouble))", "true"); ours < 12 || theirs < 12 { // each trouble once
		t.Errorf("there were only %d and %d transactions that might meet trouble", ours, theirs)
	}
}

// TestHoldInTheMidst places a hold while a workspace's old conversations go:
// what it covers stays, and the counts say so.
func TestHoldInTheMidst(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "held")
		job := erasables()[2].ask(t, b, w)
		f := &effects{}
		f.before = func(what string) {
			if what != "delete conversations" {
				return
			}
			f.before = nil
			_, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
				Workspace: w.ID, Reason: "a claim", Target: privacyd.HoldTarget{Type: privacyd.HoldConversation, Key: []string{"ann-1"}},
			})
			b.Must(err)
		}
		runWatched(t, b, f, job)
		end := endingOf(t, b, w, job)
		if end.State != privacyd.JobCompleted || end.Result.Records["conversations"] != 3 || end.Result.Held == 0 || end.Left["conversations"] != 1 {
			t.Errorf("%s %s: %+v, left %v", end.State, end.Error, end.Result, end.Left)
		}
		for _, c := range end.Counts {
			if c.Done+c.After != c.Before {
				t.Errorf("%s: %d were there, %d went and %d are left", c.Collection, c.Before, c.Done, c.After)
			}
		}
	})
}
