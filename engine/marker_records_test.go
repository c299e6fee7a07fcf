package engine_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/records"
)

// planter fills every field of every record with a marker of its own.
type planter struct {
	t       *testing.T
	m       *enginetest.Markers
	account string // e-mail of whom the records name as an author
	out     bytes.Buffer
}

// record adds a record of a collection, named what, whose links lead to the
// ones given; every other field has a marker.
func (p *planter) record(what, collection string, given map[string]any) {
	p.t.Helper()
	record := map[string]any{}
	for _, f := range records.Find(collection).Fields {
		if _, ours := given[f.Name]; ours {
			continue
		}
		if v := p.value(what+"."+f.Name, f); v != nil {
			record[f.Name] = v
		}
	}
	maps.Copy(record, given)
	line, err := json.Marshal(map[string]any{"collection": collection, "record": record})
	if err != nil {
		p.t.Fatal(err)
	}
	p.out.Write(append(line, '\n'))
}

func (p *planter) value(what string, f *records.Field) any {
	switch f.Kind {
	case records.Choice:
		return f.Choices[0]
	case records.Time:
		return "2026-01-02T03:04:05Z"
	case records.Account:
		return p.account
	case records.Integer, records.Path:
		return nil
	case records.Text, records.ID, records.Scalar, records.Tags, records.Array, records.Identities, records.Object, records.Content:
	}
	if f.Derived {
		return nil
	}
	marker := p.m.Of(what)
	switch f.Kind {
	case records.Tags, records.Array:
		return []string{marker}
	case records.Identities:
		return []map[string]string{{"kind": "webchat", "value": marker}}
	case records.Object:
		return map[string]any{marker: map[string]any{"in": []string{p.m.Of(what + " inside")}}}
	case records.Content:
		return base64.StdEncoding.EncodeToString([]byte(marker))
	default:
		return marker
	}
}

// person adds a contact with all that belongs to one.
func (p *planter) person(who string) {
	id := func(what string) string { return p.m.Of(who + "." + what + ".id") }
	p.record(who+".contact", "contacts", map[string]any{"email": p.m.Of(who+".email") + "@example.net"})
	for _, c := range []string{"open", "resolved"} {
		conversation := who + "." + c
		p.record(conversation, "conversations", map[string]any{"contact_id": id("contact"), "status": c})
		for _, direction := range []string{"inbound", "outbound", "ai", "note"} {
			given := map[string]any{"conversation_id": id(c), "direction": direction}
			if direction == "inbound" {
				given["author_id"] = nil
			}
			p.record(conversation+" "+direction, "messages", given)
		}
		p.record(conversation+" run", "flow_runs", map[string]any{"conversation_id": id(c), "flow_id": p.m.Of("team.flow.id")})
	}
	p.record(who+".file", "attachments", map[string]any{"record_type": "contact", "record_id": id("contact")})
	p.record(who+".file of a message", "attachments", map[string]any{"record_type": "message", "record_id": p.m.Of(who + ".open inbound.id")})
}

// team adds what is about nobody in particular.
func (p *planter) team() {
	id := func(what string) string { return p.m.Of("team." + what + ".id") }
	p.record("team.flow", "flows", nil)
	p.record("team.flow before", "flow_versions", map[string]any{"flow_id": id("flow")})
	p.record("team.source", "knowledge_sources", nil)
	p.record("team.chunk", "knowledge_chunks", map[string]any{"source_id": id("source")})
	p.record("team.ticket", "tickets", nil)
	p.record("team.document", "documents", nil)
	p.record("team.ticket's comment", "comments", map[string]any{"record_type": "ticket", "record_id": id("ticket")})
	p.record("team.document's comment", "comments", map[string]any{"record_type": "document", "record_id": id("document")})
	for kind, of := range map[string]string{"ticket": "ticket", "document": "document", "comment": "ticket's comment", "knowledge_source": "source"} {
		p.record("team.file of a "+kind, "attachments", map[string]any{"record_type": kind, "record_id": id(of)})
	}
}

func (p *planter) plant(b *enginetest.Bench, w privacyd.Workspace) {
	p.t.Helper()
	_, err := b.Import(p.t.Context(), enginetest.Operator, w.ID, engine.ImportSource{Body: &p.out})
	b.Must(err)
}
