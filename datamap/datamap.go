// Package datamap describes where personal data lives: Dataset > Collection >
// Field, whom each field is about, how rows link to people and workspaces, and
// what an erasure does to them. It parses and validates maps, compiles them to
// a graph, proves that every collection reaches a workspace, and compares a map
// with a live database's catalogue.
//
// It must never open a database or know a driver: sources read what a
// Selection says. Open datamap.go first for the model, then graph.go.
package datamap

// Map is one dataset's data map, as its author wrote it.
type Map struct {
	Dataset     string
	Description string
	Place       string   // the declared place that hosts it, by name
	Hosting     *Hosting // where no place is declared
	Workspace   WorkspaceRoot
	Subjects    []*SubjectKind
	Collections []*Collection  // in the author's order
	Ignored     []IgnoredTable // tables that hold nothing of a workspace's
	Hash        string         // hex SHA-256 of the map's canonical form

	source *source // where it was read from; nil for a map made in code
}

// Hosting says where a dataset is kept, for residency and Art. 30 GDPR.
type Hosting struct {
	Region    string // the provider's name for it
	Country   string // ISO 3166-1 alpha-2
	Processor string
}

// WorkspaceRoot is the collection each of whose rows is a workspace; or, in a
// dataset without such a table, the column by which each collection names its
// workspace. A collection that lacks the column reaches the workspace by links
// to one that has it. (YAML: workspace: {collection: stores, key: store_id, name: label}
// or workspace: {column: workspace_id}.)
type WorkspaceRoot struct {
	Column     string // set: Collection, Key and Name are empty
	Collection string
	Key        string // the column whose value, as text, is the dataset key of a workspace
	Name       string // the column with its name, or empty
}

// Span says whether a kind of subject lives in one workspace or in all.
type Span string

// The spans.
const (
	SpanWorkspace Span = "workspace"
	SpanAll       Span = "all"
)

// SubjectKind is a kind of person that data is about.
type SubjectKind struct {
	Kind       string // "contact", "account", …
	Collection string // each of its rows is such a person
	Key        string // the column that subject ids are
	Name       string // the column with the display name, or empty
	Span       Span
	Identities []Identity
	MergedInto string // the column that points to the person this one was merged into, or empty
}

// Identity is where one kind of identifier of a person is found.
type Identity struct {
	Kind     string // "email", "phone", "external_id", …
	Column   string
	JSONPath string // inside Column, when that is JSON
}

// Collection is a table, or the part of one that Where picks.
type Collection struct {
	Name        string
	Description string
	Purpose     string // of the processing, for Art. 15(1)(a) and Art. 30
	LegalBasis  string `json:",omitempty"` // of the processing: one of LegalBases; empty: the author does not say
	Unexported  bool   // (YAML: export: false) rows are erased but never exported
	Table       string // schema.table, or table
	Key         []string
	Where       string // SQL over the table's own columns; empty: all rows
	Fields      []*Field
	Links       []*Link
	Files       []*FileColumn
	Clock       *Clock
	Disposition Disposition
	CSV         []string // export names of the CSV subset's fields in order; empty: not in a CSV export
}

// Whose says whom a field's data is about.
type Whose string

// The values of Whose.
const (
	WhoseSubject Whose = "subject" // the person the row belongs to
	WhoseOther   Whose = "other"   // another person: left out of a subject export
	WhoseShared  Whose = "shared"  // both: reviewed before it is given away, Art. 15(4)
	WhoseNone    Whose = "none"    // nobody
)

// Provenance says how a field's data came to be; Art. 20 covers what was
// provided and observed.
type Provenance string

// The provenances.
const (
	Provided Provenance = "provided"
	Observed Provenance = "observed"
	Derived  Provenance = "derived"
)

// Format says what a column's plain value means.
type Format string

// The formats. Empty: what the column's type says.
const (
	FormatPlain       Format = ""
	FormatJSON        Format = "json"         // text that holds JSON
	FormatUnixSeconds Format = "unix_seconds" // a time
	FormatUnixMillis  Format = "unix_millis"
	FormatUnixMicros  Format = "unix_micros"
	FormatBoolean     Format = "boolean" // 0 or 1
)

// Field is a column.
type Field struct {
	Column      string
	Name        string // in exports
	Description string
	Category    string // Fideslang, e.g. user.contact.email
	Whose       Whose
	Secret      bool // never exported
	Internal    bool // means nothing outside this database and is not exported
	Provenance  Provenance
	Format      Format
	Disposition *Disposition // nil: the collection's
	// Quoted is what becomes of a row whose text in this field has a whole
	// identifier of an erased person in it, although the row is not about that
	// person: Delete, or Null for this field alone. Empty: it is reviewed, or
	// residue.
	Quoted DispositionKind
}

