package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
)

// pages is a JSON export whose lines can be tampered with.
type pages struct {
	t     *testing.T
	lines []string
}

func opened(t *testing.T, export []byte) *pages {
	return &pages{t, strings.Split(strings.TrimSuffix(string(export), "\n"), "\n")}
}

func (p *pages) bytes() []byte { return []byte(strings.Join(p.lines, "\n") + "\n") }

// line is where the line is that begins so.
func (p *pages) line(prefix string) int {
	p.t.Helper()
	i := slices.IndexFunc(p.lines, func(l string) bool { return strings.HasPrefix(l, prefix) })
	if i < 0 {
		p.t.Fatalf("no line begins with %s", prefix)
	}
	return i
}

func (p *pages) entry(n int) int { return p.line(fmt.Sprintf(`{"epoch":1,"index":%d,`, n)) }
func (p *pages) block(n int) int { return p.line(fmt.Sprintf(`{"epoch":1,"from":%d,`, n)) }

func (p *pages) swap(line int, old, with string) {
	p.t.Helper()
	if !strings.Contains(p.lines[line], old) {
		p.t.Fatalf("line %d has no %s", line, old)
	}
	p.lines[line] = strings.Replace(p.lines[line], old, with, 1)
}

func (p *pages) cut(from, to int) { p.lines = slices.Delete(p.lines, from, to) }

// counted makes the last line right.
func (p *pages) counted() {
	n := 0
	for _, l := range p.lines {
		if strings.Contains(l, `,"index":`) {
			n++
		}
	}
	p.lines[len(p.lines)-1] = fmt.Sprintf(`{"end":%d}`, n)
}

// renumbered makes the numbers of entries those of their places.
func (p *pages) renumbered() {
	number := regexp.MustCompile(`^\{"epoch":1,"index":\d+`)
	n := 0
	for i, l := range p.lines {
		if number.MatchString(l) {
			p.lines[i] = number.ReplaceAllString(l, fmt.Sprintf(`{"epoch":1,"index":%d`, n))
			n++
		}
	}
	p.counted()
}

var leafOf = regexp.MustCompile(`"leaf":(\{.*"v":1\})`)

// rehashed makes the lists of hashes those of the leaves.
func (p *pages) rehashed() {
	var blocks []int
	var hashes []byte
	flush := func() {
		if len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			p.lines[last] = regexp.MustCompile(`"hashes":"[^"]*"`).ReplaceAllString(p.lines[last], `"hashes":"`+base64.StdEncoding.EncodeToString(hashes)+`"`)
		}
		hashes = nil
	}
	for i, l := range p.lines {
		if strings.Contains(l, `"hashes"`) {
			flush()
			blocks = append(blocks, i)
		} else if m := leafOf.FindStringSubmatch(l); m != nil {
			h := auditlog.LeafHash([]byte(m[1]))
			hashes = append(hashes, h[:]...)
		}
	}
	flush()
}

var rootOf = regexp.MustCompile(`,"root":"[^"]*"\}$`)

// rootless takes the roots of blocks away.
func (p *pages) rootless() {
	for i, l := range p.lines {
		p.lines[i] = rootOf.ReplaceAllString(l, "}")
	}
}

// uprooted gives the first block the root of the second.
func (p *pages) uprooted() {
	root := rootOf.FindString(p.lines[p.block(256)])
	p.lines[p.block(0)] = rootOf.ReplaceAllString(p.lines[p.block(0)], root)
}

// rebuilt makes numbers, lists of hashes and the last line fit the entries that
// are there, as somebody would who knows the format.
func (p *pages) rebuilt() {
	p.lines = slices.DeleteFunc(p.lines, func(l string) bool { return strings.Contains(l, `"hashes"`) })
	p.renumbered()
	for n := 0; slices.ContainsFunc(p.lines, func(l string) bool { return strings.HasPrefix(l, fmt.Sprintf(`{"epoch":1,"index":%d,`, n)) }); n += 256 {
		p.insert(p.entry(n), fmt.Sprintf(`{"epoch":1,"from":%d,"hashes":""}`, n))
	}
	p.rehashed()
}

// header changes the header.
func (p *pages) header(change func(h *auditlog.ExportHeader)) {
	p.t.Helper()
	var h auditlog.ExportHeader
	must(p.t, json.Unmarshal([]byte(p.lines[0]), &h))
	change(&h)
	b, err := json.Marshal(h)
	must(p.t, err)
	p.lines[0] = string(b)
}

// attacked is a book of 601 entries, signed at 300, 600 and 601.
func attacked(t *testing.T) *book {
	b := newBook(t)
	b.write(300)
	b.sign()
	b.write(300)
	b.sign()
	b.write(1)
	b.sign()
	return b
}

