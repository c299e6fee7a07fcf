// Package sourcetest is what every source of personal data must satisfy: the
// same rows give the same bytes, whichever database they are in, a snapshot
// does not move, links lead to the right rows, and whatever goes wrong is told.
//
// It must never know how a source reads. Open sourcetest.go first; each file
// beside it is one part of the suite.
package sourcetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
)

// Snapshot is one unchanging view of a source.
type Snapshot interface {
	Read(ctx context.Context, sel datamap.Selection, fn func(datamap.Row) error) error
	Estimate(ctx context.Context, sel datamap.Selection) (int64, error)
	Describe(ctx context.Context, sel datamap.Selection) ([]datamap.FieldType, error)
	Time() time.Time
	Close() error
}

// Source is a new and empty database with the source that reads it.
type Source struct {
	Dialect  string // datamap.DialectPostgres or datamap.DialectSQLite
	Exec     func(ctx context.Context, statement string) error
	Snapshot func(ctx context.Context) (Snapshot, error)
	Eraser   func() (Eraser, error) // nil: it only reads
	Own      bool                   // what Exec is given in a batch's callback commits with the batch
}

// Run runs the suite; open gives a new Source for each of its tests.
func Run(t *testing.T, open func(t *testing.T) Source) {
	suite := []struct {
		name string
		test func(t *testing.T, s Source)
	}{
		{"values", values},
		{"types", types},
		{"files", files},
		{"scopes", scopes},
		{"odd", odd},
		{"snapshot", snapshot},
		{"cancel", cancel},
	}
	for _, part := range suite {
		t.Run(part.name, func(t *testing.T) { part.test(t, open(t)) })
	}
}

func (s Source) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (s Source) open(t *testing.T) Snapshot {
	t.Helper()
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := snapshot.Close(); err != nil {
			t.Error(err)
		}
	})
	return snapshot
}

// Records reads a whole selection.
func Records(t testing.TB, s Snapshot, sel datamap.Selection) []string {
	t.Helper()
	var rows []string
	err := s.Read(t.Context(), sel, func(r datamap.Row) error {
		rows = append(rows, string(r.JSON))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func want(t *testing.T, got, expected any) {
	t.Helper()
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// whole selects all rows and the named columns of a table.
func whole(table string, columns ...string) datamap.Selection {
	c := &datamap.Collection{Name: table, Table: table, Key: []string{"id"}}
	for _, name := range columns {
		c.Fields = append(c.Fields, &datamap.Field{Column: name, Name: name})
	}
	return datamap.Selection{Collection: c, Table: table, Fields: c.Fields}
}
