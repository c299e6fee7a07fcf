package store_test

import (
	"regexp"
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

// tellingName is a column's name that says that somebody is told of in it.
var tellingName = regexp.MustCompile(`_by$|_to$|account|author|assignee|reporter|contact|email|phone|address|subject|owner|scope|label|about|name$|(^|_)(ip|who)(_|$)`)

// aboutNobody are such columns that hold nothing of anybody, and why.
var aboutNobody = map[string]string{
	"instance.name":            "of a check value",
	"workspaces.name":          "an organisation's; blanked with it",
	"export_files.name":        "made of the workspace's slug and the time",
	"sub_processors.name":      "an organisation's, which is public",
	"audit_disclosures.owner":  "a keyed hash; the row goes with its owner",
	"audit_known.owner":        "a keyed hash; the row goes with its owner",
	"audit_owned.owner":        "a keyed hash; the row goes with its owner",
	"audit_cursor.unsigned_to": "how many entries there were at an update",
	"audit_erasures.owner":     "a keyed hash; the row lives for some days",
	"mails.owner":              "a keyed hash; the key that it names is destroyed",
	"api_tokens.scopes":        "what the token may do",
	"jobs.subject_kind":        "a kind",
	"jobs.subject_ref":         "a keyed hash; blanked with its owner",
}

// Whatever column of ours can hold a person, by its name, is one that the maps
// treat as personal: no table with such a column is ignored.
func TestMapsTellOfEveryPersonalColumn(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		migrated(t, db)
		must(t, records.Migrate(t.Context(), db))
		must(t, local.Migrate(t.Context(), db))
		catalog, err := sqlsource.New(db.Reader(), db.Dialect).Catalog(t.Context())
		must(t, err)
		told := personal(compiled(t, "privacyd.map.yaml", store.DataMap), compiled(t, "records.map.yaml", records.DataMap))
		looked, excused := 0, map[string]bool{}
		for _, table := range catalog.Tables {
			for _, c := range table.Columns {
				at := table.Name + "." + c.Name
				if !tellingName.MatchString(c.Name) {
					continue
				}
				looked++
				excused[at] = !told[at] && aboutNobody[at] != ""
				if !told[at] && !excused[at] {
					t.Errorf("no map says what becomes of %s, which may hold somebody", at)
				}
			}
		}
		for at := range aboutNobody {
			index := at == "audit_owned.owner" && db.Dialect == sqldb.Postgres // there it is no table
			if !excused[at] && !index {
				t.Errorf("%s needs no excuse", at)
			}
		}
		if looked < 30 {
			t.Errorf("only %d columns were looked at", looked)
		}
	})
}

// personal are the columns that go, or change, when somebody does: secrets,
// those of a personal category, and those that link to a person.
func personal(graphs ...*datamap.Graph) map[string]bool {
	told := map[string]bool{}
	for _, g := range graphs {
		kinds := map[string]bool{}
		for _, k := range g.Map.Subjects {
			kinds[k.Collection] = true
		}
		for _, c := range g.Collections() {
			for _, f := range c.Fields {
				if f.Secret || strings.HasPrefix(f.Category, "user") {
					told[c.Table+"."+f.Column] = true
				}
			}
			for _, l := range c.Links {
				for _, on := range l.On {
					told[c.Table+"."+on.Column] = told[c.Table+"."+on.Column] || kinds[l.To]
				}
			}
		}
	}
	return told
}
