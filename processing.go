package privacyd

import (
	"strings"
	"time"
)

// ProcessingRecord is a record of processing activities: of a workspace as its
// controller keeps it (Art. 30(1) GDPR), or of the instance as its operator
// keeps it as a processor (Art. 30(2)). It is made from the data maps and the
// running configuration whenever somebody asks.
type ProcessingRecord struct {
	Article     string        `json:"article"`
	At          time.Time     `json:"at"`
	Workspace   string        `json:"workspace,omitempty"` // its name; empty: the instance
	Controller  Party         `json:"controller,omitzero"` // of the workspace
	Processor   Party         `json:"processor"`           // whoever runs the server
	Controllers []Controller  `json:"controllers,omitempty"`
	Activities  []Activity    `json:"activities"`
	Recipients  []Recipient   `json:"recipients"`
	Transfers   []Transfer    `json:"transfers" doc:"Out of the European Economic Area."`
	Measures    []string      `json:"measures" doc:"Technical and organisational measures (Art. 32)."`
	Missing     []MissingWord `json:"missing" doc:"What the record still lacks, and who can say it."`
}

// Controller is one on whose behalf the instance processes data.
type Controller struct {
	WorkspaceID string   `json:"workspace_id"`
	Workspace   string   `json:"workspace"`
	Party       Party    `json:"party"`
	Activities  []string `json:"activities"` // names
}

// Activity is one thing for which data is processed.
type Activity struct {
	Name        string         `json:"name"` // the purpose; empty: the data map names none
	Dataset     string         `json:"dataset"`
	Collections []string       `json:"collections"`
	Bases       []string       `json:"legal_bases"` // as datamap.LegalBases; none: the data map does not say
	Subjects    []string       `json:"data_subjects"`
	Categories  []DataCategory `json:"data_categories"`
	Places      []string       `json:"places"`        // names
	Limits      []string       `json:"erasure_after"` // sentences
}

// DataCategory is a category of personal data.
type DataCategory struct {
	Code    string `json:"code"` // of the Fideslang taxonomy
	Name    string `json:"name"`
	Special bool   `json:"special,omitempty"` // of Art. 9 or 10 GDPR
}

// CategoryName puts a code of the taxonomy into words.
func CategoryName(code string) string {
	text := strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(code, "user."), ".", ": "), "_", " ")
	return strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]
}

// Recipient is somebody who holds or sees data.
type Recipient struct {
	Name    string `json:"name"`
	Role    string `json:"role"` // what it does
	Country string `json:"country,omitempty"`
}

// Transfer is one out of the European Economic Area.
type Transfer struct {
	To      string `json:"to"`
	Country string `json:"country"`
	Basis   string `json:"basis,omitempty"` // empty: nobody has said
}

// MissingWord is something that the record lacks.
type MissingWord struct {
	What string `json:"what"`
	Who  string `json:"who"` // admin or operator
	How  string `json:"how"`
}
