package sourcetest

import (
	"fmt"
)

// expect says, by the plainest means, what is left of a shop: rules written
// down row by row, that know nothing of maps or sets.
type expect struct{ contents }

func key(values ...any) string { return fmt.Sprint(values...) }

// person takes away a person of a workspace with all that is merged with it.
func (x expect) person(id float64) {
	ids := x.merged(id)
	in := func(v any) bool { n, ok := v.(float64); return ok && ids[n] }
	x.talks(func(r record) bool { return in(r["person_id"]) })
	x.without("likes", func(r record) bool { return in(r["person_id"]) })
	x.without("notes", func(r record) bool { return r["kind"] == "person" && ids[number(r["ref"])] })
	x.desks(func(r record) bool { return in(r["person_id"]) })
	x.forget(in)
	for _, r := range x.contents["bills"] {
		if in(r["person_id"]) {
			r["person_id"], r["name"] = nil, "Deleted"
		}
	}
	x.people(func(r record) bool { return in(r["id"]) })
}

// workspace takes away all of a workspace but what the law keeps.
func (x expect) workspace(ws string) {
	own := func(r record) bool { return r["ws"] == ws }
	x.talks(own)
	x.posts(func(r record) bool { return own(r) && r["hidden"] == 0.0 })
	for _, table := range []string{"notes", "docs", "seats"} {
		x.without(table, own)
	}
	x.desks(own)
	for _, r := range x.contents["bills"] {
		if own(r) {
			r["person_id"], r["name"] = nil, "Deleted"
		}
	}
	x.people(own)
	x.without("workspaces", func(r record) bool { return r["id"] == ws })
}

// agent takes away a person of all workspaces.
func (x expect) agent(id float64) {
	for _, r := range x.contents["talks"] {
		if r["agent_id"] == id {
			r["agent_id"] = nil
		}
	}
	x.without("seats", func(r record) bool { return r["agent_id"] == id })
	x.without("agents", func(r record) bool { return r["id"] == id })
}

// merged are the ids of all rows that hang together with one.
func (x expect) merged(id float64) map[float64]bool {
	ids := map[float64]bool{id: true}
	for grown := true; grown; {
		grown = false
		for _, r := range x.contents["people"] {
			a := r["id"].(float64)
			b, ok := r["merged_into"].(float64)
			if ok && ids[a] != ids[b] {
				ids[a], ids[b], grown = true, true, true
			}
		}
	}
	return ids
}

func (x expect) talks(gone func(record) bool) {
	talks := map[string]bool{}
	x.without("talks", func(r record) bool {
		if gone(r) {
			talks[key(r["ws"], r["no"])] = true
		}
		return gone(r)
	})
	x.without("notes", func(r record) bool { return r["kind"] == "talk" && talks[key(r["ws"], r["ref"])] })
	x.posts(func(r record) bool { return r["talk_no"] != nil && talks[key(r["ws"], r["talk_no"])] })
}

// posts go with all answers to them.
func (x expect) posts(gone func(record) bool) {
	posts := map[any]bool{}
	for grown := true; grown; {
		grown = false
		for _, r := range x.contents["posts"] {
			if !posts[r["id"]] && (gone(r) || r["answers"] != nil && posts[r["answers"]]) {
				posts[r["id"]], grown = true, true
			}
		}
	}
	x.without("posts", func(r record) bool { return posts[r["id"]] })
	x.without("likes", func(r record) bool { return posts[r["post_id"]] })
}

// desks go with their chairs; a desk that stays forgets a chair that went.
func (x expect) desks(gone func(record) bool) {
	desks, chairs := map[any]bool{}, map[any]bool{}
	x.without("desks", func(r record) bool {
		if gone(r) {
			desks[r["id"]] = true
		}
		return gone(r)
	})
	x.without("chairs", func(r record) bool {
		if desks[r["desk_id"]] {
			chairs[r["id"]] = true
		}
		return desks[r["desk_id"]]
	})
	for _, r := range x.contents["desks"] {
		if chairs[r["chair_id"]] {
			r["chair_id"] = nil
		}
	}
}

// forget takes people's names out of documents that stay.
func (x expect) forget(in func(any) bool) {
	is := func(v any) bool { return in(v) || in(number(v)) }
	for _, r := range x.contents["docs"] {
		doc, ok := r["doc"].(map[string]any)
		if !ok {
			continue
		}
		if author, ok := doc["author"].(map[string]any); ok && is(author["id"]) {
			author["id"] = "Deleted person"
		}
		list, ok := doc["people"].([]any)
		for _, p := range list {
			if p := p.(map[string]any); ok && is(p["id"]) {
				p["id"] = nil
			}
		}
	}
}

// people go with pictures that nobody else has.
func (x expect) people(gone func(record) bool) {
	had, has := map[any]bool{}, map[any]bool{}
	x.without("people", func(r record) bool {
		if gone(r) {
			had[r["picture_id"]] = true
		} else {
			has[r["picture_id"]] = true
		}
		return gone(r)
	})
	x.without("pictures", func(r record) bool { return had[r["id"]] && !has[r["id"]] })
}

func number(v any) float64 {
	var n float64
	if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		return -1
	}
	return n
}
