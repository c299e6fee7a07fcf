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

// verification exports a log in both forms and verifies each, as an auditor
// does who has the file and the public key.
func (b *bench) verification(ctx context.Context) (err error) {
	s, err := sqliteSite(ctx, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	say("writing a log of %d entries", b.entries)
	if err := b.fill(ctx, s); err != nil {
		return err
	}
	public := s.key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is Ed25519
	view, err := s.log.View(ctx, workspaceID(0))
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	export := auditlog.Export{At: time.Now(), Key: public}
	for _, form := range []struct {
		name, path string
		write      func(ctx context.Context, v *auditlog.View, o auditlog.Export, path string) error
	}{
		{"a JSON export", filepath.Join(s.dir, "log.ndjson"), writeJSON},
		{"a tlog-tiles folder", filepath.Join(s.dir, "tiles"), writeTiles},
	} {
		if err := form.write(ctx, view, export, form.path); err != nil {
			return fmt.Errorf("export the log: %w", err)
		}
		if err := b.verify(ctx, form.name, form.path, public); err != nil {
			return err
		}
	}
	return nil
}

// fill writes the log that is to be verified.
func (b *bench) fill(ctx context.Context, s *site) error {
	for left := b.entries; left > 0; left -= appendAtOnce {
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			for i := range min(left, appendAtOnce) {
				if _, err := entry(ctx, s, newAct(workspaceID(0), i)); err != nil {
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
func (b *bench) verify(ctx context.Context, name, path string, key ed25519.PublicKey) error {
	var best float64
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
		say("verification of %s, round %d: %.0f entries a second, %d disclosures", name, round+1, rate, r.Disclosures)
		best = max(best, rate)
	}
	return b.report(measure.Figure{
		What: "verified entries a second, " + name, Bar: fmt.Sprintf("≥ %d", leastVerified), Value: fmt.Sprintf("%.0f", best), Pass: best >= leastVerified,
	})
}
