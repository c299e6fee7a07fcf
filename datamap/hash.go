package datamap

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// hash covers everything that a map says, in a form that does not depend on
// how it is written down. The order of collections and fields counts, since it
// is the order of exports.
func hash(m *Map) string {
	c := *m
	c.Hash = ""
	c.Subjects = nil
	for _, k := range m.Subjects {
		x := *k
		x.Identities = sorted(k.Identities, func(a, b Identity) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Column, b.Column), cmp.Compare(a.JSONPath, b.JSONPath))
		})
		c.Subjects = append(c.Subjects, &x)
	}
	slices.SortStableFunc(c.Subjects, func(a, b *SubjectKind) int { return cmp.Compare(a.Kind, b.Kind) })
	c.Ignored = sorted(m.Ignored, func(a, b IgnoredTable) int { return cmp.Compare(a.Table, b.Table) })
	c.Collections = nil
	for _, x := range m.Collections {
		c.Collections = append(c.Collections, canonical(x))
	}
	sum := sha256.New()
	sum.Write([]byte("privacyd data map v1\n"))
	// A Map holds nothing that JSON cannot say.
	_ = json.NewEncoder(sum).Encode(c)
	return hex.EncodeToString(sum.Sum(nil))
}

func canonical(c *Collection) *Collection {
	x := *c
	x.Links = nil
	for _, l := range c.Links {
		y := *l
		y.On = sorted(l.On, func(a, b ColumnPair) int {
			return cmp.Or(cmp.Compare(a.Column, b.Column), cmp.Compare(a.Target, b.Target), cmp.Compare(a.JSONPath, b.JSONPath))
		})
		y.When = sorted(l.When, func(a, b TypeMatch) int {
			return cmp.Or(cmp.Compare(a.Column, b.Column), cmp.Compare(a.Value, b.Value))
		})
		x.Links = append(x.Links, &y)
	}
	slices.SortStableFunc(x.Links, func(a, b *Link) int { return bytes.Compare(asJSON(a), asJSON(b)) })
	x.Files = slices.Clone(c.Files)
	slices.SortStableFunc(x.Files, func(a, b *FileColumn) int { return strings.Compare(a.Column, b.Column) })
	return &x
}

func asJSON(l *Link) []byte {
	b, _ := json.Marshal(l)
	return b
}

func sorted[T any](list []T, compare func(a, b T) int) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, compare)
	return list
}
