package records

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Get gives one record as an export would. Codes: collection_unknown,
// record_not_found.
func (s *Store) Get(ctx context.Context, ws, name, id string) ([]byte, error) {
	c, err := collection(name)
	if err != nil {
		return nil, err
	}
	if checkText(id) != nil {
		return nil, errNoRecord
	}
	return s.get(ctx, ws, c, id)
}

func (s *Store) get(ctx context.Context, ws string, c *Collection, id string) ([]byte, error) {
	b, _, err := c.scan(s.DB.QueryRow(ctx, "SELECT "+c.columns()+" FROM "+c.Name+" WHERE workspace_id = $1 AND id = $2", ws, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoRecord
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.Name, err)
	}
	return b, nil
}

// Query narrows a list.
type Query struct {
	Where  map[string]string   // field → value; fields that link to records, status, and record_type
	Among  map[string][]string // field → values of which it has one, as Where
	Text   string              // contacts: a part of name, e-mail, phone, company or id
	Begins string              // contacts: the beginning of name, surname, e-mail, phone or id; fast, however many there are. The first Limit, the closest first; no more pages
	Sort   string              // id, created_at, of contacts also name and email; "-" before it: the other way round
	Cursor string              // Page.Next of the page before
	Limit  int                 // 1 to 500; 0: 50
}

// Page is a part of a list, by id.
type Page struct {
	Records []json.RawMessage `json:"records"`
	Next    string            `json:"next,omitempty"` // empty: there is no more
}

const (
	defaultLimit = 50
	maxLimit     = 500
)

// List gives a page of a collection's records as an export would. Codes:
// collection_unknown, filter_unknown, sort_unknown, cursor_invalid,
// limit_invalid.
func (s *Store) List(ctx context.Context, ws, name string, q Query) (Page, error) {
	c, err := collection(name)
	if err != nil {
		return Page{}, err
	}
	if q.Begins != "" {
		q.Sort, q.Cursor = "", ""
	}
	sort, err := c.orderOf(s.DB.Dialect, q.Sort)
	if err != nil {
		return Page{}, err
	}
	where, args, limit, err := c.filter(s.DB.Dialect, ws, q, sort)
	if err != nil {
		return Page{}, err
	}
	by := sort.clause()
	if q.Begins != "" { // its parameters are the last
		by = rank(s.DB.Dialect, len(args)-2*len(spellings(q.Begins))+1)
	}
	query := "SELECT " + c.columns() + ", " + sort.key() + " FROM " + c.Name + " WHERE " + where + " ORDER BY " + by + " LIMIT " + strconv.Itoa(limit+1)
	rows, err := s.DB.Query(ctx, query, args...)
	if err != nil {
		return Page{}, fmt.Errorf("list %s: %w", c.Name, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	page, last, key := Page{Records: []json.RawMessage{}}, "", ""
	for rows.Next() {
		lastKey := key
		b, id, err := c.scan(func(dest ...any) error { return rows.Scan(append(dest, &key)...) })
		if err != nil {
			return Page{}, fmt.Errorf("list %s: %w", c.Name, err)
		}
		if len(page.Records) == limit && q.Begins != "" {
			break
		}
		if len(page.Records) == limit {
			if page.Next, err = sort.cursor(lastKey, last); err != nil {
				return Page{}, err
			}
			break
		}
		page.Records, last = append(page.Records, b), id
	}
	return page, rows.Err()
}

// filter makes the condition of a list.
func (c *Collection) filter(d sqldb.Dialect, ws string, q Query, sort order) (where string, args []any, limit int, err error) {
	if limit = q.Limit; limit == 0 {
		limit = defaultLimit
	}
	if limit < 1 || limit > maxLimit {
		return "", nil, 0, privacyd.Errorf(privacyd.ClassInvalid, "limit_invalid", "The limit must be 1 to %d.", maxLimit)
	}
	known := 0
	where, args = "workspace_id = $1", []any{ws}
	add := func(condition string, arg any) {
		args = append(args, arg)
		where += " AND " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args)))
	}
	for _, f := range c.Fields { // in order, so that statements repeat
		if v, ok := q.Where[f.Name]; ok && c.filters(f) && checkText(v) == nil {
			add(f.Name+" = ?", v)
			known++
		}
		if list, ok := q.Among[f.Name]; ok && c.filters(f) {
			condition, more := among(f.Name, len(args)+1, list)
			where, args = where+" AND "+condition, append(args, more...)
			known++
		}
	}
	if known != len(q.Where)+len(q.Among) || checkText(q.Text) != nil || checkText(q.Begins) != nil || q.Text+q.Begins != "" && c.Name != "contacts" {
		return "", nil, 0, privacyd.Errorf(privacyd.ClassInvalid, "filter_unknown",
			"%s can be narrowed by %s.", c.Name, strings.Join(c.filterNames(), ", "))
	}
	if q.Cursor != "" {
		condition, more, err := sort.after(len(args)+1, q.Cursor)
		if err != nil {
			return "", nil, 0, err
		}
		where, args = where+" AND "+condition, append(args, more...)
	}
	if q.Text != "" {
		condition, more := contains(d, len(args)+1, q.Text)
		where, args = where+" AND "+condition, append(args, more...)
	}
	if q.Begins != "" {
		condition, more := begins(d, len(args)+1, q.Begins, limit)
		where, args = where+" AND "+condition, append(args, more...)
	}
	return where, args, limit, nil
}

