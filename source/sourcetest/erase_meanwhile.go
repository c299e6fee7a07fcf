package sourcetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sqlsource"
)

// talksOf is a step that deletes the talks of a person of the office.
func talksOf(person string) *datamap.Step {
	x := officeTables()
	return &datamap.Step{
		Collection: x.talks, Table: x.talks.Table, Action: datamap.Delete,
		Rows: datamap.Rows{All: paths(datamap.Path{Column: "person_id", Value: person})},
	}
}

// inserted rows are caught: those that come while the others go, too.
func inserted(t *testing.T, s Source) {
	s.exec(t, office()...)
	for no := range 20 {
		s.exec(t, fmt.Sprintf("INSERT INTO talks VALUES ('a', %d, 42)", 100+no))
	}
	more := 0
	n, err := s.eraser(t).Run(t.Context(), talksOf("42"), sqlsource.Batch{Guard: func(ctx context.Context) error {
		if more++; more > 5 {
			return nil
		}
		return s.Exec(ctx, fmt.Sprintf("INSERT INTO talks VALUES ('a', %d, 42), ('b', %d, 42)", -more, 1000+more))
	}})
	if err != nil || n != 30 {
		t.Errorf("%d rows went: %v", n, err)
	}
	want(t, len(s.all(t, "talks", "ws", "no")), 5)
}

// moved rows stay: those that others take out of the scope after they were
// found, and those that come to lie where one was.
func moved(t *testing.T, s Source) {
	s.exec(t, office()...)
	s.exec(t, "CREATE TABLE papers (id BIGINT, owner BIGINT)")
	for no := range 12 {
		s.exec(t, fmt.Sprintf("INSERT INTO talks VALUES ('a', %d, 42)", 100+no), fmt.Sprintf("INSERT INTO papers VALUES (%d, 42)", no))
	}
	batch := s.atFirst("UPDATE talks SET person_id = 1 WHERE no IN (101, 105, 111)")
	if n, err := s.eraser(t).Run(t.Context(), talksOf("42"), batch); err != nil || n != 9 {
		t.Errorf("%d rows went: %v", n, err)
	}
	papers := &datamap.Collection{Name: "papers", Table: "papers", Key: []string{"id"}}
	step := &datamap.Step{
		Collection: papers, Table: "papers", Action: datamap.Delete,
		Rows: datamap.Rows{All: paths(datamap.Path{Column: "owner", Value: "42"})},
	}
	batch = s.atFirst("UPDATE papers SET owner = 1 WHERE id IN (1, 5, 11)", "DELETE FROM papers WHERE id = 2", "INSERT INTO papers VALUES (100, 1)")
	if n, err := s.eraser(t).Run(t.Context(), step, batch); err != nil || n != 8 {
		t.Errorf("%d rows went: %v", n, err)
	}
	want(t, s.all(t, "papers", "id"), []string{`{"id":100}`, `{"id":11}`, `{"id":1}`, `{"id":5}`})
}

// atFirst runs statements when the first batch is about to go.
func (s Source) atFirst(statements ...string) sqlsource.Batch {
	return sqlsource.Batch{Guard: func(ctx context.Context) error {
		for _, statement := range statements {
			if err := s.Exec(ctx, statement); err != nil {
				return err
			}
		}
		statements = nil
		return nil
	}}
}

// edited documents keep what others wrote into them meanwhile.
func edited(t *testing.T, s Source) {
	x := officeTables()
	s.exec(t, office()...)
	link := &datamap.Link{To: "people", Relation: datamap.Mentions, On: []datamap.ColumnPair{{Column: "doc", JSONPath: "$.people[*].id", Target: "id"}}}
	step := &datamap.Step{
		Collection: x.docs, Table: "docs", Action: datamap.Null, Link: link, Set: []datamap.Assignment{{Column: "doc", JSONPath: "$.people[*].id"}},
		Rows: datamap.Rows{All: paths(datamap.Path{Hops: []datamap.Hop{{Link: link, To: x.people}}, Column: "id", Value: "3"})},
	}
	batch := s.atFirst(`UPDATE docs SET doc = '{"note": "new", "people": [{"id": 3}, {"id": 2}]}' WHERE id = 1`)
	if _, err := s.eraser(t).Run(t.Context(), step, batch); err != nil {
		t.Fatal(err)
	}
	docs := s.all(t, "docs", "id", "doc")
	want(t, docs[0], `{"id":1,"doc":"{\"note\": \"new\", \"people\": [{\"id\": null}, {\"id\": 2}]}"}`)
	want(t, docs[3], `{"id":4,"doc":"{\"author\": [{\"id\": 1}], \"people\": [{\"id\": 1}]}"}`)
}

// all gives the columns of every row, sorted.
func (s Source) all(t *testing.T, table string, columns ...string) []string {
	t.Helper()
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close() //nolint:errcheck // nothing was written
	return sorted(Records(t, snapshot, whole(table, columns...)))
}
