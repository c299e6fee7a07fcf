package sourcetest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/datamap"
)

//go:embed shop.map.yaml
var shopMap string

// ShopGraph is the data map of the shop, compiled.
func ShopGraph(t testing.TB) *datamap.Graph {
	t.Helper()
	m, err := datamap.Parse("shop.map.yaml", strings.NewReader(shopMap))
	if err != nil {
		t.Fatal(err)
	}
	g, err := datamap.Compile(m)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// shopTables are its tables, parents first: some with a key that is one of
// SQLite's, some without, some with the key only.
func shopTables(dialect string) []string {
	bare, doc := "", "TEXT"
	if dialect == datamap.DialectSQLite {
		bare = " WITHOUT ROWID"
	} else {
		doc = "JSONB"
	}
	return []string{
		"CREATE TABLE workspaces (id TEXT PRIMARY KEY, name TEXT)",
		"CREATE TABLE agents (id BIGINT PRIMARY KEY, email TEXT)",
		"CREATE TABLE seats (ws TEXT NOT NULL REFERENCES workspaces (id), agent_id BIGINT NOT NULL REFERENCES agents (id), PRIMARY KEY (ws, agent_id))" + bare,
		"CREATE TABLE pictures (id BIGINT PRIMARY KEY, blob TEXT)",
		`CREATE TABLE people (id INTEGER PRIMARY KEY, ws TEXT NOT NULL REFERENCES workspaces (id), name TEXT, email TEXT, phone TEXT, handles TEXT,
			merged_into INTEGER REFERENCES people (id), picture_id BIGINT REFERENCES pictures (id))`,
		`CREATE TABLE talks (ws TEXT NOT NULL REFERENCES workspaces (id), no BIGINT NOT NULL, person_id INTEGER REFERENCES people (id),
			agent_id BIGINT REFERENCES agents (id), status TEXT, resolved_at BIGINT, last_at BIGINT, PRIMARY KEY (ws, no))` + bare,
		`CREATE TABLE posts (id BIGINT PRIMARY KEY, ws TEXT NOT NULL, talk_no BIGINT, answers BIGINT REFERENCES posts (id), body TEXT, blob TEXT,
			hidden SMALLINT NOT NULL DEFAULT 0, FOREIGN KEY (ws, talk_no) REFERENCES talks (ws, no))`,
		"CREATE TABLE likes (post_id BIGINT NOT NULL REFERENCES posts (id), person_id INTEGER NOT NULL REFERENCES people (id), PRIMARY KEY (post_id, person_id))" + bare,
		"CREATE TABLE notes (id TEXT PRIMARY KEY, ws TEXT NOT NULL REFERENCES workspaces (id), kind TEXT, ref TEXT, body TEXT)",
		"CREATE TABLE docs (id BIGINT PRIMARY KEY, ws TEXT NOT NULL REFERENCES workspaces (id), doc " + doc + ")",
		"CREATE TABLE bills (id BIGINT PRIMARY KEY, ws TEXT NOT NULL, person_id INTEGER, name TEXT, amount BIGINT)",
		"CREATE TABLE desks (id BIGINT PRIMARY KEY, ws TEXT NOT NULL REFERENCES workspaces (id), person_id INTEGER NOT NULL REFERENCES people (id), chair_id BIGINT)",
		"CREATE TABLE chairs (id BIGINT PRIMARY KEY, ws TEXT NOT NULL REFERENCES workspaces (id), desk_id BIGINT REFERENCES desks (id))",
	}
}

// shopSize is how much a made-up shop has.
type shopSize struct{ workspaces, people, talks, posts int }

// fillShop makes rows of every kind, the same for the same seed.
func fillShop(t testing.TB, s Source, seed uint64, size shopSize) {
	t.Helper()
	f := &filler{rand: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // made-up rows need no secrecy
	s.exec(t, shopTables(s.Dialect)...)
	f.insert("agents", "1, 'agent1@shop.example'", "2, 'agent2@shop.example'")
	for w := range size.workspaces {
		f.workspace(string(rune('a'+w)), size)
	}
	s.exec(t, strings.Join(f.statements, "; "))
}

type filler struct {
	rand       *rand.Rand
	ids        int
	statements []string
}

func (f *filler) id() int { f.ids++; return f.ids }

func (f *filler) insert(table string, rows ...string) {
	for _, r := range rows {
		f.statements = append(f.statements, "INSERT INTO "+table+" VALUES ("+r+")")
	}
}

// one gives an element, or NULL in so many of 100 cases.
func (f *filler) one(of []int, null int) string {
	if len(of) == 0 || f.rand.IntN(100) < null {
		return "NULL"
	}
	return fmt.Sprint(of[f.rand.IntN(len(of))])
}

func (f *filler) workspace(ws string, size shopSize) {
	f.insert("workspaces", fmt.Sprintf("'%s', 'Workspace %s'", ws, ws))
	f.insert("seats", fmt.Sprintf("'%s', 1", ws))
	if f.rand.IntN(2) == 0 {
		f.insert("seats", fmt.Sprintf("'%s', 2", ws))
	}
	var people, pictures, posts []int
	for range max(1, size.people/3) {
		pictures = append(pictures, f.id())
		f.insert("pictures", fmt.Sprintf("%d, 'picture-%d'", f.ids, f.ids))
	}
	for range size.people {
		id := f.id()
		f.insert("people", fmt.Sprintf(`%d, '%s', 'Person %d', 'person%d@mail.example', '+31 20 555%04d', '["handle-%06d"]', %s, %s`,
			id, ws, id, id, id, id, f.one(people, 70), f.one(pictures, 30)))
		people = append(people, id)
	}
	for no := range size.talks {
		f.insert("talks", fmt.Sprintf("'%s', %d, %s, %s, 'open', NULL, NULL", ws, no, f.one(people, 10), f.one([]int{1, 2}, 30)))
	}
	for range size.posts {
		id := f.id()
		talk, answers := f.one(upTo(size.talks), 50), f.one(posts, 30)
		f.insert("posts", fmt.Sprintf("%d, '%s', %s, %s, 'Post %d', %s, 0", id, ws, talk, answers, id, map[bool]string{true: "NULL", false: fmt.Sprintf("'upload-%d'", id/2)}[f.rand.IntN(2) == 0]))
		if posts = append(posts, id); f.rand.IntN(2) == 0 {
			f.insert("likes", fmt.Sprintf("%d, %s", id, f.one(people, 0)))
		}
	}
	f.rest(ws, people, size)
}

// rest are the rows that only name others.
func (f *filler) rest(ws string, people []int, size shopSize) {
	for range size.people {
		f.insert("notes",
			fmt.Sprintf("'n%d', '%s', 'talk', '%s', 'about a talk'", f.id(), ws, f.one(upTo(size.talks), 0)),
			fmt.Sprintf("'n%d', '%s', 'person', '%s', 'about a person'", f.id(), ws, f.one(people, 0)),
			fmt.Sprintf("'n%d', '%s', 'other', '%s', 'about neither'", f.id(), ws, f.one(people, 0)))
		f.insert("docs",
			fmt.Sprintf(`%d, '%s', '{"author": {"id": %s}, "people": [{"id": %s}, {"n": 1}, {"id": "%s"}, {"id": %s}]}'`,
				f.id(), ws, f.one(people, 0), f.one(people, 0), f.one(people, 0), f.one(people, 0)),
			fmt.Sprintf(`%d, '%s', '{"title": "x", "people": {"id": %s}}'`, f.id(), ws, f.one(people, 0)))
		f.insert("bills", fmt.Sprintf("%d, '%s', %s, 'Somebody', 12", f.id(), ws, f.one(people, 10)))
		f.insert("posts", fmt.Sprintf("%d, '%s', NULL, NULL, 'hidden', NULL, 1", f.id(), ws))
		desk, chair := f.id(), f.id()
		f.insert("desks", fmt.Sprintf("%d, '%s', %s, %d", desk, ws, f.one(people, 0), chair))
		f.insert("chairs", fmt.Sprintf("%d, '%s', %d", chair, ws, desk))
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// record is a row, by its columns.
type record map[string]any

// contents are the rows of every table of a map.
type contents map[string][]record

// dump reads every table as it is.
func dump(t testing.TB, s Source, g *datamap.Graph) contents {
	t.Helper()
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close() //nolint:errcheck // nothing was written
	all := contents{}
	for _, c := range g.Collections() {
		plain := datamap.Collection{Name: c.Name, Table: c.Table, Key: c.Key}
		for _, f := range c.Fields {
			plain.Fields = append(plain.Fields, &datamap.Field{Column: f.Column, Name: f.Column, Format: f.Format})
		}
		rows := Records(t, snapshot, datamap.Selection{Collection: &plain, Table: c.Table, Fields: plain.Fields})
		slices.Sort(rows)
		all[c.Table] = nil
		for _, text := range rows {
			var r record
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				t.Fatal(err)
			}
			all[c.Table] = append(all[c.Table], r)
		}
	}
	return all
}

// without drops the rows for which that holds.
func (c contents) without(table string, gone func(record) bool) {
	c[table] = slices.DeleteFunc(c[table], gone)
}
