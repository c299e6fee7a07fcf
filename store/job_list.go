package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
)

// FindJobs lists the jobs of a workspace that a filter lets through, newest
// first.
func (s *Store) FindJobs(ctx context.Context, workspaceID string, f privacyd.JobFilter) ([]*privacyd.Job, error) {
	where, args := "workspace_id = $1 AND id < $2", []any{workspaceID, orLast(f.Before)}
	in := func(column string, values []string) {
		if len(values) == 0 {
			return
		}
		marks := make([]string, len(values))
		for i, v := range values {
			args = append(args, v)
			marks[i] = "$" + strconv.Itoa(len(args))
		}
		where += " AND " + column + " IN (" + strings.Join(marks, ", ") + ")"
	}
	in("type", texts(f.Types))
	in("state", texts(f.States))
	if f.PlanHash != "" {
		in("plan_hash", []string{f.PlanHash})
	}
	args = append(args, f.Limit)
	jobs, err := collect(ctx, s, scanJob, `SELECT `+jobColumns+` FROM jobs WHERE `+where+
		` ORDER BY id DESC LIMIT $`+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("find jobs: %w", err)
	}
	return jobs, nil
}

func texts[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = string(v)
	}
	return words
}
