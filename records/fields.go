package records

import "slices"

// Kind says what a field's value may be.
type Kind int

// The kinds of fields.
const (
	Text       Kind = iota // text, kept to the letter
	ID                     // the importer's string, 1 to 200 bytes
	Choice                 // one of the field's choices
	Time                   // RFC 3339; stored to the microsecond
	Integer                // a whole number of 64 bits
	Scalar                 // a text or a number, kept to the letter
	Tags                   // an array of texts
	Identities             // an array of {"kind": text, "value": text}
	Object                 // a JSON object, kept to the letter but for white space
	Array                  // a JSON array, likewise
	Account                // a person who signs in: an e-mail, stored as the account's id
	Content                // base64 of an attachment's content; not a column
	Path                   // where an attachment's content is; not a column
)

// DeletedUser stands for an account in what it wrote, once it is erased.
const DeletedUser = "Deleted user"

// MaxID is the greatest length of an id, in bytes.
const MaxID = 200

// Field is one field of a collection.
type Field struct {
	Name     string // in files, in JSON and in the table
	Kind     Kind
	Choices  []string
	Required bool
	Link     string            // the collection whose record it names
	Links    map[string]string // the same by the value of the field record_type
	Derived  bool              // computed here; accepted in an import so that an export can be imported
}

// Stored tells whether the field is a column of the table.
func (f *Field) Stored() bool { return f.Kind != Content && f.Kind != Path }

// JSON tells whether the column holds JSON.
func (f *Field) JSON() bool {
	return f.Kind == Scalar || f.Kind == Tags || f.Kind == Identities || f.Kind == Object || f.Kind == Array
}

// Collection is one kind of record, kept in the table of the same name.
type Collection struct {
	Name   string
	Fields []*Field // the first is id

	number int
	index  map[string]int
	links  []int // fields that name other records
	sql    statements
}

// Field finds a field by name and tells its position; nil when there is none.
func (c *Collection) Field(name string) (*Field, int) {
	i, ok := c.index[name]
	if !ok {
		return nil, -1
	}
	return c.Fields[i], i
}

var collections = compile([]*Collection{
	{Name: "contacts", Fields: []*Field{
		id(), text("name"), text("email"), text("phone"), text("language"), text("company"),
		{Name: "tags", Kind: Tags},
		object("custom_fields"),
		{Name: "identities", Kind: Identities},
		at("created_at"),
	}},
	{Name: "conversations", Fields: []*Field{
		id(), link("contact_id", "contacts"), text("channel"), choice("status", "open", "pending", "resolved"), text("resolution"),
		at("resolved_at"),
		{Name: "priority", Kind: Scalar},
		{Name: "tags", Kind: Tags},
		account("assignee_id"), at("created_at"),
		{Name: "last_message_at", Kind: Time, Derived: true},
	}},
	{Name: "messages", Fields: []*Field{
		id(), link("conversation_id", "conversations"), choice("direction", "inbound", "outbound", "ai", "note"),
		account("author_id"), text("body"), object("ai_metadata"), at("created_at"),
	}},
	{Name: "knowledge_sources", Fields: []*Field{
		id(), choice("kind", "website", "file", "snippet", "qa"), text("title"), text("url"), text("content"), text("status"),
		at("synced_at"),
	}},
	{Name: "knowledge_chunks", Fields: []*Field{
		id(), link("source_id", "knowledge_sources"), {Name: "position", Kind: Integer}, text("text"),
	}},
	{Name: "flows", Fields: []*Field{
		id(), text("name"), text("description"), text("status"), {Name: "version", Kind: Scalar}, object("graph"),
	}},
	{Name: "flow_versions", Fields: []*Field{
		id(), link("flow_id", "flows"), {Name: "version", Kind: Scalar, Required: true}, object("graph"),
	}},
	{Name: "flow_runs", Fields: []*Field{
		id(), link("flow_id", "flows"),
		{Name: "conversation_id", Kind: ID, Link: "conversations"},
		at("started_at"),
		{Name: "path", Kind: Array},
		text("error"),
	}},
	{Name: "tickets", Fields: []*Field{
		id(),
		{Name: "number", Kind: Scalar},
		text("title"), text("body"), text("status"), account("reporter_id"),
		account("assignee_id"), at("created_at"), at("updated_at"),
	}},
	{Name: "documents", Fields: []*Field{
		id(), text("title"), text("body"), account("author_id"), at("created_at"), at("updated_at"),
	}},
	{Name: "comments", Fields: slices.Concat([]*Field{id()}, record("ticket", "document"),
		[]*Field{account("author_id"), text("body"), at("created_at")})},
	{Name: "attachments", Fields: slices.Concat([]*Field{id()},
		record("contact", "message", "ticket", "document", "comment", "knowledge_source"), []*Field{
			text("filename"), text("content_type"),
			{Name: "size", Kind: Integer, Derived: true},
			{Name: "sha256", Kind: Text, Derived: true},
			{Name: "content_base64", Kind: Content},
			{Name: "path", Kind: Path},
		})},
})

// Collections lists the collections, parents before children.
func Collections() []*Collection { return slices.Clone(collections) }

// Find finds a collection by name; nil when there is none.
func Find(name string) *Collection {
	for _, c := range collections {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func id() *Field              { return &Field{Name: "id", Kind: ID, Required: true} }
func text(name string) *Field { return &Field{Name: name, Kind: Text} }
func at(name string) *Field   { return &Field{Name: name, Kind: Time} }
func object(name string) *Field {
	return &Field{Name: name, Kind: Object}
}
func account(name string) *Field { return &Field{Name: name, Kind: Account} }
func link(name, to string) *Field {
	return &Field{Name: name, Kind: ID, Link: to, Required: true}
}

func choice(name string, choices ...string) *Field {
	return &Field{Name: name, Kind: Choice, Choices: choices}
}

// record is the polymorphic pair: the type of a record, and its id. The types
// are the collections' names in the singular.
func record(types ...string) []*Field {
	to := map[string]string{}
	for _, t := range types {
		to[t] = t + "s"
	}
	return []*Field{
		{Name: "record_type", Kind: Choice, Choices: types, Required: true},
		{Name: "record_id", Kind: ID, Links: to, Required: true},
	}
}

func compile(all []*Collection) []*Collection {
	for n, c := range all {
		c.number = n
		c.index = map[string]int{}
		for i, f := range c.Fields {
			c.index[f.Name] = i
			if f.Link != "" || f.Links != nil {
				c.links = append(c.links, i)
			}
		}
		c.sql = statementsOf(c)
	}
	return all
}

// value is the value of row's field called name.
func (c *Collection) value(r *row, name string) *value { return &r.values[c.index[name]] }

// target is the collection that row's field i names a record of.
func (c *Collection) target(r *row, i int) string {
	f := c.Fields[i]
	if f.Links == nil {
		return f.Link
	}
	return f.Links[c.value(r, "record_type").s]
}
