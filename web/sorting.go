package web

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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

// pager is where in a list with numbered pages the reader is.
type pager struct {
	sorting
	Name  string // of the pages: "Pages of members"
	Param string // the name of the page's number in the address
	Page  int    // the first is 1
	Size  int    // rows of a page
	Total int    // rows of the list
}

// numbered reads the number of a page from the address.
func numbered(r *http.Request, param string) int {
	n, err := strconv.Atoi(r.URL.Query().Get(param))
	if err != nil || n > 1_000_000 {
		return 1
	}
	return max(n, 1)
}

// pages is how many there are, at least one.
func (p pager) pages() int { return max((p.Total+p.Size-1)/p.Size, 1) }

// to is the address of a page.
func (p pager) to(page int) string { return p.with(p.Param, strconv.Itoa(page)) }

// read reads the page, or the last one where the list has fewer.
func (p *pager) read(part func(q privacyd.PageQuery) (total int, err error)) (err error) {
	for range 2 {
		p.Total, err = part(privacyd.PageQuery{Sort: p.By, Offset: (p.Page - 1) * p.Size, Limit: p.Size})
		if err != nil || p.Page <= p.pages() {
			return err
		}
		p.Page = p.pages()
	}
	return nil
}

// beside says where the list is on its page, and keeps in its addresses how
// another list of the page stands.
func (p *pager) beside(path, at string, other pager) {
	p.Path, p.At = path, at
	p.sorting = p.keep(other.sorting.Param, other.By)
	if other.Page > 1 {
		p.sorting = p.keep(other.Param, strconv.Itoa(other.Page))
	}
}

// place says where the reader is.
func (p pager) place() string {
	return "Page " + count(int64(p.Page)) + " of " + count(int64(p.pages()))
}
