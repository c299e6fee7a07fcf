package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// odd are rows and tables of unusual size or name.
func odd(t *testing.T, s Source) {
	var columns, names []string
	for i := range 1600 {
		columns = append(columns, fmt.Sprintf("c%d SMALLINT", i))
		names = append(names, fmt.Sprintf("c%d", i))
	}
	s.exec(t, "CREATE TABLE wide ("+strings.Join(columns, ", ")+")", "INSERT INTO wide (c0, c1599) VALUES (1, 2)",
		"CREATE TABLE empty (id TEXT)", `CREATE TABLE "odd ""name" (id TEXT, "a""b\c" TEXT)`, `INSERT INTO "odd ""name" VALUES ('1', 'x')`,
		"CREATE TABLE long (id TEXT, body TEXT)", "INSERT INTO long VALUES ('1', '"+strings.Repeat("0123456789", 1<<20)+"')")
	snapshot := s.open(t)
	row := Records(t, snapshot, whole("wide", names...))[0]
	if !strings.HasPrefix(row, `{"c0":1,"c1":null,`) || !strings.HasSuffix(row, `,"c1599":2}`) || strings.Count(row, ":") != 1600 {
		t.Errorf("a wide row is %.60s…", row)
	}
	want(t, Records(t, snapshot, whole("empty", "id")), []string(nil))
	want(t, Records(t, snapshot, whole("empty")), []string(nil))
	want(t, Records(t, snapshot, whole("long")), []string{"{}"})
	want(t, Records(t, snapshot, whole(`odd "name`, `a"b\c`)), []string{`{"a\"b\\c":"x"}`})
	if row := Records(t, snapshot, whole("long", "body"))[0]; len(row) != 10<<20+len(`{"body":""}`) {
		t.Errorf("a long row has %d bytes", len(row))
	}
	for _, sel := range []datamap.Selection{whole("missing", "id"), whole("empty", "missing")} {
		err := s.open(t).Read(t.Context(), sel, func(datamap.Row) error { return nil })
		if privacyd.CodeOf(err) != "map_mismatch" {
			t.Errorf("%s: %v", sel.Table, err)
		}
	}
}

// snapshot: what is written after it began is not seen, whichever tables were
// read before.
func snapshot(t *testing.T, s Source) {
	s.exec(t, "CREATE TABLE a (id BIGINT)", "CREATE TABLE b (id BIGINT)",
		"INSERT INTO a VALUES (1), (2), (3)", "INSERT INTO b VALUES (1), (2), (3)")
	before := s.open(t)
	seen := 0
	err := before.Read(t.Context(), whole("a", "id"), func(datamap.Row) error {
		if seen++; seen == 1 {
			s.exec(t, "DELETE FROM b WHERE id = 1", "INSERT INTO b VALUES (4)", "INSERT INTO a VALUES (4)", "UPDATE b SET id = 9 WHERE id = 2")
		}
		return nil
	})
	if err != nil || seen != 3 {
		t.Fatalf("%d rows: %v", seen, err)
	}
	want(t, sorted(Records(t, before, whole("b", "id"))), []string{`{"id":1}`, `{"id":2}`, `{"id":3}`})
	want(t, sorted(Records(t, s.open(t), whole("b", "id"))), []string{`{"id":3}`, `{"id":4}`, `{"id":9}`})
	if before.Time().IsZero() {
		t.Error("the snapshot has no time")
	}
	if n, err := s.open(t).Estimate(t.Context(), whole("a", "id")); err != nil || n < 1 {
		t.Errorf("estimate %d: %v", n, err)
	}
}

func sorted(rows []string) []string {
	slices.Sort(rows)
	return rows
}

// cancel: a read that is stopped, by its context or by who reads, says why and
// leaves the source usable.
func cancel(t *testing.T, s Source) {
	s.exec(t, "CREATE TABLE n (id BIGINT)",
		"INSERT INTO n WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 200000) SELECT x FROM c")
	mine := errors.New("enough")
	for range 20 { // more often than there are connections
		ctx, stop := context.WithCancel(t.Context())
		first := s.open(t)
		err := first.Read(ctx, whole("n", "id"), func(datamap.Row) error { stop(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled: %v", err)
		}
		stop()
		second := s.open(t)
		if err := second.Read(t.Context(), whole("n", "id"), func(datamap.Row) error { return mine }); !errors.Is(err, mine) {
			t.Fatalf("stopped: %v", err)
		}
		if err := errors.Join(first.Close(), second.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(Records(t, s.open(t), whole("n", "id"))); n != 200_000 {
		t.Errorf("%d rows", n)
	}
}
