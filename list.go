package privacyd

// PageQuery chooses a part of a list whose parts people know by their numbers.
type PageQuery struct {
	Sort   string // a column by the name that the list has for it, "-" before it: downwards; empty or unknown: the list's own order
	Offset int    // rows before the part
	Limit  int    // 1 to 200; 0: 50
}
