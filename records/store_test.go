package records_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/records"
)

func upsert(t testing.TB, s *records.Store, collection, id, body string) string {
	t.Helper()
	b, err := s.Upsert(t.Context(), ws, collection, id, []byte(body))
	must(t, err)
	return string(b)
}

func TestUpsert(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		got := upsert(t, s, "contacts", `c"1`, ` { "name" : "Ana" , "tags":["x"]} `)
		if !strings.HasPrefix(got, `{"id":"c\"1","name":"Ana"`) {
			t.Error(got)
		}
		got = upsert(t, s, "contacts", `c"1`, `{"id":"c\"1"}`) // replaces all of it
		if !strings.HasPrefix(got, `{"id":"c\"1","name":null`) || !strings.Contains(got, `"tags":null`) {
			t.Error(got)
		}
		upsert(t, s, "conversations", "v1", `{"contact_id":"c\"1"}`)
		author := strings.Split(upsert(t, s, "messages", "m1", `{"conversation_id":"v1","direction":"outbound","author_id":"Bo@example.com"}`), `"`)[15]
		// What was read can be written back.
		got = upsert(t, s, "messages", "m1", get(t, s, "messages", "m1"))
		if !strings.Contains(got, `"author_id":"`+author+`"`) {
			t.Errorf("author %s is not in %s", author, got)
		}
	})
}

func TestUpsertRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		for _, collection := range []string{"contacts", "conversations"} {
			_, err := s.Upsert(t.Context(), other, collection, "w1", []byte(map[string]string{"contacts": "{}", "conversations": `{"contact_id":"w1"}`}[collection]))
			must(t, err)
		}
		before := get(t, s, "messages", "m1")
		for _, c := range []struct{ name, collection, id, body, code string }{
			{"unknown collection", "accounts", "1", "{}", "collection_unknown"},
			{"no JSON", "contacts", "1", "", "json_truncated"},
			{"no object", "contacts", "1", "[]", "json_invalid"},
			{"two objects", "contacts", "1", "{}{}", "json_invalid"},
			{"no id", "contacts", "", "{}", "id_invalid"},
			{"another id", "contacts", "1", `{"id":"2"}`, "id_mismatch"},
			{"U+0000 in the id", "contacts", "a\x00", "{}", "text_nul"},
			{"invalid UTF-8 in the id", "contacts", "a\xff", "{}", "text_invalid_utf8"},
			{"invalid UTF-8", "contacts", "a", "{\"name\":\"\xff\"}", "text_invalid_utf8"},
			{"too large", "contacts", "a", `{"name":"` + strings.Repeat("x", 16<<20) + `"}`, "record_too_large"},
			{"missing parent", "messages", "m1", `{"conversation_id":"nothing"}`, "reference_missing"},
			{"parent of another workspace", "messages", "m1", `{"conversation_id":"w1"}`, "reference_missing"},
			{"unknown account", "messages", "m1", `{"conversation_id":"v1","author_id":"x"}`, "account_unknown"},
			{"bad e-mail", "messages", "m1", `{"conversation_id":"v1","author_id":"x@"}`, "email_invalid"},
			{"inbound author", "messages", "m1", `{"conversation_id":"v1","direction":"inbound","author_id":"c2"}`, "author_not_contact"},
			{"attachment", "attachments", "a1", `{"record_type":"contact","record_id":"c1"}`, "attachment_has_content"},
		} {
			t.Run(c.name, func(t *testing.T) {
				_, err := s.Upsert(t.Context(), ws, c.collection, c.id, []byte(c.body))
				refused(t, err, c.code, "")
			})
		}
		if diff := cmp.Diff(before, get(t, s, "messages", "m1")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLastMessage(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		last := func(conversation, want string) {
			t.Helper()
			if got := get(t, s, "conversations", conversation); !strings.HasSuffix(got, `"last_message_at":`+want+`}`) {
				t.Errorf("want %s, got %s", want, got)
			}
		}
		last("v1", `"2026-01-02T03:04:06Z"`) // the note that came later does not count
		last("v2", "null")
		upsert(t, s, "messages", "m3", `{"conversation_id":"v2","direction":"ai","created_at":"2026-01-02T03:04:06Z"}`)
		last("v1", `"2026-01-02T03:04:05.123456Z"`) // it moved away
		last("v2", `"2026-01-02T03:04:06Z"`)
		upsert(t, s, "messages", "m3", `{"conversation_id":"v2","direction":"note","created_at":"2026-01-02T03:04:06Z"}`)
		last("v2", "null")
		upsert(t, s, "conversations", "v1", `{"contact_id":"c2","last_message_at":"1999-01-01T00:00:00Z"}`)
		last("v1", `"2026-01-02T03:04:05.123456Z"`) // what is given is not believed
	})
}

