package auditlog

// What is asked of each text of each entry is asked by hand: regular
// expressions took a quarter of the time of writing an entry.

const (
	maxCode = 64
	maxName = 64
	idForm  = "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx" // x: a hex digit, v: 8, 9, a or b
)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// isCode tells whether s is words of small letters and digits, the first of
// which is a letter, with single dots, hyphens or underscores between.
func isCode(s string) bool {
	if s == "" || len(s) > maxCode || !isLower(s[0]) {
		return false
	}
	word := true // whether the last one belongs to a word
	for _, c := range []byte(s) {
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

// isName tells whether s may be the key of a public value.
func isName(s string) bool {
	if s == "" || len(s) > maxName || !isLower(s[0]) && !isUpper(s[0]) {
		return false
	}
	for _, c := range []byte(s) {
		if !isLower(c) && !isUpper(c) && !isDigit(c) && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// isLog tells whether s may be the id of a log; the instance's is empty.
func isLog(s string) bool {
	if len(s) > maxCode || s != "" && s[0] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if !isLower(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

// isID tells whether s is a UUIDv7 (RFC 9562) in small letters.
func isID(s string) bool {
	if len(s) != len(idForm) {
		return false
	}
	for i, c := range []byte(s) {
		ok := false
		switch want := idForm[i]; want {
		case 'x':
			ok = isDigit(c) || 'a' <= c && c <= 'f'
		case 'v':
			ok = c == '8' || c == '9' || c == 'a' || c == 'b'
		default:
			ok = c == want
		}
		if !ok {
			return false
		}
	}
	return true
}

// digestLetters is the length of a SHA-256 in base64url.
const digestLetters = 43

// isDigest tells whether s is a SHA-256 in base64url.
func isDigest(s string) bool {
	if len(s) != digestLetters {
		return false
	}
	for i := range len(s) {
		if !isUpper(s[i]&^0x20) && !isDigit(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return true
}
