package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store"
)

func hold(workspaceID, id string, kind privacyd.HoldType, ref string) *privacyd.Hold {
	return &privacyd.Hold{
		ID: id, WorkspaceID: workspaceID, Target: privacyd.HoldTarget{Type: kind}, TargetRef: ref, Sealed: []byte("sealed " + id),
		Ground: privacyd.GroundLegalClaims, ReviewAt: at.AddDate(1, 0, 0), PlacedBy: "ann", PlacedAt: at,
	}
}

func holdIDs(holds []*privacyd.Hold) (list []string) {
	for _, h := range holds {
		list = append(list, h.ID)
	}
	return list
}

func TestHolds(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w, other := workspace(t, s, "acme"), workspace(t, s, "beta")
		first := hold(w.ID, "1", privacyd.HoldSubject, "ann")
		first.Target.Subject, first.Reason = &privacyd.Subject{Kind: "contact", ID: "ann"}, "a secret" // not stored in the clear
		for _, h := range []*privacyd.Hold{
			first,
			hold(w.ID, "2", privacyd.HoldConversation, "row"),
			hold(other.ID, "3", privacyd.HoldWorkspace, "w"),
			hold(other.ID, "4", privacyd.HoldSubject, "ann"),
		} {
			must(t, s.InsertHold(ctx, h, auditID))
		}
		got, err := s.Hold(ctx, w.ID, "1")
		must(t, err)
		if diff := cmp.Diff(hold(w.ID, "1", privacyd.HoldSubject, "ann"), got); diff != "" {
			t.Error(diff)
		}
		_, err = s.Hold(ctx, other.ID, "1")
		wantCode(t, err, "hold_not_found")
		first.ReleasedBy, first.ReleasedAt, first.Sealed = "ben", &at, []byte("anew")
		must(t, s.ReleaseHold(ctx, first, auditID))
		wantCode(t, s.ReleaseHold(ctx, first, auditID), "hold_released")
		if got, err = s.Hold(ctx, w.ID, "1"); err != nil || got.Standing() || got.ReleasedBy != "ben" || string(got.Sealed) != "anew" {
			t.Error(got, err)
		}
		for _, c := range []struct {
			want []string
			list func() ([]*privacyd.Hold, error)
		}{
			{[]string{"2", "1"}, func() ([]*privacyd.Hold, error) { return s.Holds(ctx, w.ID, "", 10) }},
			{[]string{"1"}, func() ([]*privacyd.Hold, error) { return s.Holds(ctx, w.ID, "2", 10) }},
			{[]string{"2"}, func() ([]*privacyd.Hold, error) { return s.StandingHolds(ctx, w.ID) }},
			{[]string{"2", "3", "4"}, func() ([]*privacyd.Hold, error) { return s.StandingHolds(ctx, "") }},
			{[]string{"2"}, func() ([]*privacyd.Hold, error) { return s.HoldsOn(ctx, w.ID, []string{"ann", "row", "x"}) }},
			{nil, func() ([]*privacyd.Hold, error) { return s.HoldsOn(ctx, w.ID, []string{"ann"}) }},
			{[]string{"3", "4"}, func() ([]*privacyd.Hold, error) { return s.HoldsOn(ctx, other.ID, []string{"ann"}) }},
			{[]string{"3"}, func() ([]*privacyd.Hold, error) { return s.HoldsOn(ctx, other.ID, nil) }},
		} {
			holds, err := c.list()
			must(t, err)
			if diff := cmp.Diff(c.want, holdIDs(holds)); diff != "" {
				t.Error(diff)
			}
		}
		for ws, want := range map[string]int64{w.ID: 2, other.ID: 2, "": 4, "none": 0} {
			if n, err := s.HoldsPlaced(ctx, ws); err != nil || n != want {
				t.Errorf("%q: %d placed, %v", ws, n, err)
			}
		}
	})
}