// among is the condition that a field has one of these values, from the n-th
// parameter on. What cannot be stored is left out: nothing has it.
func among(field string, n int, values []string) (condition string, args []any) {
	var places []string
	for _, v := range values {
		if checkText(v) == nil {
			args = append(args, v)
			places = append(places, "$"+strconv.Itoa(n))
			n++
		}
	}
	if len(places) == 0 {
		return "1 = 0", nil
	}
	return field + " IN (" + strings.Join(places, ", ") + ")", args
}

func (c *Collection) filters(f *Field) bool {
	return f.Link != "" || f.Links != nil || f.Kind == Account || f.Name == "status" || f.Name == "record_type"
}

func (c *Collection) filterNames() []string {
	var names []string
	for _, f := range c.Fields {
		if c.filters(f) {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return []string{"nothing"}
	}
	return names
}

// columns is what scan reads.
func (c *Collection) columns() string {
	var names []string
	for _, f := range c.Fields {
		if f.Stored() {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// scan reads one row and writes it as JSON: the fields in their order, null
// where there is nothing. It also gives the id.
func (c *Collection) scan(scan func(dest ...any) error) ([]byte, string, error) {
	texts := make([]sql.NullString, len(c.Fields))
	numbers := make([]sql.NullInt64, len(c.Fields))
	dest := make([]any, 0, len(c.Fields))
	for i, f := range c.Fields {
		switch {
		case !f.Stored():
		case f.Kind == Time || f.Kind == Integer:
			dest = append(dest, &numbers[i])
		default:
			dest = append(dest, &texts[i])
		}
	}
	if err := scan(dest...); err != nil {
		return nil, "", err
	}
	var b []byte
	for i, f := range c.Fields {
		if f.Stored() {
			b = append(b, ',')
			b = append(appendText(b, f.Name), ':')
			b = f.appendJSON(b, texts[i], numbers[i])
		}
	}
	b[0] = '{'
	return append(b, '}'), texts[0].String, nil
}

func (f *Field) appendJSON(b []byte, text sql.NullString, number sql.NullInt64) []byte {
	switch {
	case !text.Valid && !number.Valid:
		return append(b, "null"...)
	case f.Kind == Time:
		b = append(b, '"')
		b = sqldb.Time(number.Int64).AppendFormat(b, "2006-01-02T15:04:05.999999Z")
		return append(b, '"')
	case f.Kind == Integer:
		return strconv.AppendInt(b, number.Int64, 10)
	case f.JSON():
		return append(b, text.String...)
	}
	return appendText(b, text.String)
}
