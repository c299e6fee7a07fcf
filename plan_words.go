package privacyd

import (
	"fmt"
	"strconv"
	"strings"
)

// Sentences is the plan in plain English, for a preview: what goes, what
// changes, what stays and why, what is in the way. It names no person.
func (p *Plan) Sentences() []string {
	list := []string{p.opening()}
	for _, c := range p.Collections {
		list = append(list, c.sentences()...)
	}
	for _, h := range p.Holds {
		list = append(list, h.sentence())
	}
	if p.WhollyHeld {
		list = append(list, "A legal hold covers all of it: it cannot be confirmed.")
	}
	for _, b := range p.Blockers {
		list = append(list, "In the way: "+b.Message+" "+b.Remedy)
	}
	for _, m := range p.Unindexed {
		list = append(list, m.sentence())
	}
	list = append(list, p.Notes...)
	if len(p.Blockers) == 0 && !p.WhollyHeld {
		list = append(list, p.closing()...)
	}
	return list
}

func (p *Plan) opening() string {
	switch p.Type {
	case JobSubjectDeletion:
		kind := "person"
		if p.Subject != nil {
			kind = spacedWords(p.Subject.Kind)
		}
		return "This erases one " + kind + " and everything that belongs to them."
	case JobAccountDeletion:
		return "This erases an account and its holder's data in all workspaces."
	case JobWorkspaceDeletion:
		return "This erases the workspace and everything in it."
	case JobBulkDeletion:
		if p.Before != nil {
			return "This erases what had its last message before " + TimeWords(*p.Before) + " and everything that belongs to it."
		}
	case JobRetentionRun:
		return "This erases what is due under the retention policy and everything that belongs to it."
	}
	return "This erases what is listed here."
}

func (m MissingIndex) sentence() string {
	text := "Slow: " + m.Collection + " has no index on the way to what is erased"
	if m.RowsRead > 0 {
		text += fmt.Sprintf(", so that about %s read there", plural(roughly(m.RowsRead), "row is", "rows are"))
	}
	return text + ". Make it first: " + m.Statement
}

// roughly keeps two digits of a number that is only about right.
func roughly(n int64) int64 {
	unit := int64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit
}

func (c PlannedCollection) sentences() []string {
	var list []string
	if c.Rows > 0 {
		list = append(list, c.sentence())
	}
	if c.Held > 0 {
		list = append(list, fmt.Sprintf("%s %s under a legal hold.", rowsOf(c.Held, c.Collection), verb(c.Held, "stays", "stay")))
	}
	return list
}

func (c PlannedCollection) sentence() string {
	rows := rowsOf(c.Rows, c.Collection)
	if c.Quotes {
		rows += " that " + verb(c.Rows, "quotes", "quote") + " this person"
	}
	switch c.Fate {
	case FateDelete:
		text := rows + " " + verb(c.Rows, "is", "are") + " deleted"
		if c.Files > 0 {
			text += ", with " + plural(c.Files, "file", "files")
			if c.Bytes > 0 {
				text += " (" + shownBytes(c.Bytes) + ")"
			}
		}
		return text + "."
	case FateKeep:
		text := rows + " " + verb(c.Rows, "is", "are") + " kept"
		if until, ok := shownDuration(c.Until); ok {
			text += " for " + until
		}
		if c.Ground != "" {
			text += ": " + c.Ground.words()
		}
		if len(c.Fields) > 0 {
			text += "; " + c.fields() + " blanked or replaced"
		}
		return text + "."
	case FateReplace:
		return rows + " " + verb(c.Rows, "stays", "stay") + ", and " + c.fields() + " replaced by a text about nobody."
	default:
		return rows + " " + verb(c.Rows, "stays", "stay") + ", and " + c.fields() + " blanked."
	}
}

// fields names what is changed, with its verb.
func (c PlannedCollection) fields() string {
	switch len(c.Fields) {
	case 0:
		if c.Mentions {
			return "what names the person in " + verb(c.Rows, "it", "them") + " is"
		}
		return "what is personal in " + verb(c.Rows, "it", "them") + " is"
	case 1:
		return c.Fields[0] + " is"
	default:
		return Listed(c.Fields) + " are"
	}
}

// Listed puts words in a row: "a, b and c".
func Listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

func (h PlanHold) sentence() string {
	return fmt.Sprintf("A legal hold on a %s stands (%s); it is to be reviewed on %s.",
		h.Type, h.Ground.words(), DayWords(h.ReviewAt))
}

func (p *Plan) closing() []string {
	var list []string
	if p.Seconds > 0 {
		list = append(list, "It takes about "+shownSeconds(p.Seconds)+".")
	}
	t := p.Totals()
	if t.Deleted+t.Blanked+t.Files == 0 {
		return append(list, "There is nothing to erase.")
	}
	if p.Grace > 0 {
		list = append(list, "It begins "+shownSeconds(p.Grace)+" after it is confirmed and can be cancelled until then.")
	}
	last := "It cannot be undone."
	if t.Files > 0 {
		last = "Rows go at once and files within 24 hours. It cannot be undone."
	}
	return append(list, last)
}

// spacedWords makes words of a code.
func spacedWords(code string) string { return strings.ReplaceAll(code, "_", " ") }

func verb(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// plural writes a count with its noun.
func plural(n int64, one, many string) string { return shownCount(n) + " " + verb(n, one, many) }

func rowsOf(n int64, collection string) string {
	return plural(n, "row", "rows") + " of " + collection
}

// shownCount writes a whole number with commas.
func shownCount(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), ",")
}

// shownBytes writes a size with a decimal unit.
func shownBytes(n int64) string {
	if n < 1000 {
		return plural(n, "byte", "bytes")
	}
	size, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		if size /= 1000; size < 999.95 {
			break
		}
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + " " + unit
}

func shownSeconds(n int64) string {
	switch {
	case n < 90:
		return plural(n, "second", "seconds")
	case n < 90*60:
		return plural((n+30)/60, "minute", "minutes")
	case n < 48*3600:
		return plural((n+1800)/3600, "hour", "hours")
	default:
		return plural((n+12*3600)/(24*3600), "day", "days")
	}
}

// shownDuration writes an ISO 8601 duration of whole days, as data maps have
// it, in words; false for anything else.
func shownDuration(iso string) (string, bool) {
	rest, ok := strings.CutPrefix(iso, "P")
	var parts []string
	for ok && rest != "" {
		end := strings.IndexAny(rest, "YMWD")
		if end < 1 {
			return "", false
		}
		n, err := strconv.ParseInt(rest[:end], 10, 32)
		if err != nil {
			return "", false
		}
		unit := map[byte]string{'Y': "year", 'M': "month", 'W': "week", 'D': "day"}[rest[end]]
		parts = append(parts, plural(n, unit, unit+"s"))
		rest = rest[end+1:]
	}
	return strings.Join(parts, " and "), len(parts) > 0
}
