package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// spaced makes words of a code.
func spaced(code string) string { return strings.ReplaceAll(code, "_", " ") }

// sentence makes words of a code and begins them with a capital letter.
func sentence(code string) string {
	words := spaced(code)
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// count writes a whole number with commas.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for at := len(digits) - 3; at > first; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// counted writes a number with its noun.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// size writes a number of bytes for people, in powers of 1000.
func size(bytes int64) string {
	if bytes < 1000 {
		return counted(bytes, "byte", "bytes")
	}
	value, units := float64(bytes)/1000, []string{"kB", "MB", "GB", "TB"}
	unit := 0
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f %s", value, units[unit])
	}
	return fmt.Sprintf("%.0f %s", value, units[unit])
}

// joined writes "a, b and c".
func joined(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
	}
}

// sortedKeys gives a map's keys in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// idLabel names the field for a person's id.
func idLabel(f contactForm) string {
	if len(f.Kinds) == 1 {
		return sentence(f.Kinds[0]) + " id"
	}
	return "Id"
}

// wordFor picks the word for one or for many.
func wordFor(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// plainCount is a number as it is typed.
func plainCount(n int64) string { return strconv.FormatInt(n, 10) }
