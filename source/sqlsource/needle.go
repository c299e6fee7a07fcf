package sqlsource

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/privacyd/privacyd/datamap"
)

// Identifier is a text that says who somebody is.
type Identifier = datamap.Identifier

const (
	kindEmail = "email"
	kindPhone = "phone"
)

// needle is an identifier made ready to be looked for.
type needle struct {
	text  string // in lower case where case does not matter
	email bool
	runs  string // what any spelling has of it, in lower case: see coarse
}

// needles leaves out what cannot be looked for, and repetitions.
func needles(ids []Identifier) []needle {
	var all []needle
	for _, id := range ids {
		if !id.Telling() {
			continue
		}
		n := needle{text: id.Value, email: id.Kind == kindEmail, runs: runsOf(id.Value)}
		if n.email {
			n.text = folded(n.text)
		}
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// in tells whether a text holds one of the needles as a whole: not inside a
// longer word, address or number.
func in(text string, all []needle) bool {
	forms := []string{text}
	if strings.IndexByte(text, '\\') >= 0 {
		forms = append(forms, unescaped(text))
	}
	if strings.IndexByte(text, '%') >= 0 {
		forms = append(forms, percentDecoded(text))
	}
	for _, form := range forms {
		lower := folded(form)
		for _, n := range all {
			if n.email && n.within(lower) || !n.email && n.within(form) {
				return true
			}
		}
	}
	return false
}

// folded is a text in lower case. A letter that is not ASCII never becomes one
// that is: databases would not know of it.
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		if lower := unicode.ToLower(r); r < utf8.RuneSelf || lower >= utf8.RuneSelf {
			return lower
		}
		return r
	}, text)
}

func (n needle) within(text string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], n.text)
		if i < 0 {
			return false
		}
		i += from
		if n.begins(text[:i]) && n.ends(text[i+len(n.text):]) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		from = i + max(1, size)
	}
}

// begins tells whether the needle can begin behind before.
func (n needle) begins(before string) bool {
	last, size := utf8.DecodeLastRuneInString(before)
	if size == 0 {
		return true
	}
	first, _ := utf8.DecodeRuneInString(n.text)
	further, _ := utf8.DecodeLastRuneInString(before[:len(before)-size])
	switch {
	case isWord(last) && (isWord(first) || first == '@' || isDigit(last)):
		return false
	case n.email && strings.ContainsRune("_+-", last):
		return false
	case n.email && last == '.':
		return !isWord(further)
	case isDigit(first) && (last == '.' || last == ','):
		return !isDigit(further)
	case isDigit(first) && last == '+':
		return false
	}
	return true
}

// ends tells whether the needle can end before after.
func (n needle) ends(after string) bool {
	next, size := utf8.DecodeRuneInString(after)
	if size == 0 {
		return true
	}
	last, _ := utf8.DecodeLastRuneInString(n.text)
	further, _ := utf8.DecodeRuneInString(after[size:])
	switch {
	case isWord(next) && isWord(last):
		return false
	case n.email && (next == '.' || next == '-'):
		return !isWord(further)
	case n.email && next == '_':
		return false
	case isDigit(last) && (next == '.' || next == ','):
		return !isDigit(further)
	}
	return true
}

func isWord(r rune) bool  { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// unescaped undoes JSON's escapes, also where a text is not JSON as a whole.
func unescaped(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case 'b', 'f', 'n', 'r', 't':
			b.WriteByte('\n')
		case 'u':
			if skipEscape([]byte(text[i:min(len(text), i+5)]), 0) < 0 {
				b.WriteByte('u')
				continue
			}
			n, _ := strconv.ParseUint(text[i+1:i+5], 16, 16) //nolint:errcheck // four hex digits
			b.WriteRune(rune(n))
			i += 4
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// percentDecoded undoes the escapes of addresses (RFC 3986).
func percentDecoded(text string) string {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]) {
			n, _ := strconv.ParseUint(text[i+1:i+3], 16, 8) //nolint:errcheck // two hex digits
			b = append(b, byte(n))
			i += 2
			continue
		}
		b = append(b, text[i])
	}
	return string(b)
}

// runsOf are the parts of a value that no escape writes otherwise, in lower
// case and with a % between them.
func runsOf(value string) string {
	var b strings.Builder
	open := false
	for _, r := range value {
		if r < utf8.RuneSelf && (isWord(r) || r == '.' || r == '-') {
			if open && b.Len() > 0 {
				b.WriteByte('%')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		open = r >= utf8.RuneSelf || !isWord(r) && r != '.' && r != '-'
	}
	return b.String()
}

// pattern is a LIKE pattern that holds for every text, in lower case, in which
// in could find the needle.
func (n needle) pattern() string { return "%" + n.runs + "%" }

// coarse tells the same of a text in lower case.
func (n needle) coarse(lower []byte) bool {
	for run := range strings.SplitSeq(n.runs, "%") {
		i := bytes.Index(lower, []byte(run))
		if i < 0 {
			return false
		}
		lower = lower[i+len(run):]
	}
	return true
}
