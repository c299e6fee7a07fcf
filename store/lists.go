package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// listing is a table of which each workspace has a part that people page
// through. Each order is that of an index (0035_lists.sql), so that a page costs
// no more than its rows.
type listing struct {
	table  string            // with the letter that it goes by
	id     string            // column that makes an order whole
	rows   string            // what is selected, to the WHERE on the workspace $1
	count  string            // how the rows are counted; empty: nobody wants to know
	first  string            // the order if none is asked for, as PageQuery.Sort
	orders map[string]string // expressions as their indexes have them, by column
}

// by reads PageQuery.Sort, which is one of the orders and not text of somebody's.
func (l listing) by(sort string) (expression string, down bool) {
	name, down := strings.CutPrefix(sort, "-")
	if _, known := l.orders[name]; !known {
		name, down = strings.CutPrefix(l.first, "-")
	}
	return l.orders[name], down
}

// bytewise has PostgreSQL compare texts as SQLite does.
func (s *Store) bytewise(expression string) string {
	if s.db.Dialect == sqldb.Postgres {
		return expression + ` COLLATE "C"`
	}
	return expression
}

// pageOf reads a page of a list. Code cursor_invalid: what it names is not there
// any more, or never was.
func pageOf[T any](ctx context.Context, s *Store, l listing, scan func(scanner) (T, error), id func(T) string, workspaceID string, q privacyd.PageQuery) (p privacyd.Page[T], err error) {
	if l.count != "" {
		if err = s.db.QueryRow(ctx, `SELECT `+l.count+` FROM `+l.table+` WHERE workspace_id = $1`, workspaceID).Scan(&p.Total); err != nil {
			return p, fmt.Errorf("count a list: %w", err)
		}
	}
	var key any
	if by, _ := l.by(q.Sort); q.After != "" {
		err = s.db.QueryRow(ctx, `SELECT `+by+` FROM `+l.table+` WHERE workspace_id = $1 AND `+l.id+` = $2 LIMIT 1`, workspaceID, q.After).Scan(&key)
		if errors.Is(err, sql.ErrNoRows) {
			return p, privacyd.Errorf(privacyd.ClassInvalid, "cursor_invalid",
				"The cursor is not one that this list has given, or what it names is gone. Begin without one.")
		}
		if err != nil {
			return p, fmt.Errorf("find where a page begins: %w", err)
		}
	}
	query, args := l.page(workspaceID, q, key)
	if p.Items, err = collect(ctx, s, scan, query, args...); err != nil {
		return p, fmt.Errorf("read a page of a list: %w", err)
	}
	if len(p.Items) > q.Limit {
		p.Items = p.Items[:q.Limit]
		p.Next = id(p.Items[q.Limit-1])
	}
	return p, nil
}

// page is the statement that reads a page and one row more, behind the key of
// the row before it.
func (l listing) page(workspaceID string, q privacyd.PageQuery, key any) (query string, args []any) {
	by, down := l.by(q.Sort)
	c := conditions{text: l.rows, args: []any{workspaceID}}
	sign, way := " >", ""
	if down {
		sign, way = " <", " DESC"
	}
	if q.After != "" {
		if by == l.id {
			c.text += " AND " + by + sign + " " + c.mark(q.After)
		} else {
			at, id := c.mark(key), c.mark(q.After)
			// The first half alone has SQLite begin in the middle of the index.
			c.text += " AND " + by + sign + "= " + at + " AND (" + by + ", " + l.id + ")" + sign + " (" + at + ", " + id + ")"
		}
	}
	order := by + way
	if by != l.id {
		order += ", " + l.id + way
	}
	return c.text + " ORDER BY " + order + " LIMIT " + c.mark(q.Limit+1), c.args
}