// Exported tells whether the field is part of exports.
func (f *Field) Exported() bool { return !f.Secret && !f.Internal }

// Relation says what a link means.
type Relation string

// The relations.
const (
	Belongs  Relation = "belongs"  // the row is part of what it links to
	Mentions Relation = "mentions" // the row only names a person
)

// Link joins a collection to another one, whichever of the two tables has the
// foreign key.
type Link struct {
	To         string
	On         []ColumnPair
	When       []TypeMatch // polymorphic: holds only for rows with these values
	Relation   Relation
	Undeclared bool // the database has no foreign key for it
	// Optional: its columns may be NULL. A row that has a plain link straight
	// to its workspace is in that workspace whatever its other links say,
	// unless that link is optional.
	Optional    bool
	Disposition *Disposition // nil: see Collection.DispositionOf
}

// ColumnPair is one equality of a link.
type ColumnPair struct {
	Column   string // of the linking collection
	JSONPath string // inside Column, such as $.author.id or $.people[*].id; empty: the column itself
	Target   string // column of the collection linked to
}

// TypeMatch is the type column of a polymorphic link and its value.
type TypeMatch struct{ Column, Value string }

// FileColumn is a column that names a blob.
type FileColumn struct {
	Column     string
	Bucket     string
	NameColumn string // the file's name for people, or empty
	SizeColumn string `json:",omitempty"` // how many bytes it has, or empty
	Required   bool   // every row has a file: one without is reported as missing
}

// Clock says when rows fall due under a retention policy.
type Clock struct {
	Resolved     string // SQL condition that is true of a resolved row
	ResolvedAt   string // column: since when
	LastActivity string // column: last message, or empty
}

// DispositionKind is what an erasure does to a row or field.
type DispositionKind string

// The dispositions. Delete is the default: masking is not erasure.
const (
	Delete  DispositionKind = "delete"
	Null    DispositionKind = "null"
	Replace DispositionKind = "replace"
	Keep    DispositionKind = "keep"
)

// DispositionOf says what the erasure of a row to which l leads does to the row
// of c. By default that is what the collection says; but a row that only
// mentions what goes stays, and its link becomes NULL unless the row is kept.
func (c *Collection) DispositionOf(l *Link) Disposition {
	switch {
	case l.Disposition != nil:
		return *l.Disposition
	case l.Relation == Mentions && c.Disposition.Kind != Keep:
		return Disposition{Kind: Null}
	default:
		return c.Disposition
	}
}

// Disposition is what an erasure does, and for Keep on which ground.
type Disposition struct {
	Kind  DispositionKind
	With  string // Replace: the new value
	Until string // Keep: an ISO 8601 duration, or empty for as long as the ground stands
	// Ground is the ground of Art. 17(3) GDPR: freedom_of_expression,
	// legal_obligation, public_health, archiving or legal_claims.
	Ground string
}

// IgnoredTable is a table that the map's author looked at and left out.
type IgnoredTable struct{ Table, Reason string }

// Scope says whose rows are asked for.
type Scope struct {
	Workspace   string // the dataset's key of the workspace
	SubjectKind string // empty: everything of the workspace
	SubjectID   string
}

// Selection says which rows and fields of a collection are in a scope.
type Selection struct {
	Collection *Collection
	Table      string
	Fields     []*Field    // to export, in the map's order
	All        []Condition // every one must hold
}

// Condition holds for a row when one of its paths leads to the root row.
type Condition struct{ Any []Path }

// Path leads from a row over links to a row: the one where Column, as text, is
// Value; with Keys or Rows, one of those; with none of the three, any row.
// Without hops it is about the row itself.
type Path struct {
	Hops   []Hop
	Column string
	Value  string
	Typed  bool // Column has what people typed: neither case nor space around it counts. No index serves
	Keys   *KeySet
	Rows   *Rows
}

// Hop follows one link.
type Hop struct {
	Link *Link
	To   *Collection
	// Recursive: a link of the collection to itself, followed zero or more times.
	Recursive bool
	// Reverse: the link is one of To's, followed back from the row that it leads
	// to. Its On and When are of To's columns.
	Reverse bool
}

// Row is a record as a source read it. It is valid until the next one is read.
type Row struct {
	JSON  []byte // one JSON object without line breaks, fields in the selection's order
	Files []File // the blobs that it names
}

// File is a blob that a row names.
type File struct{ Column, Bucket, Key, Name string }

// WorkspaceRow is a workspace as a dataset knows it.
type WorkspaceRow struct{ Key, Name string }
