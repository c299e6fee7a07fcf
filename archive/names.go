package archive

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxName      = 100 // bytes of an attachment's cleaned name
	maxExtension = 16
)

// attachmentPath is the path of the n-th attachment. The number makes it unique
// on every file system, whatever it thinks of case and normal forms, and keeps
// it from being a name that Windows reserves (CON, NUL).
func attachmentPath(n int64, name string) string {
	return fmt.Sprintf("%s%07d-%s", attachmentRoot, n, cleanName(name))
}

// cleanName makes a file name that is safe to unpack anywhere and still
// readable. Folders are dropped from it.
func cleanName(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	if base := path.Base(strings.TrimRight(name, "/")); base != "/" {
		name = base
	}
	name = strings.Map(cleanRune, strings.ToValidUTF8(name, "_"))
	name = shorten(trimEnds(name))
	if name == "" {
		return "file"
	}
	return name
}

// cleanRune drops what is invisible or turns the reading direction, and
// replaces what some file system refuses.
func cleanRune(r rune) rune {
	switch {
	case r == '\u200c' || r == '\u200d': // joiners: emoji and several scripts need them
		return r
	case unicode.Is(unicode.Cf, r):
		return -1
	case unicode.Is(unicode.Zs, r):
		return ' '
	case strings.ContainsRune(`<>:"/|?*`, r), !unicode.IsGraphic(r), r == utf8.RuneError:
		return '_'
	default:
		return r
	}
}

func trimEnds(name string) string {
	return strings.TrimRight(strings.TrimLeft(name, " "), " .")
}

// shorten cuts a long name before its extension.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	extension := path.Ext(name)
	if len(extension) > maxExtension {
		extension = ""
	}
	return trimEnds(trimEnds(cut(name, maxName-len(extension))) + extension)
}

// cut shortens s to n bytes without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// plainPath tells whether a path of our own making is safe everywhere.
func plainPath(p string) bool {
	if p == "" || len(p) > 200 {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if !plainPart(part) {
			return false
		}
	}
	return true
}

func plainPart(part string) bool {
	if part == "" || strings.HasPrefix(part, ".") || strings.HasPrefix(part, "-") || strings.HasSuffix(part, ".") || reserved(part) {
		return false
	}
	for _, c := range []byte(part) {
		if c >= 0x80 || (!unicode.IsLetter(rune(c)) && !unicode.IsDigit(rune(c)) && !strings.ContainsRune("._-", rune(c))) {
			return false
		}
	}
	return true
}

// reserved tells whether Windows takes the name for a device.
func reserved(part string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(part), ".")
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	if len(stem) != 4 || stem[3] < '0' || stem[3] > '9' {
		return false
	}
	return stem[:3] == "COM" || stem[:3] == "LPT"
}

// safePath tells whether a path found in an archive may be unpacked: relative,
// without steps upwards, without a name that means something else on some
// system.
func safePath(p string) bool {
	if p == "" || len(p) > 512 || !utf8.ValidString(p) || strings.ContainsAny(p, "\\:\x00") || path.Clean(p) != p {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." || reserved(part) || part != trimEnds(part) {
			return false
		}
		if strings.IndexFunc(part, func(r rune) bool { return cleanRune(r) != r }) >= 0 {
			return false
		}
	}
	return true
}
