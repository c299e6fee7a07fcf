package records

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deeply the values of a record may nest.
const maxDepth = 200

// flaw says what is wrong with a record, without showing any of its values.
type flaw struct{ code, what string }

func (f *flaw) Error() string { return f.what }

var (
	flawTruncated = &flaw{"json_truncated", "the record ends too early. Check that the file is whole"}
	flawNUL       = &flaw{"text_nul", "a text holds the character U+0000, which databases cannot keep. Remove it"}
	flawUTF8      = &flaw{"text_invalid_utf8", "the line is not valid UTF-8. Save the file as UTF-8"}
	flawSurrogate = &flaw{"text_invalid_utf8", "a text holds half of a surrogate pair (\\ud800 to \\udfff). Write the whole character"}
	flawControl   = &flaw{"json_invalid", "a text holds a control character that is not escaped. Write it as \\n, \\t or \\u00XX"}
	flawDepth     = &flaw{"json_too_deep", "values are nested more than 200 deep. Flatten them"}
	flawTrailing  = &flaw{"json_invalid", "something follows the record. Put each record on a line of its own"}
)

// scanner reads one JSON text, strictly by RFC 8259, and keeps strings to the
// letter: what it cannot keep, it refuses.
type scanner struct {
	s   string
	pos int
}

func (sc *scanner) unexpected(want string) *flaw {
	if sc.pos >= len(sc.s) {
		return flawTruncated
	}
	return &flaw{"json_invalid", "not valid JSON at byte " + strconv.Itoa(sc.pos+1) + ": " + want + " is expected there"}
}

func (sc *scanner) space() {
	for sc.pos < len(sc.s) {
		switch sc.s[sc.pos] {
		case ' ', '\t', '\n', '\r':
			sc.pos++
		default:
			return
		}
	}
}

// peek is the next byte after white space; 0 at the end.
func (sc *scanner) peek() byte {
	sc.space()
	if sc.pos >= len(sc.s) {
		return 0
	}
	return sc.s[sc.pos]
}

func (sc *scanner) eat(b byte, name string) *flaw {
	if sc.peek() != b || sc.pos >= len(sc.s) {
		return sc.unexpected(name)
	}
	sc.pos++
	return nil
}

// end checks that nothing follows.
func (sc *scanner) end() *flaw {
	sc.space()
	if sc.pos < len(sc.s) {
		return flawTrailing
	}
	return nil
}

// object calls fn at each member, with sc at the member's value.
func (sc *scanner) object(fn func(key string) *flaw) *flaw {
	return sc.list('{', '}', "{", func() *flaw {
		key, err := sc.text()
		if err != nil {
			return err
		}
		if err := sc.eat(':', "a colon"); err != nil {
			return err
		}
		return fn(key)
	})
}

// array calls fn at each element, with sc at the element.
func (sc *scanner) array(fn func() *flaw) *flaw { return sc.list('[', ']', "[", fn) }

func (sc *scanner) list(open, shut byte, name string, fn func() *flaw) *flaw {
	if err := sc.eat(open, name); err != nil {
		return err
	}
	if sc.peek() == shut {
		sc.pos++
		return nil
	}
	for {
		if err := fn(); err != nil {
			return err
		}
		switch sc.peek() {
		case ',':
			sc.pos++
		case shut:
			sc.pos++
			return nil
		default:
			return sc.unexpected("a comma or a closing bracket")
		}
	}
}

// text reads a string. It is part of the line itself unless it has escapes.
func (sc *scanner) text() (string, *flaw) {
	start, escaped, err := sc.stringToken()
	if err != nil {
		return "", err
	}
	body := sc.s[start : sc.pos-1]
	if !escaped {
		return body, nil
	}
	return unescape(body), nil
}

// stringToken passes over a string and checks all of it. start is after the
// opening quote; sc is left after the closing one.
func (sc *scanner) stringToken() (start int, escaped bool, err *flaw) {
	if err := sc.eat('"', "a text in quotes"); err != nil {
		return 0, false, err
	}
	start = sc.pos
	for sc.pos < len(sc.s) {
		switch b := sc.s[sc.pos]; {
		case b == '"':
			sc.pos++
			return start, escaped, nil
		case b == '\\':
			escaped = true
			if err := sc.escape(); err != nil {
				return 0, false, err
			}
		case b == 0:
			return 0, false, flawNUL
		case b < ' ':
			return 0, false, flawControl
		default:
			sc.pos++
		}
	}
	return 0, false, flawTruncated
}

