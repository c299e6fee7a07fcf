package sqlsource

import "unicode/utf8"

// compactor rewrites JSON without space between its tokens, and so without
// line breaks, and proves in the same pass that it is JSON. Numbers, strings
// and repeated keys stay to the letter.
type compactor struct {
	open []byte // the brackets that stand open
}

// append adds src to dst; false: src is not JSON, and dst is as it was.
func (c *compactor) append(dst, src []byte) ([]byte, bool) {
	c.open = c.open[:0]
	mark := len(dst)
	if !utf8.Valid(src) {
		return dst, false
	}
	i := skipSpace(src, 0)
	for {
		end, ok := c.value(src, &i, &dst)
		if !ok {
			return dst[:mark], false
		}
		if end {
			return dst, true
		}
	}
}

// value reads one value, or the bracket that opens one, and all that may
// follow up to the next value. end: nothing is left.
func (c *compactor) value(src []byte, at *int, dst *[]byte) (end, ok bool) {
	i := *at
	if i >= len(src) {
		return false, false
	}
	from := i
	switch src[i] {
	case '{', '[':
		return c.enter(src, at, dst)
	case '"':
		i = skipString(src, i)
	case 't':
		i = skipWord(src, i, "true")
	case 'f':
		i = skipWord(src, i, "false")
	case 'n':
		i = skipWord(src, i, "null")
	default:
		i = skipNumber(src, i)
	}
	if i < 0 {
		return false, false
	}
	*dst = append(*dst, src[from:i]...)
	*at = skipSpace(src, i)
	return c.after(src, at, dst)
}

func (c *compactor) enter(src []byte, at *int, dst *[]byte) (end, ok bool) {
	bracket := src[*at]
	*dst = append(*dst, bracket)
	c.open = append(c.open, bracket+2) // ] and } stand two behind [ and {
	*at = skipSpace(src, *at+1)
	if *at < len(src) && src[*at] == bracket+2 {
		return c.after(src, at, dst)
	}
	return false, bracket == '[' || c.key(src, at, dst)
}

func (c *compactor) key(src []byte, at *int, dst *[]byte) bool {
	i := *at
	if i >= len(src) || src[i] != '"' {
		return false
	}
	end := skipString(src, i)
	if end < 0 {
		return false
	}
	*dst = append(*dst, src[i:end]...)
	i = skipSpace(src, end)
	if i >= len(src) || src[i] != ':' {
		return false
	}
	*dst = append(*dst, ':')
	*at = skipSpace(src, i+1)
	return true
}

// after closes brackets and passes one comma.
func (c *compactor) after(src []byte, at *int, dst *[]byte) (end, ok bool) {
	for len(c.open) > 0 {
		if *at >= len(src) {
			return false, false
		}
		top := c.open[len(c.open)-1]
		switch src[*at] {
		case top:
			*dst = append(*dst, top)
			c.open = c.open[:len(c.open)-1]
			*at = skipSpace(src, *at+1)
		case ',':
			*dst = append(*dst, ',')
			*at = skipSpace(src, *at+1)
			return false, top == ']' || c.key(src, at, dst)
		default:
			return false, false
		}
	}
	return true, *at == len(src)
}

func skipSpace(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

func skipWord(s []byte, i int, word string) int {
	if len(s)-i < len(word) || string(s[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func skipString(s []byte, i int) int {
	for i++; ; i++ {
		i = plain(s, i)
		if i >= len(s) || s[i] < 0x20 {
			return -1
		}
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			if i = skipEscape(s, i+1); i < 0 {
				return -1
			}
		}
	}
}

// skipEscape gives the last index of an escape that begins at i.
func skipEscape(s []byte, i int) int {
	if i >= len(s) {
		return -1
	}
	switch s[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		if i+4 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) && isHex(s[i+3]) && isHex(s[i+4]) {
			return i + 4
		}
	}
	return -1
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func skipNumber(s []byte, i int) int {
	if i < len(s) && s[i] == '-' {
		i++
	}
	start := i
	i = skipDigits(s, i)
	if i == start || s[start] == '0' && i > start+1 {
		return -1
	}
	if i < len(s) && s[i] == '.' {
		start = i + 1
		if i = skipDigits(s, start); i == start {
			return -1
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		start = i
		if i = skipDigits(s, start); i == start {
			return -1
		}
	}
	return i
}

func skipDigits(s []byte, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// appendJSON embeds a column that holds JSON. What is none is flagged.
func (c *compactor) appendJSON(dst, src []byte) []byte {
	if out, ok := c.append(dst, src); ok {
		return out
	}
	if !utf8.Valid(src) {
		return appendFlagged(dst, src)
	}
	dst = append(dst, `{"$text":`...)
	dst = appendString(dst, src)
	return append(dst, '}')
}
