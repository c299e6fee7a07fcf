package sqlsource_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func catalog(t *testing.T, db *sqldb.DB) map[string]datamap.Table {
	t.Helper()
	c, err := sqlsource.New(db.Reader(), db.Dialect).Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.Dialect != string(db.Dialect) {
		t.Errorf("the dialect is %q", c.Dialect)
	}
	tables := map[string]datamap.Table{}
	for _, table := range c.Tables {
		name := table.Name
		if table.Schema != "" {
			name = table.Schema + "." + name
		}
		slices.SortFunc(table.Indexes, slices.Compare)
		tables[name] = table
	}
	return tables
}

// What both databases say in the same way.
func TestCatalog(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Dialect == sqldb.Postgres {
			exec(t, db, "CREATE SCHEMA privacyd")
		}
		exec(t, db, "CREATE TABLE shops (id BIGINT PRIMARY KEY, title TEXT NOT NULL)",
			`CREATE TABLE orders (shop BIGINT NOT NULL REFERENCES shops, no BIGINT NOT NULL, "odd ""name" TEXT, PRIMARY KEY (shop, no))`,
			"CREATE INDEX by_name ON orders (\"odd \"\"name\", no)", "CREATE INDEX by_lower ON orders (shop, lower(\"odd \"\"name\"))",
			"CREATE INDEX partial ON orders (no) WHERE no > 5",
			"CREATE TABLE lines (shop BIGINT, no BIGINT, FOREIGN KEY (shop, no) REFERENCES orders (shop, no) ON DELETE SET NULL)",
			"CREATE VIEW names AS SELECT title FROM shops")
		got := catalog(t, db)
		typ := map[string]string{"BIGINT": "BIGINT", "TEXT": "TEXT"}
		if db.Dialect == sqldb.Postgres {
			typ = map[string]string{"BIGINT": "bigint", "TEXT": "text"}
		}
		want := datamap.Table{
			Name:        "orders",
			Columns:     []datamap.Column{{Name: "shop", Type: typ["BIGINT"]}, {Name: "no", Type: typ["BIGINT"]}, {Name: `odd "name`, Type: typ["TEXT"], Nullable: true}},
			Key:         []string{"shop", "no"},
			Indexes:     [][]string{{`odd "name`, "no"}, {"shop"}, {"shop", "no"}},
			ForeignKeys: []datamap.ForeignKey{{Columns: []string{"shop"}, Table: "shops", Targets: []string{"id"}}},
		}
		if diff := cmp.Diff(want, got["orders"]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		composite := []datamap.ForeignKey{{Columns: []string{"shop", "no"}, Table: "orders", Targets: []string{"shop", "no"}, OnDelete: "set null"}}
		if diff := cmp.Diff(composite, got["lines"].ForeignKeys); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if !got["names"].View || len(got["names"].Columns) != 1 || len(got) != 4 || !slices.Equal(got["shops"].Indexes[0], []string{"id"}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestPostgresCatalog(t *testing.T) {
	db := postgres(t)
	exec(t, db, "CREATE SCHEMA other", "CREATE TABLE other.people (id int PRIMARY KEY, email varchar(40))",
		"CREATE TABLE events (at date NOT NULL, person int REFERENCES other.people) PARTITION BY RANGE (at)",
		"CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
		"CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM other.people",
		"INSERT INTO other.people SELECT i FROM generate_series(1, 1000) i", "ANALYZE other.people",
		"CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "CREATE INDEX hashed ON other.people USING hash (email)", "CREATE INDEX brinned ON other.people USING brin (email)")
	got := catalog(t, db)
	people := got["other.people"]
	if people.Rows != 1000 || people.Columns[1].Type != "character varying(40)" || len(people.Indexes) != 2 {
		t.Errorf("%+v", people)
	}
	part := got["events_2026"]
	if !part.Partition || part.Parent != "events" || got["events"].Partition || got["events"].ForeignKeys[0].Table != "other.people" {
		t.Errorf("%+v", part)
	}
	if got["totals"].View || len(got) != 4 {
		t.Errorf("%+v", got)
	}
}

func TestSQLiteCatalog(t *testing.T) {
	db := sqldbtest.SQLite(t)
	exec(t, db, "CREATE TABLE sorted (ws TEXT, id TEXT, PRIMARY KEY (ws, id)) WITHOUT ROWID",
		"CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, ws TEXT, sorted_id TEXT, FOREIGN KEY (ws, sorted_id) REFERENCES sorted)",
		"INSERT INTO child (id) VALUES (1), (2)")
	got := catalog(t, db)
	if diff := cmp.Diff([]datamap.ForeignKey{{Columns: []string{"ws", "sorted_id"}, Table: "sorted", Targets: []string{"ws", "id"}}}, got["child"].ForeignKeys); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"ws", "id"}}, got["sorted"].Indexes); diff != "" || len(got) != 2 {
		t.Errorf("%+v %s", got, diff)
	}
	if n, err := sqlsource.New(db.Reader(), db.Dialect).TableRows(t.Context(), "child"); n != 2 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestWorkspaces(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if db.Dialect == sqldb.Postgres {
			exec(t, db, "CREATE SCHEMA privacyd")
		}
		exec(t, db, "CREATE TABLE shops (id BIGINT PRIMARY KEY, title TEXT)", "INSERT INTO shops VALUES (10, 'Ten \"x\"'), (9, NULL), (11, 'gone')")
		shops := &datamap.Collection{Name: "shops", Table: "shops", Key: []string{"id"}, Where: "id < 11"}
		for _, name := range []string{"id", "title"} {
			shops.Fields = append(shops.Fields, &datamap.Field{Column: name, Name: name, Whose: datamap.WhoseNone})
		}
		graph := &datamap.Graph{Map: &datamap.Map{
			Dataset: "app", Workspace: datamap.WorkspaceRoot{Collection: "shops", Key: "id", Name: "title"}, Collections: []*datamap.Collection{shops},
		}}
		got, err := sqlsource.New(db.Reader(), db.Dialect).Workspaces(t.Context(), graph)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]datamap.WorkspaceRow{{Key: "10", Name: `Ten "x"`}, {Key: "9"}}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
