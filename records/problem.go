package records

import (
	"slices"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
)

// maxProblems is how many problems of an import are shown, lowest line first.
const maxProblems = 20

// position is where in an import a record is: the number of its file, and its
// line or its number in there.
type position uint64

const lineBits = 48

func at48(file int, line uint64) position { return position(uint64(file)<<lineBits | line) }

func (p position) file() int    { return int(p >> lineBits) }
func (p position) line() uint64 { return uint64(p) & (1<<lineBits - 1) }

type problem struct {
	at position
	flaw
}

// problems gathers what is wrong with an import.
type problems struct {
	names []string // of the files, by number
	found []problem
	total int
}

func (p *problems) add(at position, f *flaw) {
	p.total++
	p.found = append(p.found, problem{at, *f})
	if len(p.found) >= 10*maxProblems {
		p.trim()
	}
}

func (p *problems) trim() {
	slices.SortStableFunc(p.found, func(a, b problem) int {
		if a.at < b.at {
			return -1
		}
		return int(min(a.at-b.at, 1))
	})
	p.found = p.found[:min(len(p.found), maxProblems)]
}

// many tells whether it is no use to look for more.
func (p *problems) many() bool { return p.total >= maxProblems }

func (p *problems) where(at position) string {
	return p.names[at.file()] + ":" + strconv.FormatUint(at.line(), 10)
}

// err is nil when nothing is wrong. Its code is that of the first problem.
func (p *problems) err() error {
	if p.total == 0 {
		return nil
	}
	p.trim()
	var b strings.Builder
	for _, f := range p.found {
		b.WriteString(p.where(f.at) + ": " + f.what + ".\n")
	}
	if more := p.total - len(p.found); more > 0 {
		b.WriteString("… and " + strconv.Itoa(more) + " more.\n")
	}
	b.WriteString("Nothing was imported. Correct the file and import it again.")
	return privacyd.Errorf(privacyd.ClassInvalid, p.found[0].code, "%s", strings.ReplaceAll(b.String(), "?.\n", "?\n"))
}
