package cli

// Replayed is what running erasures again came to.
type Replayed struct {
	Erasures int   `json:"erasures"` // of people and rows that were in the database again
	Failed   int   `json:"failed"`
	Held     int64 `json:"held,omitempty"` // rows that stay under legal holds
}

type restoreCmd struct {
	Replay restoreReplayCmd `cmd:"" help:"After a restore: erase again what was erased since the backup."`
}

type restoreReplayCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

func (c *restoreReplayCmd) Run(t *terminal) error {
	done, err := t.Host.Replay(t.ctx, c.Folder)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		err = t.printJSON(done)
	case done.Erasures == 0:
		t.say("Nothing was to be erased again: nobody who was erased is in this database.")
	default:
		t.say("Erased again: %d. The server may start.", done.Erasures-done.Failed)
	}
	if err == nil && done.Held > 0 && !c.JSON {
		t.say("%d rows stay: legal holds cover them. Look at them with `privacyd hold list`, and release what no longer stands.", done.Held)
	}
	if err == nil && done.Failed > 0 {
		t.say("%d could not be erased again; `privacyd job list` says why. Mend that and run the command again.", done.Failed)
		return exit(ExitFailed)
	}
	return err
}
