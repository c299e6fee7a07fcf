package engine

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// nextCursor is a row by its place among those that go next: when it is due,
// then by its collection and key. The zero value stands before all.
type nextCursor struct {
	At         int64    `json:"at"` // microseconds since 1970
	Dataset    string   `json:"dataset"`
	Collection string   `json:"collection"`
	Key        []string `json:"key"`
}

func cursorOf(r RetentionRow) nextCursor {
	return nextCursor{At: r.Decision.At.UnixMicro(), Dataset: r.Dataset, Collection: r.Collection, Key: r.Key}
}

func (c nextCursor) compare(other nextCursor) int {
	return cmp.Or(cmp.Compare(c.At, other.At), c.compareCollection(other.Dataset, other.Collection), slices.Compare(c.Key, other.Key))
}

func (c nextCursor) compareCollection(dataset, collection string) int {
	return cmp.Or(strings.Compare(c.Dataset, dataset), strings.Compare(c.Collection, collection))
}

// in is where a collection's rows begin that come after the cursor: from which
// moment, and of those that are due at it after which key.
func (c nextCursor) in(dataset, collection string) (from time.Time, after []string) {
	if c.Key == nil {
		return time.Time{}, nil
	}
	from = time.UnixMicro(c.At).UTC()
	switch order := c.compareCollection(dataset, collection); {
	case order == 0:
		return from, c.Key
	case order > 0: // its rows of that moment came before
		return from.Add(time.Microsecond), nil
	default:
		return from, nil
	}
}

// endPage says where the list goes on, where it does.
func (f *RetentionEffect) endPage() {
	if len(f.Next) <= mostNext {
		return
	}
	f.Next = f.Next[:mostNext]
	text, err := json.Marshal(cursorOf(f.Next[mostNext-1]))
	if err == nil { // strings and numbers
		f.NextCursor = base64.RawURLEncoding.EncodeToString(text)
	}
}

// parseNext reads what endPage made. Code cursor_invalid.
func parseNext(cursor string) (c nextCursor, err error) {
	if cursor == "" {
		return c, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil || len(c.Key) == 0 {
		return c, errCursor()
	}
	return c, nil
}

func errCursor() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "cursor_invalid", "The cursor is not one that a list has given. Begin without one.")
}
