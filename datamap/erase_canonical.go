package datamap

import (
	"fmt"
	"slices"
	"strings"
)

// Canonical is what the hash of a plan covers beside the map: the kind of scope
// and every disposition. Whom it is about is not in it, nor what is held, how many
// rows there are or when it runs. The bytes do not depend on an order of the
// map's that has no meaning.
func (e Erasure) Canonical() []byte {
	var lines []string
	for _, s := range e.Steps {
		lines = append(lines, s.canonical())
	}
	slices.Sort(lines)
	head := []string{"privacyd erasure v1", e.scope.canonical()}
	return []byte(strings.Join(append(head, lines...), "\n") + "\n")
}

func (s EraseScope) canonical() string {
	switch {
	case s.Rows != nil:
		return fmt.Sprintf("rows of %q", s.Rows.Collection)
	case s.SubjectKind != "" && s.Workspace != "":
		return fmt.Sprintf("subject %q in a workspace", s.SubjectKind)
	case s.SubjectKind != "":
		return fmt.Sprintf("subject %q everywhere", s.SubjectKind)
	default:
		return "workspace"
	}
}

func (s *Step) canonical() string {
	parts := []string{string(s.Action), fmt.Sprintf("%q", s.Collection.Name)}
	if s.Link != nil {
		parts = append(parts, "link "+s.Link.canonical())
	}
	if s.Breaks {
		parts = append(parts, "beforehand")
	}
	if s.Action == Keep {
		parts = append(parts, fmt.Sprintf("ground %q until %q", s.Ground, s.Until))
	}
	var set []string
	for _, a := range s.Set {
		value := "null"
		if a.Value != nil {
			value = fmt.Sprintf("%q", *a.Value)
		}
		set = append(set, fmt.Sprintf("%q%q=%s", a.Column, a.JSONPath, value))
	}
	slices.Sort(set)
	return strings.Join(append(parts, set...), " ")
}

func (l *Link) canonical() string {
	var pairs []string
	for _, p := range l.On {
		pairs = append(pairs, fmt.Sprintf("%q%q>%q", p.Column, p.JSONPath, p.Target))
	}
	for _, w := range l.When {
		pairs = append(pairs, fmt.Sprintf("%q=%q", w.Column, w.Value))
	}
	slices.Sort(pairs)
	return fmt.Sprintf("%q(%s)", l.To, strings.Join(pairs, ","))
}
