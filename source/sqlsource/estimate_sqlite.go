package sqlsource

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd/datamap"
)

// exactCount is how many rows are counted one by one: some 50 ms on encrypted
// pages. A whole count of a large table takes half as long as reading it.
const exactCount = 100_000

// estimate counts up to exactCount; beyond, it asks what ANALYZE or PRAGMA
// optimize last found, and counts all when nothing did.
func (r *sqliteReader) estimate(ctx context.Context, query string, sel datamap.Selection) (n int64, err error) {
	err = r.raw(ctx, func(c *sqlite3.Conn) error {
		if n, err = countUpTo(c, query); err != nil || n < exactCount {
			return err
		}
		known, err := statistics(c, sel.Collection.Table, ownColumns(sel))
		if err != nil || known > 0 {
			n = max(n, known)
			return err
		}
		n, err = count(c, query)
		return err
	})
	return n, err
}

// ownColumns are the columns of the rows themselves that a selection names.
func ownColumns(sel datamap.Selection) (names []string) {
	for _, condition := range sel.All {
		if len(condition.Any) == 1 && len(condition.Any[0].Hops) == 0 {
			names = append(names, condition.Any[0].Column)
		}
	}
	return names
}

func countUpTo(c *sqlite3.Conn, query string) (int64, error) {
	return count(c, query+" LIMIT "+strconv.Itoa(exactCount))
}

func count(c *sqlite3.Conn, query string) (n int64, err error) {
	err = each(c, "SELECT count(*) FROM ("+query+")", func(s *sqlite3.Stmt) error {
		n = s.ColumnInt64(0)
		return nil
	})
	return n, err
}

// statistics are the rows of a table that share a value of one of the columns,
// on average by sqlite_stat1, or all rows without columns; 0: not known.
func statistics(c *sqlite3.Conn, table string, columns []string) (n int64, err error) {
	_, name, ok := strings.Cut(table, ".")
	if !ok {
		name = table
	}
	known := false
	err = each(c, "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'", func(*sqlite3.Stmt) error {
		known = true
		return nil
	})
	if err != nil || !known {
		return 0, err
	}
	const query = "SELECT stat, (SELECT name FROM pragma_index_info(idx) WHERE seqno = 0) FROM sqlite_stat1 WHERE tbl = %"
	err = pragma(c, query, name, func(s *sqlite3.Stmt) error {
		stat := strings.Fields(s.ColumnText(0)) // rows, rows for a value of the first column, …
		at := 0
		if slices.Contains(columns, s.ColumnText(1)) {
			at = 1
		}
		if at == min(1, len(columns)) && at < len(stat) {
			found, _ := strconv.ParseInt(stat[at], 10, 64) //nolint:errcheck // 0: not known
			n = max(n, found)
		}
		return nil
	})
	return n, err
}
