package datamap

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sayErasure writes an erasure so that a person can check it.
func sayErasure(e Erasure) string {
	var b strings.Builder
	for _, s := range e.Steps {
		sayStep(&b, e, s)
	}
	for _, p := range e.Blockers {
		fmt.Fprintf(&b, "  BLOCKED %s %s: %s %s\n", p.Code, p.Collection, p.Message, p.Remedy)
	}
	return b.String()
}

func sayStep(b *strings.Builder, e Erasure, s *Step) {
	fmt.Fprintf(b, "  %s %s", s.Action, s.Collection.Name)
	switch {
	case s.Breaks:
		fmt.Fprintf(b, " beforehand, of what goes,")
	case s.Link != nil:
		fmt.Fprintf(b, " that link (%s) to %s", sayLink(s.Link), s.Link.To)
	}
	if s.Ground != "" {
		fmt.Fprintf(b, " on %s", s.Ground)
	}
	if s.Until != "" {
		fmt.Fprintf(b, " for %s", s.Until)
	}
	b.WriteString("\n")
	for _, a := range s.Set {
		value := "NULL"
		if a.Value != nil {
			value = fmt.Sprintf("%q", *a.Value)
		}
		fmt.Fprintf(b, "    set %s%s = %s\n", a.Column, strings.TrimPrefix(a.JSONPath, "$"), value)
	}
	for _, c := range s.All {
		fmt.Fprintf(b, "    where %s\n", sayCondition(e, c))
	}
	for _, c := range s.Except {
		fmt.Fprintf(b, "    except %s\n", sayCondition(e, c))
	}
	for _, l := range s.SelfLinks {
		fmt.Fprintf(b, "    among themselves (%s), discovers %v\n", sayLink(l.Link), l.Discovers)
	}
	for _, o := range s.Orphans {
		fmt.Fprintf(b, "    takes along %s by %s\n", o.Step.Collection.Name, sayHop(o.Carrier))
	}
	for _, h := range s.Referrers {
		fmt.Fprintf(b, "    kept by %s\n", sayHop(h))
	}
	for _, f := range s.Files {
		fmt.Fprintf(b, "    files of %s\n", f.Column)
	}
}

func sayCondition(e Erasure, c Condition) string {
	var any []string
	for _, p := range c.Any {
		any = append(any, sayEnd(e, p))
	}
	return strings.Join(any, " or ")
}

func sayEnd(e Erasure, p Path) string {
	var b strings.Builder
	for _, h := range p.Hops {
		b.WriteString(sayHop(h))
	}
	switch {
	case p.Keys != nil:
		fmt.Fprintf(&b, "%s in %v", strings.Join(p.Keys.Columns, ","), p.Keys.Values)
	case p.Rows != nil:
		b.WriteString(sayRows(e, p.Rows))
	case p.Column != "":
		b.WriteString(p.Column + "=" + p.Value)
	default:
		b.WriteString("any")
	}
	return b.String()
}

// sayRows names a step by its place, or writes the conditions out.
func sayRows(e Erasure, r *Rows) string {
	for i, s := range e.Steps {
		if &s.Rows == r {
			return fmt.Sprintf("<%s %s %d>", s.Action, s.Collection.Name, i+1)
		}
	}
	var parts []string
	for _, c := range r.All {
		parts = append(parts, "{"+sayCondition(e, c)+"}")
	}
	for _, c := range r.Except {
		parts = append(parts, "not {"+sayCondition(e, c)+"}")
	}
	return strings.Join(parts, " and ")
}

func sayHop(h Hop) string {
	text := "(" + sayLink(h.Link) + ")"
	if h.Reverse {
		text = "back" + text
	}
	if h.Recursive {
		text += "*"
	}
	return text + h.To.Name + "."
}

func sayLink(l *Link) string {
	var parts []string
	for _, w := range l.When {
		parts = append(parts, w.Column+"="+w.Value)
	}
	for _, p := range l.On {
		parts = append(parts, p.Column+strings.TrimPrefix(p.JSONPath, "$")+">"+p.Target)
	}
	return strings.Join(parts, " ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
