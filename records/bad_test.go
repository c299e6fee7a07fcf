package records_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/records"
)

// contact is a line with one contact.
func contact(members string) string { return line("contacts", `{"id":"c9",`+members+`}`) }

var badFiles = []struct{ name, file, code, where string }{
	{"empty file", "", "import_empty", "in.ndjson:1: "},
	{"blank lines only", "\r\n \n", "import_empty", "in.ndjson:1: "},
	{"not JSON", "hello\n", "json_invalid", "in.ndjson:1: "},
	{"an array", "[" + contact(`"name":"x"`) + "]", "json_invalid", "in.ndjson:1: "},
	{"pretty-printed", "{\n\"collection\": \"contacts\"}", "json_truncated", "in.ndjson:1: "},
	{"cut off", strings.TrimSuffix(small, "\n") + "\n" + small[:40], "json_truncated", "in.ndjson:6: the file ends"},
	{"two records on a line", strings.TrimSpace(contact(`"name":"x"`)) + contact(`"name":"y"`), "json_invalid", "in.ndjson:1: "},
	{"unknown member", `{"collection":"contacts","record":{"id":"1"},"x":1}`, "field_unknown", "in.ndjson:1: "},
	{"member twice", `{"collection":"contacts","collection":"contacts","record":{"id":"1"}}`, "field_twice", "in.ndjson:1: "},
	{"no record", `{"collection":"contacts"}`, "field_missing", "in.ndjson:1: "},
	{"collection no text", `{"collection":5,"record":{}}`, "collection_unknown", "in.ndjson:1: "},
	{"unknown collection", line("contact", `{"id":"1"}`), "collection_unknown", `Did you mean "contacts"?`},
	{"unknown collection with data in its name", line("ana@example.com", `{"id":"1"}`), "collection_unknown", "no collection. There are"},
	{"unknown field", contact(`"emial":"x"`), "field_unknown", `Did you mean "email"?`},
	{"field twice", contact(`"name":"x","name":"y"`), "field_twice", "in.ndjson:1: "},
	{"internal field", line("attachments", `{"id":"a","blob":"x"}`), "field_unknown", "in.ndjson:1: "},
	{"no id", line("contacts", `{"name":"x"}`), "field_missing", "in.ndjson:1: the field id is missing"},
	{"empty id", line("contacts", `{"id":""}`), "id_invalid", "in.ndjson:1: "},
	{"id a number", line("contacts", `{"id":5}`), "field_invalid", "in.ndjson:1: the field id must be a text"},
	{"long id", line("contacts", `{"id":"`+strings.Repeat("é", 101)+`"}`), "id_invalid", "in.ndjson:1: "},
	{"U+0000 escaped", contact(`"name":"a\u0000b"`), "text_nul", "in.ndjson:1: "},
	{"U+0000 raw", contact("\"name\":\"a\x00b\""), "text_nul", "in.ndjson:1: "},
	{"U+0000 in custom fields", small + contact(`"custom_fields":{"a":["\u0000"]}`), "text_nul", "in.ndjson:6: "},
	{"U+0000 in a name of custom fields", contact(`"custom_fields":{"\u0000":1}`), "text_nul", "in.ndjson:1: "},
	{"invalid UTF-8", small + contact("\"name\":\"a\xff\""), "text_invalid_utf8", "in.ndjson:6: "},
	{"UTF-16", "\xff\xfe{\x00}\x00", "text_invalid_utf8", "in.ndjson:1: "},
	{"half a surrogate pair", contact(`"name":"\ud800x"`), "text_invalid_utf8", "in.ndjson:1: "},
	{"reversed surrogates", contact(`"tags":["\ude00\ud83d"]`), "text_invalid_utf8", "in.ndjson:1: "},
	{"raw control character", contact("\"name\":\"a\x01b\""), "json_invalid", "in.ndjson:1: "},
	{"bad escape", contact(`"name":"\x"`), "json_invalid", "in.ndjson:1: "},
	{"deep nesting", contact(`"custom_fields":{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`), "json_too_deep", "in.ndjson:1: "},
	{"leading zero", contact(`"custom_fields":{"a":01}`), "json_invalid", "in.ndjson:1: "},
	{"NaN", contact(`"custom_fields":{"a":NaN}`), "json_invalid", "in.ndjson:1: "},
	{"text for a list", contact(`"tags":"a,b"`), "field_invalid", "in.ndjson:1: the field tags"},
	{"numbers in tags", contact(`"tags":[1]`), "field_invalid", "in.ndjson:1: the field tags"},
	{"identity without a kind", contact(`"identities":[{"value":"x"}]`), "field_invalid", "in.ndjson:1: the field identities"},
	{"unknown status", small + line("conversations", `{"id":"v","contact_id":"c1","status":"closed"}`), "choice_unknown", "in.ndjson:6: the field status must be one of open, pending, resolved"},
	{"unknown direction", line("messages", `{"id":"m","conversation_id":"v1","direction":"in"}`), "choice_unknown", "in.ndjson:1: "},
	{"date without time", contact(`"created_at":"2026-01-01"`), "time_invalid", "in.ndjson:1: "},
	{"time without zone", contact(`"created_at":"2026-01-01T00:00:00"`), "time_invalid", "in.ndjson:1: "},
	{"31 June", contact(`"created_at":"2026-06-31T00:00:00Z"`), "time_invalid", "in.ndjson:1: "},
	{"time a number", contact(`"created_at":1700000000`), "field_invalid", "in.ndjson:1: "},
	{"position not whole", line("knowledge_chunks", `{"id":"x","source_id":"k","position":1.5}`), "field_invalid", "in.ndjson:1: "},
	{"position too large", line("knowledge_chunks", `{"id":"x","source_id":"k","position":9223372036854775808}`), "field_invalid", "in.ndjson:1: "},
	{"bad e-mail", small + line("documents", `{"id":"d","author_id":"bo@"}`), "email_invalid", "in.ndjson:6: the field author_id"},
	{"account by a name", line("documents", `{"id":"d","author_id":"Bo"}`), "account_unknown", "in.ndjson:1: the field author_id"},
	{"missing parent", small + line("messages", `{"id":"m9","conversation_id":"v2"}`), "reference_missing", "in.ndjson:6: the field conversation_id"},
	{"missing polymorphic parent", small + line("comments", `{"id":"o","record_type":"ticket","record_id":"c1"}`), "reference_missing", "a record of tickets"},
	{"type that cannot have comments", line("comments", `{"id":"o","record_type":"contact","record_id":"c1"}`), "choice_unknown", "in.ndjson:1: "},
	{"id twice", small + "\n" + line("messages", `{"id":"m1","conversation_id":"v1"}`), "record_twice", "in.ndjson:7: the record has the same id as that of line 3"},
	{"version twice", line("flows", `{"id":"f"}`) + line("flow_versions", `{"id":"1","flow_id":"f","version":1}`) + line("flow_versions", `{"id":"2","flow_id":"f","version":1}`), "record_twice", "in.ndjson:3: the record has the same flow_id and version as that of line 2"},
	{"inbound author no contact", small + line("messages", `{"id":"m","conversation_id":"v1","direction":"inbound","author_id":"bo@example.com"}`), "author_not_contact", "in.ndjson:6: "},
	{"attachment without content", small + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1"}`), "content_missing", "in.ndjson:6: "},
	{"content twice", small + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1","content_base64":"","path":"x"}`), "content_twice", "in.ndjson:6: "},
	{"broken base64", small + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1","content_base64":"a!b="}`), "base64_invalid", "in.ndjson:6: "},
	{"base64 of URLs", small + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1","content_base64":"_-8"}`), "base64_invalid", "in.ndjson:6: "},
	{"another digest", small + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1","content_base64":"","sha256":"00"}`), "content_mismatch", "in.ndjson:6: "},
	{"another size", small + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1","content_base64":"","size":1}`), "content_mismatch", "in.ndjson:6: "},
	{"no folder", small + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1","path":"x"}`), "path_not_allowed", "in.ndjson:6: "},
	{"huge line", small + contact(`"name":"`+strings.Repeat("x", 17<<20)+`"`) + "\n", "record_too_large", "in.ndjson:6: "},
}

// TestBadFiles checks that each bad file is refused with its code and its line,
// that nothing of it is written, and that no value of it is shown.
func TestBadFiles(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		for _, c := range badFiles {
			t.Run(c.name, func(t *testing.T) {
				_, err := run(t, s, c.file)
				refused(t, err, c.code, c.where)
				if strings.Contains(privacyd.MessageOf(err), "ana@") || strings.Contains(privacyd.MessageOf(err), "bo@") {
					t.Errorf("a value is shown: %v", err)
				}
			})
		}
		if n := len(export(t, s, datamap.Scope{Workspace: ws})); n != 0 {
			t.Errorf("something was written: %d collections", n)
		}
	})
}

func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	if privacyd.CodeOf(err) != code || !strings.Contains(privacyd.MessageOf(err), message) {
		t.Fatalf("got %s: %v\nwant %s: %s", privacyd.CodeOf(err), err, code, message)
	}
}

func TestManyProblems(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		_, err := run(t, s, strings.Repeat("{}\n", 100))
		if n := strings.Count(privacyd.MessageOf(err), "in.ndjson:"); n != 20 {
			t.Errorf("%d problems are shown: %v", n, err)
		}
		var many strings.Builder
		for range 50 {
			many.WriteString(line("conversations", `{"id":"v","contact_id":"nobody"}`))
		}
		_, err = run(t, s, many.String())
		refused(t, err, "reference_missing", "in.ndjson:1: ")
		refused(t, err, "reference_missing", "more.\nNothing was imported.")
	})
}

var goodFiles = []struct{ name, file, collection, id, want string }{
	{"byte order mark", "\ufeff" + contact(`"name":"x"`), "contacts", "c9", `"name":"x"`},
	{"CRLF", strings.ReplaceAll(contact(`"name":"x"`)+small, "\n", "\r\n"), "contacts", "c9", `"name":"x"`},
	{"no line break at the end", strings.TrimSpace(contact(`"name":"x"`)), "contacts", "c9", `"name":"x"`},
	{"record before collection", `{"record":{"id":"c9"},"collection":"contacts"}`, "contacts", "c9", `"id":"c9"`},
	{"null is nothing", contact(`"name":null,"tags":null`), "contacts", "c9", `"tags":null`},
	{"emoji", contact(`"name":"👩‍👩‍👧"`), "contacts", "c9", `"name":"👩‍👩‍👧"`},
	{"escaped emoji", contact(`"name":"\ud83d\ude00\u00e9\/"`), "contacts", "c9", `"name":"😀é/"`},
	{"custom fields to the letter", contact("\"custom_fields\": { \"b\" : 1.0E+2 ,\t\"a\":\"\\u00e9 \\\" {\" } "), "contacts", "c9", `"custom_fields":{"b":1.0E+2,"a":"\u00e9 \" {"}`},
	{"finer than a microsecond", contact(`"created_at":"2026-01-01T00:00:00.123456789+05:30"`), "contacts", "c9", `"created_at":"2025-12-31T18:30:00.123456Z"`},
	{"children first", line("messages", `{"id":"m","conversation_id":"v"}`) + line("conversations", `{"id":"v","contact_id":"c9"}`) + contact(`"name":"x"`), "messages", "m", `"conversation_id":"v"`},
	{"e-mail in capitals", line("documents", `{"id":"d","author_id":" BO@example.com"}`), "documents", "d", `"author_id":"`},
	{"10 MB of text", contact(`"name":"` + strings.Repeat("ä\\n", 3<<20) + `"`), "contacts", "c9", `ä\nä\n`},
}

func TestGoodFiles(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		for _, c := range goodFiles {
			t.Run(c.name, func(t *testing.T) {
				_, err := run(t, s, c.file)
				must(t, err)
				if got := get(t, s, c.collection, c.id); !strings.Contains(got, c.want) {
					t.Errorf("got %.300s", got)
				}
			})
		}
	})
}

