package verify

import (
	"slices"

	"github.com/privacyd/privacyd/auditlog"
)

// leaf is what verification needs of a leaf. Its slices are of the bytes that
// it was read from.
type leaf struct {
	digests [][]byte
	claims  [][]byte
	action  []byte
	id      []byte
	log     []byte
}

const (
	maxLeaf    = 65535
	maxCode    = 64
	digestSize = 43
	maxInteger = 1<<53 - 1
)

// read reads the leaf at the beginning of b and says where it ends. It accepts
// what auditlog.ParseLeaf accepts and nothing else (a fuzz test compares the
// two), at a tenth of its time: a leaf has one form to the letter, so that
// there is nothing to decode.
func (l *leaf) read(b []byte) (end int, ok bool) {
	s := scanner{b: b[:min(len(b), maxLeaf)]}
	ok = s.skip(`{"_sd":[`) && s.list(&l.digests, isDigest) &&
		s.skip(`,"_sd_alg":"sha-256","action":"`) && s.text(&l.action, isCode) &&
		s.skip(`,"at":"`) && s.text(nil, isTime) &&
		s.skip(`,"claims":[`) && s.list(&l.claims, isCode) &&
		s.skip(`,"id":"`) && s.text(&l.id, isUUID) &&
		s.skip(`,"log":"`) && s.text(&l.log, isLog) &&
		s.skip(`,"outcome":"`) && s.text(nil, isCode) &&
		s.skip(`,"public":{`) && s.public(0) &&
		s.skip(`,"target_type":"`) && s.text(nil, isCodeOrEmpty) &&
		s.skip(`,"v":1}`)
	return s.at, ok
}

// readAll reads b as one leaf and nothing else.
func (l *leaf) readAll(b []byte) bool {
	end, ok := l.read(b)
	return ok && end == len(b)
}

// readLeaf reads what kind of leaf b is.
func readLeaf(b []byte) (l leaf) {
	l.read(slices.Clip(b))
	return l
}

// public gives the public values of a leaf that read accepted.
func publicOf(b []byte) map[string]any {
	l, err := auditlog.ParseLeaf(b)
	if err != nil {
		return nil
	}
	return l.Public
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c && c <= 'f' }

// The letters of base64url, as bits: digits and "-" below 64, letters and "_"
// from there on.
const (
	lowLetters  = 1<<'-' | (1<<10-1)<<'0'
	highLetters = (1<<26-1)<<('A'-64) | 1<<('_'-64) | (1<<26-1)<<('a'-64)
)

func isBase64URL(c byte) bool {
	if c < 64 {
		return uint64(lowLetters)>>c&1 != 0
	}
	return c < 128 && uint64(highLetters)>>(c-64)&1 != 0
}

func every(b []byte, is func(byte) bool) bool {
	for _, c := range b {
		if !is(c) {
			return false
		}
	}
	return true
}

func isDigest(b []byte) bool { return len(b) == digestSize && areLetters(b) }

// isCode wants words of small letters and digits, joined by single marks; the
// first begins with a letter.
func isCode(b []byte) bool {
	if len(b) == 0 || len(b) > maxCode || !isLower(b[0]) {
		return false
	}
	word := true
	for _, c := range b {
		switch {
		case isLower(c) || isDigit(c):
			word = true
		case word && (c == '.' || c == '_' || c == '-'):
			word = false
		default:
			return false
		}
	}
	return word
}

func isCodeOrEmpty(b []byte) bool { return len(b) == 0 || isCode(b) }

func isName(b []byte) bool {
	if len(b) == 0 || len(b) > maxCode || !isLower(b[0]|0x20) {
		return false
	}
	return every(b, func(c byte) bool { return isBase64URL(c) || c == '.' })
}

func isLog(b []byte) bool {
	return len(b) == 0 || len(b) <= maxCode && b[0] != '-' && every(b, func(c byte) bool { return isLower(c) || isDigit(c) || c == '-' })
}

func isPublic(b []byte) bool { return isCode(b) || isHash(b) || isUUID(b) || isTimeForm(b) }

func isHash(b []byte) bool { return (len(b) == 64 || len(b) == 128) && every(b, isHex) }

// matches compares b with a picture in which 0 stands for a digit and x for a
// hexadecimal one.
func matches(b []byte, picture string) bool {
	if len(b) != len(picture) {
		return false
	}
	for i, c := range b {
		switch p := picture[i]; p {
		case '0':
			if !isDigit(c) {
				return false
			}
		case 'x':
			if !isHex(c) {
				return false
			}
		default:
			if c != p {
				return false
			}
		}
	}
	return true
}

func isUUID(b []byte) bool {
	return matches(b, "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx") && (b[19] == '8' || b[19] == '9' || b[19] == 'a' || b[19] == 'b')
}

func isTimeForm(b []byte) bool { return matches(b, "0000-00-00T00:00:00.000000Z") }

func number(b []byte) int {
	n := 0
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}

// isTime wants a time that there is.
func isTime(b []byte) bool {
	if !isTimeForm(b) {
		return false
	}
	year, month, day := number(b[:4]), number(b[5:7]), number(b[8:10])
	return 1 <= month && month <= 12 && 1 <= day && day <= days(year, month) &&
		number(b[11:13]) < 24 && number(b[14:16]) < 60 && number(b[17:19]) < 60
}

func days(year, month int) int {
	switch {
	case month == 2 && (year%4 != 0 || year%100 == 0 && year%400 != 0):
		return 28
	case month == 2:
		return 29
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}
