package datamap

import (
	"slices"
	"strings"
)

// SubjectsOf lists the kinds of persons whom the rows of a collection belong to
// or mention, in the map's order: the categories of data subjects of Art. 30
// GDPR.
func (g *Graph) SubjectsOf(c *Collection) []string {
	var kinds []string
	for _, k := range g.Map.Subjects {
		mentioned := slices.ContainsFunc(c.Links, func(l *Link) bool { return l.To == k.Collection })
		if mentioned || len(g.kinds[k.Kind].routes[c.Name]) > 0 {
			kinds = append(kinds, k.Kind)
		}
	}
	return kinds
}

// Personal lists the categories of personal data in a collection, sorted.
// Secrets that have no category are not among them.
func (c *Collection) Personal() []string {
	var list []string
	for _, f := range c.Fields {
		if isPersonal(f.Category) && !slices.Contains(list, f.Category) {
			list = append(list, f.Category)
		}
	}
	slices.Sort(list)
	return list
}

// special are the categories of Art. 9 and 10 GDPR, with all below them.
const special = "user.authorization.biometric user.authorization.biometrics user.biometric user.biometrics user.criminal_history " +
	"user.demographic.philosophical_belief user.demographic.political_opinion user.demographic.race_ethnicity user.demographic.religious_belief " +
	"user.demographic.sexual_orientation user.demographic.union_membership user.health user.health_and_medical"

// SpecialCategory tells whether data of a category is that of Art. 9 or 10
// GDPR, whose processing needs more than a basis of Art. 6.
func SpecialCategory(category string) bool {
	return slices.ContainsFunc(strings.Fields(special), func(s string) bool { return category == s || strings.HasPrefix(category, s+".") })
}
