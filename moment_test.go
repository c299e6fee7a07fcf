package privacyd_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

func TestTimesForPeople(t *testing.T) {
	at := time.Date(2026, 11, 3, 23, 4, 5, 0, time.FixedZone("", -2*3600))
	if day, whole := privacyd.DayWords(at), privacyd.TimeWords(at); day != "4 November 2026" || whole != "4 November 2026, 01:04 UTC" {
		t.Errorf("%q, %q", day, whole)
	}
}

// toPrograms are the files that write times in ISO 8601: into JSON, CSV, SQL,
// addresses, form fields, names of files, and into the tables of commands, which
// scripts cut up.
var toPrograms = []string{
	"auditlog/leaf.go", "cli/agreement.go", "cli/audit.go", "cli/audit_verify.go", "cli/erase.go", "cli/hold.go", "cli/job.go", "cli/key.go", "cli/receipt.go",
	"cli/retention.go", "cli/subprocessor.go", "cli/tokens.go", "client/audit.go", "engine/audit_export.go", "engine/egress.go", "engine/export.go",
	"engine/audit_visitors.go", "engine/legal_documents.go", "ledger/expire.go", "plan.go", "processing_csv.go", "records/read.go", "source/sqlsource/clock.go",
	"web/bulk.go", "web/hold_form.go", "web/words_time.go",
}

var isoTime = regexp.MustCompile(`Format\((time\.(DateOnly|DateTime|RFC3339|RFC3339Nano)|"2006-)`)

// inSentence is a time in ISO 8601 that a sentence is made with.
var inSentence = regexp.MustCompile(`(say|Errorf|Sprintf)\(.*` + isoTime.String())

// TestSentencesHaveTimesForPeople looks for times in another form than the one of
// pages and mails.
func TestSentencesHaveTimesForPeople(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"bench", "node_modules", ".git"}, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for n, line := range strings.Split(string(text), "\n") {
			if isoTime.MatchString(line) && (!slices.Contains(toPrograms, path) || inSentence.MatchString(line) && !strings.Contains(path, "engine/")) {
				t.Errorf("%s:%d writes a time as programs read it: people read privacyd.DayWords or TimeWords", path, n+1)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
