package main

import (
	"context"
	"os"
	"time"

	_ "time/tzdata" // workspaces choose their time zone, whatever the machine knows

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault"
)

// ledgerKey keeps the suppression ledger's key in the key store, as what the
// instance's own key sealed.
type ledgerKey struct{ keys *vault.Vault }

const ledgerKeyUse = "suppression ledger"

func (k ledgerKey) Wrap(ctx context.Context, key []byte) ([]byte, error) {
	return k.keys.Seal(ctx, vault.Owner{}, []byte(ledgerKeyUse), key)
}

func (k ledgerKey) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	return k.keys.Open(ctx, vault.Owner{}, []byte(ledgerKeyUse), wrapped)
}

// checkDeletions refuses a database that was restored from before an erasure,
// and prepares what deletions need to go on.
func (i *instance) checkDeletions(ctx context.Context, f *folder) error {
	if !f.replaying {
		if err := i.engine.CheckRestored(ctx); err != nil {
			return err
		}
	}
	if err := i.engine.SealSubjects(ctx); err != nil {
		return err
	}
	if err := i.engine.ScheduleReminders(ctx); err != nil {
		return err
	}
	if err := i.engine.ScheduleReviews(ctx); err != nil {
		return err
	}
	return i.engine.ScheduleRetention(ctx)
}

// graceVariable shortens the grace period of deletions, for trying them out.
const graceVariable = "PRIVACYD_GRACE"

// readGrace gives the grace period that the environment asks for; 0: the
// product's own. Code config_invalid.
func readGrace(dev bool) (time.Duration, error) {
	text := os.Getenv(graceVariable)
	if text == "" {
		return 0, nil
	}
	grace, err := time.ParseDuration(text)
	if err != nil || grace <= 0 {
		return 0, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid", "%s is a duration, such as 3s or 720h.", graceVariable)
	}
	if !dev && grace < privacyd.DefaultGrace {
		return 0, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
			"A grace period below 30 days is for trying things out: only `privacyd serve --dev` takes %s=%s.", graceVariable, text)
	}
	return grace, nil
}
