package records

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// searched are the texts that a search for a part of a contact looks through.
const searched = "name, email, phone, company, id"

// contains is the condition that one of a contact's texts has one of the
// spellings of a text, from the n-th parameter on. SQLite has one that knows all
// letters, and looks once.
func contains(d sqldb.Dialect, n int, text string) (condition string, args []any) {
	list := spellings(text)
	if d == sqldb.SQLite {
		list = list[:1]
	}
	var parts []string
	for _, s := range list {
		parts = append(parts, d.HasPart("$"+strconv.Itoa(n+len(args)), searched))
		args = append(args, s)
	}
	return "(" + strings.Join(parts, " OR ") + ")", args
}

// placeOf names the function that finds a text in another one.
func placeOf(d sqldb.Dialect) string {
	if d == sqldb.Postgres {
		return "strpos"
	}
	return "instr"
}

// begins is the condition that a contact's name, what follows its first word,
// e-mail, phone or id begins with one of the spellings of a text, from the n-th
// parameter on; $1 is the workspace. Each is one stretch of an index, of which
// so many are taken at most.
func begins(d sqldb.Dialect, n int, text string, most int) (condition string, args []any) {
	var parts []string
	for _, s := range spellings(text) {
		args = append(args, s, s+string(utf8.MaxRune))
		from, until := "$"+strconv.Itoa(n), "$"+strconv.Itoa(n+1)
		n += 2
		for _, field := range []string{"name", "surname", "email", "phone", "id"} {
			by := expression(d, field)
			parts = append(parts, "SELECT id FROM (SELECT id FROM contacts WHERE workspace_id = $1 AND "+by+" >= "+from+" AND "+by+" < "+until+
				" ORDER BY "+by+", id LIMIT "+strconv.Itoa(most)+") AS "+field)
		}
	}
	return "id IN (" + strings.Join(parts, " UNION ") + ")", args
}

// rank orders what begins with a text: what is the text first, then by the name,
// then the rest. The text is the n-th parameter, the end of its stretch the next.
func rank(d sqldb.Dialect, n int) string {
	from, until := "$"+strconv.Itoa(n), "$"+strconv.Itoa(n+1)
	var same []string
	for _, field := range []string{"name", "email", "phone", "id"} {
		same = append(same, expression(d, field)+" = "+from)
	}
	name := expression(d, "name")
	return "CASE WHEN " + strings.Join(same, " OR ") + " THEN 0 WHEN " + name + " >= " + from + " AND " + name + " < " + until + " THEN 1 ELSE 2 END, id"
}

