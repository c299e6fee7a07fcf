package engine

import (
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

// FuzzParseNext: whatever stands in an address is a place in the list or is
// refused.
func FuzzParseNext(f *testing.F) {
	page := RetentionEffect{Next: make([]RetentionRow, mostNext+1)}
	for i := range page.Next {
		page.Next[i] = RetentionRow{Dataset: "d", Collection: "c", Key: []string{"w", "k"}, Decision: privacyd.Decision{At: time.UnixMicro(int64(i))}}
	}
	page.endPage()
	for _, cursor := range []string{page.NextCursor, "", "e30", "bnVsbA", "!", "eyJrZXkiOlsieCJdfQ"} {
		f.Add(cursor)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		c, err := parseNext(cursor)
		if err != nil {
			if privacyd.CodeOf(err) != "cursor_invalid" {
				t.Fatal(err)
			}
			return
		}
		if (cursor == "") != (c.Key == nil) {
			t.Fatalf("%q is read as %+v", cursor, c)
		}
		if from, after := c.in(c.Dataset, c.Collection); cursor != "" && (len(after) == 0 || from.UnixMicro() != c.At) {
			t.Fatalf("%q begins at %v, %q", cursor, from, after)
		}
	})
}

func TestNextCursorGoesThroughCollections(t *testing.T) {
	c := nextCursor{At: 7, Dataset: "b", Collection: "b", Key: []string{"k"}}
	for of, want := range map[[2]string]int64{{"a", "z"}: 8, {"b", "a"}: 8, {"b", "b"}: 7, {"b", "c"}: 7, {"c", "a"}: 7} {
		from, after := c.in(of[0], of[1])
		if from.UnixMicro() != want || (after != nil) != (of == [2]string{"b", "b"}) {
			t.Errorf("%v begins at %d, after %q", of, from.UnixMicro(), after)
		}
	}
}
