package datamap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/privacyd/privacyd"
)

// randomMap draws a map of a few collections with links among them, not too
// dense, or the number of ways is refused.
func randomMap(t *rapid.T) *Map {
	n := rapid.IntRange(1, 7).Draw(t, "collections")
	m := &Map{Dataset: "app", Workspace: WorkspaceRoot{Collection: "c0", Key: "id"}}
	for i := range n {
		m.Collections = append(m.Collections, &Collection{
			Name: fmt.Sprint("c", i), Table: fmt.Sprint("t", i), Key: []string{"id"},
			Fields:      []*Field{{Column: "id", Name: "id"}, {Column: "up", Name: "up"}, {Column: "kind", Name: "kind"}},
			Disposition: Disposition{Kind: Delete},
		})
	}
	for range rapid.IntRange(0, n+3).Draw(t, "links") {
		l := &Link{
			To:       fmt.Sprint("c", rapid.IntRange(0, n-1).Draw(t, "to")),
			On:       []ColumnPair{{Column: "up", Target: "id"}},
			Relation: rapid.SampledFrom([]Relation{Belongs, Belongs, Belongs, Mentions}).Draw(t, "relation"),
			Optional: rapid.Bool().Draw(t, "optional"),
		}
		if rapid.Bool().Draw(t, "reversed") {
			l.On = []ColumnPair{{Column: "id", Target: "up"}}
		}
		if rapid.Bool().Draw(t, "polymorphic") {
			l.When = []TypeMatch{{"kind", "x"}}
		}
		from := m.Collections[rapid.IntRange(0, n-1).Draw(t, "from")]
		from.Links = append(from.Links, l)
	}
	return m
}

// reachable is the plainest way to find which collections reach c0.
func reachable(m *Map) map[string]bool {
	reach := map[string]bool{"c0": true}
	for range m.Collections {
		for _, c := range m.Collections {
			for _, l := range c.Links {
				if l.Relation == Belongs && reach[l.To] {
					reach[c.Name] = true
				}
			}
		}
	}
	return reach
}

func TestCompileAcceptsExactlyWhatReachesTheWorkspace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := randomMap(t)
		reach := reachable(m)
		g, err := Compile(m)
		if (err == nil) != (len(reach) == len(m.Collections)) {
			t.Fatalf("reachable %v, error %v", reach, err)
		}
		if err != nil {
			for _, c := range m.Collections {
				if named := strings.Contains(err.Error(), fmt.Sprintf("%q does not reach", c.Name)); named == reach[c.Name] {
					t.Fatalf("%s: reachable %v, but %v", c.Name, reach[c.Name], err)
				}
			}
			return
		}
		checkWays(t, g)
		checkOrder(t, g)
	})
}

// checkWays proves each way: every hop is a link that belongs, the last row is
// the workspace's or names it, and no collection is passed twice.
func checkWays(t *rapid.T, g *Graph) {
	for _, c := range g.Map.Collections {
		sel, found, err := g.Select(c.Name, Scope{Workspace: "1"})
		if err != nil || !found || len(sel.All) != 1 || len(sel.All[0].Any) == 0 {
			t.Fatalf("%s: %v, %v, %v", c.Name, sel, found, err)
		}
		for _, p := range sel.All[0].Any {
			at, passed := c, []*Collection{c}
			for _, h := range p.Hops {
				if !slices.Contains(at.Links, h.Link) || h.Link.Relation != Belongs || h.To.Name != h.Link.To || h.Recursive != (at == h.To) {
					t.Fatalf("%s: a hop that is no link: %s", c.Name, sayPath(p))
				}
				if !h.Recursive && slices.Contains(passed, h.To) {
					t.Fatalf("%s: comes back: %s", c.Name, sayPath(p))
				}
				at, passed = h.To, append(passed, h.To)
			}
			if (at.Name != "c0" || p.Column != "id") && !slices.ContainsFunc(at.Links, func(l *Link) bool { return l.To == "c0" && l.On[0].Column == p.Column }) {
				t.Fatalf("%s: does not end at the workspace: %s", c.Name, sayPath(p))
			}
		}
	}
}

// checkOrder proves that every collection is there once and that what a
// `belongs` link refers to comes first, where the links allow an order.
func checkOrder(t *rapid.T, g *Graph) {
	order := g.Collections()
	place := map[string]int{}
	for i, c := range order {
		place[c.Name] = i
	}
	if len(place) != len(g.Map.Collections) {
		t.Fatalf("order %v", place)
	}
	for i, c := range order {
		if refersTo(g.Map, c, order[i+1:], func(*Link) bool { return true }) && firstFree(g.Map, order[i:], func(*Link) bool { return true }) >= 0 {
			t.Fatalf("%s is before what it refers to, although another was free", c.Name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"valid/*.yaml", "invalid/*.yaml"} {
		for _, file := range examples(f, pattern) {
			f.Add(example(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse("fuzz.yaml", strings.NewReader(text))
		if err == nil {
			_, err = Compile(m)
		}
		if err == nil {
			checkParsed(t, m)
			return
		}
		if privacyd.CodeOf(err) != "map_invalid" || !strings.HasPrefix(err.Error(), "fuzz.yaml:") {
			t.Errorf("got %v", err)
		}
	})
}

// checkParsed proves of a map that was accepted that nothing in it can end a
// quoted identifier.
func checkParsed(t *testing.T, m *Map) {
	for _, c := range m.Collections {
		for _, name := range append(c.needed(), c.Table, c.Name) {
			if strings.ContainsAny(name, "\"`[];'\\\x00") {
				t.Errorf("accepted the name %q", name)
			}
		}
	}
}
