package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func TestAuditKnown(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		s := migrated(t, db)
		must(t, s.InsertKnown(ctx, "w-1", []privacyd.AuditKnown{{As: "mail", Owner: "b"}, {As: "id", Owner: "a"}, {As: "mail", Owner: "a"}, {As: "id", Owner: "a"}}))
		must(t, s.InsertKnown(ctx, "w-1", []privacyd.AuditKnown{{As: "mail", Owner: "a"}}))
		must(t, s.InsertKnown(ctx, "w-2", []privacyd.AuditKnown{{As: "mail", Owner: "c"}}))
		must(t, s.InsertKnown(ctx, "w-2", nil))
		check := func(log string, as []string, want ...string) {
			t.Helper()
			got, err := s.OwnersKnownAs(ctx, log, as)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v in %q: %s", as, log, diff)
			}
		}
		check("w-1", []string{"mail"}, "a", "b")
		check("", []string{"mail", "id"}, "a", "b", "c")
		check("w-2", []string{"id"})
		check("", nil)
		must(t, s.ForgetKnown(ctx, []string{"a", "c"}))
		must(t, s.ForgetKnown(ctx, nil))
		check("", []string{"mail", "id"}, "b")
	})
}