func TestFlowVersions(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		for _, body := range []string{
			`{"version":1,"graph":{"a":1}}`, `{"version":2,"graph":{"a":2}}`, `{"version":2,"graph":{"a":3}}`, `{"version":"2","graph":{"a":4}}`, `{"graph":{"a":5}}`,
		} {
			upsert(t, s, "flows", "f1", body)
		}
		versions := func() (all []string) {
			page, err := s.List(t.Context(), ws, "flow_versions", records.Query{Where: map[string]string{"flow_id": "f1"}})
			must(t, err)
			for _, r := range page.Records {
				all = append(all, string(r)[strings.Index(string(r), `"version"`):])
			}
			slices.Sort(all)
			return all
		}
		want := []string{`"version":"2","graph":{"a":4}}`, `"version":1,"graph":{"a":1}}`, `"version":2,"graph":{"a":3}}`}
		if diff := cmp.Diff(want, versions()); diff != "" {
			t.Error(diff)
		}
		upsert(t, s, "flow_versions", "mine", `{"flow_id":"f1","version":1,"graph":{"a":6}}`)
		want[1] = `"version":1,"graph":{"a":6}}`
		if diff := cmp.Diff(want, versions()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestGet(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		for _, id := range []string{"", "nobody", "a\x00", "a\xff"} {
			_, err := s.Get(t.Context(), ws, "contacts", id)
			refused(t, err, "record_not_found", "")
		}
		_, err := s.Get(t.Context(), other, "contacts", "c1")
		refused(t, err, "record_not_found", "")
		_, err = s.Get(t.Context(), ws, "contacts; drop table contacts", "c1")
		refused(t, err, "collection_unknown", "")
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		var file strings.Builder
		for i := range 7 {
			fmt.Fprint(&file, line("contacts", fmt.Sprintf(`{"id":"c%d","name":"Person %d_%%","email":"P%d@example.com"}`, i, i, i)))
			fmt.Fprint(&file, line("conversations", fmt.Sprintf(`{"id":"v%d","contact_id":"c%d","status":%q}`, i, i%2, []string{"open", "pending"}[i%2])))
		}
		_, err := run(t, s, file.String())
		must(t, err)
		for _, c := range []struct {
			name, collection string
			query            records.Query
			want             string
		}{
			{"all", "contacts", records.Query{}, "c0 c1 c2 c3 c4 c5 c6"},
			{"pages", "contacts", records.Query{Limit: 3}, "c0 c1 c2 | c3 c4 c5 | c6"},
			{"full pages", "contacts", records.Query{Limit: 7}, "c0 c1 c2 c3 c4 c5 c6"},
			{"of a contact", "conversations", records.Query{Where: map[string]string{"contact_id": "c0"}, Limit: 2}, "v0 v2 | v4 v6"},
			{"of a contact with a status", "conversations", records.Query{Where: map[string]string{"contact_id": "c0", "status": "pending"}}, ""},
			{"of several contacts", "conversations", records.Query{Among: map[string][]string{"contact_id": {"c1", "nobody", "\x00"}}}, "v1 v3 v5"},
			{"of no contact", "conversations", records.Query{Among: map[string][]string{"contact_id": {}}}, ""},
			{"by e-mail", "contacts", records.Query{Text: "p3@EXAMPLE"}, "c3"},
			{"by name with signs", "contacts", records.Query{Text: "5_%"}, "c5"},
			{"a sign is no wildcard", "contacts", records.Query{Text: "P%n"}, ""},
			{"by the beginning of the e-mail", "contacts", records.Query{Begins: "P3@exa"}, "c3"},
			{"by the beginning of the name", "contacts", records.Query{Begins: "person", Limit: 4}, "c0 c1 c2 c3"},
			{"what is the text before what only begins with it", "contacts", records.Query{Begins: "c5"}, "c5"},
			{"by what follows the first name", "contacts", records.Query{Begins: "6_"}, "c6"},
			{"by the beginning of the id", "contacts", records.Query{Begins: "c4"}, "c4"},
			{"not by the middle", "contacts", records.Query{Begins: "@example"}, ""},
			{"the other way round", "contacts", records.Query{Sort: "-id", Limit: 3}, "c6 c5 c4 | c3 c2 c1 | c0"},
			{"by name", "contacts", records.Query{Sort: "name", Limit: 3}, "c0 c1 c2 | c3 c4 c5 | c6"},
			{"by e-mail, downwards", "contacts", records.Query{Sort: "-email", Limit: 3}, "c6 c5 c4 | c3 c2 c1 | c0"},
			{"by age where all are the same", "contacts", records.Query{Sort: "-created_at", Limit: 3}, "c6 c5 c4 | c3 c2 c1 | c0"},
			{"conversations by age", "conversations", records.Query{Sort: "created_at", Limit: 5}, "v0 v1 v2 v3 v4 | v5 v6"},
			{"found in parts and sorted", "contacts", records.Query{Text: "p", Sort: "-name", Limit: 5}, "c6 c5 c4 c3 c2 | c1 c0"},
		} {
			t.Run(c.name, func(t *testing.T) {
				if got := ids(t, s, c.collection, c.query); got != c.want {
					t.Errorf("got %q", got)
				}
			})
		}
	})
}

