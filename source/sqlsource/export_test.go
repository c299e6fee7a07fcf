package sqlsource

// SetChunks sets how many rows of SQLite are found at once, and how many are
// put in order at once.
func (e *Eraser) SetChunks(found, ordered int) { e.chunk, e.ordered = found, ordered }
