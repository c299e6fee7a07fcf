package records

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxRecord is the greatest size of one record in an import, in bytes.
const MaxRecord = 16 << 20

const maxEmail = 254

// state says what a value is.
type state byte

const (
	absent  state = iota // null, or not given
	textual              // s, to the letter
	numeric              // n
	email                // s is the normal e-mail of an account
	inner                // s is the id of an account, as the file knows it
)

type value struct {
	state state
	s     string
	n     int64
}

// row is a record, checked by itself. Its texts may be parts of the line that
// it came from.
type row struct {
	at     position
	values []value // one for each field of its collection, in order
}

func (r *row) id() string { return r.values[0].s }

// parse reads one record of a collection from JSON: every member is checked by
// its field's kind. fields tells what else is wrong with whom the record links.
func (c *Collection) parse(sc *scanner) (*row, *flaw) {
	r := &row{values: make([]value, len(c.Fields))}
	var seen uint64
	err := sc.object(func(key string) *flaw {
		f, i := c.Field(key)
		if f == nil {
			return unknownField(c, key)
		}
		if seen&(1<<i) != 0 {
			return &flaw{"field_twice", "the field " + key + " is given twice"}
		}
		seen |= 1 << i
		if sc.null() {
			return nil
		}
		return f.read(sc, &r.values[i])
	})
	if err != nil {
		return nil, err
	}
	return r, c.complete(r)
}

func (c *Collection) complete(r *row) *flaw {
	for i, f := range c.Fields {
		if f.Required && r.values[i].state == absent {
			return &flaw{"field_missing", "the field " + f.Name + " is missing"}
		}
	}
	if c.Name == "messages" && r.values[c.index["direction"]].s == "inbound" {
		// Who wrote an inbound message is a contact, not an account.
		author := &r.values[c.index["author_id"]]
		if author.state != absent {
			author.state = textual
		}
	}
	return nil
}

// read reads one value that is not null.
func (f *Field) read(sc *scanner, v *value) *flaw {
	var err *flaw
	v.state = textual
	switch f.Kind {
	case Integer:
		v.state = numeric
		v.n, err = f.integer(sc)
	case Scalar:
		v.s, err = f.scalar(sc)
	case Tags:
		v.s, err = f.list(sc, func() *flaw { return f.element(sc, '"', "a text") })
	case Identities:
		v.s, err = f.list(sc, func() *flaw { return f.identity(sc) })
	case Object:
		v.s, err = f.json(sc, '{', "an object")
	case Array:
		v.s, err = f.json(sc, '[', "an array")
	default:
		if v.s, err = f.word(sc); err == nil {
			err = f.check(v)
		}
	}
	return err
}

// check reads what a text means.
func (f *Field) check(v *value) *flaw {
	switch f.Kind {
	case ID:
		return f.checkID(v.s)
	case Account:
		if v.s == DeletedUser {
			return nil
		}
		v.state = inner
		return f.checkAccount(v.s)
	case Choice:
		return f.checkChoice(v.s)
	case Time:
		v.state = numeric
		var err *flaw
		v.n, err = f.micros(v.s)
		v.s = ""
		return err
	case Content:
		return f.decode(v)
	}
	return nil
}

func (f *Field) word(sc *scanner) (string, *flaw) {
	if sc.peek() != '"' {
		return "", f.wrong(sc, "a text in quotes")
	}
	return sc.text()
}

// wrong says that a field's value is of another kind, unless it is no value at
// all.
func (f *Field) wrong(sc *scanner, want string) *flaw {
	if err := sc.value(0); err != nil {
		return err
	}
	return &flaw{"field_invalid", "the field " + f.Name + " must be " + want}
}

func (f *Field) integer(sc *scanner) (int64, *flaw) {
	if b := sc.peek(); b != '-' && (b < '0' || b > '9') {
		return 0, f.wrong(sc, "a whole number")
	}
	s, err := sc.number()
	if err != nil {
		return 0, err
	}
	n, bad := strconv.ParseInt(s, 10, 64)
	if bad != nil {
		return 0, &flaw{"field_invalid", "the field " + f.Name + " must be a whole number of at most 64 bits"}
	}
	return n, nil
}

func (f *Field) scalar(sc *scanner) (string, *flaw) {
	b := sc.peek()
	if b != '"' && b != '-' && (b < '0' || b > '9') {
		return "", f.wrong(sc, "a text or a number")
	}
	s, err := sc.raw()
	if err == nil && len(s) > MaxID {
		return "", &flaw{"field_invalid", "the field " + f.Name + " is longer than " + strconv.Itoa(MaxID) + " bytes"}
	}
	return s, err
}