func TestHoldsOnManyTargets(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		w := workspace(t, s, "acme")
		var refs []string
		for i := range 1203 {
			refs = append(refs, fmt.Sprint("r", i))
		}
		for i, n := range []int{0, 499, 500, 1202} {
			must(t, s.InsertHold(t.Context(), hold(w.ID, fmt.Sprint(i), privacyd.HoldConversation, refs[n]), auditID))
		}
		found, err := s.HoldsOn(t.Context(), w.ID, refs)
		must(t, err)
		if diff := cmp.Diff([]string{"0", "1", "2", "3"}, holdIDs(found)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPlans(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		plan := func(shownTo, text string, made time.Time) privacyd.StoredPlan {
			return privacyd.StoredPlan{Scope: "w", Hash: "h", ShownTo: shownTo, Sealed: []byte(text), MadeAt: made, ExpiresAt: made.Add(privacyd.PlanLife)}
		}
		must(t, s.PutPlan(ctx, plan("ann", "first", at)))
		must(t, s.PutPlan(ctx, plan("ben", "his", at.Add(time.Minute))))
		must(t, s.PutPlan(ctx, plan("ann", "second", at.Add(time.Hour))))
		now := at.Add(2 * time.Hour)
		for shownTo, want := range map[string]privacyd.StoredPlan{
			"ann": plan("ann", "second", at.Add(time.Hour)), "ben": plan("ben", "his", at.Add(time.Minute)), "": plan("ann", "second", at.Add(time.Hour)),
		} {
			got, err := s.Plan(ctx, "w", "h", shownTo, now)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		for _, c := range [][3]string{{"w", "h", "cleo"}, {"w", "x", ""}, {"v", "h", ""}} {
			_, err := s.Plan(ctx, c[0], c[1], c[2], now)
			wantCode(t, err, "plan_not_found")
		}
		over := at.Add(time.Minute + privacyd.PlanLife)
		_, err := s.Plan(ctx, "w", "h", "ben", over)
		wantCode(t, err, "plan_not_found")
		must(t, s.DeletePlans(ctx, over))
		_, err = s.Plan(ctx, "w", "h", "ben", now)
		wantCode(t, err, "plan_not_found")
		_, err = s.Plan(ctx, "w", "h", "ann", now)
		must(t, err)
		must(t, s.DeletePlan(ctx, "w", "h"))
		_, err = s.Plan(ctx, "w", "h", "", now)
		wantCode(t, err, "plan_not_found")
	})
}

func TestRetentionPoliciesAndKeptRows(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w, other := workspace(t, s, "acme"), workspace(t, s, "beta")
		var want []privacyd.Policy
		for v, days := range []int{30, 0} {
			p := privacyd.Policy{WorkspaceID: w.ID, Version: v + 1, Days: days, From: at.Add(time.Duration(v) * time.Hour), SetBy: "ann"}
			must(t, s.InsertPolicy(ctx, p, auditID))
			want = append(want, p)
		}
		wantCode(t, s.InsertPolicy(ctx, want[1], auditID), "retention_conflict")
		got, err := s.Policies(ctx, w.ID)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if none, err := s.Policies(ctx, other.ID); err != nil || len(none) > 0 {
			t.Error(none, err)
		}
		kept := privacyd.KeptRow{WorkspaceID: w.ID, Ref: "r", Sealed: []byte{1}, KeptBy: "ann", KeptAt: at}
		must(t, s.KeepRow(ctx, kept, auditID))
		must(t, s.KeepRow(ctx, kept, auditID))
		rows, err := s.KeptRows(ctx, w.ID, "", 10)
		must(t, err)
		if diff := cmp.Diff([]privacyd.KeptRow{kept}, rows); diff != "" {
			t.Error(diff)
		}
		for ws, want := range map[string]map[string]bool{w.ID: {"r": true}, other.ID: {}} {
			among, err := s.KeptAmong(ctx, ws, []string{"q", "r"})
			must(t, err)
			if diff := cmp.Diff(want, among); diff != "" {
				t.Error(diff)
			}
		}
		for _, want := range []bool{true, false} {
			if known, err := s.UnkeepRow(ctx, w.ID, "r"); err != nil || known != want {
				t.Error(known, err)
			}
		}
	})
}
