package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/bench/dialogues"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

const some = 150 // dialogues

// source is the beginning of the real dialogues where they are, with made-up
// ones behind it that hold what real ones do not.
func source(t *testing.T) iter.Seq2[[]dialogues.Turn, error] {
	t.Helper()
	file := dialogues.File("")
	if os.Getenv(dialogues.EnvInputs) == "" {
		file = dialogues.File(filepath.Join("..", "..", "..", "shared", "inputs"))
	}
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		t.Logf("the real dialogues are not at %s: the proof runs on made-up ones alone. Name their folder with %s.", file, dialogues.EnvInputs)
		return dialogues.MadeUp(some)
	}
	return func(yield func([]dialogues.Turn, error) bool) {
		for _, part := range []iter.Seq2[[]dialogues.Turn, error]{dialogues.Read(file, some), dialogues.MadeUp(some)} {
			for turns, err := range part {
				if !yield(turns, err) {
					return
				}
			}
		}
	}
}

// TestNothingIsLost takes dialogues through the real binary on both databases.
func TestNothingIsLost(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "privacyd")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/privacyd").CombinedOutput(); err != nil {
		t.Fatalf("build privacyd: %v\n%s", err, out)
	}
	r := run{binary: binary, postgres: sqldbtest.PostgresDSN(t), source: source(t), say: t.Logf}
	found, err := r.do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found.shown {
		t.Error(d)
	}
	if found.total > 0 || r.records < some {
		t.Errorf("%d differences in %d records", found.total, r.records)
	}
}

// TestCompare finds each kind of difference in an archive made by hand.
func TestCompare(t *testing.T) {
	hash := "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of hello
	good := map[string]string{
		"data/authors.json":       `{"id":"a-1","email":"agent@x.example"}`,
		"data/contacts.json":      `{"id":"c","name":"N","phone":null}`,
		"data/conversations.json": `{"id":"v","contact_id":"c","assignee_id":"a-1"}`,
		"data/messages.json":      `{"id":"m","body":"hi"}`,
		"data/attachments.json":   `{"id":"f","sha256":"` + hash + `","path":"attachments/1-f"}`,
		"attachments/1-f":         "hello",
	}
	for _, c := range []struct{ name, path, content, want string }{
		{"nothing", "data/members.json", `{"id":"x"}`, ""},
		{"value", "data/messages.json", `{"id":"m","body":"ho"}`, "messages m is"},
		{"field lost", "data/messages.json", `{"id":"m","body":null}`, "messages m is"},
		{"field added", "data/contacts.json", `{"id":"c","name":"N","phone":""}`, "contacts c is"},
		{"number as text", "data/contacts.json", `{"id":"c","name":1}`, "contacts c is"},
		{"record lost", "data/contacts.json", "", "contacts c is not in the archive"},
		{"record added", "data/messages.json", `{"id":"m","body":"hi"}` + ",\n" + `{"id":"n"}`, "messages n is not in the source"},
		{"record twice", "data/messages.json", `{"id":"m","body":"hi"}` + ",\n" + `{"id":"m","body":"hi"}`, "messages m is in the archive twice"},
		{"account", "data/authors.json", `{"id":"a-1","email":"other@x.example"}`, "conversations v is"},
		{"file", "attachments/1-f", "hullo", "attachments f: its file has another content"},
		{"file's path", "data/attachments.json", `{"id":"f","sha256":"` + hash + `","path":"attachments/2-f"}`, "which is not in the archive"},
		{"collection", "data/flows.json", `{"id":"x"}`, "flows x is not in the source"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSourceSet()
			s.add("contacts", dialogues.Record{"id": "c", "name": "N"})
			s.add("conversations", dialogues.Record{"id": "v", "contact_id": "c", "assignee_id": "agent@x.example"})
			s.add("messages", dialogues.Record{"id": "m", "body": "hi"})
			s.add("attachments", dialogues.Record{"id": "f", "sha256": hash})
			var found differences
			if err := compare(writeArchive(t, good, c.path, c.content), s, &found); err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(found.shown, "\n"); !strings.Contains(all, c.want) || (c.want == "") != (found.total == 0) {
				t.Errorf("found %q, not %q", all, c.want)
			}
		})
	}
}

// writeArchive writes the good files, one of them with another content.
func writeArchive(t *testing.T, good map[string]string, path, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "archive.zip")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // the writer's Close says it
	z := zip.NewWriter(f)
	files := map[string]string{path: content}
	for name, content := range good {
		if name != path {
			files[name] = content
		}
	}
	for name, content := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "data/") {
			content = "[\n" + content + "\n]\n"
		}
		if _, err := fmt.Fprint(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestConvert holds the records to what they come from: the same turns give
// the same records, each turn one message.
func TestConvert(t *testing.T) {
	n := 0
	for turns, err := range source(t) {
		if err != nil {
			t.Fatal(err)
		}
		a, b := dialogues.Convert(n, turns), dialogues.Convert(n, turns)
		first, _ := json.Marshal(a)  //nolint:errchkjson // only compared
		second, _ := json.Marshal(b) //nolint:errchkjson // only compared
		if string(first) != string(second) || len(a.Messages) != len(turns) {
			t.Fatalf("dialogue %d became other records, or %d messages of %d turns", n, len(a.Messages), len(turns))
		}
		for i, m := range a.Messages {
			if m["body"] != turns[i].Text {
				t.Fatalf("dialogue %d, turn %d lost its text", n, i)
			}
		}
		n++
	}
}
