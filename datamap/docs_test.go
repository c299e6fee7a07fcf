package datamap

import (
	"os"
	"strings"
	"testing"
)

// The guide's whole maps are maps.
func TestGuideExamples(t *testing.T) {
	guide, err := os.ReadFile("../docs/data-map.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(guide), "```yaml\n")[1:]
	if len(blocks) < 2 {
		t.Fatalf("the guide has %d examples", len(blocks))
	}
	for _, b := range blocks {
		text, _, _ := strings.Cut(b, "```")
		mustCompile(t, text)
	}
	for _, code := range []FindingCode{
		UnknownTable, UnknownColumn, MissingTable, MissingColumn, KeyMismatch, TypeMismatch, FormatMismatch,
		ViewMapped, UnindexedLink, NullableLink, NotNullable, LoopingLink, UnmappedLink, IgnoredReferrer, BlockedErasure,
	} {
		if !strings.Contains(string(guide), "`"+string(code)+"`") {
			t.Errorf("the guide does not explain %s", code)
		}
	}
}
