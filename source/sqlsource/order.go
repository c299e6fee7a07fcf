package sqlsource

import (
	"errors"
	"hash/maphash"

	"github.com/privacyd/privacyd/datamap"
)

// mostOrdered is how many rows are put in order at once; a row takes some 100
// bytes. Of larger sets, those that nothing refers to go first, round by round.
const mostOrdered = 400_000

// errTooMany says that a set is larger than mostOrdered.
var errTooMany = errors.New("there are too many rows to put in order")

// node is a row's place among rows that refer to each other.
type node struct {
	ordered bool
	circle  int32 // 0: in none; the rows of a circle go in one statement
}

// ordering puts rows in an order in which a row goes after all that refer to
// it.
type ordering struct {
	links []orderLink
	what  []string // expressions to read, link by link
	limit int
	seed  maphash.Seed

	rows   []row
	first  map[uint64]int32 // hash of what a link points to → a row that has it, from 1
	same   []int32          // the next row that has it, too
	points []pointer
}

// pointer says that a row refers to whatever has a hash.
type pointer struct {
	row int32
	to  uint64
}

// orderLink says where in the columns read a self link's parts are.
type orderLink struct {
	whens   []string // values of type columns
	paths   [][]step // of each pair; nil: the column itself
	targets int
}

func (l orderLink) width() int { return len(l.whens) + len(l.paths) + l.targets }

