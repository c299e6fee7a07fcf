package archive

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

var (
	errNotJSON  = errors.New("it is not valid JSON")
	errTooLarge = errors.New("a value is larger than allowed")
)

// jsonReader takes a JSON document apart, one value at a time, and never holds
// more than one.
type jsonReader struct {
	r     *bufio.Reader
	limit int
	value []byte
}

func newJSONReader(r io.Reader, limit int) *jsonReader {
	return &jsonReader{r: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// peek gives the next byte that is not white space.
func (j *jsonReader) peek() (byte, error) {
	for {
		c, err := j.r.ReadByte()
		if errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("%w: it ends too soon", errNotJSON)
		}
		if err != nil {
			return 0, err
		}
		if !space(c) {
			return c, j.r.UnreadByte()
		}
	}
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func (j *jsonReader) expect(want byte) error {
	c, err := j.peek()
	if err != nil {
		return err
	}
	if c != want {
		return fmt.Errorf("%w: there is %q where %q should be", errNotJSON, c, want)
	}
	_, err = j.r.Discard(1)
	return err
}

// end makes sure that nothing but white space follows.
func (j *jsonReader) end() error {
	for {
		c, err := j.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case !space(c):
			return fmt.Errorf("%w: something follows its end", errNotJSON)
		}
	}
}

// next reads one whole, valid value. It is valid until the next call.
func (j *jsonReader) next() (json.RawMessage, error) {
	c, err := j.peek()
	if err != nil {
		return nil, err
	}
	j.value = j.value[:0]
	switch c {
	case '{', '[', '"':
		err = j.bounded()
	default:
		err = j.scalar()
	}
	if err != nil {
		return nil, err
	}
	if !json.Valid(j.value) {
		return nil, errNotJSON
	}
	return j.value, nil
}

// window gives what is buffered, at least a byte.
func (j *jsonReader) window() ([]byte, error) {
	if len(j.value) > j.limit {
		return nil, errTooLarge
	}
	if _, err := j.r.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: it ends too soon", errNotJSON)
		}
		return nil, err
	}
	return j.r.Peek(j.r.Buffered())
}

// bounded reads an object, array or text up to what closes it.
func (j *jsonReader) bounded() error {
	var at place
	for {
		b, err := j.window()
		if err != nil {
			return err
		}
		n, done := at.advance(b)
		j.value = append(j.value, b[:n]...)
		if _, err := j.r.Discard(n); err != nil || done {
			return err
		}
	}
}

// place is where in a value a reader is.
type place struct {
	depth   int
	quoted  bool
	escaped bool
}

// advance goes through b, to the end of the value if that is in it.
func (p *place) advance(b []byte) (n int, done bool) {
	for i, c := range b {
		switch {
		case p.quoted:
			p.inText(c)
		case c == '"':
			p.quoted = true
		case c == '{' || c == '[':
			p.depth++
		case c == '}' || c == ']':
			p.depth--
		}
		if p.depth <= 0 && !p.quoted {
			return i + 1, true
		}
	}
	return len(b), false
}

func (p *place) inText(c byte) {
	switch {
	case p.escaped:
		p.escaped = false
	case c == '\\':
		p.escaped = true
	case c == '"':
		p.quoted = false
	}
}

// scalar reads a number or a word.
func (j *jsonReader) scalar() error {
	for {
		c, err := j.r.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if space(c) || c == ',' || c == ']' || c == '}' {
			return j.r.UnreadByte()
		}
		if len(j.value) > j.limit {
			return errTooLarge
		}
		j.value = append(j.value, c)
	}
}

// elements calls do with every element of the array that comes next.
func (j *jsonReader) elements(do func(json.RawMessage) error) error {
	if err := j.expect('['); err != nil {
		return err
	}
	return j.list(']', func() error {
		value, err := j.next()
		if err != nil {
			return err
		}
		return do(value)
	})
}

// members calls do with the name of every member of the object that comes next;
// do must read the value.
func (j *jsonReader) members(do func(name string) error) error {
	if err := j.expect('{'); err != nil {
		return err
	}
	return j.list('}', func() error {
		var name string
		value, err := j.next()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(value, &name); err != nil {
			return fmt.Errorf("%w: a member has no name", errNotJSON)
		}
		if err := j.expect(':'); err != nil {
			return err
		}
		return do(name)
	})
}

// list reads items between commas up to the closing bracket.
func (j *jsonReader) list(closing byte, item func() error) error {
	if c, err := j.peek(); err != nil {
		return err
	} else if c == closing {
		return j.expect(closing)
	}
	for {
		if err := item(); err != nil {
			return err
		}
		c, err := j.peek()
		if err != nil {
			return err
		}
		if c == closing {
			return j.expect(closing)
		}
		if err := j.expect(','); err != nil {
			return err
		}
	}
}

// eachMember calls do with the name, unescaped, and the value of each member of
// an object that is in memory.
func eachMember(object []byte, do func(name, value []byte)) error {
	if !json.Valid(object) {
		return errNotJSON
	}
	rest := trimSpace(object)
	if len(rest) == 0 || rest[0] != '{' {
		return errNotJSON
	}
	rest = trimSpace(rest[1:])
	for len(rest) > 0 && rest[0] == '"' {
		n := valueEnd(rest)
		name := rest[1 : n-1]
		if plain, err := unescape(rest[:n]); err == nil {
			name = plain
		}
		rest = trimSpace(trimSpace(rest[n:])[1:])
		n = valueEnd(rest)
		do(name, rest[:n])
		rest = trimSpace(rest[n:])
		rest = trimSpace(rest[1:])
	}
	return nil
}

func unescape(quoted []byte) ([]byte, error) {
	for _, c := range quoted {
		if c == '\\' {
			var s string
			err := json.Unmarshal(quoted, &s)
			return []byte(s), err
		}
	}
	return quoted[1 : len(quoted)-1], nil
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	return b
}

// valueEnd tells where the value at the beginning of valid JSON ends.
func valueEnd(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case depth == 0 && (c == ',' || space(c)):
			return i
		}
	}
	return len(b)
}
