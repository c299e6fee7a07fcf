package engine_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/vault"
)

// send is an action in which everything is said.
func send(b *enginetest.Bench) engine.ProductAction {
	return engine.ProductAction{
		Key: "k-1", Action: "invoice.send", OccurredAt: b.Clock().Add(-time.Minute), Outcome: privacyd.OutcomeDone,
		Actor:   engine.ProductActor{Kind: "account", ID: "u-7", Name: "Ann Lee", Email: "ann@example.com", IP: "2001:DB8::7"},
		Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"},
		Target:  engine.ProductTarget{Type: "invoice", ID: "inv-9", Name: "Invoice 9"},
		Changes: map[string]engine.ProductChange{"total": {Before: json.RawMessage(`12345678901234567890.10`), After: json.RawMessage(`{"a":[1]}`)}},
	}
}

func newest(t *testing.T, b *enginetest.Bench, workspace string, n int) []privacyd.AuditEntry {
	t.Helper()
	list, err := b.ListAudit(t.Context(), enginetest.Operator, workspace, privacyd.AuditFilter{Limit: n})
	b.Must(err)
	var all []privacyd.AuditEntry
	for e, err := range list {
		b.Must(err)
		all = append(all, e)
	}
	return all
}

func TestRecordActions(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		admin := b.Member(privacyd.RoleAdmin, w)
		done, err := b.RecordActions(t.Context(), admin, w.Slug, engine.NewActions{Entries: []engine.ProductAction{
			send(b), {Action: "app.night.run", Actor: engine.ProductActor{Kind: "system"}},
		}})
		b.Must(err)
		entries := newest(t, b, w.ID, 2)
		if len(done) != 2 || entries[1].ID != done[0].ID || entries[0].ID != done[1].ID || done[0].Existing {
			t.Fatalf("%+v became %+v", done, entries)
		}
		want := privacyd.AuditEntry{
			ID: done[0].ID, WorkspaceID: w.ID, At: b.Clock().Add(-time.Minute), RecordedAt: auditlog.MadeAt(done[0].ID), Action: "app.invoice.send", Outcome: privacyd.OutcomeDone,
			ActorKind: "account", Actor: "Ann Lee", ActorEmail: "ann@example.com", IP: "2001:db8::7", Door: privacyd.DoorREST,
			TargetType: "invoice", TargetID: "inv-9", TargetName: "Invoice 9", Subject: "contact:c-001",
			Changes: map[string]privacyd.Change{"total": {Before: json.Number("12345678901234567890.10"), After: map[string]any{"a": []any{json.Number("1")}}}},
		}
		if diff := cmp.Diff(want, entries[1]); diff != "" {
			t.Error(diff)
		}
		if e := entries[0]; e.Action != "app.night.run" || e.Outcome != privacyd.OutcomeDone || e.Actor != "system" || !e.At.Equal(b.Clock()) {
			t.Errorf("the shortest entry became %+v", e)
		}
	})
}

// TestRecordActionsSealing erases the actor, then the person it is about: what
// is known of one of them is gone and the other's stays.
func TestRecordActionsSealing(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		about := send(b)
		about.Key, about.Subject, about.Target = "", nil, engine.ProductTarget{Type: "contact", ID: "c-001", Name: "Cleo"}
		_, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: []engine.ProductAction{about}})
		b.Must(err)
		b.Must(b.Keys.Shred(t.Context(), vault.Owner{Workspace: w.ID, Kind: "app::account", ID: "u-7"}))
		e := newest(t, b, w.ID, 1)[0]
		if e.Actor != "" || e.ActorEmail != "" || e.IP != "" || e.TargetName != "Cleo" || e.Subject != "contact:c-001" || !e.Erased {
			t.Errorf("after the actor's erasure: %+v", e)
		}
		b.Must(b.Keys.Shred(t.Context(), vault.Owner{Workspace: w.ID, Kind: "app::contact", ID: "c-001"}))
		if e := newest(t, b, w.ID, 1)[0]; e.TargetName != "" || e.Subject != "" || e.Changes != nil || e.Action != "app.invoice.send" {
			t.Errorf("after the contact's erasure: %+v", e)
		}
	})
}

func TestRecordActionsRefused(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		long := strings.Repeat("x", 501)
		for code, spoil := range map[string]func(a *engine.ProductAction){
			"action_invalid":      func(a *engine.ProductAction) { a.Action = "Sent to Ann" },
			"occurred_at_invalid": func(a *engine.ProductAction) { a.OccurredAt = b.Clock().Add(time.Hour) },
			"outcome_invalid":     func(a *engine.ProductAction) { a.Outcome = "well" },
			"actor_kind_unknown":  func(a *engine.ProductAction) { a.Actor.Kind = "operator" },
			"actor_id_missing":    func(a *engine.ProductAction) { a.Actor.ID = "" },
			"id_too_long":         func(a *engine.ProductAction) { a.Target.ID = long },
			"text_too_long":       func(a *engine.ProductAction) { a.Actor.Name = long },
			"ip_invalid":          func(a *engine.ProductAction) { a.Actor.IP = "here" },
			"subject_invalid":     func(a *engine.ProductAction) { a.Subject.Kind = "planet" },
			"target_type_invalid": func(a *engine.ProductAction) { a.Target.Type = "An invoice" },
			"target_type_missing": func(a *engine.ProductAction) { a.Target.Type = "" },
			"changes_too_large": func(a *engine.ProductAction) {
				a.Changes["x"] = engine.ProductChange{After: json.RawMessage(`"` + strings.Repeat("x", 33<<10) + `"`)}
			},
			"key_repeated": func(*engine.ProductAction) {},
		} {
			good, bad := send(b), send(b)
			if spoil(&bad); code != "key_repeated" {
				bad.Key = "k-2"
			}
			before := len(b.Audited(w.ID))
			_, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: []engine.ProductAction{good, bad}})
			var problems engine.EntryProblems
			if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Index != 1 || problems[0].Code != code || privacyd.CodeOf(err) != "entries_invalid" {
				t.Errorf("%s: %v %+v", code, err, problems)
			}
			if strings.Contains(err.Error(), "Ann") || len(b.Audited(w.ID)) != before {
				t.Errorf("%s: %v; the log grew by %d", code, err, len(b.Audited(w.ID))-before)
			}
		}
		_, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{})
		b.WantCode(err, "batch_size")
		_, err = b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{Entries: make([]engine.ProductAction, engine.MaxActions+1)})
		b.WantCode(err, "batch_size")
	})
}

