package store

import (
	"slices"
	"strconv"
	"strings"
)

// maxList is how many values one statement names.
const maxList = 500

// parts cuts a list into what statements can name.
func parts(values []string) [][]string { return slices.Collect(slices.Chunk(values, maxList)) }

// list gives the placeholders of an IN and their arguments, after those that
// come before.
func list(values []string, before ...any) (marks string, args []any) {
	var b strings.Builder
	args = slices.Clone(before)
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(len(before) + i + 1))
		args = append(args, v)
	}
	return b.String(), args
}
