package cli

// Replayed is what running erasures again came to.
type Replayed struct {
	Erasures int   `json:"erasures"` // of people and rows that were in the database again
	Failed   int   `json:"failed"`
	Held     int64 `json:"held,omitempty"`    // rows that stay under legal holds
	Waiting  int   `json:"waiting,omitempty"` // for legal holds: they go on when those are released

	Why []string `json:"why,omitempty"` // sentences: what keeps those that failed
}

type restoreCmd struct {
	Replay restoreReplayCmd `cmd:"" help:"After a restore: erase again what was erased since the backup."`
}

type restoreReplayCmd struct {
	Folder     `embed:""`
	LedgerLost bool `help:"The suppression ledger is lost for good: go on with the one that is there. What was erased before is no more kept from coming back with a backup."`
	JSON       bool `help:"Print one JSON object."`
}

func (c *restoreReplayCmd) Run(t *terminal) error {
	done, err := t.Host.Replay(t.ctx, c.Folder, c.LedgerLost)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		err = t.printJSON(done)
	case done.Erasures == 0 && c.LedgerLost:
		t.say("The ledger that is there names nobody to erase again. Whoever was erased before the other one was lost may be in this database: it cannot tell.")
	case done.Erasures == 0:
		t.say("Nothing was to be erased again: nobody who was erased is in this database.")
	case done.Failed > 0:
		t.say("Erased again: %d. The server does not start before the rest is.", done.Erasures-done.Failed-done.Waiting)
	default:
		t.say("Erased again: %d. The server may start.", done.Erasures-done.Waiting)
	}
	if err == nil && done.Held > 0 && !c.JSON {
		t.say("%d rows stay: legal holds cover them. Look at them with `privacyd hold list`, and release what no longer stands.", done.Held)
	}
	if err == nil && done.Waiting > 0 && !c.JSON {
		t.say("%d wait for legal holds that stand, and go on when these are released: `privacyd job list`.", done.Waiting)
	}
	if err == nil && done.Failed > 0 {
		for _, why := range done.Why {
			t.say("%s", why)
		}
		t.say("%d could not be erased again. Mend what is in the way and run the command again.", done.Failed)
		return exit(ExitFailed)
	}
	return err
}
