package enginetest

import (
	"database/sql"
	"path/filepath"

	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/source/sqlsource"
)

const salesMap = `
dataset: sales
workspace: {collection: firms, key: id, name: name}
subjects:
  account: {collection: sellers, key: id, span: all, identities: {email: email}}
collections:
  firms:
    fields: {id: system, name: system}
  sellers:
    fields: {id: user.unique_id, firm: system, email: user.contact.email}
    links:
      - {to: firms, on: {firm: id}, relation: belongs}
`

// AddSales adds a second dataset, called sales, that knows accounts by ids of
// its own. It is a SQLite file, whatever the other databases are.
func (b *Bench) AddSales(firm string, sellers map[string]string) {
	b.t.Helper()
	file := filepath.Join(b.Folder, "sales.db")
	db, err := sql.Open("sqlite3", "file:"+file+"?_pragma=journal_mode(wal)")
	b.Must(err)
	ctx := b.t.Context()
	for _, statement := range []string{
		"CREATE TABLE firms (id TEXT PRIMARY KEY, name TEXT NOT NULL)",
		"CREATE TABLE sellers (id TEXT PRIMARY KEY, firm TEXT NOT NULL REFERENCES firms (id), email TEXT NOT NULL)",
		"CREATE INDEX sellers_firm ON sellers (firm)", "CREATE INDEX sellers_email ON sellers (email)",
	} {
		_, err := db.ExecContext(ctx, statement)
		b.Must(err)
	}
	_, err = db.ExecContext(ctx, "INSERT INTO firms VALUES ($1, 'Firm')", firm)
	b.Must(err)
	for id, email := range sellers {
		_, err := db.ExecContext(ctx, "INSERT INTO sellers VALUES ($1, $2, $3)", id, firm, email)
		b.Must(err)
	}
	b.Must(db.Close())
	s, err := sqlsource.OpenSQLiteToErase(ctx, file)
	b.Must(err)
	b.atStop(s.Close)
	b.Datasets = append(b.Datasets, engine.Dataset{Name: "sales", Graph: b.graph(salesMap), Source: source{s, &b.BatchRows}})
}
