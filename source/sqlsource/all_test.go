package sqlsource_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// talk are the steps that erase a person's chats and the lines below them.
func talk() (steps []*datamap.Step, lines, chats *datamap.Collection) {
	chats = &datamap.Collection{Name: "chats", Table: "chats", Key: []string{"id"}}
	lines = &datamap.Collection{Name: "lines", Table: "lines", Key: []string{"id"}}
	hers := datamap.Path{Column: "person", Value: "jane"}
	up := datamap.Hop{Link: &datamap.Link{To: "chats", On: []datamap.ColumnPair{{Column: "chat_id", Target: "id"}}}, To: chats}
	step := func(c *datamap.Collection, p datamap.Path, files ...*datamap.FileColumn) *datamap.Step {
		return &datamap.Step{
			Collection: c, Table: c.Table, Action: datamap.Delete, Files: files,
			Rows: datamap.Rows{All: []datamap.Condition{{Any: []datamap.Path{p}}}},
		}
	}
	below := hers
	below.Hops = []datamap.Hop{up}
	return []*datamap.Step{step(lines, below, &datamap.FileColumn{Column: "file", Bucket: "b"}), step(chats, hers)}, lines, chats
}

// talkTables has a chat of jane's and one of joe's with so many lines each.
func talkTables(reference string, n int) []string {
	return []string{
		"CREATE TABLE chats (id BIGINT PRIMARY KEY, person TEXT)",
		"CREATE TABLE lines (id BIGINT PRIMARY KEY, chat_id BIGINT " + reference + ", file TEXT)",
		"CREATE INDEX lines_chat ON lines (chat_id)", "CREATE INDEX chats_person ON chats (person)",
		"INSERT INTO chats VALUES (1, 'jane'), (2, 'joe')",
		fmt.Sprintf("INSERT INTO lines WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < %d) SELECT x, 1 + x %% 2, 'file-' || x FROM c", 2*n),
	}
}

// Several steps go together: a few rows in one transaction, many in several;
// what is added when they are about to go, goes too; and each row is told of
// once.
func TestStepsGoTogether(t *testing.T) {
	forms := map[string]func(t *testing.T) sourcetest.Source{
		"sqlite":           func(t *testing.T) sourcetest.Source { return own(t, sqldbtest.SQLite(t)) },
		"postgres":         func(t *testing.T) sourcetest.Source { return own(t, postgres(t)) },
		"product/sqlite":   productSQLite,
		"product/postgres": productPostgres,
	}
	for name, open := range forms {
		for reference, sizes := range map[string][]int{"REFERENCES chats (id)": {40, 25_000}, "": {40, 3000}} {
			for _, n := range sizes {
				t.Run(fmt.Sprint(name, " ", reference, n), func(t *testing.T) { stepsTogether(t, open(t), reference, n) })
			}
		}
	}
}

func stepsTogether(t *testing.T, s sourcetest.Source, reference string, n int) {
	for _, statement := range talkTables(reference, n) {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	e, err := s.Eraser()
	if err != nil {
		t.Fatal(err)
	}
	e.(*sqlsource.Eraser).MaxRows = 0
	e.(*sqlsource.Eraser).SetChunks(20_000, 400_000)
	steps, lines, chats := talk()
	got, done, batches, files := map[string]int64{}, int64(0), 0, map[string]bool{}
	added := []string{"INSERT INTO chats VALUES (3, 'jane'), (4, 'joe')", "INSERT INTO lines VALUES (-1, 3, 'new'), (-2, 1, 'more'), (-3, 4, 'his')"}
	rows, err := e.RunAll(t.Context(), steps, sqlsource.Batch{
		Guard: func(ctx context.Context) (err error) {
			if s.Dialect == string(sqldb.Postgres) { // SQLite has one writer
				ctx = t.Context()
			}
			for _, statement := range added {
				if err == nil {
					err = s.Exec(ctx, statement)
				}
			}
			added = nil
			return err
		},
		Files: func(_ context.Context, list []datamap.File) error {
			for _, f := range list {
				files[f.Key] = true
			}
			return nil
		},
		Along: func(step *datamap.Step, n int64) { got[step.Collection.Name] += n },
		Done:  func(_ context.Context, n int64) error { done += n; return nil },
		Timed: func(int64, time.Duration) { batches++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	all := int64(n + 2)
	if diff := cmp.Diff(map[string]int64{"lines": all, "chats": 2}, got); diff != "" || rows != all+2 || done != all+2 {
		t.Errorf("%d rows went, %d were announced: %s", rows, done, diff)
	}
	if most := 3; n == 40 && batches > most || len(files) < n+2 || files["his"] {
		t.Errorf("%d batches, %d files", batches, len(files))
	}
	for c, want := range map[*datamap.Collection]int{lines: n + 1, chats: 2} {
		view, err := s.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.Fields = []*datamap.Field{{Column: "id", Name: "id"}}
		left := sourcetest.Records(t, view, datamap.Selection{Collection: c, Fields: c.Fields})
		if len(left) != want || slices.Contains(left, `{"id":1}`) && c == chats {
			t.Errorf("%s: %d rows are left", c.Name, len(left))
		}
		_ = view.Close()
	}
}

// A trigger that undoes what it is told is found out.
func TestTriggersKeepRows(t *testing.T) {
	s := productSQLite(t)
	for _, statement := range append(talkTables("", 40),
		"CREATE TRIGGER keep BEFORE DELETE ON lines WHEN OLD.id = 2 BEGIN SELECT RAISE(IGNORE); END") {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	e, err := s.Eraser()
	if err != nil {
		t.Fatal(err)
	}
	e.(*sqlsource.Eraser).MaxRows = 0
	steps, _, _ := talk()
	if _, err := e.RunAll(t.Context(), steps, sqlsource.Batch{}); privacyd.CodeOf(err) != "rows_remain" {
		t.Error(err)
	}
}

// Files are told of before a transaction holds up those who write to a product's
// SQLite file.
func TestFilesHoldNobodyUp(t *testing.T) {
	s := productSQLite(t)
	for _, statement := range append(talkTables("", 40), "CREATE TABLE other (id BIGINT)") {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	e, err := s.Eraser()
	if err != nil {
		t.Fatal(err)
	}
	e.(*sqlsource.Eraser).MaxRows = 0
	steps, _, _ := talk()
	told := 0
	rows, err := e.RunAll(t.Context(), steps, sqlsource.Batch{Files: func(_ context.Context, files []datamap.File) error {
		told += len(files)
		return s.Exec(t.Context(), "PRAGMA busy_timeout = 100; INSERT INTO other VALUES (1)")
	}})
	if err != nil || rows != 41 || told != 40 {
		t.Errorf("%d rows, %d files: %v", rows, told, err)
	}
}
