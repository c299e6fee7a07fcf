package archive_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"pgregory.net/rapid"
)

// table writes one CSV collection and gives its bytes.
func table(t testing.TB, header []string, records ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := archive.NewWriter(&out, archive.Options{})
	defer w.Abort()
	c, err := w.CSV("contacts", header)
	must(t, err)
	for _, record := range records {
		must(t, c.Record([]byte(record)))
	}
	must(t, c.Close())
	about := info()
	about.Format = "csv"
	_, err = w.Close(about)
	must(t, err)
	if report := sound(t, out.Bytes()); report.Records != int64(len(records)) {
		t.Errorf("%d records counted, %d written", report.Records, len(records))
	}
	return contents(t, out.Bytes())["data/contacts.csv"]
}

func TestCells(t *testing.T) {
	tests := map[string]struct{ json, cell string }{
		"text":               {`"Zoë 🙂"`, `Zoë 🙂`},
		"nothing":            {`null`, ``},
		"empty text":         {`""`, `""`},
		"number":             {`12345678901234567890.10`, `12345678901234567890.10`},
		"negative number":    {`-5`, `-5`},
		"truth":              {`true`, `true`},
		"comma":              {`"a,b"`, `"a,b"`},
		"quote":              {`"say \"hi\""`, `"say ""hi"""`},
		"line breaks":        {`"a\r\nb\nc"`, "\"a\r\nb\nc\""},
		"space at the end":   {`"a "`, `"a "`},
		"array":              {`[1, "two"]`, `"[1,""two""]"`},
		"object":             {`{"a": {"b": 1}}`, `"{""a"":{""b"":1}}"`},
		"formula":            {`"=HYPERLINK(\"http://x\",\"y\")"`, `"'=HYPERLINK(""http://x"",""y"")"`},
		"plus":               {`"+49 30 1234"`, `'+49 30 1234`},
		"minus":              {`"-1"`, `'-1`},
		"at":                 {`"@SUM(1)"`, `'@SUM(1)`},
		"tab":                {`"\t=1"`, "\"'\t=1\""},
		"carriage return":    {`"\r=1"`, "\"'\r=1\""},
		"line feed":          {`"\n=1"`, "\"'\n=1\""},
		"wide equals":        {`"＝1+1"`, `'＝1+1`},
		"equals later":       {`"a=b"`, `a=b`},
		"apostrophe already": {`"'=1"`, `'=1`},
		"escaped equals":     {`"\u003d1"`, `'=1`},
		"other separator":    {`"a;=1"`, `"a;=1"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := table(t, []string{"id", "v"}, `{"v":`+test.json+`,"id":"1","other":"x"}`)
			if want := "id,v\r\n1," + test.cell + "\r\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestCSVShapes(t *testing.T) {
	if got := table(t, []string{"id", "a b", "=x"}); got != "id,a b,'=x\r\n" {
		t.Errorf("only a header: %q", got)
	}
	if got := table(t, []string{"a"}, `{}`, `{"a":null}`, `{ "\u0061" : 1 }`); got != "a\r\n\"\"\r\n\"\"\r\n1\r\n" {
		t.Errorf("one column: %q", got)
	}
}

func TestCSVRefuses(t *testing.T) {
	w := archive.NewWriter(&bytes.Buffer{}, archive.Options{})
	defer w.Abort()
	for _, header := range [][]string{nil, {"a", "a"}} {
		if _, err := w.CSV("contacts", header); privacyd.CodeOf(err) != "archive_csv_header" {
			t.Errorf("header %q: %v", header, err)
		}
	}
	c, err := w.CSV("contacts", []string{"a"})
	must(t, err)
	if err := c.Record([]byte(`["a"]`)); privacyd.CodeOf(err) != "archive_record_invalid" {
		t.Errorf("record: %v", err)
	}
}

// Whatever the texts are, another program's reader finds them in their cells.
func TestAnyTextKeepsItsCell(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		tb := testingTB{t, r}
		texts := rapid.SliceOfN(rapid.String(), 2, 2).Draw(r, "texts")
		raw, err := json.Marshal(map[string]string{"a": texts[0], "b": texts[1]})
		must(tb, err)
		rows, err := csv.NewReader(strings.NewReader(table(tb, []string{"a", "b"}, string(raw)))).ReadAll()
		must(tb, err)
		for i, text := range texts {
			texts[i] = expected(text)
		}
		if diff := cmp.Diff(texts, rows[1]); diff != "" {
			tb.Errorf("other cells:\n%s", diff)
		}
	})
}

// expected is the text as encoding/csv gives it back, which turns CRLF into LF.
func expected(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(text)[0]) {
		text = "'" + text
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}
