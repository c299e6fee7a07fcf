package datamap

// EraseScope says what an erasure takes: a person, a whole workspace, or rows.
//
// A person of a kind that lives in one workspace needs Scope.Workspace. One of
// a kind that spans all goes everywhere when Scope.Workspace is empty;
// otherwise only what is that workspace's own goes.
type EraseScope struct {
	Scope
	// Rows, when set: these rows and what belongs to them. Scope names their
	// workspace, or none for rows of any, and no subject.
	Rows *RowScope
	// Merged are the ids of all rows of the person, Scope.SubjectID among them,
	// as Erasure.Roots found them. With them a run that was interrupted still
	// knows whom it was for; without, rows are followed from one to the other,
	// which ends when the first of them is gone.
	Merged []string
	// Held rows stay, with all that belongs to them and all of the scope that
	// they belong or must refer to.
	Held []RowRef
	// HeldWorkspaces are keys of workspaces in which every row stays, and with it
	// all of the scope that it belongs or must refer to.
	HeldWorkspaces []string
	// Catalog, when set, tells which columns may be NULL and which hold text, and
	// what Check finds is among the blockers. Without it the map's word counts
	// alone.
	Catalog *Catalog
}

// Holding tells whether anything may stay because of a hold.
func (s EraseScope) Holding() bool { return len(s.Held)+len(s.HeldWorkspaces) > 0 }

// Unheld is the same scope as if there were no holds.
func (s EraseScope) Unheld() EraseScope {
	s.Held, s.HeldWorkspaces = nil, nil
	return s
}

// RowScope is some rows of a collection.
type RowScope struct {
	Collection string
	Keys       [][]string // as text, in the order of Collection.Key
}

// RowRef names one row.
type RowRef struct {
	Collection string
	Key        []string // as text, in the order of Collection.Key
}

// KeySet is a set of rows by the values of some columns, as text.
type KeySet struct {
	Columns []string
	Values  [][]string // each in the order of Columns
}

// Rows are those rows of a collection for which every condition of All and
// none of Except holds. A condition that is NULL does not hold.
type Rows struct{ All, Except []Condition }

// Erasure is what is done to the rows of a scope, and why it cannot be.
type Erasure struct {
	// Steps, in the order in which they run: what a step finds its rows by is
	// still there when it runs, and nothing that stays refers to what it deletes.
	Steps []*Step
	// Blockers: with any, nothing may run.
	Blockers []Problem
	// Roots select the rows that all the others are found from: the person's own
	// (merged ones too), the workspace's, or the rows of the scope. Held ones
	// are among them.
	Roots []Selection

	graph *Graph
	scope EraseScope
}

// Problem is one reason why an erasure cannot run.
type Problem struct {
	Code       string `json:"code"`
	Collection string `json:"collection,omitempty"`
	Column     string `json:"column,omitempty"`
	Message    string `json:"message"` // one sentence
	Remedy     string `json:"remedy"`  // what to do, a sentence
}

// Step is what happens to one set of rows of a collection.
//
// Its rows are those of Rows. A row that a step changed has to be passed over
// when the step runs again: it counts no more once every assignment of Set is
// true of it.
type Step struct {
	Collection *Collection
	Table      string
	Rows
	// Action: Delete; Null or Replace, which make the assignments of Set; Keep,
	// which makes those too (fields with a disposition of their own), if there
	// are any.
	Action DispositionKind
	Set    []Assignment
	// Link, when set: the rows are not part of what goes, they link to it, and
	// Set blanks or replaces the reference. All leads over this link. When the
	// link is nil the rows belong to the scope.
	Link *Link
	// Breaks: the rows go too, in a later step; their reference is blanked
	// beforehand because they and others refer to each other in a circle.
	Breaks bool
	Ground string // Keep: of Art. 17(3) GDPR
	Until  string // Keep: ISO 8601 duration, or empty
	Files  []*FileColumn
	// SelfLinks: rows of this step may refer to each other over these. A row
	// goes after, or in the same statement as, all rows that refer to it.
	SelfLinks []SelfLink
	// Orphans are steps (of Erasure.Steps too, further on) whose rows are found
	// only because rows of this step refer to them. Such rows go in the same
	// transaction as the batch of this step that last referred to them: those
	// that the batch's rows refer to (see Carrier), for which none of the
	// orphan's Except holds when the batch's rows are gone or changed, and to
	// which none of its Referrers leads any more.
	Orphans []Orphan
	// Referrers, of a step that is an orphan of others: the ways to rows that
	// refer to a row of this step and would keep it.
	Referrers []Hop
}

// SelfLink is a link between rows of one step.
type SelfLink struct {
	Link *Link
	// Discovers: rows are found by following it, so it may not be blanked first:
	// leaves go first. Otherwise it may be, where its columns can be NULL.
	Discovers bool
}

// Orphan is a step whose rows go with those of another one.
type Orphan struct {
	Step *Step
	// Carrier leads from a row of the orphan's collection to the row of the
	// carrying step's that refers to it.
	Carrier Hop
}

// Assignment is what one column, or a place inside it, becomes.
//
// With JSONPath and a Step.Link only those values at the path change that are
// the link's target in one of the rows that go; other people's stay.
type Assignment struct {
	Column   string
	JSONPath string
	Value    *string // nil: NULL, or JSON null at JSONPath
}
