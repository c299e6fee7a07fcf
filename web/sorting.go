package web

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

// sorting is by which column a table is sorted, and the address of the table
// with all else that it says: its filter, and where other tables of the page are.
type sorting struct {
	Path  string     // of the page
	Query url.Values // without where in this table the reader is: that ends with a new order
	Param string     // the name of the order in the address
	By    string     // the column; "-" before it: downwards
	At    string     // id of the table's part of the page; empty: the page's beginning
}

// newSorting reads the order of a table from an address: by one of columns, or
// as it is otherwise.
func newSorting(q url.Values, param, otherwise string, columns ...string) sorting {
	s := sorting{Query: url.Values{}, Param: param, By: q.Get(param)}
	if !slices.Contains(columns, strings.TrimPrefix(s.By, "-")) {
		s.By = otherwise
	}
	return s
}

// keep adds what else the address says, where it says anything.
func (s sorting) keep(name, value string) sorting {
	s.Query = maps.Clone(s.Query)
	if value != "" {
		s.Query.Set(name, value)
	}
	return s
}

// sortedBy is the address of the table by a column: the other way round where it
// is sorted by that already.
func (s sorting) sortedBy(column string) string {
	if s.By == column {
		column = "-" + column
	}
	return s.with(s.Param, column)
}

// with is the table's address with one thing more.
func (s sorting) with(name, value string) string {
	return s.address(s.keep(s.Param, s.By).keep(name, value).Query)
}

func (s sorting) address(q url.Values) string {
	address := s.Path + "?" + q.Encode()
	if s.At != "" {
		address += "#" + s.At
	}
	return address
}

// pageWords are what the links to the first page and the next one say.
func (s sorting) pageWords(what string) (first, next string) {
	switch s.By {
	case "-asked", "-ended":
		return "Newest " + what, "Older " + what
	case "asked", "ended":
		return "Oldest " + what, "Newer " + what
	default:
		return "First page of " + what, "Next page of " + what
	}
}

// either is what aria-sort says of a column that is sorted in more than one way.
func (s sorting) either(columns ...string) string {
	for _, c := range columns {
		if d := s.direction(c); d != "none" {
			return d
		}
	}
	return "none"
}

// direction is what aria-sort says of a column.
func (s sorting) direction(column string) string {
	switch s.By {
	case column:
		return "ascending"
	case "-" + column:
		return "descending"
	}
	return "none"
}

// pager is where in a list with cursors the reader is.
type pager struct {
	sorting
	Name  string // of the pages: "Pages of members"
	What  string // is listed: "members"
	Param string // the name of the cursor in the address
	After string // the page shown; empty: the first
	Next  string // the cursor of the next page; empty: there is none
	Total int    // rows of the list
}

// newPager reads from the address which page of a list is asked for.
func newPager(q url.Values, s sorting, what, param string) pager {
	return pager{sorting: s, Name: "Pages of " + what, What: what, Param: param, After: q.Get(param)}
}

// readPage reads the page, or the first one where what the cursor named is gone.
func readPage[T any](p *pager, limit int, read func(q privacyd.PageQuery) (privacyd.Page[T], error)) ([]T, error) {
	page, err := read(privacyd.PageQuery{Sort: p.By, After: p.After, Limit: limit})
	if privacyd.CodeOf(err) == "cursor_invalid" {
		p.After = ""
		page, err = read(privacyd.PageQuery{Sort: p.By, Limit: limit})
	}
	p.Next, p.Total = page.Next, page.Total
	return page.Items, err
}

// beside says where the list is on its page, and keeps in its addresses how
// another list of the page stands.
func (p *pager) beside(path, at string, other pager) {
	p.Path, p.At = path, at
	p.sorting = p.keep(other.sorting.Param, other.By).keep(other.Param, other.After)
}
