package datamap

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const shopMap = `
dataset: app
workspace: {collection: shops, key: id}
subjects: {contact: {collection: people, key: id}}
collections:
  shops: {fields: {id: system}}
  people:
    fields: {id: user.unique_id, shop_id: internal, since: {category: system, format: unix_micros}}
    links: [{to: shops, on: {shop_id: id}, relation: belongs}]
  orders:
    fields: {id: system, person_id: user.unique_id, about_type: system, about_id: system, meta: {category: system, format: json}}
    links:
      - {to: people, on: {person_id: id}, relation: belongs}
      - {to: people, on: {about_id: id}, when: {about_type: Person}, relation: mentions}
      - {to: people, on: {meta: {path: $.by, target: id}}, relation: mentions}
ignored: {films: The catalogue}
`

// shopCatalog is a database that shopMap covers without a finding.
func shopCatalog() Catalog {
	columns := func(spec ...string) []Column {
		var list []Column
		for _, s := range spec {
			name, typ, _ := strings.Cut(s, " ")
			list = append(list, Column{Name: name, Type: strings.TrimSuffix(typ, " null"), Nullable: strings.HasSuffix(typ, " null")})
		}
		return list
	}
	return Catalog{Dialect: DialectPostgres, Tables: []Table{
		{Schema: "public", Name: "shops", Key: []string{"id"}, Columns: columns("id bigint")},
		{
			Schema: "public", Name: "people", Key: []string{"id"}, Columns: columns("id integer", "shop_id bigint", "since bigint null"),
			Indexes: [][]string{{"shop_id"}}, ForeignKeys: []ForeignKey{{Columns: []string{"shop_id"}, Table: "public.shops", Targets: []string{"id"}}},
		},
		{
			Schema: "public", Name: "orders", Key: []string{"id"},
			Columns: columns("id bigint", "person_id integer", "about_type text null", "about_id bigint null", "meta jsonb"),
			Indexes: [][]string{{"person_id", "id"}, {"about_type", "about_id"}},
		},
		{Schema: "public", Name: "films", Columns: columns("id bigint")},
		{Schema: "public", Name: "people_list", View: true, Columns: columns("id bigint")},
		{Schema: "public", Name: "orders_2026", Partition: true, Parent: "public.orders", Columns: columns("id bigint"), Indexes: [][]string{{"person_id"}}},
	}}
}

func (c *Catalog) table(name string) *Table {
	for i := range c.Tables {
		if c.Tables[i].Name == name {
			return &c.Tables[i]
		}
	}
	return nil
}

func TestCheckCoveredDatabase(t *testing.T) {
	if got := Check(mustCompile(t, shopMap), shopCatalog()); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}

func people(c *Catalog) *Table { return c.table("people") }

func orders(c *Catalog) *Table { return c.table("orders") }

// checkCase changes the database that shopMap covers and says which finding
// has to come of it.
type checkCase struct {
	name    string
	change  func(*Catalog)
	code    FindingCode
	fatal   bool
	message string
	remedy  string
}

func runCheck(t *testing.T, tests []checkCase) {
	t.Helper()
	g := mustCompile(t, shopMap)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := shopCatalog()
			test.change(&c)
			found := Check(g, c)
			i := slices.IndexFunc(found, func(f Finding) bool { return f.Code == test.code })
			if i < 0 {
				t.Fatalf("got %+v", found)
			}
			got := []any{found[i].Message, found[i].Remedy, found[i].Fatal}
			if diff := cmp.Diff([]any{test.message, test.remedy, test.fatal}, got); diff != "" {
				t.Error(diff)
			}
			if found[i].Table == "" {
				t.Error("the finding names no table")
			}
		})
	}
}

