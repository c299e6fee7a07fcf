package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
	"github.com/privacyd/privacyd/bench/measure"
)

const (
	leastVerified = 400_000 // entries a second
	appendAtOnce  = 500
)

// verification exports logs in both forms and verifies each, as an auditor does
// who has the file and the public key: one that discloses nothing, as after
// the erasure of everybody, and one with all its disclosures.
func (b *bench) verification(ctx context.Context) (err error) {
	s, err := sqliteSite(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for i, of := range []struct {
		log       string
		disclosed bool
	}{{"entries without disclosures", false}, {"entries with ten disclosures", true}} {
		say("writing a log of %d %s", b.entries, of.log)
		if err := b.fill(ctx, s, workspaceID(i), of.disclosed); err != nil {
			return err
		}
		if err := b.verifyForms(ctx, s, workspaceID(i), of.log, of.disclosed); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) verifyForms(ctx context.Context, s *site, log, what string, disclosed bool) error {
	public := s.key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is Ed25519
	view, err := s.log.View(ctx, log)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	for _, form := range []struct {
		name  string
		write func(ctx context.Context, v *auditlog.View, o auditlog.Export, path string) error
	}{{"JSON", writeJSON}, {"tlog-tiles", writeTiles}} {
		path := filepath.Join(s.dir, log+"-"+form.name)
		if err := form.write(ctx, view, auditlog.Export{At: time.Now(), Key: public}, path); err != nil {
			return fmt.Errorf("export the log: %w", err)
		}
		if err := b.verify(ctx, what+", "+form.name, path, public, !disclosed); err != nil {
			return err
		}
	}
	return nil
}

// fill writes the log that is to be verified.
func (b *bench) fill(ctx context.Context, s *site, log string, disclosed bool) error {
	for left := b.entries; left > 0; left -= appendAtOnce {
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			for i := range min(left, appendAtOnce) {
				if err := s.fillOne(ctx, newAct(log, i), disclosed); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("write a log: %w", err)
		}
	}
	if _, err := s.sequencer().Pass(ctx); err != nil {
		return fmt.Errorf("sign a log: %w", err)
	}
	return nil
}

func (s *site) fillOne(ctx context.Context, a act, disclosed bool) error {
	if disclosed {
		_, err := entry(ctx, s, a)
		return err
	}
	_, err := s.log.Append(ctx, auditlog.Record{
		Log: a.workspace, Action: "app.message.send", Outcome: "done", TargetType: "contact", At: a.at,
		Public: map[string]any{auditlog.PublicActorKind: "system", "door": "rest", "fact_messages": 1},
	})
	return err
}

func writeJSON(ctx context.Context, v *auditlog.View, o auditlog.Export, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = v.WriteJSON(ctx, f, o)
	return errors.Join(err, f.Close())
}

func writeTiles(ctx context.Context, v *auditlog.View, o auditlog.Export, path string) error {
	_, err := v.WriteParts(ctx, o, func(p auditlog.Part, content []byte) error {
		name := filepath.Join(path, filepath.FromSlash(p.Path()))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		return os.WriteFile(name, content, 0o600)
	})
	return err
}

// verify verifies several times; the fastest counts.
func (b *bench) verify(ctx context.Context, name, path string, key ed25519.PublicKey, barred bool) error {
	var best float64
	var disclosures int64
	for round := range b.rounds {
		start := time.Now()
		r, err := verify.Path(ctx, path, verify.Options{Key: key})
		took := time.Since(start)
		if err != nil {
			return fmt.Errorf("verify %s: %w", name, err)
		}
		if !r.OK() || r.Entries != int64(b.entries) {
			return fmt.Errorf("verify %s: %d findings in %d of %d entries, first %v", name, r.Total, r.Entries, b.entries, r.Findings)
		}
		rate := float64(r.Entries) / took.Seconds()
		say("verification, %s, round %d: %.0f entries a second", name, round+1, rate)
		best, disclosures = max(best, rate), r.Disclosures
	}
	f := measure.Figure{What: "verified entries a second: " + name, Value: fmt.Sprintf("%.0f", best)}
	if barred {
		f.Bar, f.Pass = fmt.Sprintf("≥ %d", leastVerified), best >= leastVerified
	} else {
		f.Value += fmt.Sprintf(", and %.0f disclosures", best*float64(disclosures)/float64(b.entries))
	}
	return b.report(f)
}
