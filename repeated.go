package privacyd

import (
	"bytes"
	"encoding/json"
	"strings"
)

// namedByUs is how deep in a request the names of fields are privacyd's own:
// there JSON decoders take "type" and "Type" for the same field. Below are
// names that others chose.
const namedByUs = 2

// deepest is how many objects and lists may be open in one another: as many as
// the decoder takes. Each costs memory a hundred times the byte that opens it.
const deepest = 10_000

// nesting is an object or a list that is open.
type nesting struct {
	names map[string]bool // that were read so far; nil: a list
	depth int             // of objects
	named bool            // a name was read, its value comes
}

// RepeatedField finds a field that an object of a JSON text has twice. Readers
// do not agree on which of them counts, so that what was checked may not be
// what is done. Text that is not JSON or is nested too deeply has none: whoever
// decodes it says so.
func RepeatedField(text []byte) (name string, found bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	open := []*nesting{{}}
	for {
		token, err := d.Token()
		if err != nil || len(open) > deepest+1 {
			return "", false
		}
		at := open[len(open)-1]
		if at.names != nil && !at.named && token != json.Delim('}') {
			name, _ := token.(string)
			if at.has(name) {
				return name, true
			}
			continue
		}
		at.named = false
		switch token {
		case json.Delim('{'):
			open = append(open, &nesting{names: map[string]bool{}, depth: at.depth + 1})
		case json.Delim('['):
			open = append(open, &nesting{depth: at.depth})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// has takes note of a name, and tells whether it was there before.
func (n *nesting) has(name string) bool {
	if n.depth <= namedByUs {
		name = strings.ToLower(name)
	}
	before := n.names[name]
	n.names[name], n.named = true, true
	return before
}
