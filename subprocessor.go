package privacyd

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// NoticeOfChange is how long before it takes effect a change of sub-processors
// is announced (Art. 28(2) GDPR).
const NoticeOfChange = 30 * Day

// SubProcessor is one version of what is known about another processor that
// the operator engages. Versions are never changed; a newer one takes effect
// from From on.
type SubProcessor struct {
	ID          string    `json:"id"`
	Version     int       `json:"version"` // from 1
	Name        string    `json:"name"`
	Purpose     string    `json:"purpose"`
	Country     string    `json:"country"`
	Categories  []string  `json:"categories"`               // of data
	Basis       string    `json:"transfer_basis,omitempty"` // of a transfer out of the EEA; it needs one
	From        time.Time `json:"from"`
	Ended       bool      `json:"ended"` // from From on it is engaged no more
	AnnouncedAt time.Time `json:"announced_at"`
}

const maxTerm = 500 // bytes of a name, a purpose, a category or a basis

// Valid checks what is said of a sub-processor. Codes: sub_processor_invalid,
// sub_processor_country, sub_processor_basis.
func (s SubProcessor) Valid() error {
	texts := append([]string{s.Name, s.Purpose}, s.Categories...)
	bad := func(text string) bool { return !isTerm(text) }
	switch {
	case slices.ContainsFunc(texts, bad) || len(s.Categories) == 0 || len(s.Categories) > 50 || s.Basis != "" && bad(s.Basis):
		return Errorf(ClassInvalid, "sub_processor_invalid", "A sub-processor needs a name, a purpose and at least one category of data: a line each, of at most 500 bytes.")
	case !KnownCountry(s.Country):
		return Errorf(ClassInvalid, "sub_processor_country", "A sub-processor needs the country in which it works, as an ISO code such as DE.")
	case !InEEA(s.Country) && s.Basis == "":
		return Errorf(ClassInvalid, "sub_processor_basis",
			"%s is outside of the EEA: say what the transfer rests on (Art. 44 GDPR), such as an adequacy decision or standard contractual clauses.", s.Country)
	}
	return nil
}

func isTerm(s string) bool {
	return strings.TrimSpace(s) != "" && len(s) <= maxTerm && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// Register is what a sub-processor is now, what it will be, and what it was.
type Register struct {
	Now     *SubProcessor  `json:"now,omitempty"`
	Next    *SubProcessor  `json:"next,omitempty"` // announced, not yet in effect
	History []SubProcessor `json:"history"`        // every version, the newest first
}

// Registers sorts versions by sub-processor, the names in their order. Those
// that have ended come last.
func Registers(versions []SubProcessor, now time.Time) []Register {
	byID, order := map[string]*Register{}, []*Register{}
	for _, v := range versions {
		r := byID[v.ID]
		if r == nil {
			r = &Register{}
			byID[v.ID] = r
			order = append(order, r)
		}
		r.History = append(r.History, v)
	}
	list := make([]Register, 0, len(order))
	for _, r := range order {
		slices.SortFunc(r.History, func(a, b SubProcessor) int { return b.Version - a.Version })
		for n, v := range r.History {
			if v.From.After(now) {
				r.Next = &r.History[n] // the one that comes first: versions take effect in their order
				continue
			}
			r.Now = &r.History[n]
			break
		}
		list = append(list, *r)
	}
	ended := func(r Register) int {
		if r.Now != nil && r.Now.Ended && r.Next == nil {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b Register) int {
		if d := ended(a) - ended(b); d != 0 {
			return d
		}
		return strings.Compare(strings.ToLower(a.History[0].Name), strings.ToLower(b.History[0].Name))
	})
	return list
}

// Objection is an admin's objection to a version of a sub-processor.
type Objection struct {
	WorkspaceID  string    `json:"workspace_id"`
	SubProcessor string    `json:"sub_processor"`
	Version      int       `json:"version"`
	By           string    `json:"by"` // account id
	At           time.Time `json:"at"`
}
