package privacyd_test

import (
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

func TestHoldComplete(t *testing.T) {
	subject := privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: &privacyd.Subject{Kind: "contact", ID: "c1"}}
	row := privacyd.HoldTarget{Type: privacyd.HoldConversation, Dataset: "records", Collection: "conversations", Key: []string{"w", "1"}}
	hold := func(target privacyd.HoldTarget, change func(*privacyd.Hold)) privacyd.Hold {
		h := privacyd.Hold{Target: target, Reason: "Court case 12", PlacedAt: dayOne}
		if change != nil {
			change(&h)
		}
		return h
	}
	for _, c := range []struct {
		name string
		give privacyd.Hold
		code string
	}{
		{"a subject", hold(subject, nil), ""},
		{"a conversation", hold(row, nil), ""},
		{"the workspace", hold(privacyd.HoldTarget{Type: privacyd.HoldWorkspace}, nil), ""},
		{"nothing", hold(privacyd.HoldTarget{}, nil), "hold_target_invalid"},
		{"a subject without an id", hold(privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: &privacyd.Subject{Kind: "contact"}}, nil), "hold_target_invalid"},
		{"a workspace and a subject", hold(privacyd.HoldTarget{Type: privacyd.HoldWorkspace, Subject: subject.Subject}, nil), "hold_target_invalid"},
		{"a row without a key", hold(privacyd.HoldTarget{Type: privacyd.HoldConversation, Dataset: "d", Collection: "c"}, nil), "hold_target_invalid"},
		{"another ground", hold(subject, func(h *privacyd.Hold) { h.Ground = "because" }), "hold_ground_invalid"},
		{"no reason", hold(subject, func(h *privacyd.Hold) { h.Reason = " \n" }), "hold_reason_invalid"},
		{"too long a reason", hold(subject, func(h *privacyd.Hold) { h.Reason = strings.Repeat("ä", 2001) }), "hold_reason_invalid"},
		{"the longest reason", hold(subject, func(h *privacyd.Hold) { h.Reason = strings.Repeat("ä", 2000) }), ""},
		{"a reason that is no text", hold(subject, func(h *privacyd.Hold) { h.Reason = "a\x00b" }), "hold_reason_invalid"},
		{"a review in the past", hold(subject, func(h *privacyd.Hold) { h.ReviewAt = dayOne }), "hold_review_invalid"},
		{"a review never", hold(subject, func(h *privacyd.Hold) { h.ReviewAt = dayOne.AddDate(11, 0, 0) }), "hold_review_invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.give.Complete()
			if privacyd.CodeOf(err) != c.code {
				t.Fatalf("%v, want %q", err, c.code)
			}
			if err == nil && (c.give.Ground != privacyd.GroundLegalClaims || !c.give.ReviewAt.Equal(dayOne.AddDate(1, 0, 0))) {
				t.Errorf("ground %s, review %s", c.give.Ground, c.give.ReviewAt)
			}
		})
	}
}

func TestHoldRelease(t *testing.T) {
	h := privacyd.Hold{ReviewAt: day(10)}
	if !h.Standing() || h.ReviewDue(day(9)) || !h.ReviewDue(day(10)) {
		t.Error("a hold stands until it is released, and its review is due on its day")
	}
	if err := h.Release("ann", "a\x00b", day(11)); privacyd.CodeOf(err) != "hold_reason_invalid" {
		t.Error(err)
	}
	if err := h.Release("ann", "", day(11)); err != nil || h.Standing() || h.ReviewDue(day(12)) {
		t.Error(err, h)
	}
	if err := h.Release("ben", "again", time.Time{}); privacyd.CodeOf(err) != "hold_released" || h.ReleasedBy != "ann" {
		t.Error(err, h)
	}
}