func TestCheckCoverage(t *testing.T) {
	runCheck(t, []checkCase{
		{
			"unknown table", func(c *Catalog) {
				c.Tables = append(c.Tables, Table{
					Schema: "crm", Name: "Notes 2", Key: []string{"no"}, Columns: []Column{{Name: "no"}, {Name: "on"}},
					ForeignKeys: []ForeignKey{{Columns: []string{"on"}, Table: "people", Targets: []string{"id"}}},
				})
			},
			UnknownTable, true, "Table crm.Notes 2 is not in the map.",
			"Map it; add to collections:\n  Notes_2:\n    table: 'crm.Notes 2'\n    key: [no]\n    fields:\n" +
				"      'no': <category, or secret, or internal>\n      'on': <category, or secret, or internal>\n" +
				"    links:\n      - {to: people, on: {'on': id}, relation: <belongs or mentions>}\n" +
				"or, if it holds nothing of a workspace's or a person's, add to ignored:\n  'crm.Notes 2': <reason>",
		},
		{
			"unknown column", func(c *Catalog) { people(c).Columns = append(people(c).Columns, Column{Name: "iban"}) },
			UnknownColumn, true, "Column iban of table people is not in the map.",
			"Say what it holds; add to the fields of collection people:\n      iban: <category, or secret, or internal>",
		},
		{
			"missing table", func(c *Catalog) { people(c).Name = "peoples" },
			MissingTable, true, "Collection people reads table people, which the database does not have.",
			"Mend `table:`, or remove the collection; did you mean peoples?",
		},
		{
			"missing column", func(c *Catalog) { people(c).Columns[2].Name = "sinec" },
			MissingColumn, true, "Collection people names column since, which table people does not have.",
			"Mend its name, or remove it from the map; did you mean sinec?",
		},
		{
			"key", func(c *Catalog) { people(c).Key = []string{"shop_id", "id"} },
			KeyMismatch, true, "The key of collection people is (id), but table people tells rows apart by (shop_id, id).", "Write `key: [shop_id, id]`.",
		},
	})
}

func TestCheckTypes(t *testing.T) {
	runCheck(t, []checkCase{
		{
			"type", func(c *Catalog) { orders(c).Columns[1].Type = "character varying(36)" },
			TypeMismatch, false, "The link of collection orders to people joins person_id (character varying(36)) with id (integer): they are compared as text, for which no index serves.",
			"Give both columns the same type, or mend `on:`.",
		},
		{
			"no JSON", func(c *Catalog) { orders(c).Columns[4].Type = "bigint" },
			TypeMismatch, true, "The link of collection orders to people looks for $.by inside column meta, whose type is bigint.",
			"Leave out `path`, or name the column that holds the JSON.",
		},
		{
			"format", func(c *Catalog) { people(c).Columns[2].Type = "timestamp with time zone" },
			FormatMismatch, true, "Column since of collection people has the format unix_micros, which its type timestamp with time zone cannot hold.",
			"Leave out `format`, or choose one that fits the type.",
		},
		{
			"view", func(c *Catalog) { people(c).View = true },
			ViewMapped, false, "Collection people reads the view people, from which no row can be erased.", "Map the tables beneath the view instead.",
		},
	})
}

func TestCheckLinks(t *testing.T) {
	runCheck(t, []checkCase{
		{
			"index", func(c *Catalog) { people(c).Indexes = [][]string{{"since", "shop_id"}} },
			UnindexedLink, false, "Table people has no index on (shop_id), which an erasure needs to follow the link of collection people to shops.",
			"CREATE INDEX CONCURRENTLY ON people (shop_id);",
		},
		{
			"index on SQLite", func(c *Catalog) { c.Dialect = DialectSQLite; people(c).Indexes = nil; unqualified(c) },
			UnindexedLink, false, "Table people has no index on (shop_id), which an erasure needs to follow the link of collection people to shops.",
			"CREATE INDEX people_shop_id_idx ON people (shop_id);",
		},
		{
			"polymorphic index on a partitioned table", func(c *Catalog) { orders(c).Indexes = orders(c).Indexes[:1] },
			UnindexedLink, false, "Table orders has no index on (about_id), which an erasure needs to follow the link of collection orders to people.",
			"CREATE INDEX CONCURRENTLY ON orders_2026 (about_type, about_id);\nCREATE INDEX ON orders (about_type, about_id);",
		},
		{
			"nullable", func(c *Catalog) { people(c).Columns[1].Nullable = true },
			NullableLink, false, "Column shop_id of table people may be NULL, and such a row belongs to no workspace: exports and deletions pass it over.",
			"Make the column NOT NULL; or add to collection people `where: shop_id is not null` if such rows are nobody's.",
		},
		{
			"blanked", func(c *Catalog) { orders(c).Columns[3].Nullable = false },
			NotNullable, false, "Column about_id of table orders cannot be NULL, which the erasure of a row in people would make it.",
			"Write another disposition ({replace: \"…\"}, {keep: ground} or delete), or let the column be NULL.",
		},
		{
			"foreign key", func(c *Catalog) {
				orders(c).ForeignKeys = []ForeignKey{{Columns: []string{"about_id"}, Table: "shops", Targets: []string{"id"}}}
			},
			UnmappedLink, false, "The foreign key (about_id) of table orders refers to collection shops, and the map has no link for it.",
			"Add to the links of collection orders:\n      - {to: shops, on: {about_id: id}, relation: <belongs or mentions>}",
		},
		{
			"ignored table that refers", func(c *Catalog) {
				c.table("films").ForeignKeys = []ForeignKey{{Columns: []string{"id"}, Table: "people", Targets: []string{"id"}}}
			},
			IgnoredReferrer, false, "Table films is ignored, but its foreign key (id) refers to collection people and would block the deletion of a row there.",
			"Map the table, so that an erasure knows what to do with its rows.",
		},
	})
}

