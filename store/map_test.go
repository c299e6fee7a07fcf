package store_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work/local"
)

func compiled(t *testing.T, name, text string) *datamap.Graph {
	t.Helper()
	m, err := datamap.Parse(name, strings.NewReader(text))
	must(t, err)
	g, err := datamap.Compile(m)
	must(t, err)
	return g
}

// The data map knows every table, and no erasure by it is blocked or reads a
// whole table.
func TestDataMapFitsTables(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		migrated(t, db)
		must(t, records.Migrate(t.Context(), db))
		must(t, local.Migrate(t.Context(), db))
		catalog, err := sqlsource.New(db.Reader(), db.Dialect).Catalog(t.Context())
		must(t, err)
		g := compiled(t, "privacyd.map.yaml", store.DataMap)
		for _, f := range datamap.Check(g, catalog, compiled(t, "records.map.yaml", records.DataMap)) {
			t.Errorf("%s %s.%s: %s %s", f.Code, f.Table, f.Column, f.Message, f.Remedy)
		}
		for name, s := range map[string]datamap.Scope{
			"workspace": {Workspace: "w"}, "account": {SubjectKind: "account", SubjectID: "a"}, "here": {Workspace: "w", SubjectKind: "account", SubjectID: "a"},
		} {
			e, err := g.Erasure(datamap.EraseScope{Scope: s, Catalog: &catalog})
			must(t, err)
			for _, p := range e.Blockers {
				t.Errorf("%s: %+v", name, p)
			}
			for _, r := range e.Unindexed(catalog) {
				t.Errorf("%s: %s %s", name, r.Collection, r.Statement)
			}
		}
	})
}