func (sc *scanner) escape() *flaw {
	if sc.pos+1 >= len(sc.s) {
		return flawTruncated
	}
	if sc.s[sc.pos+1] != 'u' {
		if !strings.ContainsRune(`"\/bfnrt`, rune(sc.s[sc.pos+1])) {
			return sc.unexpected("one of the escapes of JSON")
		}
		sc.pos += 2
		return nil
	}
	r, err := sc.hex4()
	switch {
	case err != nil:
		return err
	case r == 0:
		return flawNUL
	case !utf16.IsSurrogate(r):
		return nil
	}
	if !strings.HasPrefix(sc.s[sc.pos:], `\u`) {
		return flawSurrogate
	}
	low, err := sc.hex4()
	if err != nil {
		return err
	}
	if utf16.DecodeRune(r, low) == utf8.RuneError {
		return flawSurrogate
	}
	return nil
}

// hex4 reads \uXXXX.
func (sc *scanner) hex4() (rune, *flaw) {
	if sc.pos+6 > len(sc.s) {
		sc.pos = len(sc.s)
		return 0, flawTruncated
	}
	n, err := strconv.ParseUint(sc.s[sc.pos+2:sc.pos+6], 16, 16)
	if err != nil {
		return 0, sc.unexpected("\\u and four hexadecimal digits")
	}
	sc.pos += 6
	return rune(n), nil
}

// unescape decodes a string that stringToken has checked.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return string(append(b, s...))
		}
		b = append(b, s[:i]...)
		if s[i+1] != 'u' {
			b = append(b, plainEscape(s[i+1]))
			s = s[i+2:]
			continue
		}
		r := hexRune(s[i+2:])
		s = s[i+6:]
		if utf16.IsSurrogate(r) {
			r = utf16.DecodeRune(r, hexRune(s[2:]))
			s = s[6:]
		}
		b = utf8.AppendRune(b, r)
	}
}

func plainEscape(b byte) byte {
	if i := strings.IndexByte("bfnrt", b); i >= 0 {
		return "\b\f\n\r\t"[i]
	}
	return b
}

func hexRune(s string) rune {
	n, _ := strconv.ParseUint(s[:4], 16, 16) //nolint:errcheck // stringToken has checked it
	return rune(n)
}

// number passes over a number and gives it to the letter.
func (sc *scanner) number() (string, *flaw) {
	sc.space()
	start := sc.pos
	sc.skip("-")
	if !sc.skip("0") && sc.digits() == 0 {
		return "", sc.unexpected("a number")
	}
	if sc.skip(".") && sc.digits() == 0 {
		return "", sc.unexpected("a digit")
	}
	if sc.skip("e") || sc.skip("E") {
		_ = sc.skip("+") || sc.skip("-")
		if sc.digits() == 0 {
			return "", sc.unexpected("a digit")
		}
	}
	return sc.s[start:sc.pos], nil
}

func (sc *scanner) digits() int {
	start := sc.pos
	for sc.pos < len(sc.s) && sc.s[sc.pos] >= '0' && sc.s[sc.pos] <= '9' {
		sc.pos++
	}
	return sc.pos - start
}

func (sc *scanner) skip(word string) bool {
	if strings.HasPrefix(sc.s[sc.pos:], word) {
		sc.pos += len(word)
		return true
	}
	return false
}

// value passes over any value and checks all of it.
func (sc *scanner) value(depth int) *flaw {
	if depth > maxDepth {
		return flawDepth
	}
	switch b := sc.peek(); {
	case b == '{':
		return sc.object(func(string) *flaw { return sc.value(depth + 1) })
	case b == '[':
		return sc.array(func() *flaw { return sc.value(depth + 1) })
	case b == '"':
		_, _, err := sc.stringToken()
		return err
	case b == '-' || b >= '0' && b <= '9':
		_, err := sc.number()
		return err
	case sc.skip("true"), sc.skip("false"), sc.skip("null"):
		return nil
	}
	return sc.unexpected("a value")
}

// raw passes over any value and gives it to the letter, but for white space
// between its tokens.
func (sc *scanner) raw() (string, *flaw) {
	sc.space()
	start := sc.pos
	if err := sc.value(0); err != nil {
		return "", err
	}
	return compact(sc.s[start:sc.pos]), nil
}

// compact removes the white space of a valid JSON text.
func compact(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	b := make([]byte, 0, len(s))
	inside := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inside && c == '\\':
			b = append(b, c, s[i+1])
			i++
			continue
		case c == '"':
			inside = !inside
		case !inside && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// null passes over null, if that is the next token.
func (sc *scanner) null() bool {
	sc.space()
	return sc.skip("null")
}

// appendText writes s as a JSON string: only what must be is escaped.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		case strings.IndexByte("\b\t\n\f\r", c) >= 0:
			b = append(b, '\\', "btn?fr"[c-'\b'])
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(b, '"')
}

// checkText refuses what no text of a record may hold, escaped or not.
func checkText(s string) *flaw {
	switch {
	case !utf8.ValidString(s):
		return flawUTF8
	case strings.Contains(s, "\x00"):
		return flawNUL
	}
	return nil
}
