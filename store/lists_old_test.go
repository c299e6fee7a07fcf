package store_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestListsOfAnOlderVersion updates a database that has a member and a receipt:
// both are sorted by what they say.
func TestListsOfAnOlderVersion(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		migrateTo(t, db, "0034")
		s, ctx := store.New(db), t.Context()
		must(t, s.Insert(ctx, auditlog.Entry{ID: auditID, At: at, Action: "test.done", Outcome: "done", Leaf: []byte("{}")}, nil))
		w := workspace(t, s, "acme")
		jobIn(t, s, w.ID, "01", nil)
		a := account(t, s, "zoe@example.com")
		_, err := db.Exec(ctx, `INSERT INTO members (workspace_id, account_id, role, created_at, audit_entry_id) VALUES ($1, $2, 'admin', 1, $3)`, w.ID, a.ID, auditID)
		must(t, err)
		for id, file := range map[string]string{
			"r1": `{"operation": "subject_deletion", "collections": [{"fate": "delete", "done": 4}, {"fate": "blank", "done": 9}, {"fate": "delete", "done": 3}]}`,
			"r2": `{"operation": "bulk_deletion", "collections": []}`,
		} {
			_, err := db.Exec(ctx, `INSERT INTO receipts (id, issue, job_id, workspace_id, file, issued_at, audit_entry_id)
				VALUES ($1, 1, '01', $2, $3, 1, $4)`, id, w.ID, []byte(file), auditID)
			must(t, err)
		}
		must(t, store.Migrate(ctx, db))
		members, err := s.MembersPage(ctx, w.ID, privacyd.PageQuery{Sort: "name", Limit: 2})
		must(t, err)
		var name, email string
		must(t, db.QueryRow(ctx, "SELECT sort_name, sort_email FROM members").Scan(&name, &email))
		if len(members.Items) != 1 || name != "zoë" || email != a.Email {
			t.Errorf("%d members, sorted by %q and %q", len(members.Items), name, email)
		}
		receipts, err := s.ReceiptsPage(ctx, w.ID, privacyd.PageQuery{Sort: "-deleted", Limit: 3})
		must(t, err)
		if len(receipts.Items) != 2 || receipts.Items[0].Operation != "subject_deletion" || receipts.Items[0].Deleted != 7 || receipts.Items[1].Deleted != 0 {
			t.Errorf("receipts are %+v", receipts.Items)
		}
	})
}