func TestRecordActionsAgain(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("other")
		write := func(workspace, key string, entries ...engine.ProductAction) ([]engine.RecordedAction, error) {
			return b.RecordActions(t.Context(), enginetest.Operator, workspace, engine.NewActions{IdempotencyKey: key, Entries: entries})
		}
		plain := send(b)
		plain.Key = ""
		first, err := write(w.ID, "batch-1", send(b), plain)
		b.Must(err)
		again, err := write(w.ID, "batch-1", send(b), plain)
		b.Must(err)
		for i := range first {
			if first[i].Existing || !again[i].Existing || again[i].ID != first[i].ID {
				t.Errorf("the batch became %+v and then %+v", first, again)
			}
		}
		_, err = write(w.ID, "batch-1", plain)
		b.WantCode(err, "idempotency_conflict")
		mixed, err := write(w.ID, "", plain, send(b))
		b.Must(err)
		if mixed[0].Existing || !mixed[1].Existing || mixed[1].ID != first[0].ID {
			t.Errorf("a new entry and a known one became %+v", mixed)
		}
		changed := send(b)
		changed.Actor.Name = "Someone Else"
		_, err = write(w.ID, "", changed)
		b.WantCode(err, "entry_key_conflict")
		elsewhere, err := write(other.ID, "batch-1", send(b), plain)
		b.Must(err)
		if elsewhere[0].Existing {
			t.Error("a key of one workspace counts in another")
		}
		b.Pass(8 * 24 * time.Hour)
		b.Must(b.RunSweep(t.Context(), "", nil))
		late, err := write(w.ID, "batch-1", plain)
		b.Must(err)
		if late[0].Existing {
			t.Error("a key is kept for ever")
		}
	})
}

// TestRecordActionsAtOnce sends the same batch from many sides: it is written
// once.
func TestRecordActionsAtOnce(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		before := len(b.Audited(w.ID))
		var all sync.Map
		var senders sync.WaitGroup
		for range 8 {
			senders.Go(func() {
				a, second := send(b), send(b)
				second.Key = "k-2"
				done, err := b.RecordActions(t.Context(), enginetest.Operator, w.ID, engine.NewActions{IdempotencyKey: "one", Entries: []engine.ProductAction{a, second}})
				if err != nil {
					t.Error(err)
					return
				}
				all.Store(done[0].ID+done[1].ID, true)
			})
		}
		senders.Wait()
		answers := 0
		all.Range(func(any, any) bool { answers++; return true })
		if grown := len(b.Audited(w.ID)) - before; grown != 2 || answers != 1 {
			t.Errorf("%d entries, %d different answers", grown, answers)
		}
	})
}

// TestRefusalsAreBounded refuses the same thing many times: the first ones are
// entries, the others are counted.
func TestRefusalsAreBounded(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		agent := b.Member(privacyd.RoleAgent, w)
		refuse := func(n int) {
			for range n {
				_, err := b.ListAudit(t.Context(), agent, w.ID, privacyd.AuditFilter{Limit: 1})
				b.WantCode(err, "role_missing")
			}
		}
		denied := func() (facts []map[string]int64) {
			for _, e := range slices.Backward(newest(t, b, w.ID, 1000)) {
				if e.Outcome == privacyd.OutcomeDenied && e.Action == "audit.read" && e.ActorEmail == agent.Email {
					facts = append(facts, e.Facts)
				}
			}
			return facts
		}
		refuse(1000)
		if n := len(denied()); n != 10 {
			t.Fatalf("%d entries of 1,000 refusals", n)
		}
		b.Must(b.RecordRefusals(t.Context(), false))
		if n := len(denied()); n != 10 {
			t.Errorf("%d entries before the hour has ended", n)
		}
		b.Pass(time.Hour)
		refuse(1)
		if all := denied(); len(all) != 12 || all[10]["refused"] != 990 || all[11] != nil {
			t.Errorf("after an hour: %v", all)
		}
		refuse(29)
		b.Must(b.RecordRefusals(t.Context(), true))
		b.Must(b.RecordRefusals(t.Context(), true))
		if all := denied(); len(all) != 22 || all[21]["refused"] != 20 {
			t.Errorf("at the end: %d entries, %v", len(all), all[len(all)-1])
		}
	})
}
