package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseText(t *testing.T) {
	got := parseText("# A *title* #\n\nOne\ntwo **three**.\n- a\n- <b>\n\n---\n#none\n* c")
	want := []block{
		{Level: 1, Spans: []piece{{Text: "A "}, {Text: "title", Soft: true}}},
		{Spans: []piece{{Text: "One two "}, {Text: "three", Strong: true}, {Text: "."}}},
		{Items: [][]piece{{{Text: "a"}}, {{Text: "<b>"}}}},
		{Rule: true},
		{Spans: []piece{{Text: "#none"}}},
		{Items: [][]piece{{{Text: "c"}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzParseText loses no word of a text, whatever is in it.
func FuzzParseText(f *testing.F) {
	for _, s := range []string{"# A\n\nb **c** *d*\n- e\n---", "**", "* *", "#", "***a***", "- \n-", "a*b*c**d"} {
		f.Add(s)
	}
	marks := strings.NewReplacer("*", "", "#", "", "-", "", " ", "", "\n", "")
	f.Fuzz(func(t *testing.T, text string) {
		var all strings.Builder
		for _, b := range parseText(text) {
			for _, spans := range append(b.Items, b.Spans) {
				for _, s := range spans {
					all.WriteString(s.Text)
				}
			}
		}
		want := strings.Join(strings.Fields(marks.Replace(text)), "")
		if got := strings.Join(strings.Fields(marks.Replace(all.String())), ""); got != want {
			t.Errorf("%q became %q", text, all.String())
		}
	})
}