func unqualified(c *Catalog) {
	for i := range c.Tables {
		c.Tables[i].Schema = ""
	}
}

// Partitions that each have an index need none on the whole table.
func TestCheckIndexOnEveryPartition(t *testing.T) {
	c := shopCatalog()
	c.table("orders").Indexes = [][]string{{"about_type", "about_id"}}
	if got := Check(mustCompile(t, shopMap), c); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
	c.Tables = append(c.Tables, Table{Schema: "public", Name: "orders_2027", Partition: true, Parent: "public.orders"})
	if got := Check(mustCompile(t, shopMap), c); len(got) != 1 || got[0].Code != UnindexedLink {
		t.Errorf("got %+v", got)
	}
}

// A table may be there in some installations only.
func TestCheckIgnoredTableMayBeAbsent(t *testing.T) {
	c := shopCatalog()
	c.Tables = slices.DeleteFunc(c.Tables, func(t Table) bool { return t.Name == "films" })
	if got := Check(mustCompile(t, shopMap), c); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}

// Two datasets of one database need not ignore each other's tables.
func TestCheckKnowsOtherDatasets(t *testing.T) {
	g := mustCompile(t, shopMap)
	c := shopCatalog()
	c.Tables = append(c.Tables, Table{Name: "letters", Key: []string{"id"}, Columns: []Column{{Name: "id"}}})
	if got := Check(g, c); len(got) != 1 || got[0].Code != UnknownTable {
		t.Errorf("alone: %+v", got)
	}
	other := mustCompile(t, "dataset: post\nworkspace: {column: id}\ncollections: {letters: {fields: {id: system}}}\n")
	if got := Check(g, c, other); len(got) > 0 {
		t.Errorf("with the other: %+v", got)
	}
}

// What `where` fixes may lead an index, and a row that it leaves out needs no
// workspace.
func TestCheckReadsWhere(t *testing.T) {
	g := mustCompile(t, `
dataset: app
workspace: {collection: shops, key: id}
collections:
  shops: {fields: {id: system}}
  pictures:
    where: kind = 'Shop' and "shop_id" is not null
    fields: {id: system, kind: internal, shop_id: internal}
    links: [{to: shops, on: {shop_id: id}, relation: belongs}]
`)
	c := Catalog{Dialect: DialectPostgres, Tables: []Table{
		{Name: "shops", Key: []string{"id"}, Columns: []Column{{Name: "id"}}},
		{
			Name: "pictures", Key: []string{"id"}, Indexes: [][]string{{"kind", "shop_id"}},
			Columns: []Column{{Name: "id"}, {Name: "kind"}, {Name: "shop_id", Nullable: true}},
		},
	}}
	if got := Check(g, c); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}

func TestCheckOffersOptional(t *testing.T) {
	g := mustCompile(t, strings.Replace(shopMap, "  - {to: people, on: {person_id: id}", "  - {to: shops, on: {about_id: id}, relation: belongs}\n      - {to: people, on: {person_id: id}", 1))
	found := Check(g, shopCatalog())
	i := slices.IndexFunc(found, func(f Finding) bool { return f.Code == NullableLink })
	if i < 0 || !strings.HasSuffix(found[i].Remedy, "or mark the link `optional: true` if another belongs link holds for them.") {
		t.Errorf("got %+v", found)
	}
}

