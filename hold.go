package privacyd

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Ground is a ground of Art. 17(3) GDPR on which data stays although its
// erasure was asked for.
type Ground string

// The grounds.
const (
	GroundExpression      Ground = "freedom_of_expression" // Art. 17(3)(a)
	GroundLegalObligation Ground = "legal_obligation"      // Art. 17(3)(b)
	GroundPublicHealth    Ground = "public_health"         // Art. 17(3)(c)
	GroundArchiving       Ground = "archiving"             // Art. 17(3)(d)
	GroundLegalClaims     Ground = "legal_claims"          // Art. 17(3)(e)
)

// Grounds lists the grounds in the order of the article.
func Grounds() []Ground {
	return []Ground{GroundExpression, GroundLegalObligation, GroundPublicHealth, GroundArchiving, GroundLegalClaims}
}

// Article names where in the GDPR the ground stands; empty for one that is
// none.
func (g Ground) Article() string {
	for i, known := range Grounds() {
		if g == known {
			return "Art. 17(3)(" + string(rune('a'+i)) + ") GDPR"
		}
	}
	return ""
}

// words is the ground as a person reads it.
func (g Ground) words() string {
	text := strings.ReplaceAll(string(g), "_", " ")
	if a := g.Article(); a != "" {
		text += ", " + a
	}
	return text
}

// HoldType says what a legal hold covers.
type HoldType string

// The types of holds.
const (
	HoldSubject      HoldType = "subject"      // a person and all that belongs to them
	HoldConversation HoldType = "conversation" // one row with a clock and all that belongs to it
	HoldWorkspace    HoldType = "workspace"    // everything of the workspace
)

// HoldTarget is what a hold covers. Ids may be personal and are stored sealed.
type HoldTarget struct {
	Type       HoldType `json:"type" enum:"subject,conversation,workspace"`
	Subject    *Subject `json:"subject,omitempty"`    // HoldSubject
	Dataset    string   `json:"dataset,omitempty"`    // HoldConversation
	Collection string   `json:"collection,omitempty"` // HoldConversation
	Key        []string `json:"key,omitempty"`        // HoldConversation: in the order of the collection's key
}

// Hold is a legal hold: while it stands, nothing that it covers is erased.
type Hold struct {
	ID            string     `json:"id"` // UUIDv7
	WorkspaceID   string     `json:"workspace_id"`
	Target        HoldTarget `json:"target"`
	Ground        Ground     `json:"ground" enum:"freedom_of_expression,legal_obligation,public_health,archiving,legal_claims"`
	Reason        string     `json:"reason,omitempty"` // free text: stored sealed, never logged
	ReviewAt      time.Time  `json:"review_at"`        // when somebody has to look at it again; it does not end by itself
	PlacedBy      string     `json:"placed_by"`        // account id, token id, or "operator"
	PlacedAt      time.Time  `json:"placed_at"`
	ReleasedBy    string     `json:"released_by,omitempty"`
	ReleasedAt    *time.Time `json:"released_at,omitempty"`
	ReleaseReason string     `json:"release_reason,omitempty"` // free text, as Reason

	TargetRef string `json:"-"` // a keyed hash of the target, by which the hold is found
	Sealed    []byte `json:"-"` // target and reasons, as the store keeps them
}

// Standing tells whether the hold still blocks. A review date that is past does
// not lift it.
func (h *Hold) Standing() bool { return h.ReleasedAt == nil }

// ReviewDue tells whether somebody has to look at the hold again.
func (h *Hold) ReviewDue(now time.Time) bool { return h.Standing() && !h.ReviewAt.After(now) }

// maxReason is the longest reason in characters.
const maxReason = 2000

// Complete fills in what may be left out, the ground (legal claims) and the
// review date (a year after it is placed), and checks the rest. Codes:
// hold_target_invalid, hold_ground_invalid, hold_reason_invalid,
// hold_review_invalid.
func (h *Hold) Complete() error {
	if h.Ground == "" {
		h.Ground = GroundLegalClaims
	}
	if h.ReviewAt.IsZero() {
		h.ReviewAt = h.PlacedAt.AddDate(1, 0, 0)
	}
	switch {
	case !h.Target.valid():
		return Errorf(ClassInvalid, "hold_target_invalid",
			"A legal hold is on a subject (kind and id), on a conversation (dataset, collection and key), or on the workspace; name one of them.")
	case h.Ground.Article() == "":
		return Errorf(ClassInvalid, "hold_ground_invalid",
			"That is not a ground of Art. 17(3) GDPR. Give freedom_of_expression, legal_obligation, public_health, archiving or legal_claims.")
	case !validReason(h.Reason):
		return errReason()
	case !h.ReviewAt.After(h.PlacedAt) || h.ReviewAt.After(h.PlacedAt.AddDate(10, 0, 0)):
		return Errorf(ClassInvalid, "hold_review_invalid", "The review of a legal hold is due after today and within ten years.")
	}
	return nil
}

// Release lifts the hold. Codes: hold_released when it was lifted before,
// hold_reason_invalid.
func (h *Hold) Release(by, reason string, at time.Time) error {
	if !h.Standing() {
		return Errorf(ClassConflict, "hold_released", "This legal hold was released already.")
	}
	if reason != "" && !validReason(reason) {
		return errReason()
	}
	h.ReleasedBy, h.ReleasedAt, h.ReleaseReason = by, &at, reason
	return nil
}

func (t HoldTarget) valid() bool {
	subject := t.Subject != nil && t.Subject.Kind != "" && t.Subject.ID != ""
	row := t.Dataset != "" && t.Collection != "" && len(t.Key) > 0
	noRow := t.Dataset == "" && t.Collection == "" && len(t.Key) == 0
	switch t.Type {
	case HoldSubject:
		return subject && noRow
	case HoldConversation:
		return row && t.Subject == nil
	case HoldWorkspace:
		return t.Subject == nil && noRow
	default:
		return false
	}
}

func validReason(s string) bool {
	readable := func(r rune) bool { return r == '\n' || r == '\t' || !unicode.IsControl(r) }
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxReason && strings.TrimSpace(s) != "" &&
		strings.IndexFunc(s, func(r rune) bool { return !readable(r) }) < 0
}

func errReason() error {
	return Errorf(ClassInvalid, "hold_reason_invalid", "A legal hold needs a reason, of at most %d characters of plain text.", maxReason)
}