const outcome = `"outcome":"done"`

func TestAttackJSON(t *testing.T) {
	export := attacked(t).json()
	wantFindings(t, checkJSON(t, export, options()))
	for name, tc := range map[string]struct {
		attack func(p *pages)
		want   []string
	}{
		"edit a leaf":                {func(p *pages) { p.swap(p.entry(5), outcome, `"outcome":"denied"`) }, []string{"changed 5-5"}},
		"edit the first leaf":        {func(p *pages) { p.swap(p.entry(0), outcome, `"outcome":"denied"`) }, []string{"changed 0-0"}},
		"edit the last leaf":         {func(p *pages) { p.swap(p.entry(600), outcome, `"outcome":"denied"`) }, []string{"changed 600-600"}},
		"edit a leaf out of form":    {func(p *pages) { p.swap(p.entry(5), outcome, `"outcome": "done"`) }, []string{"changed 5-5"}},
		"edit three leaves":          {func(p *pages) { edit(p, 5, 6, 299) }, []string{"changed 5-6", "changed 299-299"}},
		"edit a leaf and its hash":   {func(p *pages) { edit(p, 5); p.rehashed() }, []string{"changed 0-255"}},
		"edit a later leaf and hash": {func(p *pages) { edit(p, 400); p.rehashed() }, []string{"changed 256-511"}},
		"edit a last leaf and hash":  {func(p *pages) { edit(p, 599); p.rehashed() }, []string{"changed 512-600"}},
		"edit leaves of two blocks":  {func(p *pages) { edit(p, 5, 599); p.rehashed() }, []string{"changed 0-255", "changed 512-600"}},
		"without roots of blocks":    {func(p *pages) { edit(p, 400); p.rehashed(); p.rootless() }, []string{"changed 300-599"}},
		"with other roots of blocks": {func(p *pages) { edit(p, 400); p.rehashed(); p.uprooted() }, []string{"changed 300-599"}},
		"other roots alone":          {func(p *pages) { p.uprooted() }, []string{"malformed 0-255"}},
		"edit a hash":                {func(p *pages) { p.swap(p.block(256), `"hashes":"`, `"hashes":"AA`); p.swapTail(p.block(256)) }, []string{"malformed", "missing 256-511"}},
		"edit a disclosure":          {func(p *pages) { p.disclosure(7, 0, mangled) }, []string{"disclosure_altered 7-7"}},
		"another's disclosure":       {func(p *pages) { p.disclosure(7, 0, func(string) string { return p.disclosures(8)[0] }) }, []string{"disclosure_altered 7-7"}},
		"a disclosure twice":         {func(p *pages) { p.disclosure(7, 0, func(string) string { return p.disclosures(7)[1] }) }, []string{"disclosure_altered 7-7"}},
		"one disclosure too many":    {func(p *pages) { p.disclosure(7, 0, func(d string) string { return d + `","AAAA` }) }, []string{"disclosure_altered 7-7"}},
		"drop a disclosure":          {func(p *pages) { p.drop(400) }, []string{"disclosure_missing 400-400"}},
		"swap two entries":           {func(p *pages) { p.exchange(5, 400) }, []string{"reordered 5-5", "reordered 400-400"}},
		"swap neighbours":            {func(p *pages) { p.exchange(5, 6); p.renumbered() }, []string{"malformed 5-5", "reordered 6-6"}},
		"swap and renumber":          {func(p *pages) { p.exchange(5, 400); p.renumbered() }, []string{"reordered 5-5", "reordered 400-400"}},
		"swap with hashes":           {func(p *pages) { p.exchange(5, 400); p.renumbered(); p.rehashed() }, []string{"reordered 5-5", "reordered 400-400"}},
		"move an entry":              {func(p *pages) { l := p.lines[p.entry(500)]; p.cut(p.entry(500), p.entry(501)); p.insert(p.entry(6), l) }, []string{"reordered 500-500"}},
		"delete one":                 {func(p *pages) { p.cut(p.entry(5), p.entry(6)) }, []string{"truncated", "missing 5-5"}},
		"delete one and count":       {func(p *pages) { p.cut(p.entry(5), p.entry(6)); p.counted() }, []string{"missing 5-5"}},
		"delete and renumber":        {func(p *pages) { p.cut(p.entry(5), p.entry(9)); p.renumbered() }, []string{"malformed 9-600", "missing 5-8"}},
		"delete with a block":        {func(p *pages) { p.cut(p.block(256), p.block(512)); p.counted() }, []string{"missing 256-511"}},
		"delete with hashes":         {func(p *pages) { p.cut(p.entry(5), p.entry(6)); p.renumbered(); p.rehashed() }, []string{"missing 255-255", "malformed 256-600"}},
		"delete and rebuild":         {func(p *pages) { p.cut(p.entry(5), p.entry(6)); p.rebuilt() }, []string{"truncated 600-600", "changed 0-299"}},
		"delete late and rebuild":    {func(p *pages) { p.cut(p.entry(350), p.entry(351)); p.rebuilt() }, []string{"truncated 600-600", "changed 300-599"}},
		"insert and rebuild":         {func(p *pages) { p.insert(p.entry(5), forged(p, 5)); p.rebuilt() }, []string{"added 601-601", "changed 0-299"}},
		"another order and rebuild":  {func(p *pages) { p.shuffled(); p.rebuilt() }, []string{"changed 0-299"}},
		"delete a list of hashes":    {func(p *pages) { p.cut(p.block(256), p.entry(256)) }, []string{"missing 256-511"}},
		"insert an entry":            {func(p *pages) { p.insert(p.entry(6), forged(p, 5)); p.counted() }, []string{"added 6-6"}},
		"insert a copy":              {func(p *pages) { p.insert(p.entry(6), p.lines[p.entry(5)]); p.counted() }, []string{"added 6-6"}},
		"insert with hashes":         {func(p *pages) { p.insert(p.entry(600), forged(p, 5)); p.renumbered(); p.rehashed() }, []string{"added 601-601", "changed 600-600"}},
		"append an entry":            {func(p *pages) { p.insert(len(p.lines)-1, forged(p, 5)); p.counted() }, []string{"added 601-601"}},
		"truncate the file":          {func(p *pages) { p.lines = p.lines[:p.entry(290)] }, []string{"truncated", "truncated 290-600"}},
		"truncate at a block":        {func(p *pages) { p.cut(p.block(512), len(p.lines)-1); p.counted() }, []string{"truncated 512-600"}},
		"truncate the entries alone": {func(p *pages) { p.cut(p.entry(590), len(p.lines)-1); p.counted() }, []string{"truncated 590-600"}},
		"another order":              {func(p *pages) { p.shuffled() }, []string{"reordered 1-600"}},
		"another order and hashes":   {func(p *pages) { p.shuffled(); p.renumbered(); p.rehashed() }, []string{"changed 0-600"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := opened(t, export)
			tc.attack(p)
			wantFindings(t, checkJSON(t, p.bytes(), options()), tc.want...)
		})
	}
}