// Of two ways into a workspace a row may take either: only one that has neither
// is in none.
func TestCheckAllMayBeNull(t *testing.T) {
	two := strings.Replace(shopMap, "  - {to: people, on: {person_id: id}", "  - {to: people, on: {about_id: id}, relation: belongs}\n      - {to: people, on: {person_id: id}", 1)
	c := shopCatalog()
	orders(&c).Columns[1].Nullable = true
	nullable := func(text string) []Finding {
		return slices.DeleteFunc(Check(mustCompile(t, text), c), func(f Finding) bool { return f.Code != NullableLink })
	}
	found := nullable(two)
	const remedy = "Make one of the columns NOT NULL; or add to collection orders `where: about_id is not null or person_id is not null` if such rows are nobody's."
	if len(found) != 1 || !strings.HasPrefix(found[0].Message, "Columns about_id, person_id of table orders may all be NULL") || found[0].Remedy != remedy {
		t.Errorf("got %+v", found)
	}
	if found := nullable(strings.Replace(two, "  orders:\n", "  orders:\n    where: about_id is not null or person_id is not null\n", 1)); len(found) > 0 {
		t.Errorf("with the remedy: %+v", found)
	}
}

func TestCheckWorkspaceColumn(t *testing.T) {
	g := mustCompile(t, `
dataset: app
workspace: {column: workspace_id}
collections:
  tickets: {key: [workspace_id, id], fields: {id: system}}
  comments:
    key: [workspace_id, id]
    fields: {id: system, ticket_id: system}
    links: [{to: tickets, on: {ticket_id: id}, relation: belongs}]
`)
	columns := []Column{{Name: "workspace_id", Type: "TEXT", Nullable: true}, {Name: "id", Type: "TEXT", Nullable: true}}
	key := []string{"workspace_id", "id"}
	comments := Table{Name: "comments", Key: key, Columns: append(slices.Clone(columns), Column{Name: "ticket_id", Type: "TEXT"})}
	c := Catalog{Dialect: DialectSQLite, Tables: []Table{{Name: "tickets", Key: key, Columns: columns}, comments}}
	got := Check(g, c)
	if len(got) != 1 || got[0].Remedy != "CREATE INDEX comments_workspace_id_ticket_id_idx ON comments (workspace_id, ticket_id);" {
		t.Errorf("got %+v", got)
	}
	c.Tables[1].Indexes = [][]string{{"workspace_id", "ticket_id"}}
	if got := Check(g, c); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}

func TestCheckLoop(t *testing.T) {
	g := mustCompile(t, `
dataset: app
workspace: {collection: shops, key: id}
collections:
  shops: {fields: {id: system}}
  folders:
    fields: {id: system, shop_id: internal, item_id: system}
    links:
      - {to: shops, on: {shop_id: id}, relation: belongs, optional: true}
      - {to: items, on: {item_id: id}, relation: belongs}
  items:
    fields: {id: system, folder_id: system}
    links: [{to: folders, on: {folder_id: id}, relation: belongs}]
`)
	loops := 0
	for _, f := range Check(g, Catalog{Dialect: DialectPostgres}) {
		if f.Code == LoopingLink {
			loops++
		}
	}
	if loops != 2 {
		t.Errorf("got %d circles", loops)
	}
}

func TestFamilyOf(t *testing.T) {
	tests := map[string]family{
		"bigint": familyInteger, "INTEGER": familyInteger, "int4": familyInteger, "interval": familyAny,
		"numeric(10,2)": familyDecimal, "double precision": familyDecimal, "character varying(40)": familyText,
		"NVARCHAR(160)": familyText, "text[]": familyArray, "uuid": familyUUID, "boolean": familyBoolean, "jsonb": familyJSON,
		"timestamp with time zone": familyTime, "DATETIME": familyTime, "bytea": familyBytes, "BLOB": familyBytes,
		"": familyAny, "mpaa_rating": familyAny,
	}
	for typ, want := range tests {
		if got := familyOf(typ); got != want {
			t.Errorf("%s: got %s, want %s", typ, got, want)
		}
	}
}
