package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
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

// TestExportOfWhomRowsNameByOtherIDs has rows name a person by the id of
// a row that was merged into theirs.
func TestExportOfWhomRowsNameByOtherIDs(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "acme")
		b.Product.Exec("ALTER TABLE staff ADD COLUMN merged TEXT REFERENCES staff (id)")
		b.Product.Exec("INSERT INTO staff VALUES ('acme-old', 'old@example.org', 'acme-s'), ('acme-gone', 'gone@example.org', 'acme-s')")
		b.Product.Exec("INSERT INTO seats VALUES ('acme', 'acme-old')") // the other has left the workspace
		b.Product.Exec("UPDATE chats SET agent = 'acme-old' WHERE id = 'acme-a-0'")
		b.Product.Exec("UPDATE chats SET agent = 'acme-gone' WHERE id = 'acme-b-0'")
		text := strings.NewReplacer("key: id, span: all,", "key: id, span: all, merged_into: merged,",
			"email: user.contact.email}\n    links:\n      - {to: seats", "email: user.contact.email, merged: user.unique_id}\n    links:\n      - {to: seats").Replace(enginetest.ProductMap)
		m, err := datamap.Parse("map.yaml", strings.NewReader(text))
		b.Must(err)
		b.Datasets[2].Graph, err = datamap.Compile(m)
		b.Must(err)
		job := b.Export(enginetest.Operator, engine.NewJob{
			Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: &privacyd.Subject{Kind: "account", ID: "acme-s"},
		})
		if job.State != privacyd.JobCompleted {
			t.Fatalf("%s %s %s", job.State, job.ErrorCode, job.ErrorMessage)
		}
		archive := b.OpenArchive(enginetest.Operator, w.ID, job.ID)
		got := texts(t, archive, "chats")
		slices.Sort(got)
		if len(got) != 2 || !strings.Contains(got[0], `"agent":"acme-old"`) || !strings.Contains(got[1], `"agent":"acme-gone"`) {
			t.Errorf("chats: %q", got)
		}
		if staff := strings.Join(texts(t, archive, "staff"), "\n"); strings.Contains(staff, "gone@example.org") {
			t.Errorf("who is in no workspace or another one: %s", staff)
		}
		b.Product.Exec("UPDATE staff SET email = 'jo@example.org' WHERE id = 'acme-s'")
		own := texts(t, ownArchive(t, b, withPassword(t, b, w, "jo@example.org")), "chats")
		if len(own) != 2 {
			t.Errorf("chats in the export of the account: %q", own)
		}
	})
}
