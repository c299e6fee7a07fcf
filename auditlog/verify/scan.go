package verify

import (
	"bytes"
	"strconv"
)

// scanner reads JSON that is written in one way only: no spaces, no escapes.
type scanner struct {
	b  []byte
	at int
}

func (s *scanner) skip(literal string) bool {
	if rest := s.b[s.at:]; len(rest) >= len(literal) && string(rest[:len(literal)]) == literal {
		s.at += len(literal)
		return true
	}
	return false
}

// text reads a string whose opening quote was skipped.
func (s *scanner) text(into *[]byte, form func([]byte) bool) bool {
	n := bytes.IndexByte(s.b[s.at:], '"')
	if n < 0 {
		return false
	}
	t := s.b[s.at : s.at+n]
	s.at += n + 1
	if into != nil {
		*into = t
	}
	return form(t)
}

// list reads a sorted list of different strings whose opening bracket was
// skipped.
func (s *scanner) list(into *[][]byte, form func([]byte) bool) bool {
	*into = (*into)[:0]
	if s.skip(`]`) {
		return true
	}
	for {
		var t []byte
		if !s.skip(`"`) || !s.text(&t, form) {
			return false
		}
		if n := len(*into); n > 0 && bytes.Compare((*into)[n-1], t) >= 0 {
			return false
		}
		*into = append(*into, t)
		if s.skip(`]`) {
			return true
		}
		if !s.skip(`,`) {
			return false
		}
	}
}

// texts reads a list of strings without escapes whose opening bracket was
// skipped.
func (s *scanner) texts(into *[][]byte) bool {
	*into = (*into)[:0]
	if s.skip(`]`) {
		return true
	}
	for {
		var t []byte
		if !s.skip(`"`) || !s.text(&t, noEscape) {
			return false
		}
		*into = append(*into, t)
		if s.skip(`]`) {
			return true
		}
		if !s.skip(`,`) {
			return false
		}
	}
}

func noEscape(b []byte) bool { return bytes.IndexByte(b, '\\') < 0 }

// public reads an object of public values whose opening brace was skipped.
func (s *scanner) public(depth int) bool {
	if s.skip(`}`) {
		return true
	}
	var last, name []byte
	for {
		if !s.skip(`"`) || !s.text(&name, isName) || bytes.Compare(last, name) >= 0 || !s.skip(`:`) || !s.value(depth) {
			return false
		}
		last = name
		if s.skip(`}`) {
			return true
		}
		if !s.skip(`,`) {
			return false
		}
	}
}

func (s *scanner) value(depth int) bool {
	switch {
	case s.skip(`"`):
		return s.text(nil, isPublic)
	case s.skip(`{`):
		return depth == 0 && s.public(depth+1)
	}
	return s.skip(`true`) || s.skip(`false`) || s.integer()
}

func (s *scanner) integer() bool {
	start := s.at
	s.skip(`-`)
	digits := s.at
	for s.at < len(s.b) && isDigit(s.b[s.at]) {
		s.at++
	}
	n := s.at - digits
	if n == 0 || n > 16 || s.b[digits] == '0' && s.at-start > 1 {
		return false
	}
	i, err := strconv.ParseInt(string(s.b[digits:s.at]), 10, 64)
	return err == nil && i <= maxInteger
}

// number reads an index.
func (s *scanner) number(into *int64) bool {
	start := s.at
	if s.skip(`-`) || !s.integer() {
		return false
	}
	i, err := strconv.ParseInt(string(s.b[start:s.at]), 10, 64)
	*into = i
	return err == nil
}
