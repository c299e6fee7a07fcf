package sqlsource

import (
	"encoding/json"
	"strconv"
)

// eachAt gives fn the place of every scalar that a path leads to, by the rules
// of both databases: [*] alone enters an array. false: the text is not JSON.
func eachAt(doc []byte, path []step, fn func(from, to int)) bool {
	w := jsonWalk{doc: doc, found: fn}
	end := w.value(skipSpace(doc, 0), path)
	return end >= 0 && skipSpace(doc, end) == len(doc)
}

// jsonWalk goes through a document once. Its methods take the index at which
// something begins and give the one behind it, or -1.
type jsonWalk struct {
	doc   []byte
	found func(from, to int)
}

func (w *jsonWalk) value(i int, path []step) int {
	end := skipValue(w.doc, i)
	if end < 0 {
		return -1
	}
	opens := w.doc[i] == '{' || w.doc[i] == '['
	switch {
	case len(path) == 0 && !opens:
		w.found(i, end)
	case len(path) > 0 && w.doc[i] == '{' && path[0].kind == stepKey:
		return w.members(i+1, path)
	case len(path) > 0 && w.doc[i] == '[' && path[0].kind != stepKey:
		return w.elements(i+1, path)
	}
	return end
}

func (w *jsonWalk) members(i int, path []step) int {
	for i = skipSpace(w.doc, i); i < len(w.doc) && w.doc[i] == '"'; {
		end := skipString(w.doc, i)
		if end < 0 {
			return -1
		}
		here := scalarText(w.doc[i:end]) == path[0].key
		if i = skipSpace(w.doc, end); i >= len(w.doc) || w.doc[i] != ':' {
			return -1
		}
		if i = w.part(skipSpace(w.doc, i+1), here, path); i < 0 {
			return -1
		}
	}
	return closed(w.doc, i, '}')
}

func (w *jsonWalk) elements(i int, path []step) int {
	i = skipSpace(w.doc, i)
	for n := 0; i < len(w.doc) && w.doc[i] != ']'; n++ {
		here := path[0].kind == stepEach || path[0].index == n
		if i = w.part(i, here, path); i < 0 {
			return -1
		}
	}
	return closed(w.doc, i, ']')
}

// part is the value of a member or an element, with the comma behind it.
func (w *jsonWalk) part(i int, here bool, path []step) int {
	if here {
		i = w.value(i, path[1:])
	} else {
		i = skipValue(w.doc, i)
	}
	if i < 0 {
		return -1
	}
	if i = skipSpace(w.doc, i); i < len(w.doc) && w.doc[i] == ',' {
		return skipSpace(w.doc, i+1)
	}
	return i
}

func closed(doc []byte, i int, bracket byte) int {
	if i < len(doc) && doc[i] == bracket {
		return i + 1
	}
	return -1
}

// skipValue passes a value of any depth with hardly a look at its grammar,
// which the database has proven.
func skipValue(s []byte, i int) int {
	for depth := 0; i < len(s); {
		switch s[i] {
		case '"':
			if i = skipString(s, i); i < 0 {
				return -1
			}
		case '{', '[':
			depth++
			i++
		default:
			end := skipScalar(s, i)
			if end > i {
				i = end
				break
			}
			if depth == 0 {
				return -1
			}
			if s[i] == '}' || s[i] == ']' {
				depth--
			}
			i++
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

func skipScalar(s []byte, i int) int {
	for i < len(s) {
		switch s[i] {
		case ',', ':', ' ', '\n', '\t', '\r', '}', ']', '{', '[', '"':
			return i
		}
		i++
	}
	return i
}

// scalarText is what a scalar is compared as.
func scalarText(value []byte) string {
	if len(value) == 0 || value[0] != '"' {
		return canonicalNumber(string(value))
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}

// canonicalNumber writes a whole number as a database does.
func canonicalNumber(value string) string {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	return value
}

// valuesAt lists the scalars at a path as text, without NULLs.
func valuesAt(doc []byte, path []step) []string {
	var values []string
	eachAt(doc, path, func(from, to int) {
		if value := doc[from:to]; string(value) != "null" {
			values = append(values, scalarText(value))
		}
	})
	return values
}

// replaceAt writes to in place of each value at a path for which match holds,
// and gives how many those are. All else stays as it is, byte for byte.
func replaceAt(doc []byte, path []step, match func(value string) bool, to []byte) (edited []byte, n int) {
	copied := 0
	ok := eachAt(doc, path, func(from, end int) {
		if string(doc[from:end]) == "null" || !match(scalarText(doc[from:end])) {
			return
		}
		edited = append(append(edited, doc[copied:from]...), to...)
		copied = end
		n++
	})
	if !ok || n == 0 {
		return doc, 0
	}
	return append(edited, doc[copied:]...), n
}
