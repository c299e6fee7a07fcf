package datamap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

// maxProblems is how many problems one error lists.
const maxProblems = 50

// source remembers where the parts of a map stand in their file.
type source struct {
	file  string
	lines map[any]int // by pointer to the part
}

// problems collects everything that is wrong with a map.
type problems struct {
	source *source
	list   []problem
}

type problem struct {
	line int
	text string
	form bool // the JSON Schema refuses it too
}

func newProblems(m *Map) *problems {
	if m.source != nil {
		return &problems{source: m.source}
	}
	return &problems{source: &source{file: "data map " + m.Dataset}}
}

// at tells the line of a part, or 0 for one made in code.
func (s *source) at(part any) int { return s.lines[part] }

// form notes a problem that shows without looking at other parts of the map.
func (p *problems) form(line int, format string, args ...any) {
	p.list = append(p.list, problem{line, fmt.Sprintf(format, args...), true})
}

// sense notes a problem between parts of the map.
func (p *problems) sense(part any, format string, args ...any) {
	p.list = append(p.list, problem{p.source.at(part), fmt.Sprintf(format, args...), false})
}

func (p *problems) hasForm() bool {
	return slices.ContainsFunc(p.list, func(x problem) bool { return x.form })
}

// err joins all problems, in the order of their lines.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var lines []string
	for _, x := range p.list {
		line := p.source.file + ": " + x.text
		if x.line > 0 {
			line = fmt.Sprintf("%s:%d: %s", p.source.file, x.line, x.text)
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if more := len(lines) - maxProblems; more > 0 {
		lines = append(lines[:maxProblems], fmt.Sprintf("%s: and %d more problems; mend these first", p.source.file, more))
	}
	return privacyd.Errorf(privacyd.ClassInvalid, "map_invalid", "%s", strings.Join(lines, "\n"))
}
