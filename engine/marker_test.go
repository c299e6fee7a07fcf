package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// marked is an instance in which everything that can be said of a person is a
// marker, and is in every place to which it can come.
type marked struct {
	b      *enginetest.Bench
	m      *enginetest.Markers
	traces *enginetest.Traces
	w      privacyd.Workspace
	admin  privacyd.Caller
}

func newMarked(t *testing.T, b *enginetest.Bench) *marked {
	t.Helper()
	k := &marked{b: b, m: enginetest.NewMarkers(t), traces: b.Trace(), w: b.NewWorkspace("acme")}
	k.admin = b.Member(privacyd.RoleAdmin, k.w)
	p := &planter{t: t, m: k.m, account: "agent@acme.example.com"}
	p.team()
	p.person("her")
	p.person("other")
	p.record("her.quote", "knowledge_chunks", map[string]any{
		"source_id": k.m.Of("team.source.id"), "text": k.m.Fill("~her.quoted~ <~her.email~@example.net>"),
	})
	p.plant(b, k.w)
	return k
}

func (k *marked) conversation(what string) privacyd.HoldTarget {
	return privacyd.HoldTarget{Dataset: "records", Collection: "conversations", Key: []string{k.w.ID, k.m.Of(what)}}
}

func (k *marked) her() *privacyd.Subject { return aContact(k.m.Of("her.contact.id")) }

// spread brings the person to wherever privacyd itself writes of one.
func (k *marked) spread(t *testing.T) {
	t.Helper()
	ctx, b := t.Context(), k.b
	for _, r := range []engine.NewJob{
		{Type: privacyd.JobDataExport}, {Type: privacyd.JobDataExport, Format: privacyd.FormatCSV}, {Type: privacyd.JobSubjectExport, Subject: k.her()},
	} {
		r.Workspace = k.w.ID
		b.Export(k.admin, r)
	}
	_, err := b.PreviewJob(ctx, k.admin, engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobSubjectDeletion, Subject: k.her()})
	b.Must(err)
	_, err = b.PreviewJob(ctx, b.Member(privacyd.RoleAuditor, k.w), engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobSubjectDeletion, Subject: k.her()})
	b.WantCode(err, "role_missing")
	for _, target := range []privacyd.HoldTarget{{Type: privacyd.HoldSubject, Subject: k.her()}, k.conversation("her.open.id")} {
		if target.Type == "" {
			target.Type = privacyd.HoldConversation
		}
		hold, err := b.PlaceHold(ctx, k.admin, engine.NewHold{Workspace: k.w.ID, Target: target, Reason: k.m.Of("her.held " + string(target.Type))})
		b.Must(err)
		_, err = b.ReleaseHold(ctx, k.admin, k.w.ID, hold.ID, k.m.Of("her.released "+string(target.Type)))
		b.Must(err)
	}
	b.Must(b.KeepRow(ctx, k.admin, k.w.ID, k.conversation("her.resolved.id"), true))
	k.act(t)
	k.eraseThird(t)
}

// act has a product write of the person into the audit log.
func (k *marked) act(t *testing.T) {
	t.Helper()
	quoted := func(what string) json.RawMessage { return json.RawMessage(`"` + k.m.Of(what) + `"`) }
	entry := engine.ProductAction{
		Action: "invoice.send", OccurredAt: k.b.Clock(), Key: "her key in the product",
		Actor:   engine.ProductActor{Kind: "contact", ID: k.her().ID, Name: k.m.Of("her.actor"), Email: k.m.Of("her.email") + "@example.net", IP: "192.0.2.9"},
		Subject: k.her(), Target: engine.ProductTarget{Type: "invoice", ID: k.m.Of("her.invoice"), Name: k.m.Of("her.invoice name")},
		Changes: map[string]engine.ProductChange{"address": {Before: quoted("her.before"), After: quoted("her.after")}},
	}
	_, err := k.b.RecordActions(t.Context(), k.admin, k.w.ID, engine.NewActions{Entries: []engine.ProductAction{entry}})
	k.b.Must(err)
}

// eraseThird erases somebody whom the person wrote of, so that her message is
// on a review list.
func (k *marked) eraseThird(t *testing.T) {
	t.Helper()
	put(t, k.b, k.w,
		[2]string{"contacts/third", `{"id":"third","email":"third.one@example.net"}`},
		[2]string{"messages/" + k.m.Of("her.wrote of another"), k.m.Fill(
			`{"id":"~her.wrote of another~","conversation_id":"~her.open.id~","direction":"inbound","body":"~her.words~ third.one@example.net"}`)},
	)
	job := confirmed(t, k.b, engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("third")})
	if job.State != privacyd.JobCompleted || job.Result.Review != 1 {
		t.Fatalf("the job is %s, %+v", job.State, job.Result)
	}
}

// kinds gives the kinds of places of what was found.
func kinds(found map[string][]string) (list []string) {
	for _, places := range found {
		for _, at := range places {
			kind, _, _ := strings.Cut(at, " ")
			if !slices.Contains(list, kind) {
				list = append(list, kind)
			}
		}
	}
	slices.Sort(list)
	return list
}

// TestMarkersOfAContact erases a person and looks for her in every place, and
// for everybody else, who must all still be there.
func TestMarkersOfAContact(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		k := newMarked(t, b)
		k.spread(t)
		before := k.traces.Find(k.m.Texts("her"))
		for _, kind := range []string{enginetest.InTable, enginetest.InSealed, enginetest.InBlob, enginetest.InArchive, enginetest.InAudit} {
			if !slices.Contains(kinds(before), kind) {
				t.Errorf("before the erasure nothing was found in a place of the kind %s", kind)
			}
		}
		if missing := k.m.Missing("her", before); len(missing) > 0 {
			t.Errorf("nowhere even before the erasure: %q", missing)
		}
		others := tableHits(k.traces.Find(slices.Concat(k.m.Texts("other"), k.m.Texts("team"))))
		job := confirmed(t, b, engine.NewJob{Workspace: k.w.ID, Type: privacyd.JobSubjectDeletion, Subject: k.her()})
		if job.State != privacyd.JobCompleted || job.Result.Review != 0 {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
		for _, line := range k.m.Say(k.traces.Find(k.m.Texts("her"))) {
			t.Error(line)
		}
		left := tableHits(k.traces.Find(slices.Concat(k.m.Texts("other"), k.m.Texts("team"))))
		if len(left) < 100 || len(left) != len(others) {
			t.Errorf("of the %d markers of everybody else %d are left", len(others), len(left))
		}
	})
}

// tableHits leaves what is in tables and files: exports expire.
func tableHits(found map[string][]string) map[string][]string {
	left := map[string][]string{}
	for text, places := range found {
		for _, at := range places {
			if strings.HasPrefix(at, enginetest.InTable) || strings.HasPrefix(at, enginetest.InBlob) {
				left[text] = append(left[text], at)
			}
		}
	}
	return left
}
