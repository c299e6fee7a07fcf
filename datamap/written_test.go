package datamap

import (
	"slices"
	"strings"
	"testing"
)

const blogMap = `
dataset: blog
workspace: {collection: teams, key: id}
subjects:
  account: {collection: users, key: id, span: all, identities: {email: email}}
  reader: {collection: readers, key: id, identities: {email: email}}
collections:
  teams:
    fields: {id: system}
  users:
    fields: {id: user.unique_id, team_id: internal, email: user.contact.email}
    links: [{to: teams, on: {team_id: id}, relation: belongs}]
  readers:
    fields: {id: user.unique_id, team_id: internal, email: user.contact.email}
    links: [{to: teams, on: {team_id: id}, relation: belongs}]
  letters:
    fields:
      id: user.unique_id
      reader_id: user.unique_id
      author_id: {category: user.unique_id, whose: other}
      seen_by: {category: user.unique_id, whose: other}
      sent_at: {category: user.behavior, provenance: observed}
      diagnosis: user.health_and_medical
      text: {category: user.content, whose: shared}
      salt: secret
    links:
      - {to: readers, on: {reader_id: id}, relation: belongs}
      - {to: users, on: {author_id: id}, relation: mentions, disposition: {replace: nobody}}
      - {to: users, on: {seen_by: id}, relation: mentions}
  scans:
    fields: {id: system, letter_id: system, blob: internal}
    files: [{column: blob, bucket: scans}]
    links: [{to: letters, on: {letter_id: id}, relation: belongs}]
  notes:
    fields: {id: system, team_id: internal, by: {category: user.unique_id, whose: other}, title: user.content}
    links:
      - {to: teams, on: {team_id: id}, relation: belongs}
      - {to: users, on: {by: id}, relation: mentions}
`

func TestNames(t *testing.T) {
	m, err := Parse("blog.map.yaml", strings.NewReader(blogMap))
	if err != nil {
		t.Fatal(err)
	}
	g, err := Compile(m)
	if err != nil {
		t.Fatal(err)
	}
	for collection, want := range map[string]struct{ fields, own string }{
		"letters": {"id author_id seen_by sent_at text", "author_id seen_by"}, // a reader's, so nothing that is the reader's own
		"notes":   {"id by title", "by"},                                      // nobody else's
		"scans":   {"id letter_id", ""},                                       // of letters that the person wrote
		"users":   {"", ""},
		"teams":   {"", ""},
	} {
		n, ok, err := g.Names(collection, Scope{SubjectKind: "account", SubjectID: "7"})
		if err != nil {
			t.Fatal(err)
		}
		if fields, own := named(n.Fields), named(n.Own); ok != (want.fields != "") || fields != want.fields || own != want.own {
			t.Errorf("%s: fields %q, own %q, %v", collection, fields, own, ok)
		}
	}
	scans, _, err := g.Names("scans", Scope{SubjectKind: "account", SubjectID: "7"})
	if err != nil {
		t.Fatal(err)
	}
	if paths := scans.All[0].Any; len(paths) != 1 || paths[0].Value != "7" || !slices.ContainsFunc(paths[0].Hops, func(h Hop) bool { return h.To.Name == "letters" }) {
		t.Errorf("scans are found over %+v", paths)
	}
}

func named(fields []*Field) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}
