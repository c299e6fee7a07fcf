package engine

import (
	"cmp"
	"hash/maphash"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// anotherPerson stands where an identifier of somebody else stood.
const anotherPerson = "[another person]"

const (
	longestKnown = 8       // words of an identifier
	bitsEach     = 48      // of the filter, for one identifier: it is wrong about one word in 10¹⁰
	fewestBits   = 1 << 16 // 8 KiB
	mostBits     = 1 << 27 // 16 MiB: with 10 million persons it is wrong about one word in 1000
	probes       = 8
)

// known is a set of identifiers in bounded memory, a Bloom filter: it never
// misses one, and seldom takes another word for one. That word is then masked,
// which is the safe side.
type known struct {
	bits  []uint64
	seeds [2]maphash.Seed
}

func newKnown(identifiers int64) *known {
	bits := int64(fewestBits)
	for bits < identifiers*bitsEach && bits < mostBits {
		bits *= 2
	}
	return &known{bits: make([]uint64, bits/64), seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

func (k *known) each(s string, do func(word, bit uint64) bool) bool {
	h, step := maphash.String(k.seeds[0], s), maphash.String(k.seeds[1], s)|1
	size := uint64(len(k.bits)) * 64
	for range probes {
		at := h % size
		if !do(at/64, 1<<(at%64)) {
			return false
		}
		h += step
	}
	return true
}

func (k *known) add(s string) {
	k.each(s, func(word, bit uint64) bool { k.bits[word] |= bit; return true })
}

func (k *known) has(s string) bool {
	return k.each(s, func(word, bit uint64) bool { return k.bits[word]&bit != 0 })
}

// masker masks the identifiers of others in texts.
type masker struct {
	known *known
	own   map[string]bool // of the person whom the texts are for
}

// learn takes an identifier in.
func (m *masker) learn(id Identifier, own bool) {
	for _, form := range forms(id) {
		switch {
		case own:
			m.own[form] = true
		default:
			m.known.add(form)
		}
	}
}

// forms are how an identifier is known: its words in lower case; a telephone
// number by its digits. Names of one word and other short texts stand in too
// many texts that are about somebody else.
func forms(id Identifier) []string {
	list := words(id.Value)
	if id.Kind == identityName && len(list) < 2 || id.Kind != identityName && !id.Telling() || len(list) == 0 || len(list) > longestKnown {
		return nil
	}
	all := []string{joined(list)}
	if digits := digitsOf(id.Value); id.Kind == identityPhone && len(digits) >= fewestDigits {
		all = append(all, phoneForm(digits))
	}
	return all
}

const (
	identityName  = "name"
	identityPhone = "phone"
	fewestDigits  = 7
)

var phonePattern = regexp.MustCompile(`\+?[0-9][0-9 ()./\x{a0}-]{5,30}[0-9]`)

// phoneForm leaves out how a number is dialled abroad.
func phoneForm(digits string) string { return "tel:" + strings.TrimPrefix(digits, "00") }

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// word is a part of a text.
type word struct {
	text       string // in lower case
	start, end int
}

// words are the runs of letters and digits of a text.
func words(s string) []word {
	var list []word
	start := -1
	for at, r := range s {
		inside := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
		switch {
		case inside && start < 0:
			start = at
		case !inside && start >= 0:
			list = append(list, word{strings.ToLower(s[start:at]), start, at})
			start = -1
		}
	}
	if start >= 0 {
		list = append(list, word{strings.ToLower(s[start:]), start, len(s)})
	}
	return list
}

func joined(list []word) string {
	if len(list) == 1 {
		return list[0].text
	}
	var b strings.Builder
	for i, w := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// span is a part of a text that is masked.
type span struct{ start, end int }

// mask gives a text without the identifiers of others, and how many there were.
func (m *masker) mask(text string) (masked string, count int) {
	if !utf8.ValidString(text) {
		return text, 0 // it is written in another form, which nobody reads
	}
	spans := m.phones(text)
	list := words(text)
	for i := 0; i < len(list); {
		n, others := m.at(list[i:])
		if others {
			spans = append(spans, span{list[i].start, list[i+n-1].end})
		}
		i += n
	}
	return cover(text, spans)
}

// at tells how many words from the first one on are an identifier, and whether
// it is another person's. It takes as many as it can.
func (m *masker) at(list []word) (n int, others bool) {
	longest := min(longestKnown, len(list))
	text, end := joined(list[:longest]), [longestKnown]int{}
	for i, at := 0, 0; i < longest; i++ {
		at += len(list[i].text)
		end[i] = at
		at++
	}
	for n = longest; n > 0; n-- {
		form := text[:end[n-1]]
		if m.own[form] {
			return n, false
		}
		if m.known.has(form) {
			return n, true
		}
	}
	return 1, false
}

func (m *masker) phones(text string) (spans []span) {
	for _, at := range phonePattern.FindAllStringIndex(text, -1) {
		digits := digitsOf(text[at[0]:at[1]])
		if form := phoneForm(digits); len(digits) >= fewestDigits && !m.own[form] && m.known.has(form) {
			spans = append(spans, span{at[0], at[1]})
		}
	}
	return spans
}

// cover puts the mask over parts of a text, one over those that overlap.
func cover(text string, spans []span) (string, int) {
	if len(spans) == 0 {
		return text, 0
	}
	hidden := merged(spans)
	var b strings.Builder
	at := 0
	for _, s := range hidden {
		b.WriteString(text[at:s.start])
		b.WriteString(anotherPerson)
		at = s.end
	}
	b.WriteString(text[at:])
	return b.String(), len(hidden)
}

// merged joins parts that overlap, in order.
func merged(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	var list []span
	for _, s := range spans {
		if n := len(list); n > 0 && s.start < list[n-1].end {
			list[n-1].end = max(list[n-1].end, s.end)
			continue
		}
		list = append(list, s)
	}
	return list
}
