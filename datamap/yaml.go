package datamap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	maxFile  = 1 << 20 // bytes of a map's file
	maxDepth = 16      // mappings and lists inside each other
	maxText  = 2000    // characters of a text
)

// load reads one YAML document and refuses what a data map never needs.
func load(r io.Reader, p *problems) *yaml.Node {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		p.form(0, "cannot be read (%v); check the file", err)
		return nil
	case len(text) > maxFile:
		p.form(0, "is larger than %d KiB; a data map names tables and columns, not data", maxFile>>10)
		return nil
	case !utf8.Valid(text):
		p.form(0, "is not UTF-8; save it as UTF-8")
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		p.form(0, "cannot be read (%v); check the file", err)
		return nil
	}
	var doc, second yaml.Node
	if err := loader.Load(&doc); err != nil {
		p.yamlError(err)
		return nil
	}
	if err := loader.Load(&second); !errors.Is(err, io.EOF) {
		p.form(max(second.Line, 1), "has a second document or text after the first; keep one document a file")
		return nil
	}
	if len(doc.Content) != 1 || !p.plain(doc.Content[0], 0) {
		return nil
	}
	return doc.Content[0]
}

func (p *problems) yamlError(err error) {
	var le *yaml.LoadError
	switch {
	case errors.Is(err, io.EOF):
		p.form(1, "is empty; start with `dataset:`, `workspace:` and `collections:`")
	case errors.As(err, &le):
		p.form(max(le.Mark.Line, 1), "is not YAML (%s); check indentation, quotes and brackets here and on the line before", le.Message)
	default:
		p.form(1, "is not YAML (%v); check indentation, quotes and brackets", err)
	}
}

// plain refuses anchors, aliases, merge keys, tags and deep nesting: without
// them a file means what it shows, and its size bounds the work.
func (p *problems) plain(n *yaml.Node, depth int) bool {
	switch {
	case depth > maxDepth:
		p.form(n.Line, "is nested more than %d deep; a data map never needs that", maxDepth)
		return false
	case n.Kind == yaml.AliasNode, n.Anchor != "":
		p.form(n.Line, "uses a YAML anchor or alias; write the text out where it is needed")
		return false
	case n.Tag == "!!merge":
		p.form(n.Line, "uses the YAML merge key <<; write the keys out")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		p.form(n.Line, "uses the YAML tag %s; leave it out", n.Tag)
		return false
	}
	for _, c := range n.Content {
		if !p.plain(c, depth+1) {
			return false
		}
	}
	return true
}

// object is a YAML mapping whose keys are known beforehand.
type object struct {
	p     *problems
	what  string // for messages: `collection contacts`
	line  int
	items map[string]*yaml.Node
	meant []string // keys that a misspelt one was meant to be
}

// pair is an entry of a YAML mapping.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// pairs gives a mapping's entries in order; what names the mapping in messages.
func (p *problems) pairs(n *yaml.Node, line int, what string) []pair {
	if n.Kind != yaml.MappingNode {
		p.form(line, "%s must be a mapping (`key: value`), not %s", what, kindOf(n))
		return nil
	}
	list := make([]pair, 0, len(n.Content)/2)
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Tag != "!!str" || k.Value == "" {
			p.form(k.Line, "a key in %s is %s; write it as text, in quotes", what, kindOf(k))
			continue
		}
		if first, twice := seen[k.Value]; twice {
			p.form(k.Line, "%s is in %s twice (first on line %d); keep one of them", quote(k.Value), what, first)
			continue
		}
		seen[k.Value] = k.Line
		list = append(list, pair{k.Value, k.Line, n.Content[i+1]})
	}
	return list
}

// object reads a mapping and notes every key that is not known.
func (p *problems) object(n *yaml.Node, line int, what string, known ...string) *object {
	o := &object{p: p, what: what, line: line, items: map[string]*yaml.Node{}}
	for _, e := range p.pairs(n, line, what) {
		if !slices.Contains(known, e.key) {
			p.form(e.line, "unknown key %s in %s; %s", quote(e.key), what, suggest(e.key, known))
			o.meant = append(o.meant, near(e.key, known))
			continue
		}
		o.items[e.key] = e.value
	}
	return o
}

// need notes the keys that are missing.
func (o *object) need(keys ...string) {
	for _, k := range keys {
		if o.lacks(k) {
			o.p.form(o.line, "%s has no %s; add `%s:`", o.what, k, k)
		}
	}
}

// lacks tells whether a key is absent, not only misspelt.
func (o *object) lacks(key string) bool {
	return o.items[key] == nil && !slices.Contains(o.meant, key)
}

func (o *object) lineOf(key string) int {
	if n := o.items[key]; n != nil {
		return n.Line
	}
	return o.line
}

// text gives a key's text, or nothing when it is absent or wrong.
func (o *object) text(key string) string {
	n := o.items[key]
	if n == nil {
		return ""
	}
	return o.p.text(n, key+" of "+o.what)
}

func (p *problems) text(n *yaml.Node, what string) string {
	switch {
	case n.Kind != yaml.ScalarNode:
		p.form(n.Line, "%s must be one text, not %s; write one", what, kindOf(n))
	case n.Tag == "!!null":
		p.form(n.Line, "%s says nothing; fill it in or leave the key out", what)
	case n.Tag != "!!str":
		p.form(n.Line, "%s must be text, not %s; put it in quotes", what, kindOf(n))
	case n.Value == "":
		p.form(n.Line, "%s is empty; fill it in or leave the key out", what)
	case utf8.RuneCountInString(n.Value) > maxText:
		p.form(n.Line, "%s has more than %d characters; shorten it", what, maxText)
	default:
		return n.Value
	}
	return ""
}

// flag gives a key's true or false.
func (o *object) flag(key string) bool {
	n := o.items[key]
	if n == nil {
		return false
	}
	yes, err := strconv.ParseBool(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || err != nil {
		o.p.form(n.Line, "%s of %s must be true or false, not %s", key, o.what, kindOf(n))
	}
	return yes
}

// texts gives a key's list of texts; one text alone is a list of one.
func (o *object) texts(key string) []string {
	n := o.items[key]
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.ScalarNode:
		if s := o.text(key); s != "" {
			return []string{s}
		}
		return nil
	}
	var list []string
	for _, c := range o.list(key) {
		if s := o.p.text(c, key+" of "+o.what); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// list gives the items of a key's list.
func (o *object) list(key string) []*yaml.Node {
	n := o.items[key]
	switch {
	case n == nil:
		return nil
	case n.Kind != yaml.SequenceNode:
		o.p.form(n.Line, "%s of %s must be a list (`- …`), not %s", key, o.what, kindOf(n))
		return nil
	case len(n.Content) == 0:
		o.p.form(n.Line, "%s of %s is empty; fill it in or leave the key out", key, o.what)
	}
	return n.Content
}

// pairs gives the entries of a key's mapping.
func (o *object) pairs(key, what string) []pair {
	n := o.items[key]
	if n == nil {
		return nil
	}
	list := o.p.pairs(n, n.Line, what)
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		o.p.form(n.Line, "%s is empty; fill it in or leave the key out", what)
	}
	return list
}

// kindOf says what a node is, without its content.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!bool":
		return "a yes or no"
	case n.Tag == "!!int", n.Tag == "!!float":
		return "a number"
	case n.Tag == "!!timestamp":
		return "a date"
	default:
		return "text"
	}
}

// quote shows a word from the file, shortened.
func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
