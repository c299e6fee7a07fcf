package egress

import (
	"errors"
	"unicode/utf8"
)

const (
	maxDepth  = 10_000  // of values in values
	maxName   = 4 << 10 // bytes of a name of the outermost object, as it is written
	maxFields = 10_000  // of the outermost object
)

var (
	errSyntax = errors.New("it is not valid JSON")
	errObject = errors.New("it is no object")
	errFields = errors.New("it has too many fields, or one with too long a name")
)

// field is a member of the outermost object.
type field struct {
	name     []byte // as it is written, with its quotation marks
	from, to int64  // its value
}

// scanner checks JSON (RFC 8259, in UTF-8) as it comes, byte by byte, and notes
// where the fields of the outermost object lie. It keeps nothing of their
// values.
type scanner struct {
	fields []field

	at     int64 // of the next byte
	state  scanState
	open   []byte // '{' or '[' of each value that has begun
	word   string // what is left of a literal
	hex    int    // digits that are left of an escape
	isName bool   // the string is a name
	rune   []byte // of a character that has begun
}

type scanState uint8

const (
	beforeValue scanState = iota
	beforeFirst           // value of an array, or its end
	beforeName
	beforeFirstName // or the object's end
	beforeColon
	afterValue
	inString
	inEscape
	inHex
	inWord
	afterMinus
	afterZero
	inDigits
	afterPoint
	inFraction
	afterE
	afterSign
	inExponent
)

// write takes the next part.
func (s *scanner) write(p []byte) error {
	for n := 0; n < len(p); {
		if s.state == inString && !s.isName && len(s.rune) == 0 {
			if skip := plainText(p[n:]); skip > 0 {
				n, s.at = n+skip, s.at+int64(skip)
				continue
			}
		}
		if err := s.step(p[n]); err != nil {
			return err
		}
		n, s.at = n+1, s.at+1
	}
	return nil
}

// plainText counts the bytes at the beginning that mean themselves in a string.
func plainText(p []byte) int {
	for n, c := range p {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return n
		}
	}
	return len(p)
}

// end is to be called when all has come.
func (s *scanner) end() error {
	if len(s.open) > 0 || s.state != afterValue {
		return errSyntax
	}
	return nil
}

func (s *scanner) step(c byte) error {
	switch s.state {
	case inString, inEscape, inHex:
		return s.text(c)
	case inWord:
		return s.literal(c)
	case afterMinus, afterZero, inDigits, afterPoint, inFraction, afterE, afterSign, inExponent:
		return s.number(c)
	}
	if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
		return nil
	}
	switch s.state {
	case beforeValue, beforeFirst:
		if c == ']' && s.state == beforeFirst {
			return s.closed()
		}
		return s.value(c)
	case beforeName, beforeFirstName:
		if c == '}' && s.state == beforeFirstName {
			return s.closed()
		}
		return s.name(c)
	case beforeColon:
		return s.expect(c, ':', beforeValue)
	default:
		return s.next(c)
	}
}

func (s *scanner) expect(c, want byte, then scanState) error {
	if c != want {
		return errSyntax
	}
	s.state = then
	return nil
}

// value begins one.
func (s *scanner) value(c byte) error {
	if len(s.open) == 0 && c != '{' {
		return errObject
	}
	if len(s.open) == 1 && s.open[0] == '{' {
		s.fields[len(s.fields)-1].from = s.at
	}
	switch {
	case c == '{' || c == '[':
		if len(s.open) == maxDepth {
			return errSyntax
		}
		s.open, s.state = append(s.open, c), beforeFirst
		if c == '{' {
			s.state = beforeFirstName
		}
	case c == '"':
		s.state, s.isName = inString, false
	case c == 't':
		s.state, s.word = inWord, "rue"
	case c == 'f':
		s.state, s.word = inWord, "alse"
	case c == 'n':
		s.state, s.word = inWord, "ull"
	case c == '-':
		s.state = afterMinus
	case c == '0':
		s.state = afterZero
	case '1' <= c && c <= '9':
		s.state = inDigits
	default:
		return errSyntax
	}
	return nil
}

