package store_test

import (
	"testing"

	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work/local"
)

// withoutEntry are the tables whose rows name no entry of the audit log, and why
// an action without one cannot commit all the same.
func withoutEntry() map[string]string {
	const (
		log     = "the audit log itself"
		beside  = "kept beside the audit log, for what it does"
		ofJob   = "rows of a job, which names its entry"
		records = "a record: an import, a request that changes records and an erasure have entries of their own"
		mails   = "what somebody is to be told of something that has its entry"
		migrate = "which migrations are done"
	)
	return map[string]string{
		"audit_entries": log, "audit_disclosures": log, "audit_trees": log, "audit_positions": log, "audit_nodes": log, "audit_checkpoints": log,
		"audit_noted": log, "audit_cursor": log, "audit_actions": beside, "audit_owned": beside, "audit_keys": beside, "audit_known": beside,
		"audit_erasures":       "names its intent, an entry, as that",
		"agreement_signatures": "who signed an acceptance, which names its entry; a part of its own, since it can be erased",
		"erasure_runs":         ofJob, "erasures": ofJob, "job_keys": ofJob, "purges": ofJob, "review_items": ofJob, "notice_readers": ofJob, "notices": mails,
		"plans": "what was shown to somebody, who has not decided anything yet", "mails": mails, "reset_requests": mails,
		"workspace_datasets": "rows of a workspace, made and changed with an entry in the same transaction",
		"recovery_codes":     "rows of a second factor, which names its entry",
		"record_authors":     "rows of records, for what they are found by",
		"record_purges":      "files of records that are gone, which are to be deleted",
		"attempts":           "counts of tries, each of which is an entry", "browsers": "from where somebody signed in, which is an entry",
		"llm_calls": "counts of calls by day: a call is not an action in privacyd, and its refusal is an entry",
		"instance":  "values of the database as a whole, such as the public key", "work_items": "what is to run, queued by what has its entry",
		"attachments": records, "comments": records, "contacts": records, "conversations": records, "documents": records, "flow_runs": records, "flow_versions": records,
		"flows": records, "knowledge_chunks": records, "knowledge_sources": records, "messages": records, "tickets": records,
		"records_migrations": migrate, "store_migrations": migrate, "work_migrations": migrate,
	}
}

// TestEveryRowNamesItsEntry: a row that records an action refers to the entry
// that tells of it, which must be there. Every table of ours does, or says why
// it need not.
func TestEveryRowNamesItsEntry(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		migrated(t, db)
		must(t, records.Migrate(t.Context(), db))
		must(t, local.Migrate(t.Context(), db))
		excused, naming := withoutEntry(), 0
		for _, table := range namingTables(t, db) {
			why, without := excused[table.name]
			delete(excused, table.name)
			switch {
			case table.column && table.required && table.refers:
				naming++
				if without {
					t.Errorf("%s names its entry and needs no excuse", table.name)
				}
			case table.column:
				t.Errorf("%s may name no entry, or one that is not there: %+v", table.name, table)
			case why == "":
				t.Errorf("rows of %s name no entry: is there a reason?", table.name)
			}
		}
		if db.Dialect == sqldb.Postgres {
			delete(excused, "audit_owned") // an index, there
		}
		if len(excused) > 0 || naming < 20 {
			t.Errorf("%d tables name their entries; these are not there: %v", naming, excused)
		}
	})
}

// naming is what a table says of entries.
type naming struct {
	name                     string
	column, required, refers bool
}

func namingTables(t *testing.T, db *sqldb.DB) (tables []naming) {
	t.Helper()
	query := `SELECT m.name, EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'audit_entry_id'),
			EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'audit_entry_id' AND "notnull" = 1),
			EXISTS (SELECT 1 FROM pragma_foreign_key_list(m.name) WHERE "from" = 'audit_entry_id' AND "table" = 'audit_entries')
		FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY 1`
	if db.Dialect == sqldb.Postgres {
		query = `SELECT c.relname::text, a.attname IS NOT NULL, coalesce(a.attnotnull, false),
				EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.convalidated
					AND k.confrelid = 'audit_entries'::regclass AND k.conkey = ARRAY[a.attnum])
			FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'audit_entry_id'
			WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'audit_entries'::regclass) ORDER BY 1`
	}
	rows, err := db.Query(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var n naming
		must(t, rows.Scan(&n.name, &n.column, &n.required, &n.refers))
		tables = append(tables, n)
	}
	must(t, rows.Err())
	return tables
}
