package records_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/records"
)

const small = `{"collection": "contacts", "record": {"id": "c1", "name": "Ana", "tags": ["a", "B "], "custom_fields": {"z": 1.50, "a": [true, null]}}}
{"collection": "conversations", "record": {"id": "v1", "contact_id": "c1", "status": "open", "assignee_id": "Bo@Example.com", "priority": 2}}
{"collection": "messages", "record": {"id": "m1", "conversation_id": "v1", "direction": "inbound", "author_id": "c1", "body": "hi", "created_at": "2026-01-02T03:04:05.678901Z"}}
{"collection": "messages", "record": {"id": "m2", "conversation_id": "v1", "direction": "outbound", "author_id": "bo@example.com", "body": "\ud83d\ude00 <b>&", "created_at": "2026-01-02T05:04:06+01:00"}}
{"collection": "messages", "record": {"id": "m3", "conversation_id": "v1", "direction": "note", "created_at": "2027-01-02T05:04:06Z"}}
`

func TestImport(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		for range 2 { // the second time changes nothing
			result, err := run(t, s, small)
			must(t, err)
			want := map[string]int64{"contacts": 1, "conversations": 1, "messages": 3}
			if diff := cmp.Diff(want, result.Records); diff != "" {
				t.Error(diff)
			}
			bo := strings.Split(get(t, s, "messages", "m2"), `"author_id":"`)[1][:36]
			for id, want := range map[string]string{
				"contacts c1": `{"id":"c1","name":"Ana","email":null,"phone":null,"language":null,"company":null,"tags":["a","B "],` +
					`"custom_fields":{"z":1.50,"a":[true,null]},"identities":null,"created_at":null}`,
				"conversations v1": `{"id":"v1","contact_id":"c1","channel":null,"status":"open","resolution":null,"resolved_at":null,` +
					`"priority":2,"tags":null,"assignee_id":"` + bo + `","created_at":null,"last_message_at":"2026-01-02T04:04:06Z"}`,
				"messages m1": `{"id":"m1","conversation_id":"v1","direction":"inbound","author_id":"c1","body":"hi","ai_metadata":null,` +
					`"created_at":"2026-01-02T03:04:05.678901Z"}`,
				"messages m2": `{"id":"m2","conversation_id":"v1","direction":"outbound","author_id":"` + bo + `","body":"😀 <b>&",` +
					`"ai_metadata":null,"created_at":"2026-01-02T04:04:06Z"}`,
			} {
				collection, id, _ := strings.Cut(id, " ")
				if diff := cmp.Diff(want, get(t, s, collection, id)); diff != "" {
					t.Error(diff)
				}
			}
		}
	})
}
