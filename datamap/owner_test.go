package datamap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

// Owners turns the ways from a row to its person round.
func TestOwners(t *testing.T) {
	g := mustCompile(t, example(t, "../../records/records.map.yaml"))
	say := func(collection string) (list []string) {
		owners, err := g.Owners("W", collection, []string{"W", "R"})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range owners {
			var where []string
			for _, c := range o.Rows.All {
				where = append(where, sayCondition(Erasure{}, c))
			}
			list = append(list, fmt.Sprintf("%s in %s.%s where %s", o.Kind, o.Rows.Collection.Name, o.Column, strings.Join(where, " and ")))
		}
		return list
	}
	for collection, want := range map[string][]string{
		"contacts":      {"contact in contacts.id where workspace_id=W and workspace_id,id in [[W R]]"},
		"conversations": {"contact in conversations.contact_id where workspace_id=W and workspace_id,id in [[W R]]"},
		"messages":      {"contact in conversations.contact_id where workspace_id=W and back(workspace_id>workspace_id conversation_id>id)messages.workspace_id,id in [[W R]]"},
		"tickets":       nil,
	} {
		if diff := cmp.Diff(want, say(collection)); diff != "" {
			t.Errorf("%s: %s", collection, diff)
		}
	}
	for collection, code := range map[string]string{"contact": "collection_unknown", "contacts": "key_invalid"} {
		if _, err := g.Owners("W", collection, []string{"R"}); privacyd.CodeOf(err) != code {
			t.Errorf("%s: %v", collection, err)
		}
	}
}
