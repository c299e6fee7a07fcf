package archive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/privacyd/privacyd/archive"
)

// The golden files are written anew with UPDATE_GOLDEN=1 in the environment.
func TestGolden(t *testing.T) {
	files := contents(t, sample(t))
	files["subject.html"] = contents(t, subjectExport(t))["README.html"]
	for _, name := range []string{"README.html", "manifest.json", "subject.html", "data/contacts.json", "data/tickets.json"} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", strings.ReplaceAll(name, "/", "-"))
			if os.Getenv("UPDATE_GOLDEN") != "" {
				must(t, os.WriteFile(golden, []byte(files[name]), 0o644))
			}
			want, err := os.ReadFile(golden)
			must(t, err)
			if diff := cmp.Diff(string(want), files[name]); diff != "" {
				t.Errorf("changed (-want +have):\n%s", diff)
			}
		})
	}
}

const nasty = `<script>alert(1)</script>"'&`

func subjectExport(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := archive.NewWriter(&out, archive.Options{})
	defer w.Abort()
	collection(t, w, "contacts", `{"id":"c1"}`)
	must(t, w.File("about.json", strings.NewReader("{}")))
	for range 130 {
		must(t, w.Missing(archive.MissingFile{Collection: "attachments", ID: nasty, Name: nasty, Reason: nasty}))
	}
	about := info()
	about.Kind, about.Workspace.Name = "subject_export", nasty
	about.Subject = &archive.Subject{Kind: "contact", ID: nasty}
	about.Redactions = []archive.Redaction{
		{Collection: "messages", Field: "body", Action: "masked", Reason: nasty, Records: 2},
		{Collection: "tickets", Field: "notes", Action: "left_out", Reason: "about another person"},
	}
	about.About = []archive.Section{{Heading: "Why the data is kept " + nasty, Lines: []string{"Support.", nasty}}}
	_, err := w.Close(about)
	must(t, err)
	return out.Bytes()
}

func TestReadmeIsHarmless(t *testing.T) {
	for name, data := range map[string][]byte{"workspace": sample(t), "subject": subjectExport(t)} {
		t.Run(name, func(t *testing.T) {
			page := contents(t, data)["README.html"]
			for _, banned := range []string{"<script", "http://", "https://", "onload", "<img", "javascript:"} {
				if strings.Contains(page, banned) {
					t.Errorf("the page has %s", banned)
				}
			}
			if open, closed := len(regexp.MustCompile(`<t[rdh]\b`).FindAllString(page, -1)), len(regexp.MustCompile(`</t[rdh]>`).FindAllString(page, -1)); open != closed {
				t.Errorf("%d cells and rows opened, %d closed", open, closed)
			}
		})
	}
}

// The same export is the same bytes, whatever the number of processors.
func TestDeterministic(t *testing.T) {
	write := func(workers int) []byte {
		var out bytes.Buffer
		must(t, fill(archive.NewWriter(&out, archive.Options{Workers: workers})))
		return out.Bytes()
	}
	if !bytes.Equal(write(1), write(5)) {
		t.Error("another number of workers gives another archive")
	}
}
