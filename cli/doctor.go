package cli

import (
	"fmt"

	"github.com/privacyd/privacyd"
)

type doctorCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *doctorCmd) Help() string {
	return "Each check is ok, a warning or a problem, with what to do about it. " +
		"It changes nothing, but for an entry in the audit log and a file that it writes and deletes. Exit status 4: there are problems."
}

func (c *doctorCmd) Run(t *terminal) error {
	d, err := t.Host.Doctor(t.ctx, c.Folder)
	if err != nil {
		return err
	}
	if c.JSON {
		err = t.printJSON(d)
	} else {
		err = t.printDiagnosis(d)
	}
	if err == nil && d.Count(privacyd.CheckProblem) > 0 {
		return exit(ExitFound)
	}
	return err
}

func (t *terminal) printDiagnosis(d privacyd.Diagnosis) error {
	for _, c := range d.Checks {
		if _, err := fmt.Fprintf(t.Stdout, "%-8s %-20s %s\n", c.State, c.Name, c.Message); err != nil {
			return err
		}
		if c.Remedy != "" {
			if _, err := fmt.Fprintf(t.Stdout, "%-29s → %s\n", "", c.Remedy); err != nil {
				return err
			}
		}
	}
	t.say("%s, %s.", count(int64(d.Count(privacyd.CheckProblem)), "problem"), count(int64(d.Count(privacyd.CheckWarning)), "warning"))
	return nil
}
