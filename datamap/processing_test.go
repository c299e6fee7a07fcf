package datamap

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpecialCategories(t *testing.T) {
	for _, s := range strings.Fields(special) {
		if !slices.Contains(Categories(), s) {
			t.Errorf("%s is no category", s)
		}
	}
	for category, want := range map[string]bool{
		"user.health": true, "user.health.medications": true, "user.healthy": false, "user.contact.email": false, "system": false,
	} {
		if SpecialCategory(category) != want {
			t.Errorf("%s: %v", category, !want)
		}
	}
}

func TestWhomAndWhatACollectionIsAbout(t *testing.T) {
	g := mustCompile(t, `
dataset: app
workspace: {collection: shops, key: id}
subjects:
  buyer: {collection: buyers, key: id}
  clerk: {collection: clerks, key: id}
collections:
  shops: {fields: {id: system}}
  clerks:
    fields: {id: user.unique_id, shop_id: system}
    links: [{to: shops, on: {shop_id: id}, relation: belongs}]
  buyers:
    fields: {id: user.unique_id, shop_id: system, mail: user.contact.email, secret: secret}
    links: [{to: shops, on: {shop_id: id}, relation: belongs}]
  orders:
    fields: {id: system, buyer_id: user.unique_id, clerk_id: user.unique_id, pills: user.health.medications}
    links:
      - {to: buyers, on: {buyer_id: id}, relation: belongs}
      - {to: clerks, on: {clerk_id: id}, relation: mentions}
`)
	for name, want := range map[string][2][]string{
		"shops":  {nil, nil},
		"buyers": {{"buyer"}, {"user.contact.email", "user.unique_id"}},
		"orders": {{"buyer", "clerk"}, {"user.health.medications", "user.unique_id"}},
	} {
		c := g.Collection(name)
		if diff := cmp.Diff(want, [2][]string{g.SubjectsOf(c), c.Personal()}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
