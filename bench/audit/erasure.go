package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/work/local"
)

const (
	leastErased = 1500 // persons a second
	mentions    = 26   // entries that disclose something of a person
	beginAtOnce = 1000 // persons of one erasure
)

// always is a lease that nobody takes.
type always struct{}

func (always) Check(context.Context) error { return nil }
func (always) Attempt() int                { return 1 }

// erasure erases persons from a log of SQLite: keys destroyed and fenced,
// disclosures deleted, entries that say so, the write-ahead log cut. It is the
// run that goes on with what was begun, as the server's daily work does.
func (b *bench) erasure(ctx context.Context) (err error) {
	s, err := sqliteSite(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	say("writing of %d persons, each in %d entries", b.persons, mentions)
	persons, err := b.mention(ctx, s)
	if err != nil {
		return err
	}
	seq := s.sequencer()
	if _, err := seq.Pass(ctx); err != nil {
		return fmt.Errorf("sign the log: %w", err)
	}
	e := &engine.Engine{
		Tx: s.store, Audit: s.log, Erasures: s.store, Disclosed: s.store, Keys: s.keys, Sequencer: seq, Queue: local.New(s.db, local.Options{}),
		SettleFor: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	if err := s.begin(ctx, persons); err != nil {
		return err
	}
	start := time.Now()
	if err := e.RunForgotten(ctx, "", always{}); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	rate := float64(b.persons) / time.Since(start).Seconds()
	var left int
	if err := s.db.QueryRow(ctx, "SELECT count(*) FROM audit_disclosures WHERE owner <> $1", s.keys.Reference(workspaceID(0), "", "")).Scan(&left); err != nil {
		return fmt.Errorf("count disclosures: %w", err)
	}
	if left > 0 {
		return fmt.Errorf("erase: %d disclosures are left", left)
	}
	return b.report(measure.Figure{
		What: fmt.Sprintf("SQLite: persons erased a second, each in %d entries", mentions), Bar: fmt.Sprintf("≥ %d", leastErased),
		Value: fmt.Sprintf("%.0f", rate), Pass: rate >= leastErased,
	})
}

// mention writes entries about persons, so that those of one person are not
// beside each other, and gives the references of the persons' keys.
func (b *bench) mention(ctx context.Context, s *site) ([]string, error) {
	log := workspaceID(0)
	persons := make([]string, b.persons)
	for i := range persons {
		persons[i] = s.keys.Reference(log, "contact", fmt.Sprint(i))
	}
	for range mentions {
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			for i := range persons {
				owner := auditlog.Owner{Log: log, Kind: "contact", ID: fmt.Sprint(i)}
				_, err := s.log.Append(ctx, auditlog.Record{
					Log: log, Action: "app.message.send", Outcome: "done", At: time.Now(),
					Private: []auditlog.Claim{{Name: auditlog.ClaimTargetName, Value: "Anna Schmidt", Owner: owner}},
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("write of persons: %w", err)
		}
	}
	return persons, nil
}

// begin remembers erasures as begun long ago, by a process that died.
func (s *site) begin(ctx context.Context, persons []string) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		for from := 0; from < len(persons); from += beginAtOnce {
			intent, err := s.log.Append(ctx, auditlog.Record{Log: workspaceID(0), Action: "audit.erase", Outcome: "intent", At: time.Now()})
			if err != nil {
				return err
			}
			some := persons[from:min(from+beginAtOnce, len(persons))]
			if err := s.store.BeginErasures(ctx, some, intent, time.Now().Add(-time.Hour)); err != nil {
				return err
			}
		}
		return nil
	})
}
