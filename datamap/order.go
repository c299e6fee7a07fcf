package datamap

import "slices"

// parentsFirst orders collections so that what others refer to comes first.
func parentsFirst(m *Map) []*Collection {
	left := slices.Clone(m.Collections)
	var order []*Collection
	for len(left) > 0 {
		i := firstFree(m, left, func(*Link) bool { return true })
		if i < 0 {
			i = firstFree(m, left, func(l *Link) bool { return l.Relation == Belongs })
		}
		if i < 0 {
			i = 0 // a circle: some row has to come before what it refers to
		}
		order = append(order, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return order
}

// firstFree gives the first of the collections left that refers to no other of
// them over the links that count, or -1.
func firstFree(m *Map, left []*Collection, counts func(*Link) bool) int {
	for i, c := range left {
		if !refersTo(m, c, left, counts) {
			return i
		}
	}
	return -1
}

func refersTo(m *Map, c *Collection, left []*Collection, counts func(*Link) bool) bool {
	for _, other := range left {
		if other == c {
			continue
		}
		ours := slices.ContainsFunc(c.Links, func(l *Link) bool {
			return l.To == other.Name && counts(l) && !l.reversed(c, other)
		})
		theirs := slices.ContainsFunc(other.Links, func(l *Link) bool {
			return l.To == c.Name && counts(l) && l.reversed(other, c)
		})
		if ours || theirs {
			return true
		}
	}
	return false
}

// reversed tells whether the reference is on the other side: the link starts at
// the key of its own collection and does not end at the other's.
func (l *Link) reversed(c, target *Collection) bool {
	var from, to []string
	for _, p := range l.On {
		if p.JSONPath == "" {
			from, to = append(from, p.Column), append(to, p.Target)
		}
	}
	return holdsAll(from, c.Key) && !holdsAll(to, target.Key)
}

func holdsAll(columns, key []string) bool {
	return !slices.ContainsFunc(key, func(k string) bool { return !slices.Contains(columns, k) })
}