func (s *scanner) name(c byte) error {
	if s.isName = true; len(s.open) == 1 {
		if len(s.fields) == maxFields {
			return errFields
		}
		s.fields = append(s.fields, field{name: []byte{c}})
	}
	return s.expect(c, '"', inString)
}

// next goes on after a value.
func (s *scanner) next(c byte) error {
	if len(s.open) == 0 {
		return errSyntax
	}
	object := s.open[len(s.open)-1] == '{'
	switch {
	case c == ',' && object:
		s.state = beforeName
	case c == ',':
		s.state = beforeValue
	case c == '}' && object, c == ']' && !object:
		return s.closed()
	default:
		return errSyntax
	}
	return nil
}

func (s *scanner) closed() error {
	s.open = s.open[:len(s.open)-1]
	s.valueEnded(s.at + 1)
	return nil
}

func (s *scanner) valueEnded(to int64) {
	s.state = afterValue
	if len(s.open) == 1 && s.open[0] == '{' {
		s.fields[len(s.fields)-1].to = to
	}
}

func (s *scanner) literal(c byte) error {
	if c != s.word[0] {
		return errSyntax
	}
	if s.word = s.word[1:]; s.word == "" {
		s.valueEnded(s.at + 1)
	}
	return nil
}

// text goes on in a string, which may be a name.
func (s *scanner) text(c byte) error {
	if s.isName && len(s.open) == 1 {
		last := &s.fields[len(s.fields)-1]
		if last.name = append(last.name, c); len(last.name) > maxName {
			return errFields
		}
	}
	switch s.state {
	case inEscape:
		return s.escape(c)
	case inHex:
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return errSyntax
		}
		if s.hex--; s.hex == 0 {
			s.state = inString
		}
		return nil
	}
	if c >= utf8.RuneSelf || len(s.rune) > 0 {
		return s.character(c)
	}
	switch {
	case c < ' ':
		return errSyntax
	case c == '\\':
		s.state = inEscape
	case c == '"':
		s.stringEnded()
	}
	return nil
}

func (s *scanner) stringEnded() {
	if s.isName {
		s.state = beforeColon
		return
	}
	s.valueEnded(s.at + 1)
}

func (s *scanner) escape(c byte) error {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.state = inString
	case 'u':
		s.state, s.hex = inHex, 4
	default:
		return errSyntax
	}
	return nil
}

// character takes a byte of one that has more than one.
func (s *scanner) character(c byte) error {
	s.rune = append(s.rune, c)
	if !utf8.FullRune(s.rune) {
		return nil
	}
	if r, size := utf8.DecodeRune(s.rune); r == utf8.RuneError && size == 1 {
		return errSyntax
	}
	s.rune = s.rune[:0]
	return nil
}

// number goes on in a number, or with what comes after it.
func (s *scanner) number(c byte) error {
	digit := '0' <= c && c <= '9'
	switch {
	case s.state == afterMinus && c == '0':
		s.state = afterZero
	case s.state == afterMinus && digit:
		s.state = inDigits
	case s.state == inDigits && digit, s.state == inFraction && digit, s.state == inExponent && digit:
	case (s.state == inDigits || s.state == afterZero) && c == '.':
		s.state = afterPoint
	case s.state == afterPoint && digit:
		s.state = inFraction
	case (s.state == inDigits || s.state == afterZero || s.state == inFraction) && (c == 'e' || c == 'E'):
		s.state = afterE
	case s.state == afterE && (c == '+' || c == '-'):
		s.state = afterSign
	case (s.state == afterE || s.state == afterSign) && digit:
		s.state = inExponent
	case s.state == inDigits, s.state == afterZero, s.state == inFraction, s.state == inExponent:
		s.valueEnded(s.at)
		return s.step(c)
	default:
		return errSyntax
	}
	return nil
}