// TestListByTime pages through what has no time, one before 1970, or the same
// as another.
func TestListByTime(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		file := line("contacts", `{"id":"c"}`)
		for i, at := range []string{"", "1969-01-01T00:00:00Z", "", "1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "1969-01-01T00:00:00Z"} {
			if at != "" {
				at = `,"created_at":"` + at + `"`
			}
			file += line("conversations", fmt.Sprintf(`{"id":"v%d","contact_id":"c"%s}`, i, at))
		}
		_, err := run(t, s, file)
		must(t, err)
		for limit := 1; limit < 9; limit++ {
			for sort, want := range map[string]string{"created_at": "v0 v2 v1 v6 v3 v4 v5", "-created_at": "v5 v4 v3 v6 v1 v2 v0"} {
				got := strings.ReplaceAll(ids(t, s, "conversations", records.Query{Where: map[string]string{"contact_id": "c"}, Sort: sort, Limit: limit}), " | ", " ")
				if got != want {
					t.Errorf("%s by %d: %s", sort, limit, got)
				}
			}
		}
	})
}

func TestListFindsTheClosestInAnySpelling(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		_, err := run(t, s, line("contacts", `{"id":"c1","name":"Élodie Ångström"}`))
		must(t, err)
		for _, text := range []string{"Élodie", "élodie", "Ångström", "ångström"} {
			for _, q := range []records.Query{{Begins: text}, {Text: text}} {
				if got := ids(t, s, "contacts", q); got != "c1" {
					t.Errorf("%+v finds %q", q, got)
				}
			}
		}
		_, err = run(t, s, line("contacts", `{"id":"a","name":"Made-up person 3"}`)+line("contacts", `{"id":"b","name":"Person 31"}`)+line("contacts", `{"id":"c","name":"Person 3"}`))
		must(t, err)
		if got := ids(t, s, "contacts", records.Query{Begins: "person 3"}); got != "c b a" {
			t.Errorf("the closest are not first: %q", got)
		}
		for _, cursor := range []string{"e30", "eyJrIjoieCIsImkiOiJ4In0"} { // {} and a key that is no number
			_, err := s.List(t.Context(), ws, "contacts", records.Query{Sort: "created_at", Cursor: cursor})
			refused(t, err, "cursor_invalid", "")
		}
	})
}

// ids lists all pages.
func ids(t *testing.T, s *records.Store, collection string, q records.Query) string {
	t.Helper()
	var pages []string
	for {
		page, err := s.List(t.Context(), ws, collection, q)
		must(t, err)
		var ids []string
		for _, r := range page.Records {
			ids = append(ids, strings.Split(string(r), `"`)[3])
		}
		pages = append(pages, strings.Join(ids, " "))
		if q.Cursor = page.Next; q.Cursor == "" {
			return strings.Join(pages, " | ")
		}
	}
}

func TestListRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		for _, c := range []struct {
			name, code string
			query      records.Query
		}{
			{"filter", "filter_unknown", records.Query{Where: map[string]string{"name": "x"}}},
			{"no field", "filter_unknown", records.Query{Where: map[string]string{"1=1 or id": "x"}}},
			{"text", "filter_unknown", records.Query{Text: "x"}},
			{"U+0000", "filter_unknown", records.Query{Text: "\x00"}},
			{"cursor", "cursor_invalid", records.Query{Cursor: "?"}},
			{"cursor that is no text", "cursor_invalid", records.Query{Cursor: "_w"}},
			{"beginning", "filter_unknown", records.Query{Begins: "x"}},
			{"sort", "sort_unknown", records.Query{Sort: "name"}},
			{"limit", "limit_invalid", records.Query{Limit: 501}},
			{"negative limit", "limit_invalid", records.Query{Limit: -1}},
		} {
			t.Run(c.name, func(t *testing.T) {
				_, err := s.List(t.Context(), ws, "messages", c.query)
				refused(t, err, c.code, "")
			})
		}
	})
}