func (f *Field) json(sc *scanner, open byte, want string) (string, *flaw) {
	if sc.peek() != open {
		return "", f.wrong(sc, want)
	}
	return sc.raw()
}

// list reads an array whose elements check looks at.
func (f *Field) list(sc *scanner, check func() *flaw) (string, *flaw) {
	if sc.peek() != '[' {
		return "", f.wrong(sc, "an array")
	}
	start := sc.pos
	if err := sc.array(check); err != nil {
		return "", err
	}
	return compact(sc.s[start:sc.pos]), nil
}

func (f *Field) element(sc *scanner, first byte, want string) *flaw {
	if sc.peek() != first {
		return f.wrong(sc, "an array, each of its elements "+want)
	}
	return sc.value(0)
}

func (f *Field) identity(sc *scanner) *flaw {
	const want = `an object {"kind": …, "value": …} of two texts`
	if sc.peek() != '{' {
		return f.wrong(sc, "an array, each of its elements "+want)
	}
	var kinds, values int
	err := sc.object(func(key string) *flaw {
		switch key {
		case "kind":
			kinds++
		case "value":
			values++
		}
		return f.element(sc, '"', want)
	})
	if err == nil && (kinds != 1 || values != 1) {
		return &flaw{"field_invalid", "the field " + f.Name + " must be an array, each of its elements " + want}
	}
	return err
}

func (f *Field) checkID(s string) *flaw {
	if s == "" || len(s) > MaxID {
		return &flaw{"id_invalid", "the field " + f.Name + " must have 1 to " + strconv.Itoa(MaxID) + " bytes"}
	}
	return nil
}

// checkAccount allows what an e-mail or an id may be.
func (f *Field) checkAccount(s string) *flaw {
	if s == "" || len(s) > maxEmail {
		return &flaw{"email_invalid", "the field " + f.Name + " must be an e-mail such as name@example.com"}
	}
	return nil
}

func (f *Field) checkChoice(s string) *flaw {
	for _, c := range f.Choices {
		if c == s {
			return nil
		}
	}
	return &flaw{"choice_unknown", "the field " + f.Name + " must be one of " + strings.Join(f.Choices, ", ")}
}

// micros reads a time. What is finer than a microsecond is cut off.
func (f *Field) micros(s string) (int64, *flaw) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1 || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return 0, &flaw{"time_invalid", "the field " + f.Name + " must be a time such as 2026-03-31T09:30:00Z"}
	}
	return t.UnixMicro(), nil
}

func (f *Field) decode(v *value) *flaw {
	b, err := base64.StdEncoding.DecodeString(v.s)
	if err != nil {
		return &flaw{"base64_invalid", "the field " + f.Name + " is not base64. Use the standard alphabet (+ and /) with padding"}
	}
	v.s = string(b)
	return nil
}

var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,39}$`)

// quoted shows a name of a file's structure; one that does not look like a
// name may be somebody's data and is not shown.
func quoted(name string) string {
	if !plainName.MatchString(name) {
		return ""
	}
	return " " + strconv.Quote(name)
}

func unknownField(c *Collection, key string) *flaw {
	names := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		names[i] = f.Name
	}
	return &flaw{"field_unknown", c.Name + " has no field" + quoted(key) + ". " + suggest(key, names)}
}

func unknownCollection(name string) *flaw {
	names := make([]string, len(collections))
	for i, c := range collections {
		names[i] = c.Name
	}
	return &flaw{"collection_unknown", "there is no collection" + quoted(name) + ". " + suggest(name, names)}
}

// suggest names the nearest of the names there are, or all of them.
func suggest(name string, names []string) string {
	best, least := "", 1+len(name)/3
	for _, n := range names {
		if d := distance(strings.ToLower(name), n); d <= least {
			best, least = n, d-1
		}
	}
	if best != "" {
		return "Did you mean " + strconv.Quote(best) + "?"
	}
	return "There are " + strings.Join(names, ", ")
}

// distance is the number of letters to add, drop or change between a and b.
func distance(a, b string) int {
	if len(a) > 60 {
		return len(a)
	}
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		diagonal := last[0]
		last[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = last[j+1]
			last[j+1] = min(change, diagonal+1, last[j]+1)
		}
	}
	return last[len(b)]
}