// spellings are the forms of a text in which a database may have it that makes
// none but ASCII letters small.
func spellings(text string) []string {
	small := strings.ToLower(text)
	list := []string{small}
	for _, s := range []string{text, strings.ToUpper(text), capitals(small)} {
		if s = smallASCII(s); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// capitals begins each word with a capital letter.
func capitals(small string) string {
	words := strings.Split(small, " ")
	for i, w := range words {
		for _, r := range w {
			words[i] = strings.ToUpper(string(r)) + w[len(string(r)):]
			break
		}
	}
	return strings.Join(words, " ")
}

func smallASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// expression is what contacts are found and sorted by, as the indexes of
// 0002_contact_search.sql have it; empty where there is no such index.
func expression(d sqldb.Dialect, field string) string {
	bytewise := ""
	if d == sqldb.Postgres {
		bytewise = ` COLLATE "C"`
	}
	switch field {
	case "name":
		return "lower(substr(coalesce(name, ''), 1, 100))" + bytewise
	case "surname":
		return "lower(substr(coalesce(name, ''), " + placeOf(d) + "(coalesce(name, ''), ' ') + 1, 100))" + bytewise
	case "email":
		return "lower(substr(coalesce(email, ''), 1, 100))" + bytewise
	case "phone":
		return "substr(coalesce(phone, ''), 1, 100)" + bytewise
	case "created_at":
		return "coalesce(created_at, 0)"
	case "id":
		return "id"
	}
	return ""
}

// order is how a list is sorted: by an expression, then by id.
type order struct {
	by     string // empty: by id alone
	number bool
	absent bool // by is a column that may be empty: that comes before everything, as an index of SQLite has it
	down   bool
}

// orderOf reads Query.Sort. Code sort_unknown.
func (c *Collection) orderOf(d sqldb.Dialect, sort string) (order, error) {
	name, down := strings.CutPrefix(sort, "-")
	switch {
	case name == "" || name == "id":
		return order{down: down}, nil
	case c.Name == "contacts" && (name == "name" || name == "email" || name == "created_at"):
		return order{by: expression(d, name), number: name == "created_at", down: down}, nil
	case name == "created_at" && c.has(name):
		return order{by: name, number: true, absent: true, down: down}, nil
	}
	return order{}, privacyd.Errorf(privacyd.ClassInvalid, "sort_unknown",
		"Records can be sorted by id and created_at, contacts also by name and email; a minus sign before it turns the order round.")
}

func (c *Collection) has(field string) bool {
	return slices.ContainsFunc(c.Fields, func(f *Field) bool { return f.Name == field })
}

// clause is what comes after ORDER BY.
func (o order) clause() string {
	way := ""
	if o.down {
		way = " DESC"
	}
	switch {
	case o.by == "":
		return "id" + way
	case o.absent && o.down:
		return o.by + " DESC NULLS LAST, id DESC"
	case o.absent:
		return o.by + " NULLS FIRST, id"
	}
	return o.by + way + ", id" + way
}

// after is the condition of what follows a cursor, from the n-th parameter on.
func (o order) after(n int, cursor string) (condition string, args []any, err error) {
	bad := privacyd.Errorf(privacyd.ClassInvalid, "cursor_invalid", "The cursor is not one that a list has given. Begin without one.")
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", nil, bad
	}
	sign := ">"
	if o.down {
		sign = "<"
	}
	if o.by == "" {
		if checkText(string(text)) != nil {
			return "", nil, bad
		}
		return "id " + sign + " $" + strconv.Itoa(n), []any{string(text)}, nil
	}
	var at place
	if json.Unmarshal(text, &at) != nil || checkText(at.ID) != nil || checkText(at.Key) != nil {
		return "", nil, bad
	}
	args = []any{at.Key, at.ID}
	if o.absent && at.Key == "" {
		return o.afterNone(n), []any{at.ID}, nil
	}
	if o.number {
		if args[0], err = strconv.ParseInt(at.Key, 10, 64); err != nil {
			return "", nil, bad
		}
	}
	// The first half alone has SQLite begin in the middle of an index of
	// expressions.
	key := "$" + strconv.Itoa(n)
	condition = o.by + " " + sign + "= " + key + " AND (" + o.by + ", id) " + sign + " (" + key + ", $" + strconv.Itoa(n+1) + ")"
	if o.absent && o.down {
		condition = "(" + o.by + " IS NULL OR " + condition + ")"
	}
	return condition, args, nil
}

// afterNone is the condition of what follows a row that has nothing to be
// sorted by, whose id is the n-th parameter.
func (o order) afterNone(n int) string {
	if o.down {
		return "(" + o.by + " IS NULL AND id < $" + strconv.Itoa(n) + ")"
	}
	return "(" + o.by + " IS NOT NULL OR id > $" + strconv.Itoa(n) + ")"
}

// place is where a page of a sorted list ended.
type place struct {
	Key string `json:"k"` // what the list is sorted by
	ID  string `json:"i"`
}

// cursor is the cursor after a record.
func (o order) cursor(key, id string) (string, error) {
	text := []byte(id)
	if o.by != "" {
		var err error
		if text, err = json.Marshal(place{Key: key, ID: id}); err != nil {
			return "", fmt.Errorf("write a cursor: %w", err)
		}
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// key is the column that a cursor is made of.
func (o order) key() string {
	if o.by == "" {
		return "''"
	}
	return "coalesce(CAST(" + o.by + " AS TEXT), '')"
}
