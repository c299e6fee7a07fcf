package store

import (
	"context"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestListsOfJobsAreInTheOrderOfAnIndex asks both databases how they would make
// the next page of each order: through its index, and sorting nothing.
func TestListsOfJobsAreInTheOrderOfAnIndex(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if err := Migrate(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		exports := []privacyd.JobType{privacyd.JobDataExport, privacyd.JobSubjectExport}
		for index, f := range map[string]privacyd.JobFilter{
			"jobs_workspace": {Sort: privacyd.JobsOldest, Before: "j"},
			"jobs_ended":     {Sort: privacyd.JobsEndedLast, Before: "1.j"},
			"jobs_exports":   {Types: exports, Before: "j"},
			"jobs_kept":      {Types: exports, Sort: privacyd.JobsKept, Before: "1.j"},
		} {
			f.Limit = 2
			query, args, err := findJobs("w", f)
			if err != nil {
				t.Fatal(err)
			}
			plan := planned(t, db, "SELECT "+jobColumns+query, args)
			if !strings.Contains(plan, index) || strings.Contains(plan, "Sort") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%s is not what gives the order:\n%s", index, plan)
			}
		}
	})
}

// TestListsAreInTheOrderOfAnIndex does so of the lists of people, tokens and
// receipts.
func TestListsAreInTheOrderOfAnIndex(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if err := Migrate(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		s := &Store{db: db}
		for _, l := range []listing{s.memberList(), s.invitationList(), s.tokenList(), s.receiptList()} {
			for order, by := range l.orders {
				for _, way := range []string{"", "-"} {
					key := any("k")
					if by == "m.created_at" || by == "created_at" || by == "expires_at" || by == "r.deleted" || strings.Contains(by, "used_at") {
						key = int64(1)
					}
					query, args := l.page("w", privacyd.PageQuery{Sort: way + order, After: "a", Limit: 2}, key)
					plan := planned(t, db, query, args)
					if strings.Contains(plan, "Sort") || strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(strings.ToLower(plan), "index") {
						t.Errorf("%s by %s%s is sorted:\n%s", l.table, way, order, plan)
					}
				}
			}
		}
	})
}

// planned is how a database would run a statement, with few rows as with many.
func planned(t *testing.T, db *sqldb.DB, query string, args []any) (plan string) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		explain := "EXPLAIN QUERY PLAN "
		if db.Dialect == sqldb.Postgres {
			explain = "EXPLAIN "
			for _, way := range []string{"enable_seqscan", "enable_bitmapscan", "enable_sort"} {
				if _, err := db.Exec(ctx, "SET LOCAL "+way+" = off"); err != nil {
					return err
				}
			}
		}
		rows, err := db.Query(ctx, explain+query, args...)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // a test's
		for rows.Next() {
			var id, parent, unused int
			var step string
			if db.Dialect == sqldb.Postgres {
				err = rows.Scan(&step)
			} else {
				err = rows.Scan(&id, &parent, &unused, &step)
			}
			if err != nil {
				return err
			}
			plan += step + "\n"
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