// blobs lists the keys of all blobs.
func blobs(t testing.TB, s *records.Store) (keys []string) {
	t.Helper()
	for key, err := range s.Blobs.List(t.Context(), "") {
		must(t, err)
		keys = append(keys, key)
	}
	return keys
}

func attach(t testing.TB, s *records.Store, id, text string) string {
	t.Helper()
	a := records.Attachment{ID: id, RecordType: "contact", RecordID: "c1", Filename: `"x".txt`, ContentType: "text/plain"}
	b, err := s.Attach(t.Context(), ws, a, strings.NewReader(text))
	must(t, err)
	return string(b)
}

func TestAttach(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		upsert(t, s, "contacts", "c1", "{}")
		want := `{"id":"a","record_type":"contact","record_id":"c1","filename":"\"x\".txt","content_type":"text/plain","size":5,` +
			`"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}`
		if diff := cmp.Diff(want, attach(t, s, "a", "hello")); diff != "" {
			t.Error(diff)
		}
		first := blobs(t, s)
		attach(t, s, "a", "hello") // the same again stores nothing new
		if diff := cmp.Diff(first, blobs(t, s)); diff != "" {
			t.Error(diff)
		}
		attach(t, s, "a", "other")
		now := blobs(t, s)
		if len(now) != 1 || now[0] == first[0] || content(t, s, "a") != "other" {
			t.Errorf("the replaced blob is still there: %d", len(now))
		}
	})
}

func TestAttachRefuses(t *testing.T) {
	boom := errors.New("boom")
	each(t, func(t *testing.T, s *records.Store) {
		upsert(t, s, "contacts", "c1", "{}")
		good := records.Attachment{ID: "a", RecordType: "contact", RecordID: "c1"}
		missing, unknown, nul := good, good, good
		missing.RecordID, unknown.RecordType, nul.Filename = "c2", "flow", "a\x00"
		for code, a := range map[string]records.Attachment{"reference_missing": missing, "choice_unknown": unknown, "text_nul": nul, "field_missing": {ID: "a"}} {
			_, err := s.Attach(t.Context(), ws, a, strings.NewReader("x"))
			refused(t, err, code, "")
		}
		if _, err := s.Attach(t.Context(), ws, good, iotest.ErrReader(boom)); !errors.Is(err, boom) {
			t.Error(err)
		}
		if n := len(blobs(t, s)); n != 0 {
			t.Errorf("%d blobs are left", n)
		}
		_, _, err := s.OpenAttachment(t.Context(), ws, "a")
		refused(t, err, "record_not_found", "")
	})
}

// TestPurge leaves a blob as a process does that dies between blob and row.
func TestPurge(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		upsert(t, s, "contacts", "c1", "{}")
		attach(t, s, "kept", "kept")
		upsert(t, s, "contacts", "c2", "{}")
		a := records.Attachment{ID: "a", RecordType: "contact", RecordID: "c2"}
		_, err := s.Attach(t.Context(), ws, a, &vanishing{t: t, s: s, text: strings.NewReader("x")})
		refused(t, err, "reference_missing", "")
		for _, step := range []struct {
			after time.Duration
			left  int
		}{{23 * time.Hour, 2}, {25 * time.Hour, 1}} {
			s.Now = func() time.Time { return time.Now().Add(step.after) }
			_, err := s.Purge(t.Context())
			must(t, err)
			if n := len(blobs(t, s)); n != step.left {
				t.Errorf("after %s: %d blobs", step.after, n)
			}
		}
		if content(t, s, "kept") != "kept" {
			t.Error("a blob that is named has gone")
		}
	})
}

// vanishing is a content during whose upload the record goes that it belongs to.
type vanishing struct {
	t    testing.TB
	s    *records.Store
	text *strings.Reader
}

func (v *vanishing) Read(p []byte) (int, error) {
	_, err := v.s.DB.Exec(v.t.Context(), "DELETE FROM contacts WHERE id = 'c2'")
	must(v.t, err)
	return v.text.Read(p)
}
