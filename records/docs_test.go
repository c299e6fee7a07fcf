package records_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/records"
)

func documentation(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/import-format.md")
	must(t, err)
	return string(b)
}

func TestDocumentedExample(t *testing.T) {
	_, example, _ := strings.Cut(documentation(t), "```ndjson\n")
	example, _, _ = strings.Cut(example, "```")
	each(t, func(t *testing.T, s *records.Store) {
		result, err := run(t, s, example)
		must(t, err)
		if result.Records["messages"] != 3 || result.Attachments != 1 || content(t, s, "a-1") != "Hello" {
			t.Errorf("%+v", result)
		}
	})
}

// TestDocumentedFields checks that the table names each field of each
// collection, in order, with its choices.
func TestDocumentedFields(t *testing.T) {
	text := documentation(t)
	quoted := regexp.MustCompile("`([a-z0-9_]+)`")
	for _, c := range records.Collections() {
		_, row, _ := strings.Cut(text, "\n| `"+c.Name+"` | ")
		row, _, _ = strings.Cut(row, "\n")
		var want []string
		for _, f := range c.Fields {
			want = append(append(want, f.Name), f.Choices...)
		}
		var got []string
		for _, m := range quoted.FindAllStringSubmatch(row, -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: the table has %v, the fields are %v", c.Name, got, want)
		}
	}
}

// TestDocumentedCodes checks that the codes of bad files are explained.
func TestDocumentedCodes(t *testing.T) {
	text := documentation(t)
	for _, c := range badFiles {
		if !strings.Contains(text, "`"+c.code+"`") {
			t.Errorf("%s is not explained", c.code)
		}
	}
}
