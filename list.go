package privacyd

// PageQuery chooses a page of a list.
type PageQuery struct {
	Sort  string // a column by the name that the list has for it, "-" before it: downwards; empty or unknown: the list's own order
	After string // Page.Next of the page before; empty: the first page
	Limit int    // 1 to 200; 0: 50
}

// Page is a page of a list.
type Page[T any] struct {
	Items []T
	Next  string // id of the last row, where more follow it; nothing personal, since it stands in addresses
	Total int    // rows of the whole list
}
