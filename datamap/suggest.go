package datamap

import "strings"

// suggest ends a sentence about an unknown word: with the near one, or with
// all that are known.
func suggest(word string, known []string) string {
	best, bound := "", len(word)/3+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d <= bound {
			best, bound = k, d-1
		}
	}
	switch {
	case best != "":
		return "did you mean " + best + "?"
	case len(known) == 0:
		return "there is none yet"
	case len(known) > 12:
		return "it may be " + strings.Join(known[:12], ", ") + " and others"
	default:
		return "it may be " + strings.Join(known, ", ")
	}
}

// distance is Levenshtein's: the letters to add, drop or change.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
