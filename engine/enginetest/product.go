package enginetest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// ProductMap is the data map of a Product.
const ProductMap = `
dataset: app
workspace: {collection: orgs, key: id, name: name}
subjects:
  customer: {collection: customers, key: id, name: name, identities: {email: email}}
  account: {collection: staff, key: id, span: all, identities: {email: email}}
collections:
  orgs:
    fields: {id: system, name: system}
  staff:
    fields: {id: user.unique_id, email: user.contact.email}
    links:
      - {to: seats, on: {id: staff}, relation: belongs}
  seats:
    key: [org, staff]
    fields: {org: system, staff: user.unique_id}
    links:
      - {to: orgs, on: {org: id}, relation: belongs}
      - {to: staff, on: {staff: id}, relation: belongs}
  customers:
    fields: {id: user.unique_id, org: system, name: user.name, email: user.contact.email}
    links:
      - {to: orgs, on: {org: id}, relation: belongs}
  chats:
    fields:
      id: system
      org: system
      customer: user.unique_id
      agent: user.unique_id
      closed: system
      closed_at: {category: system, format: unix_micros}
      last_at: {category: system, format: unix_micros}
    links:
      - {to: orgs, on: {org: id}, relation: belongs}
      - {to: customers, on: {customer: id}, relation: belongs}
      - {to: staff, on: {agent: id}, relation: mentions, disposition: null}
    clock: {resolved: closed = 1, resolved_at: closed_at, last_activity: last_at}
  lines:
    fields: {id: system, chat: system, body: user.content.private, file: internal}
    links:
      - {to: chats, on: {chat: id}, relation: belongs}
    files: [{column: file, bucket: uploads}]
`

const productTables = `
CREATE TABLE orgs (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE staff (id TEXT PRIMARY KEY, email TEXT NOT NULL);
CREATE TABLE seats (org TEXT NOT NULL REFERENCES orgs (id), staff TEXT NOT NULL REFERENCES staff (id), PRIMARY KEY (org, staff));
CREATE TABLE customers (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs (id), name TEXT, email TEXT);
CREATE TABLE chats (id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES orgs (id), customer TEXT NOT NULL REFERENCES customers (id),
  agent TEXT REFERENCES staff (id), closed BIGINT NOT NULL, closed_at BIGINT, last_at BIGINT);
CREATE TABLE lines (id TEXT PRIMARY KEY, chat TEXT NOT NULL REFERENCES chats (id), body TEXT, file TEXT);
CREATE INDEX seats_staff ON seats (staff);
CREATE INDEX customers_org ON customers (org);
CREATE INDEX customers_email ON customers (email);
CREATE INDEX staff_email ON staff (email);
CREATE INDEX chats_org ON chats (org);
CREATE INDEX chats_customer ON chats (customer);
CREATE INDEX chats_agent ON chats (agent);
CREATE INDEX lines_chat ON lines (chat);
CREATE INDEX lines_file ON lines (file);
`

// Product is the database of a product, of the same kind as privacyd's own, and
// the folder in which its files are.
type Product struct {
	DB      *sql.DB // the product's own connections
	Address string  // a file, or the address of a server
	Uploads string  // the folder

	t testing.TB
}

// NewProduct wires an engine on db, beside a product.
func NewProduct(t testing.TB, db *sqldb.DB) *Bench {
	t.Helper()
	if db.Dialect == sqldb.Postgres {
		return NewProductAt(t, db, sqldbtest.PostgresDSN(t))
	}
	return NewProductAt(t, db, filepath.Join(t.TempDir(), "app.db"))
}

// NewProductAt is NewProduct with the address of an empty database of the
// product.
func NewProductAt(t testing.TB, db *sqldb.DB, address string) *Bench {
	t.Helper()
	b := New(t, db)
	p := &Product{t: t, Address: address, Uploads: filepath.Join(b.Folder, "uploads")}
	var err error
	if db.Dialect == sqldb.Postgres {
		p.DB, err = sql.Open("pgx", p.Address)
	} else {
		p.DB, err = sql.Open("sqlite3", "file:"+p.Address+"?_pragma=journal_mode(wal)&_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)")
	}
	b.Must(err)
	t.Cleanup(func() { _ = p.DB.Close() })
	p.Exec(productTables)
	b.Product = p
	b.addProduct()
	return b
}

func (b *Bench) addProduct() {
	p, ctx := b.Product, b.t.Context()
	b.Must(os.MkdirAll(p.Uploads, 0o700))
	open := sqlsource.OpenSQLiteToErase
	if b.DB.Dialect == sqldb.Postgres {
		open = sqlsource.OpenPostgres
	}
	s, err := open(ctx, p.Address)
	b.Must(err)
	b.atStop(s.Close)
	files, err := blob.Open(ctx, p.Uploads, nil)
	b.Must(err)
	b.atStop(files.Close)
	b.Datasets = append(b.Datasets, engine.Dataset{
		Name: "app", Graph: b.graph(ProductMap), Source: source{s, &b.BatchRows}, Files: map[string]engine.BlobReader{"uploads": blobs{files}},
	})
}

// Exec runs a statement as the product.
func (p *Product) Exec(query string, args ...any) {
	p.t.Helper()
	if _, err := p.DB.ExecContext(p.t.Context(), query, args...); err != nil {
		p.t.Fatal(err)
	}
}

// Count counts rows as the product.
func (p *Product) Count(table, where string) (n int) {
	p.t.Helper()
	if err := p.DB.QueryRowContext(p.t.Context(), "SELECT count(*) FROM "+table+" WHERE "+where).Scan(&n); err != nil {
		p.t.Fatal(err)
	}
	return n
}

// Hire adds somebody who works for an organisation.
func (p *Product) Hire(org, id, email string) {
	p.t.Helper()
	p.Exec("INSERT INTO staff VALUES ($1, $2)", id, email)
	p.Exec("INSERT INTO seats VALUES ($1, $2)", org, id)
}

// Fill adds an organisation with one who works there and two customers, a and b, each with two chats of
// three lines, of which one has a file. Chats are closed at the time, in
// microseconds.
func (p *Product) Fill(org string, at int64) {
	p.t.Helper()
	p.Exec("INSERT INTO orgs VALUES ($1, $1)", org)
	p.Hire(org, org+"-s", org+"-s@example.org")
	for _, who := range []string{"a", "b"} {
		customer := org + "-" + who
		p.Exec("INSERT INTO customers VALUES ($1, $2, $1, $3)", customer, org, customer+"@example.org")
		for c := range 2 {
			chat := fmt.Sprintf("%s-%d", customer, c)
			p.Exec("INSERT INTO chats VALUES ($1, $2, $3, NULL, 1, $4, $4)", chat, org, customer, at)
			for l := range 3 {
				p.AddLine(chat, fmt.Sprintf("%s-%d", chat, l), l == 0)
			}
		}
	}
}

// AddLine adds a line to a chat, with a file of its name.
func (p *Product) AddLine(chat, id string, withFile bool) {
	p.t.Helper()
	file := sql.NullString{String: id + ".txt", Valid: withFile}
	if withFile {
		if err := os.WriteFile(filepath.Join(p.Uploads, file.String), []byte("uploaded"), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	p.Exec("INSERT INTO lines VALUES ($1, $2, $3, $4)", id, chat, "a line", file)
}
