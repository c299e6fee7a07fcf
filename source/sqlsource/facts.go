package sqlsource

import (
	"slices"
	"sync"

	"github.com/privacyd/privacyd/datamap"
)

// facts are what an Eraser has learnt of tables.
type facts struct {
	mu     sync.Mutex
	leaves map[uint32]string // PostgreSQL: names of tables and partitions, quoted
	names  map[string]string // PostgreSQL: names of tables, quoted, by what the map says
	kinds  map[string]string // PostgreSQL: what no rows lie in, such as a view, by its name
	shapes map[string]shape  // SQLite, by table
	keys   map[string][]foreignKey
}

func newFacts() *facts {
	f := &facts{}
	f.forget()
	return f
}

// forget is for when something turned out to be otherwise.
func (f *facts) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaves, f.names, f.kinds = map[uint32]string{}, map[string]string{}, map[string]string{}
	f.shapes, f.keys = map[string]shape{}, map[string][]foreignKey{}
}

func (f *facts) leaf(table uint32) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.leaves[table]
}

func (f *facts) shape(table string) shape {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shapes[table]
}

func (f *facts) referrers(table string) []foreignKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys[table]
}

// unknown are those of the tables of which nothing was learnt yet.
func (f *facts) unknown(tables []string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for _, t := range tables {
		if _, ok := f.keys[t]; !ok {
			list = append(list, t)
		}
	}
	return list
}

func (f *facts) addLeaf(table uint32, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaves[table] = name
}

func (f *facts) addName(table, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[table] = name
}

// guarded tells whether the database lets no row of a table to be deleted to
// which one of another still refers by columns, whatever partition of that one it
// is in.
func (f *facts) guarded(table, by string, columns []datamap.ColumnPair) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.keys[table] {
		if k.guards && k.table == f.names[by] && len(k.columns) == len(columns) &&
			!slices.ContainsFunc(columns, func(p datamap.ColumnPair) bool { return p.JSONPath != "" || !k.pairs(p) }) {
			return true
		}
	}
	return false
}

// pairs tells whether a reference compares two columns.
func (k foreignKey) pairs(p datamap.ColumnPair) bool {
	for i := range k.columns {
		if k.columns[i] == p.Column && k.targets[i] == p.Target {
			return true
		}
	}
	return false
}

func (f *facts) addKind(table, kind string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kinds[table] = kind
}

func (f *facts) kind(table string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kinds[table]
}

func (f *facts) add(table string, s shape, keys []foreignKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shapes[table], f.keys[table] = s, keys
}

// changedTables are the tables whose rows a step deletes or changes, its
// orphans' among them.
func changedTables(step *datamap.Step) (tables []string) {
	eachStep(step, func(s *datamap.Step) { tables = appendNew(tables, s.Collection.Table) })
	return tables
}

// eachStep gives fn a step and its orphans.
func eachStep(step *datamap.Step, fn func(*datamap.Step)) {
	seen := map[*datamap.Step]bool{}
	var visit func(*datamap.Step)
	visit = func(step *datamap.Step) {
		if seen[step] {
			return
		}
		seen[step] = true
		fn(step)
		for _, o := range step.Orphans {
			visit(o.Step)
		}
	}
	visit(step)
}

// readTables are all tables that the queries of a step are over.
func readTables(step *datamap.Step) (tables []string) {
	eachStep(step, func(s *datamap.Step) {
		tables = appendNew(tables, s.Collection.Table)
		tables = appendNew(tables, rowsTables(s.Rows)...)
		for _, hop := range s.Referrers {
			tables = appendNew(tables, hop.To.Table)
		}
	})
	return tables
}

func rowsTables(rows datamap.Rows) (tables []string) {
	for _, conditions := range [][]datamap.Condition{rows.All, rows.Except} {
		for _, condition := range conditions {
			for _, p := range condition.Any {
				for _, hop := range p.Hops {
					tables = appendNew(tables, hop.To.Table)
				}
				if p.Rows != nil {
					tables = appendNew(tables, rowsTables(*p.Rows)...)
				}
			}
		}
	}
	return tables
}
