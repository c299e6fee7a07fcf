package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/rest"
)

func TestActionsOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		c := s.token(w)
		actions := []client.Action{
			{
				Key: "e-1", Action: "invoice.send", Actor: client.ActionActor{Kind: "account", ID: "u-7", Email: "ann@example.com", IP: "192.0.2.7"},
				Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"}, Target: client.ActionTarget{Type: "invoice", ID: "i-1"},
				Changes: map[string]client.ActionChange{"total": {Before: json.RawMessage(`1`), After: json.RawMessage(`2.50`)}},
			},
			{Action: "night.run", Actor: client.ActionActor{Kind: "system"}},
		}
		first, err := c.WriteActions(t.Context(), w.Slug, "b-1", actions)
		s.Must(err)
		again, err := c.WriteActions(t.Context(), w.Slug, "b-1", actions)
		s.Must(err)
		if len(first) != 2 || first[0].Existing || !again[0].Existing || again[1].ID != first[1].ID {
			t.Errorf("%+v, then %+v", first, again)
		}
		entries, _, err := c.AuditEntries(t.Context(), w.Slug, client.AuditFilter{Actor: "ann@example.com"}, "", 10)
		s.Must(err)
		if len(entries) != 1 || entries[0].Action != "app.invoice.send" || entries[0].TargetID != "i-1" || fmt.Sprint(entries[0].Changes["total"].After) != "2.5" {
			t.Errorf("the log has %+v", entries)
		}
		_, err = c.WriteActions(t.Context(), w.Slug, "b-1", actions[1:])
		s.WantCode(err, "idempotency_conflict")
		_, err = s.token(w, privacyd.ActionReadAudit).WriteActions(t.Context(), w.Slug, "", actions)
		s.WantCode(err, "scope_missing")
	})
}

func TestBadActions(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		auth := "Bearer " + s.token(w).Token
		send := func(body string, headers ...string) (int, string) {
			status, answer, _ := s.call(http.MethodPost, s.public.URL+"/v1/workspaces/acme/audit-entries", body, append(headers, "Authorization", auth)...)
			return status, answer
		}
		good := `{"key":"k","action":"a.b","actor":{"kind":"system"}}`
		status, answer := send(`{"entries":[` + good + `,{"action":"A B","actor":{"kind":"system"}},{"action":"a","actor":{"kind":"account"}}]}`)
		var p struct {
			Code    string
			Entries []struct {
				Index        int
				Code, Detail string
			}
		}
		s.Must(json.Unmarshal([]byte(answer), &p))
		if status != http.StatusUnprocessableEntity || p.Code != "entries_invalid" || len(p.Entries) != 2 || p.Entries[0].Index != 1 ||
			p.Entries[0].Code != "action_invalid" || p.Entries[1].Code != "actor_id_missing" || p.Entries[1].Detail == "" {
			t.Errorf("%d %s", status, answer)
		}
		if status, answer := send(`{"entries":[` + good + `]}`); status != http.StatusCreated {
			t.Errorf("%d %s", status, answer)
		}
		if status, answer := send(`{"entries":[` + good + `]}`); status != http.StatusOK || !strings.Contains(answer, `"existing":true`) {
			t.Errorf("again: %d %s", status, answer)
		}
		if status, answer := send(`{"entries":[{"key":"k","action":"c","actor":{"kind":"system"}}]}`); status != http.StatusConflict || !strings.Contains(answer, `"entry_key_conflict"`) {
			t.Errorf("with another content: %d %s", status, answer)
		}
		for body, want := range map[string]int{
			`{}`:             http.StatusUnprocessableEntity,
			`{"entries":[]}`: http.StatusUnprocessableEntity,
			`{"entries":[{"action":"a","actor":{"kind":"system"},"colour":"blue"}]}`:                  http.StatusUnprocessableEntity,
			`{"entries":[{"action":"a","actor":{"kind":"system"},"outcome":"well"}]}`:                 http.StatusUnprocessableEntity,
			`{"entries":[{"action":"a","actor":{"kind":"system"},"occurred_at":"yesterday"}]}`:        http.StatusUnprocessableEntity,
			`{"entries":[{"action":"` + strings.Repeat("a", 9<<20) + `","actor":{"kind":"system"}}]}`: http.StatusRequestEntityTooLarge,
		} {
			if status, answer := send(body); status != want {
				t.Errorf("%.80s: %d %.200s", body, status, answer)
			}
		}
	})
}

func TestAuditTreeOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		auth := "Bearer " + s.token(w, privacyd.ActionReadAudit).Token
		get := func(path string) (int, string, http.Header) {
			return s.call(http.MethodGet, s.public.URL+"/v1/workspaces/acme/audit-log"+path, "", "Authorization", auth)
		}
		status, checkpoint, h := get("/checkpoint")
		if status != http.StatusOK || !strings.HasPrefix(checkpoint, "privacyd-") || h.Get("Cache-Control") != "no-store" {
			t.Errorf("the checkpoint: %d %s %v", status, checkpoint, h)
		}
		status, tile, h := get("/tile/0/000.p/2")
		if status != http.StatusOK || len(tile) != 64 || !strings.Contains(h.Get("Cache-Control"), "private, max-age=") {
			t.Errorf("a tile: %d, %d bytes, %v", status, len(tile), h)
		}
		status, answer, h := get("/tile/0/001")
		if status != http.StatusNotFound || !strings.Contains(answer, "audit_part_not_found") || h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("no tile: %d %s %v", status, answer, h)
		}
		state, err := s.operator().AuditLog(t.Context(), w.ID)
		s.Must(err)
		if len(state.Epochs) != 1 || state.Epochs[0].Checkpoint != checkpoint || state.Waiting == nil {
			t.Errorf("the log's state %+v", state)
		}
		own, err := s.operator().AuditLog(t.Context(), "")
		s.Must(err)
		if own.Log != "instance" || own.Key == state.Key {
			t.Errorf("the instance's own log %+v", own)
		}
	})
}

// TestPendingHeader exports while nothing can be signed.
func TestPendingHeader(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		s.SettleFor = 0
		s.Engine.Sequencer = s.Bench.Sequencer.Sequencer // which signs nothing by itself
		x, err := s.operator().ExportAudit(t.Context(), w.ID, "json", client.AuditFilter{}, 0, new(strings.Builder))
		s.Must(err)
		if !x.Pending {
			t.Error("the newest entries are missing and nothing says so")
		}
	})
}

// FuzzActions sends any bytes as a batch: the answer is never a 500, and what
// was taken can be read.
func FuzzActions(f *testing.F) {
	b := enginetest.NewSQLite(f)
	w := b.NewWorkspace("acme")
	api := rest.New(b.Engine, rest.Options{Version: "test"})
	f.Add(`{"entries":[{"key":"k","action":"a.b","actor":{"kind":"account","id":"u"},"changes":{"a":{"before":null,"after":[1e99]}}}]}`, "batch")
	f.Add(`{"entries":[{"action":"a","occurred_at":"0000-01-01T00:00:00Z","actor":{"kind":"contact","id":"\u0000"},"target":{"type":"contact","id":"\ud800"}}]}`, "")
	f.Add(`{"entries":[{"action":"a","actor":{"kind":"system","ip":"::1%eth0"},"changes":{"":{}}}]}`, "x")
	f.Fuzz(func(t *testing.T, body, key string) {
		req := httptest.NewRequest(http.MethodPost, "/v1/workspaces/acme/audit-entries", strings.NewReader(body))
		req.Header = http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, req.WithContext(rest.WithOperator(t.Context(), "root")))
		if answer.Code >= http.StatusInternalServerError {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		if answer.Code != http.StatusCreated {
			return
		}
		page, err := b.AuditPage(t.Context(), enginetest.Operator, w.ID, privacyd.AuditFilter{Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) == 0 || page.Items[0].Unreadable || !strings.HasPrefix(page.Items[0].Action, "app.") {
			t.Errorf("what was taken reads %+v", page.Items)
		}
	})
}

// TestDamagedTrailer exports a log of which one disclosure was exchanged: all
// that is whole is there, and the answer says of how much it is not.
func TestDamagedTrailer(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := s.NewWorkspace("acme")
		var entry, owner string
		var no int64
		s.Must(s.DB.QueryRow(t.Context(), "SELECT e.id, d.no, d.owner FROM audit_disclosures d JOIN audit_entries e ON e.seq = d.no / 100 WHERE e.log = $1 LIMIT 1", w.ID).
			Scan(&entry, &no, &owner))
		_, err := s.DB.Exec(t.Context(), "DELETE FROM audit_disclosures WHERE no = $1", no)
		s.Must(err)
		_, err = s.DB.Exec(t.Context(), "INSERT INTO audit_disclosures (no, owner, sealed) VALUES ($1, $2, 'another')", no, owner)
		s.Must(err)
		for _, format := range []string{"csv", "json", "tiles"} {
			var out strings.Builder
			x, err := s.operator().ExportAudit(t.Context(), w.ID, format, client.AuditFilter{}, 0, &out)
			s.Must(err)
			if x.Damaged != 1 || format == "csv" && strings.Count(out.String(), "entry "+entry+" fails its check") != 1 {
				t.Errorf("%s: %d damaged entries: %s", format, x.Damaged, out.String())
			}
		}
	})
}
