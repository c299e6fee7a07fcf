package sqlsource

import (
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// A reference counts as guarded only where the database lets none of the rows
// referred to go, wherever the rows lie that refer to them.
func TestGuardedReferences(t *testing.T) {
	plain := []string{"CREATE TABLE talks (id INT PRIMARY KEY)", "CREATE TABLE lines (id INT, talk INT REFERENCES talks)"}
	parts := []string{
		"CREATE TABLE talks (id INT PRIMARY KEY)", "CREATE TABLE lines (id INT, talk INT) PARTITION BY LIST (id)",
		"CREATE TABLE a PARTITION OF lines FOR VALUES IN (1)", "CREATE TABLE b PARTITION OF lines DEFAULT",
	}
	type guard struct {
		tables []string
		then   string
		want   bool
	}
	for name, c := range map[string]guard{
		"a reference":                       {plain, "", true},
		"of all partitions":                 {parts, "ALTER TABLE lines ADD FOREIGN KEY (talk) REFERENCES talks", true},
		"of one partition":                  {parts, "ALTER TABLE b ADD FOREIGN KEY (talk) REFERENCES talks", false},
		"a table inherits":                  {plain, "CREATE TABLE more () INHERITS (lines)", false},
		"a table inherits what is referred": {plain, "CREATE TABLE more () INHERITS (talks)", false},
		"a reference of what inherits":      {[]string{plain[0], "CREATE TABLE lines (id INT, talk INT)"}, "CREATE TABLE more (FOREIGN KEY (talk) REFERENCES talks) INHERITS (lines)", false},
		"triggers that are disabled":        {plain, "ALTER TABLE talks DISABLE TRIGGER ALL", false},
		"triggers of a replica":             {plain, `DO $x$ DECLARE g name; BEGIN FOR g IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'talks'::regclass LOOP EXECUTE format('ALTER TABLE talks ENABLE REPLICA TRIGGER %I', g); END LOOP; END $x$`, false},
		"no trigger":                        {plain, "DELETE FROM pg_trigger WHERE tgrelid = 'talks'::regclass", false},
		"a reference that blanks":           {[]string{plain[0], "CREATE TABLE lines (id INT, talk INT REFERENCES talks ON DELETE SET NULL)"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			db := sqldbtest.Postgres(t)
			execute(t, db, append([]string{"CREATE SCHEMA privacyd"}, append(c.tables, c.then)...)...)
			e, err := Own(db).Eraser()
			if err != nil {
				t.Fatal(err)
			}
			err = e.look(t.Context(), "learn", func(s *Snapshot) error { return e.ask(t.Context(), s, []string{"talks", "lines"}) })
			if err != nil {
				t.Fatal(err)
			}
			if got := e.facts.guarded("talks", "lines", []datamap.ColumnPair{{Column: "talk", Target: "id"}}); got != c.want {
				t.Errorf("guarded: %v", got)
			}
		})
	}
}