var paths = []struct{ name, path, code string }{
	{"a file", "a.txt", ""},
	{"a file in a folder", "folder/b.txt", ""},
	{"a link that stays inside", "inside", ""},
	{"up", "../../etc/passwd", "path_outside"},
	{"up and back", "folder/../../x", "path_outside"},
	{"absolute", "/etc/passwd", "path_outside"},
	{"a link to outside", "outside", "path_outside"},
	{"a folder that leads outside", "away/passwd", "path_outside"},
	{"empty", "", "path_outside"},
	{"a folder", "folder", "path_not_file"},
	{"a file that is not there", "nothing.txt", "file_missing"},
	{"a name that Windows keeps to itself", "CON", "file_missing"},
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("content of a"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "folder", "b.txt"), []byte("content of b"), 0o600))
	must(t, os.Symlink("a.txt", filepath.Join(dir, "inside")))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "outside")))
	must(t, os.Symlink("/etc", filepath.Join(dir, "away")))
	folder, err := records.OpenFolder(dir)
	must(t, err)
	defer folder.Close() //nolint:errcheck // a test's
	each(t, func(t *testing.T, s *records.Store) {
		for _, c := range paths {
			t.Run(c.name, func(t *testing.T) {
				file := line("contacts", `{"id":"c1"}`) + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1","path":"`+c.path+`"}`)
				_, err := s.Import(t.Context(), records.Request{Workspace: ws, Source: records.NDJSON("in.ndjson", strings.NewReader(file), folder)})
				if c.code != "" {
					refused(t, err, c.code, "in.ndjson:2: ")
					return
				}
				must(t, err)
				if got := content(t, s, "a"); !strings.HasPrefix(got, "content of ") {
					t.Errorf("content %q", got)
				}
			})
		}
	})
}

// changing is a folder whose files are others each time they are opened.
type changing struct{ opened int }

func (c *changing) Open(string) (io.ReadCloser, error) {
	if c.opened++; c.opened > 2 {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(strings.Repeat("x", c.opened))), nil
}

// TestFileChanges changes a file, and then removes it, after it was checked.
func TestFileChanges(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		folder := &changing{}
		const sum = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of one x
		for _, sum := range []string{`,"sha256":"` + sum + `"`, ""} {
			file := line("contacts", `{"id":"c1"}`) + line("attachments", `{"id":"a","record_type":"contact","record_id":"c1","path":"x"`+sum+`}`)
			_, err := s.Import(t.Context(), records.Request{Workspace: ws, Source: records.NDJSON("in.ndjson", strings.NewReader(file), folder)})
			refused(t, err, "file_changed", "after 1 of 2 records")
			folder.opened = 1
		}
		if n := len(all(t, s)["attachments"]); n != 0 {
			t.Errorf("%d attachments", n)
		}
	})
}
