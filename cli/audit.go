package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/client"
)

type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"List audit entries, newest first."`
	Export auditExportCmd `cmd:"" help:"Export an audit log with all that it takes to verify it, or as a table."`
	Prove  auditProveCmd  `cmd:"" help:"Write a self-contained proof that an entry is in the log."`
	Verify auditVerifyCmd `cmd:"" help:"Verify an exported audit log or a proof, offline, with nothing but the public key."`
	Write  auditWriteCmd  `cmd:"" help:"Write a product's own actions into a workspace's log."`
	Forget auditForgetCmd `cmd:"" help:"Forget somebody whom only a product's own entries name."`
	Key    auditKeyCmd    `cmd:"" help:"Print the public key of the audit log, and how far it is signed."`
}

// auditFilter is the flags that narrow a list or an export.
type auditFilter struct {
	From   day    `help:"Not before: 2026-03-01, or 2026-03-01T12:00:00Z." placeholder:"TIME"`
	Until  day    `help:"Before: 2026-04-01, or 2026-04-01T12:00:00Z." placeholder:"TIME"`
	Actor  string `help:"Who acted: name, e-mail, id or kind (account, token, operator, system)." placeholder:"WHO"`
	Action string `help:"What was done, such as member.add." placeholder:"ACTION"`
	Target string `help:"What it was done to: type or id, or the person it is about as contact:ID." placeholder:"WHAT"`
}

// day is a time that a person typed: a day means its beginning, in UTC.
type day time.Time

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *day) UnmarshalText(text []byte) error {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, string(text)); err == nil {
			*d = day(t.UTC())
			return nil
		}
	}
	return fmt.Errorf("it is no time such as 2026-03-01 or 2026-03-01T12:00:00Z")
}

func (f auditFilter) client() client.AuditFilter {
	return client.AuditFilter{From: time.Time(f.From), Until: time.Time(f.Until), Actor: f.Actor, Action: f.Action, Target: f.Target}
}

type auditListCmd struct {
	Folder      `embed:""`
	auditFilter `embed:""`
	Workspace   string `help:"Workspace, by slug or id; without it the instance's own log."`
	Limit       *int   `help:"At most so many; default 50, with --csv all." placeholder:"N"`
	JSON        bool   `help:"Print one JSON object." xor:"form"`
	CSV         bool   `help:"Print a table as CSV." name:"csv" xor:"form"`
}

func (c *auditListCmd) Run(t *terminal) error {
	usual, all := 50, 0
	if c.Limit == nil && c.CSV {
		c.Limit = &all
	} else if c.Limit == nil {
		c.Limit = &usual
	} else if *c.Limit < 1 {
		return errLimit()
	}
	return t.with(c.Folder, func(api *client.Client) error {
		if c.CSV {
			x, err := api.ExportAudit(t.ctx, c.Workspace, "csv", c.client(), *c.Limit, t.Stdout)
			if err != nil {
				return err
			}
			return t.exported(x)
		}
		entries, err := upTo(*c.Limit, func(cursor string, n int) ([]privacyd.AuditEntry, string, error) {
			if made := auditlog.MadeAt(cursor); !made.IsZero() && c.auditFilter != (auditFilter{}) {
				t.say("Looked back to what was written on %s. Looking further …", privacyd.TimeWords(made))
			}
			return api.AuditEntries(t.ctx, c.Workspace, c.client(), cursor, n)
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(entries))
		}
		if len(entries) == 0 {
			return t.none("entries")
		}
		return t.printEntries(entries)
	})
}

func (t *terminal) printEntries(entries []privacyd.AuditEntry) error {
	w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tACTOR\tACTION\tOUTCOME\tTARGET\tIP\tENTRY")
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Format(time.RFC3339), printable(actor(e)), e.Action,
			strings.TrimSpace(string(e.Outcome)+" "+e.Code), printable(target(e)), e.IP, e.ID)
	}
	return w.Flush()
}

// printable keeps what somebody wrote into the log from steering the terminal of
// who reads it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// target says what an action was done to, and whom that is about.
func target(e privacyd.AuditEntry) string {
	text := strings.TrimSpace(e.TargetType + " " + e.TargetID)
	for _, name := range slices.Sorted(maps.Keys(e.Details)) {
		switch v := e.Details[name].(type) {
		case float64: // as JSON gives them
			text += fmt.Sprintf(" %s=%.0f", name, v)
		case string:
			if name != "root" {
				text += " " + name + "=" + v
			}
		}
	}
	text = strings.TrimSpace(text)
	if e.Erased && e.TargetType != "" && e.TargetID == "" {
		text += " (erased)"
	}
	if e.Subject != "" && !strings.HasSuffix(e.Subject, ":"+e.TargetID) {
		text += ", " + strings.Replace(e.Subject, ":", " ", 1)
	}
	return text
}

// actor says who acted; what was erased has left only its kind.
func actor(e privacyd.AuditEntry) string {
	if e.ActorEmail != "" && e.Operator != "" {
		return e.ActorEmail + " (by operator " + e.Operator + ")"
	}
	if e.ActorEmail != "" {
		return e.ActorEmail
	}
	if e.Erased && e.Actor == "" {
		return strings.TrimSpace(string(e.ActorKind) + " (erased)")
	}
	return strings.TrimSpace(string(e.ActorKind) + " " + e.Actor)
}

type auditKeyCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id; without it the instance's own log."`
	JSON      bool   `help:"Print one JSON object: the key, and the log's epochs, sizes, roots and checkpoints."`
}

func (c *auditKeyCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		log, err := api.AuditLog(t.ctx, c.Workspace)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(log)
		}
		for _, e := range log.Epochs {
			t.say("%s: %s, signed %s", e.Origin, countEntries(e.Size), privacyd.TimeWords(e.SignedAt))
		}
		if log.Pending {
			t.say("The newest entries wait for their checkpoint, for %.1f seconds now.", log.LagSeconds)
		}
		t.say("One key signs all logs of this instance. Keep it apart from the logs that it is to verify:")
		_, err = fmt.Fprintln(t.Stdout, log.Key)
		return err
	})
}

func countEntries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// sayPending tells when a change is done and its audit entry is not yet covered
// by a signed checkpoint.
func (t *terminal) sayPending(a *privacyd.Audited) {
	if a != nil && a.Checkpoint == privacyd.CheckpointPending {
		t.say("Its audit entry %s is written; the signed checkpoint over it is still to come.", a.Entry)
	}
}
