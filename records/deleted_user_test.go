package records_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/sqlsource"
)

// What an erased account wrote for the team stays with the author "Deleted
// user", and can be exported and imported so.
func TestDeletedUser(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		var account string
		must(t, s.DB.QueryRow(t.Context(), "SELECT id FROM accounts WHERE email = 'bo@example.com'").Scan(&account))
		e, err := graph(t).Erasure(datamap.EraseScope{Scope: datamap.Scope{SubjectKind: "account", SubjectID: account}})
		must(t, err)
		eraser, err := sqlsource.Own(s.DB).Eraser()
		must(t, err)
		for _, step := range e.Steps {
			_, err := eraser.Run(t.Context(), step, datamap.Batch{})
			must(t, err)
		}
		left := export(t, s, datamap.Scope{Workspace: ws})
		for collection, want := range map[string]string{
			"messages": `"author_id":"Deleted user"`, "conversations": `"assignee_id":null`, "tickets": `"reporter_id":"Deleted user"`,
		} {
			if text := strings.Join(left[collection], "\n"); !strings.Contains(text, want) || strings.Contains(text, account) {
				t.Errorf("%s: %s", collection, text)
			}
		}
		again(t, s, left)
	})
}

// again imports the messages once more and wants them to be as they were.
func again(t *testing.T, s *records.Store, exported map[string][]string) {
	var file strings.Builder
	for _, row := range exported["messages"] {
		if strings.Contains(row, records.DeletedUser) {
			file.WriteString(`{"collection":"messages","record":` + row + "}\n")
		}
	}
	_, err := run(t, s, file.String())
	must(t, err)
	if diff := cmp.Diff(exported["messages"], export(t, s, datamap.Scope{Workspace: ws})["messages"]); diff != "" {
		t.Error(diff)
	}
}
