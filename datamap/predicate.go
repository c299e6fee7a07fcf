package datamap

import (
	"regexp"
	"strings"
)

var (
	wordPattern      = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	parameterPattern = regexp.MustCompile(`\$[0-9]|:[A-Za-z_]|@[A-Za-z_]`)
)

// forbidden words would make a condition more than a condition on one row.
var forbidden = map[string]bool{
	"select": true, "insert": true, "update": true, "delete": true, "drop": true, "alter": true, "create": true,
	"truncate": true, "union": true, "with": true, "returning": true, "into": true, "grant": true, "copy": true,
	"pragma": true, "attach": true, "call": true, "execute": true, "lateral": true, "order": true, "limit": true,
}

// conditionFault says why s cannot stand as a condition on a row between
// parentheses in another statement, or nothing when it can.
func conditionFault(s string) string {
	bare, fault := withoutQuoted(s)
	switch {
	case fault != "":
		return fault
	case strings.TrimSpace(bare) == "":
		return "is empty; write a condition such as status = 'open', or leave the key out"
	case len(s) > maxText:
		return "is too long; use a column or a view that says it shorter"
	case strings.ContainsAny(bare, ";\\\x00"):
		return "has a semicolon or backslash; write one condition only"
	case strings.Contains(bare, "--"), strings.Contains(bare, "/*"), strings.Contains(bare, "*/"):
		return "has an SQL comment; put it into the description"
	case parameterPattern.MatchString(strings.ReplaceAll(bare, "::", "")):
		return "has a parameter; write the value itself"
	case !balanced(bare):
		return "has unbalanced parentheses; close each one that it opens"
	}
	for _, w := range wordPattern.FindAllString(bare, -1) {
		if forbidden[strings.ToLower(w)] {
			return "says " + strings.ToUpper(w) + "; it may only compare the table's own columns (use links to reach other tables)"
		}
	}
	return ""
}

// withoutQuoted blanks what stands in quotes, since nothing in there is SQL.
func withoutQuoted(s string) (bare, fault string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case (c == 'e' || c == 'E') && i+1 < len(s) && s[i+1] == '\'' && !wordBefore(s, i):
			return "", "has a string with escapes (E'…'); write a plain string"
		case c == '\'', c == '"':
			end := closing(s, i)
			if end < 0 {
				return "", "has a quote that is not closed; close it"
			}
			if strings.ContainsAny(s[i:end], "\x00\\") {
				return "", "has a backslash in quotes; databases read it in different ways, so leave it out"
			}
			b.WriteString(" 0 ")
			i = end
		case c == '`', c == '[' && quotesName(s, i):
			return "", "quotes a name with ` or [; use double quotes"
		case c == '$' && i+1 < len(s) && (s[i+1] == '$' || isLetter(s[i+1])):
			return "", "has a dollar-quoted string; use single quotes"
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func wordBefore(s string, i int) bool {
	return i > 0 && (isLetter(s[i-1]) || s[i-1] >= '0' && s[i-1] <= '9' || s[i-1] >= 0x80)
}

// quotesName tells a quoted name from the element of an array.
func quotesName(s string, i int) bool {
	return i == 0 || !wordBefore(s, i) && s[i-1] != ')' && s[i-1] != ']'
}

// closing gives the index of the quote that ends the one at i; a doubled
// quote stands for itself.
func closing(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		if s[j] != s[i] {
			continue
		}
		if j+1 < len(s) && s[j+1] == s[i] {
			j++
			continue
		}
		return j
	}
	return -1
}

func balanced(s string) bool {
	depth := 0
	for _, c := range s {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}

var quotedName = regexp.MustCompile(`"[^"]+"`)

// conditionColumns gives the words of a condition that may be columns.
func conditionColumns(condition string) []string {
	bare, _ := withoutQuoted(condition)
	names := wordPattern.FindAllString(bare, -1)
	for _, q := range quotedName.FindAllString(condition, -1) {
		names = append(names, strings.Trim(q, `"`))
	}
	return names
}
