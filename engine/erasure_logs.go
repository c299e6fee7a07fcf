package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

const (
	logPause    = 30 * time.Second // between two tries
	logPatience = 10 * time.Minute // how long an erasure waits for who reads an older state of a product's database
)

// truncateProducts cuts the write-ahead logs of products' SQLite files, which
// have pages as they were. Whoever goes on reading an older state keeps it from
// that: then the receipt says so.
func (r *erasureRun) truncateProducts(ctx context.Context) error {
	r.state.Logs = nil
	for _, d := range r.e.Datasets {
		part := slices.ContainsFunc(r.state.Maps, func(m privacyd.PlanMap) bool { return m.Dataset == d.Name })
		if d.Own || !part && r.state.Again == nil {
			continue
		}
		eraser, err := d.Source.Eraser()
		if err != nil {
			return err
		}
		done, err := eraser.TruncateLog(ctx)
		if err != nil {
			return fmt.Errorf("cut the log of dataset %s: %w", d.Name, err)
		}
		if !done {
			r.state.Logs = append(r.state.Logs, d.Name)
		}
	}
	if len(r.state.Logs) > 0 && r.e.Now().Before(r.state.Verified.Add(logPatience)) {
		return work.Retry(logPause, nil)
	}
	return nil
}