func edit(p *pages, entries ...int) {
	for _, n := range entries {
		p.swap(p.entry(n), outcome, `"outcome":"denied"`)
	}
}

// forged is an entry that was never signed.
func forged(p *pages, like int) string {
	return strings.Replace(p.lines[p.entry(like)], outcome, `"outcome":"denied"`, 1)
}

func (p *pages) insert(at int, line string) { p.lines = slices.Insert(p.lines, at, line) }

func (p *pages) exchange(a, b int) {
	i, j := p.entry(a), p.entry(b)
	p.lines[i], p.lines[j] = p.lines[j], p.lines[i]
}

// swapTail takes off as many letters of a list of hashes as were put before it.
func (p *pages) swapTail(line int) {
	p.lines[line] = strings.Replace(p.lines[line], `"}`, ``, 1)[:len(p.lines[line])-4] + `"}`
}

// shuffled turns the order of all entries round; lists of hashes stay.
func (p *pages) shuffled() {
	var at []int
	for i, l := range p.lines {
		if strings.Contains(l, `,"index":`) {
			at = append(at, i)
		}
	}
	for i, j := 0, len(at)-1; i < j; i, j = i+1, j-1 {
		p.lines[at[i]], p.lines[at[j]] = p.lines[at[j]], p.lines[at[i]]
	}
}

var disclosuresOf = regexp.MustCompile(`"disclosures":\["(.*?)"\]`)

func (p *pages) disclosures(entry int) []string {
	m := disclosuresOf.FindStringSubmatch(p.lines[p.entry(entry)])
	return strings.Split(m[1], `","`)
}

func (p *pages) disclosure(entry, n int, change func(string) string) {
	d := p.disclosures(entry)[n]
	p.swap(p.entry(entry), d, change(d))
}

func (p *pages) drop(entry int) {
	p.disclosure(entry, 0, func(string) string { return "" })
	p.swap(p.entry(entry), `"",`, ``)
}

// mangled changes the value of a disclosure, and keeps its form.
func mangled(d string) string {
	plain, err := base64.RawURLEncoding.DecodeString(d)
	if err != nil {
		panic(err)
	}
	plain[5] ^= 1
	return base64.RawURLEncoding.EncodeToString(bytes.ToValidUTF8(plain, []byte("A")))
}