// newOrdering is nil when the rows may go in any order.
func newOrdering(b *builder, c *datamap.Collection, links []*datamap.Link, limit int) (*ordering, error) {
	if len(links) == 0 {
		return nil, nil //nolint:nilnil // no order is no error
	}
	o := &ordering{limit: limit, seed: maphash.MakeSeed(), first: map[uint64]int32{}}
	for _, l := range links {
		if err := o.link(b, c, l); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *ordering) link(b *builder, c *datamap.Collection, l *datamap.Link) error {
	var columns []string
	ol := orderLink{targets: len(l.On)}
	for _, w := range l.When {
		ol.whens = append(ol.whens, w.Value)
		columns = append(columns, w.Column)
	}
	for _, p := range l.On {
		var path []step
		var err error
		if p.JSONPath != "" {
			if path, err = parsePath(p.JSONPath); err != nil {
				return err
			}
		}
		ol.paths = append(ol.paths, path)
		columns = append(columns, p.Column)
	}
	for _, p := range l.On {
		columns = append(columns, p.Target)
	}
	what, err := b.textOf(c, "r", columns)
	o.what, o.links = append(o.what, what...), append(o.links, ol)
	return err
}

// add takes a row and the columns of what.
func (o *ordering) add(r row, values [][]byte) error {
	if len(o.rows) == o.limit {
		return errTooMany
	}
	r.node.ordered = true
	o.rows = append(o.rows, r)
	id := int32(len(o.rows)) //nolint:gosec // at most limit
	for n, l := range o.links {
		whens, lefts, targets := values[:len(l.whens)], values[len(l.whens):len(l.whens)+len(l.paths)], values[len(l.whens)+len(l.paths):l.width()]
		values = values[l.width():]
		hash := o.hash(n, texts(targets))
		o.same = append(o.same, o.first[hash])
		o.first[hash] = int32(len(o.same)) //nolint:gosec // at most limit rows of few links
		if !l.holds(whens) {
			continue
		}
		for _, key := range l.keys(lefts) {
			o.points = append(o.points, pointer{id, o.hash(n, key)})
		}
	}
	return nil
}

func (l orderLink) holds(whens [][]byte) bool {
	for i, w := range whens {
		if string(w) != l.whens[i] {
			return false
		}
	}
	return true
}

// keys are what a row refers to over the link; none where a part is NULL.
func (l orderLink) keys(lefts [][]byte) [][]string {
	all := [][]string{nil}
	for i, value := range lefts {
		var parts []string
		switch {
		case value == nil:
		case l.paths[i] == nil:
			parts = []string{string(value)}
		default:
			parts = valuesAt(value, l.paths[i])
		}
		var longer [][]string
		for _, head := range all {
			for _, p := range parts {
				longer = append(longer, append(head[:len(head):len(head)], p))
			}
		}
		all = longer
	}
	return all
}

func (o *ordering) hash(link int, key []string) uint64 {
	var h maphash.Hash
	h.SetSeed(o.seed)
	h.WriteByte(byte(link)) //nolint:errcheck // it cannot fail
	for _, k := range key {
		h.WriteString(k) //nolint:errcheck // it cannot fail
		h.WriteByte(0)   //nolint:errcheck // it cannot fail
	}
	return h.Sum64()
}

// each gives the rows out, leaves first, in batches of about a size.
func (o *ordering) each(size func() int, take func([]row) error) error {
	sorted := o.sorted()
	for len(sorted) > 0 {
		n := min(size(), len(sorted))
		for n < len(sorted) && together(sorted[n-1], sorted[n]) {
			n++
		}
		if err := take(sorted[:n:n]); err != nil {
			return err
		}
		sorted = sorted[n:]
	}
	return nil
}

func together(a, b row) bool { return a.node.circle > 0 && a.node.circle == b.node.circle }

// splitAt is about the middle of a batch, or 0 where it cannot be split.
func splitAt(rows []row) int {
	middle := len(rows) / 2
	for i := middle; i < len(rows); i++ {
		if i > 0 && !together(rows[i-1], rows[i]) {
			return i
		}
	}
	for i := middle; i > 0; i-- {
		if !together(rows[i-1], rows[i]) {
			return i
		}
	}
	return 0
}

// edges resolves the pointers: for each row, the rows that it refers to.
func (o *ordering) edges() (from, to []int32) {
	links := int32(len(o.links)) //nolint:gosec // few
	for _, p := range o.points {
		for at := o.first[p.to]; at > 0; at = o.same[at-1] {
			if target := (at-1)/links + 1; target != p.row {
				from, to = append(from, p.row-1), append(to, target-1)
			}
		}
	}
	return from, to
}

// sorted takes away what nothing refers to, again and again. What is left then
// refers to itself in circles.
func (o *ordering) sorted() []row {
	from, to := o.edges()
	waiting := make([]int32, len(o.rows)) // how many rows refer to a row
	next := make([]int32, len(from))      // the next edge of the same row, from 1
	edges := make([]int32, len(o.rows))   // its first
	for i := range from {
		waiting[to[i]]++
		next[i], edges[from[i]] = edges[from[i]], int32(i)+1 //nolint:gosec // few links of limit rows
	}
	queue := make([]int32, 0, len(o.rows))
	for i, n := range waiting {
		if n == 0 {
			queue = append(queue, int32(i)) //nolint:gosec // at most limit
		}
	}
	for head := 0; head < len(queue); head++ {
		for e := edges[queue[head]]; e > 0; e = next[e-1] {
			if waiting[to[e-1]]--; waiting[to[e-1]] == 0 {
				queue = append(queue, to[e-1])
			}
		}
	}
	result := make([]row, 0, len(o.rows))
	for _, i := range queue {
		result = append(result, o.rows[i])
	}
	return append(result, o.circles(from, to, waiting)...)
}

// circles gives the rows that still wait, those that hang together one after
// the other.
func (o *ordering) circles(from, to, waiting []int32) []row {
	group := make([]int32, len(o.rows))
	for i := range group {
		group[i] = int32(i) //nolint:gosec // at most limit
	}
	root := func(i int32) int32 {
		for group[i] != i {
			group[i] = group[group[i]]
			i = group[i]
		}
		return i
	}
	for i := range from {
		if waiting[from[i]] > 0 && waiting[to[i]] > 0 {
			group[root(from[i])] = root(to[i])
		}
	}
	members := map[int32][]row{}
	var order []int32
	for i := range o.rows {
		if waiting[i] == 0 {
			continue
		}
		g := root(int32(i)) //nolint:gosec // at most limit
		if members[g] == nil {
			order = append(order, g)
		}
		r := o.rows[i]
		r.node.circle = g + 1
		members[g] = append(members[g], r)
	}
	var result []row
	for _, g := range order {
		result = append(result, members[g]...)
	}
	return result
}
