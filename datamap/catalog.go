package datamap

// The dialects that a Catalog can name.
const (
	DialectPostgres = "postgres"
	DialectSQLite   = "sqlite"
)

// Catalog is what a live database says about itself: everything that Check
// compares with a map.
type Catalog struct {
	Dialect string // DialectPostgres or DialectSQLite
	Tables  []Table
}

// Table is a table or a view of a database, without the database's own ones.
type Table struct {
	Schema string // empty where the database has none, or for its default schema
	Name   string
	// View: a plain view, which holds no rows of its own. A materialised view
	// holds copies, so it is a table here.
	View bool
	// Partition: a part of a partitioned table, read through that table.
	Partition bool
	// Parent is the table that a Partition is part of (schema.table or table);
	// empty when the source does not know it.
	Parent      string
	Columns     []Column
	Key         []string   // the primary key's columns in order; empty: none
	Indexes     [][]string // the columns of each index that covers all rows, leading first, without those on expressions
	ForeignKeys []ForeignKey
	Rows        int64 // estimate; 0 also where the source tells it only of a table that is asked for
}

// Column is a column of a Table.
type Column struct {
	Name     string
	Type     string // as the database writes it: "character varying(40)", "bigint", "TEXT"
	Nullable bool
}

// ForeignKey is a reference that the database itself guards.
type ForeignKey struct {
	Columns []string
	Table   string   // the table referred to (schema.table or table)
	Targets []string // its columns, in the order of Columns
	// OnDelete is what the database does to the row when the one referred to
	// goes: "cascade", "set null" or "set default"; empty: it refuses that.
	OnDelete string
}

// FindingCode says what kind of difference a Finding is.
type FindingCode string

// The codes of findings. Those marked F are fatal.
const (
	UnknownTable    FindingCode = "unknown_table"    // F: the database has a table that the map neither maps nor ignores
	UnknownColumn   FindingCode = "unknown_column"   // F: a mapped table has a column that the map does not name
	MissingTable    FindingCode = "missing_table"    // F: the map names a table that the database does not have
	MissingColumn   FindingCode = "missing_column"   // F: the map names a column that its table does not have
	KeyMismatch     FindingCode = "key_mismatch"     // F: the collection's key does not identify one row
	TypeMismatch    FindingCode = "type_mismatch"    // a link joins columns of different types (F where it can never hold)
	FormatMismatch  FindingCode = "format_mismatch"  // F: a field's format does not fit its column's type
	ViewMapped      FindingCode = "view_mapped"      // a collection reads a view, from which no row can be erased
	UnindexedLink   FindingCode = "unindexed_link"   // an erasure would read a whole table to follow a link
	NullableLink    FindingCode = "nullable_link"    // rows may name no workspace and then belong to none
	NotNullable     FindingCode = "not_nullable"     // an erasure would set a column to NULL that cannot be
	LoopingLink     FindingCode = "looping_link"     // links lead in a circle, which is followed once only
	UnmappedLink    FindingCode = "unmapped_link"    // the database has a foreign key that the map does not tell
	IgnoredReferrer FindingCode = "ignored_referrer" // an ignored table refers to a mapped one and would block an erasure
	BlockedErasure  FindingCode = "blocked_erasure"  // an erasure of some kind cannot run by this map
)

// Finding is one difference between a map and a database.
type Finding struct {
	Code       FindingCode `json:"code"`
	Collection string      `json:"collection,omitempty"`
	Table      string      `json:"table,omitempty"`
	Column     string      `json:"column,omitempty"`
	Message    string      `json:"message"` // one sentence
	Remedy     string      `json:"remedy"`  // what to do: a sentence, the map's lines to add, or a statement to run
	// Fatal: no job may run on this database with this map.
	Fatal bool `json:"fatal"`
}
