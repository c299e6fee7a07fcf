package verify

import "encoding/binary"

// sextets has for each byte what it stands for in base64url; notSextet: it is no
// letter of it.
const (
	sextets = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x3e\xff\xff" +
		"\x34\x35\x36\x37\x38\x39\x3a\x3b\x3c\x3d\xff\xff\xff\xff\xff\xff" +
		"\xff\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e" +
		"\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\xff\xff\xff\xff\x3f" +
		"\xff\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28" +
		"\x29\x2a\x2b\x2c\x2d\x2e\x2f\x30\x31\x32\x33\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	notSextet = 0xc0 // the bits that no sextet has
)

// areLetters tells whether all are letters of base64url.
func areLetters(b []byte) bool {
	var all byte
	for _, c := range b {
		all |= sextets[c]
	}
	return all&notSextet == 0
}

// decodeSlack is how many bytes decodeLetters may write beyond what it decodes.
const decodeSlack = 8

// decodeLetters decodes base64url without padding, which is to be in its one
// form: bits that stand for nothing are 0, and there are no line breaks. into
// has room for decodeSlack more. It takes two thirds of the time of package
// base64, where a log with disclosures spends most.
func decodeLetters(into, letters []byte) (n int, ok bool) {
	var all byte
	for len(letters) >= 8 && len(into) >= n+8 {
		b := letters[:8]
		s0, s1, s2, s3 := sextets[b[0]], sextets[b[1]], sextets[b[2]], sextets[b[3]]
		s4, s5, s6, s7 := sextets[b[4]], sextets[b[5]], sextets[b[6]], sextets[b[7]]
		all |= s0 | s1 | s2 | s3 | s4 | s5 | s6 | s7
		high := uint64(s0)<<18 | uint64(s1)<<12 | uint64(s2)<<6 | uint64(s3)
		low := uint64(s4)<<18 | uint64(s5)<<12 | uint64(s6)<<6 | uint64(s7)
		binary.BigEndian.PutUint64(into[n:n+8], high<<40|low<<16)
		letters, n = letters[8:], n+6
	}
	var bits, held uint
	for _, c := range letters {
		s := sextets[c]
		all |= s
		bits, held = bits<<6|uint(s&^notSextet), held+6
		if held >= 8 {
			held -= 8
			into[n] = byte(bits >> held)
			n++
		}
	}
	return n, all&notSextet == 0 && held < 6 && bits&(1<<held-1) == 0
}

// isSimple tells whether b is JSON of the kind that nearly all values are: no
// spaces, no escapes, whole numbers, not deep. Of what is not it says nothing.
func isSimple(b []byte) bool {
	s := scanner{b: b}
	return s.simple(simpleDepth) && s.at == len(b)
}

const simpleDepth = 8

func (s *scanner) simple(depth int) bool {
	if s.at == len(s.b) || depth == 0 {
		return false
	}
	switch c := s.b[s.at]; c {
	case '"':
		return s.plainText()
	case '{', '[':
		s.at++
		return s.simpleList(depth, c+2, c == '{') // the closing one of either is two further in ASCII
	case 't':
		return s.skip("true")
	case 'f':
		return s.skip("false")
	case 'n':
		return s.skip("null")
	}
	return s.whole()
}

// simpleList reads the elements of a list or an object whose opening bracket
// was skipped, and the closing one.
func (s *scanner) simpleList(depth int, closing byte, named bool) bool {
	for first := true; ; first = false {
		switch {
		case s.at == len(s.b):
			return false
		case s.b[s.at] == closing && first:
			s.at++
			return true
		}
		if named && (!s.plainText() || !s.skip(":")) || !s.simple(depth-1) || s.at == len(s.b) {
			return false
		}
		s.at++
		switch s.b[s.at-1] {
		case closing:
			return true
		case ',':
		default:
			return false
		}
	}
}

// plainText reads a string without escapes.
func (s *scanner) plainText() bool {
	if !s.skip(`"`) {
		return false
	}
	for ; s.at < len(s.b); s.at++ {
		switch c := s.b[s.at]; {
		case c == '"':
			s.at++
			return true
		case c < ' ' || c == '\\':
			return false
		}
	}
	return false
}

// whole reads a whole number.
func (s *scanner) whole() bool {
	s.skip("-")
	from := s.at
	for s.at < len(s.b) && isDigit(s.b[s.at]) {
		s.at++
	}
	return s.at > from && (s.b[from] != '0' || s.at == from+1)
}
