package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestExportOfWhomRowsName has an admin export somebody who works for the
// workspace in a product: also the rows that only name them, without what is
// about the others whose rows they are, and without other workspaces.
func TestExportOfWhomRowsName(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "acme")
		newOrg(t, b, "other")
		b.Product.Exec("UPDATE chats SET agent = 'acme-s' WHERE customer IN ('acme-a', 'other-a')")
		job := b.Export(enginetest.Operator, engine.NewJob{
			Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: &privacyd.Subject{Kind: "account", ID: "acme-s"},
		})
		if job.State != privacyd.JobCompleted {
			t.Fatalf("%s %s %s", job.State, job.ErrorCode, job.ErrorMessage)
		}
		r := b.OpenArchive(enginetest.Operator, w.ID, job.ID)
		if got := texts(t, r, "staff"); !slices.Equal(got, []string{`{"id":"acme-s","email":"acme-s@example.org"}`}) {
			t.Errorf("staff: %q", got)
		}
		got := texts(t, r, "chats")
		slices.Sort(got)
		const chat = `{"id":"acme-a-%d","org":"acme","agent":"acme-s","closed":1,"closed_at":"2025-01-01T00:00:00Z","last_at":"2025-01-01T00:00:00Z"}`
		want := []string{fmt.Sprintf(chat, 0), fmt.Sprintf(chat, 1)}
		if !slices.Equal(got, want) {
			t.Errorf("chats: %q", got)
		}
	})
}
