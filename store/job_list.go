package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
)

// exportsOnly is the condition of the indexes jobs_exports and jobs_kept, to the
// letter.
const exportsOnly = `type IN ('data_export', 'subject_export')`

// jobOrder is what jobs are sorted by, as their indexes have it.
func jobOrder(column string) []string {
	switch column {
	case "ended":
		return []string{"coalesce(ended_at, 9223372036854775807)", "id"}
	case "kept":
		return []string{"coalesce(expires_at, 9223372036854775807)", "id"}
	default:
		return []string{"id"}
	}
}

// FindJobs lists the jobs of a workspace that a filter lets through, newest
// first if not sorted otherwise. Code cursor_invalid.
func (s *Store) FindJobs(ctx context.Context, workspaceID string, f privacyd.JobFilter) ([]*privacyd.Job, error) {
	query, args, err := findJobs(workspaceID, f)
	if err != nil {
		return nil, err
	}
	jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+query, args...)
	if err != nil {
		return nil, fmt.Errorf("find jobs: %w", err)
	}
	return jobs, nil
}

func findJobs(workspaceID string, f privacyd.JobFilter) (query string, args []any, err error) {
	c := conditions{text: "workspace_id = $1", args: []any{workspaceID}}
	if slices.Equal(f.Types, []privacyd.JobType{privacyd.JobDataExport, privacyd.JobSubjectExport}) {
		c.text += " AND " + exportsOnly
	} else {
		c.in("type", texts(f.Types))
	}
	c.in("state", texts(f.States))
	if f.PlanHash != "" {
		c.in("plan_hash", []string{f.PlanHash})
	}
	order, err := c.order(f)
	if err != nil {
		return "", nil, err
	}
	limit := c.mark(f.Limit)
	return " FROM jobs WHERE " + c.text + " ORDER BY " + order + " LIMIT " + limit, c.args, nil
}

// conditions are those of a WHERE, with their arguments.
type conditions struct {
	text string
	args []any
}

func (c *conditions) mark(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *conditions) in(column string, values []string) {
	if len(values) == 0 {
		return
	}
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = c.mark(v)
	}
	c.text += " AND " + column + " IN (" + strings.Join(marks, ", ") + ")"
}

// order begins after the cursor, and gives what to order by.
func (c *conditions) order(f privacyd.JobFilter) (string, error) {
	column, down := f.Sort.By()
	columns := jobOrder(column)
	than, order := " > ", strings.Join(columns, ", ")
	if down {
		than, order = " < ", strings.Join(columns, " DESC, ")+" DESC"
	}
	if f.Before == "" {
		return order, nil
	}
	at, id, err := f.Sort.ParseCursor(f.Before)
	if err != nil {
		return "", err
	}
	if len(columns) == 1 {
		c.text += " AND id" + than + c.mark(id)
	} else {
		c.text += " AND (" + strings.Join(columns, ", ") + ")" + than + "(" + c.mark(at) + ", " + c.mark(id) + ")"
	}
	return order, nil
}

func texts[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = string(v)
	}
	return words
}
