package auditlog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// publishLater asks for the publication of a head. Call it with s.mu.
func (s *Sequencer) publishLater(h Head) {
	if !markOf(s.dirty[h.Log]).after(markOf(h)) {
		s.dirty[h.Log] = h
		signal(s.grew)
	}
}

// publishing publishes until ctx ends what has grown, at most so often.
func (s *Sequencer) publishing(ctx context.Context) {
	every := s.PublishEvery
	if every <= 0 {
		every = defaultPublishEvery
	}
	trouble := s.newTrouble("checkpoints of the audit log cannot be published; it is tried again")
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.grew:
		}
		err := s.publishAll(ctx)
		trouble.report(ctx, err)
		if err != nil {
			signal(s.grew)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// publishAll publishes everything that has grown since it was published.
func (s *Sequencer) publishAll(ctx context.Context) error {
	s.mu.Lock()
	heads := slices.Collect(maps.Values(s.dirty))
	s.mu.Unlock()
	if err := forEach(ctx, heads, s.publish); err != nil {
		return fmt.Errorf("publish checkpoints of the audit log: %w", err)
	}
	return nil
}

func (s *Sequencer) publish(ctx context.Context, h Head) error {
	err := s.Published.Write(ctx, LogName(h.Log), h.Checkpoint)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	s.mu.Lock()
	if markOf(s.dirty[h.Log]) == markOf(h) {
		delete(s.dirty, h.Log)
	}
	s.mu.Unlock()
	if err != nil { // another node was faster, or the database was restored meanwhile
		return s.check(ctx, []string{h.Log})
	}
	return nil
}

const (
	noteEvery = time.Minute
	notePage  = 200
)

// noteLater asks for an entry in the instance's log. Call it with s.mu.
func (s *Sequencer) noteLater(h Head) {
	if _, ok := s.note[h.Log]; !ok && h.Log != "" && publicString(h.Log) {
		s.note[h.Log] = time.Time{}
	}
}

// noteDue lets the instance's log know of the workspaces' logs that grew, each
// at most once a minute.
func (s *Sequencer) noteDue(ctx context.Context, wait bool) error {
	now := s.now()
	s.mu.Lock()
	var logs []string
	for log, due := range s.note {
		if overdue(now, due) {
			logs = append(logs, log)
		}
	}
	s.mu.Unlock()
	return s.noteLogs(ctx, wait, logs, func(t Tip) bool { return overdue(now, t.NotedAt.Add(noteEvery)) })
}

// noteAll is noteDue that does not wait for anybody's minute.
func (s *Sequencer) noteAll(ctx context.Context) error {
	s.mu.Lock()
	logs := slices.Collect(maps.Keys(s.note))
	s.mu.Unlock()
	return s.noteLogs(ctx, true, logs, func(Tip) bool { return true })
}

// overdue tells whether a time is over, or so far ahead that the clock must
// have been set back.
func overdue(now, due time.Time) bool { return !now.Before(due) || due.Sub(now) > noteEvery }

func (s *Sequencer) noteLogs(ctx context.Context, wait bool, logs []string, due func(Tip) bool) error {
	slices.Sort(logs)
	for page := range slices.Chunk(logs, notePage) {
		var tips map[string]Tip
		var noted []Head
		_, err := s.Store.InLock(ctx, wait, func(ctx context.Context) error {
			var err error
			if tips, err = s.Store.Tips(ctx, page); err != nil {
				return err
			}
			noted, err = s.noteTips(ctx, page, tips, due)
			return err
		})
		if err != nil {
			return fmt.Errorf("note the audit logs' checkpoints in the instance's: %w", err)
		}
		s.noted(tips, noted)
	}
	return nil
}

func (s *Sequencer) noteTips(ctx context.Context, logs []string, tips map[string]Tip, due func(Tip) bool) ([]Head, error) {
	var noted []Head
	now := s.now()
	for _, log := range logs {
		tip, ok := tips[log]
		if !ok || tip.Noted >= tip.Size || !due(tip) {
			continue
		}
		_, err := s.Append(ctx, Record{
			Action: ActionCheckpoint, Outcome: "done", At: now,
			Public: map[string]any{
				PublicActorKind: "system", PublicLog: log, PublicEpoch: tip.Epoch, PublicSize: tip.Size,
				PublicRoot: hex.EncodeToString(tip.Root[:]),
			},
		})
		if err != nil {
			return nil, err
		}
		noted = append(noted, tip.Head)
	}
	return noted, s.Store.SetNoted(ctx, noted, now)
}

// noted remembers what the instance's log knows now, and when it is to learn
// of the rest.
func (s *Sequencer) noted(tips map[string]Tip, noted []Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for log, tip := range tips {
		knows := tip.Noted >= tip.Size || slices.ContainsFunc(noted, func(h Head) bool { return h.Log == log })
		switch {
		case knows && s.known[log].after(markOf(tip.Head)): // it grew again meanwhile
			s.note[log] = s.now().Add(noteEvery)
		case knows:
			delete(s.note, log)
		default:
			s.note[log] = tip.NotedAt.Add(noteEvery)
		}
	}
}
