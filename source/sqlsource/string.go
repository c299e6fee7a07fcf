package sqlsource

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// appendString writes s as a JSON string, escaping only what JSON demands. A
// text that is not UTF-8 is flagged and written as base64.
func appendString(dst, s []byte) []byte {
	mark := len(dst)
	dst = append(dst, '"')
	start := 0
	for i := plain(s, 0); i < len(s); i = plain(s, i) {
		if s[i] >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError && size == 1 {
				return appendFlagged(dst[:mark], s)
			}
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, s[i])
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// plain is the first index from i on whose byte is not printable ASCII or
// must be escaped. It looks at eight bytes at a time.
func plain(s []byte, i int) int {
	const (
		ones = 0x0101010101010101
		high = 0x8080808080808080
	)
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		quote, backslash := w^(ones*'"'), w^(ones*'\\')
		// A borrow only marks bytes above one that is rightly marked.
		if found := (w | (w - ones*0x20) | (quote - ones) | (backslash - ones)) & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= 0x20 && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// appendFlagged writes bytes that a text cannot hold where a text is expected.
func appendFlagged(dst, s []byte) []byte {
	dst = append(dst, `{"$base64":`...)
	dst = appendBase64(dst, s)
	return append(dst, '}')
}

func appendBase64(dst, s []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, s)
	return append(dst, '"')
}
