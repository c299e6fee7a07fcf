package cli

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

type auditVerifyCmd struct {
	Path     string   `arg:"" help:"A JSON export, a tlog-tiles folder, an export archive, a proof, or the address of a log (https://…/v1/workspaces/W/audit-log)."`
	Key      string   `help:"Verifier key, or a file whose last line is one. audit key prints it; have it from somebody whom you trust." required:"" placeholder:"KEY|FILE"`
	Since    []string `help:"Checkpoint that you noted earlier: the log must have grown from it." placeholder:"FILE" type:"existingfile"`
	Instance string   `help:"The instance's own log, in any of these forms: it is verified too, and this log must have grown from each of its checkpoints that are entries there. Export it before the other." placeholder:"PATH"`
	Token    string   `help:"API token to fetch an address with." env:"PRIVACYD_TOKEN" placeholder:"TOKEN"`
	JSON     bool     `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *auditVerifyCmd) Help() string {
	return "It needs no server and no data folder. Exit status: 0 verified; 4 something was found, and each finding names its entries; " +
		"5 verified, but the log itself declares entries lost (a database was restored from a backup); 2 malformed key, checkpoint or file; 1 cannot be read."
}

func (c *auditVerifyCmd) Run(t *terminal) error {
	o := verify.Options{Token: c.Token, Instance: c.Instance}
	var err error
	if o.Key, err = readKey(c.Key); err != nil {
		return err
	}
	for _, name := range c.Since {
		note, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read an earlier checkpoint: %w", err)
		}
		o.Since = append(o.Since, note)
	}
	bar := t.bar("checking entries")
	o.Progress = func(done, total int64) {
		bar.ChangeMax64(max(total, 1))
		_ = bar.Set64(done) // it is only shown
	}
	report, err := verify.Path(t.ctx, c.Path, o)
	_ = bar.Finish() // it is only shown
	if err != nil {
		return explainVerify(err)
	}
	return c.print(t, report)
}

// explainVerify says why nothing could be verified. Codes audit_log_malformed,
// audit_log_unreadable.
func explainVerify(err error) error {
	why := err
	if inner := errors.Unwrap(err); inner != nil {
		why = inner // what was being done is clear
	}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, verify.ErrUnknown) || errors.Is(err, verify.ErrSince) || errors.Is(err, verify.ErrInstance) || errors.Is(err, verify.ErrAddress):
		return privacyd.Errorf(privacyd.ClassInvalid, "audit_log_malformed", "Nothing was verified: %w.", why)
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "audit_log_unreadable",
		"Nothing was verified: %w. Check the path; an address needs an API token with the scope audit.read, in PRIVACYD_TOKEN.", why)
}

// readKey reads a verifier key, or a file whose last line is one. Code
// key_malformed.
func readKey(text string) (ed25519.PublicKey, error) {
	key, malformed := auditlog.ParseKey(text)
	if malformed == nil {
		return key, nil
	}
	raw, err := os.ReadFile(text)
	if err == nil {
		lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
		key, err = auditlog.ParseKey(strings.TrimSpace(lines[len(lines)-1]))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = malformed
	}
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "key_malformed",
			"--key is neither a verifier key nor a file whose last line is one: %w. Get it with privacyd audit key.", err)
	}
	return key, nil
}

func (c *auditVerifyCmd) print(t *terminal, r *verify.Report) error {
	if c.JSON {
		if err := t.printJSON(r); err != nil {
			return err
		}
	} else {
		c.printReport(t, r)
		if err := c.printProven(t, r); err != nil {
			return err
		}
	}
	switch {
	case !r.OK():
		return exit(ExitFound)
	case len(r.Losses) > 0 || r.Instance != nil && len(r.Instance.Losses) > 0:
		return exit(ExitPartly)
	}
	return nil
}

func (c *auditVerifyCmd) printReport(t *terminal, r *verify.Report) {
	if r.Instance != nil {
		c.printFound(t, "instance: ", r.Instance)
	}
	c.printFound(t, "", r)
	for _, what := range r.Unchecked {
		t.say("Not checked: %s", what)
	}
	if !r.OK() {
		total := r.Total
		if r.Instance != nil {
			total += r.Instance.Total
		}
		t.say("NOT verified: %s.", count(total, "finding"))
		return
	}
	for _, e := range r.Epochs {
		t.say("%s: %s of %s, root %s", e.Origin, countEntries(e.Entries), countEntries(e.Size), e.Root)
	}
	if r.Instance != nil {
		t.say("The instance's own log: %s, and this one grew as it says.", countEntries(r.Instance.Entries))
	}
	erased := "nothing erased"
	if r.Erased > 0 {
		erased = countEntries(r.Erased) + " with something erased"
	}
	t.say("Verified: %s, %s, %s.", countEntries(r.Entries), count(r.Disclosures, "disclosure"), erased)
	if !r.Complete {
		t.say("This is a part of the log: nothing is said about entries that are not in it.")
	}
}

func (c *auditVerifyCmd) printFound(t *terminal, of string, r *verify.Report) {
	for _, f := range r.Findings {
		fmt.Fprintln(t.Stdout, of+f.String())
	}
	if more := r.Total - int64(len(r.Findings)); more > 0 {
		fmt.Fprintf(t.Stdout, "%s… and %d more\n", of, more)
	}
	for _, l := range r.Losses {
		fmt.Fprintf(t.Stdout, "%slost: the log declares that entries %d to %d of epoch %d are gone: its database was restored from a backup\n", of, l.From, l.To, l.Epoch)
	}
}

// printProven shows what a proof proves: codes of the leaf, and what could be
// disclosed when it was made.
func (c *auditVerifyCmd) printProven(t *terminal, r *verify.Report) error {
	if r.Form != verify.FormProof || !r.OK() {
		return nil
	}
	raw, err := os.ReadFile(c.Path)
	if err != nil {
		return fmt.Errorf("read the proof: %w", err)
	}
	proof, err := auditlog.ParseProof(raw)
	if err != nil {
		return err
	}
	entry, err := auditlog.Check(proof.Leaf, proof.Disclosures)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
	l := entry.Leaf
	fmt.Fprintf(w, "entry\t%s\ntime\t%s\naction\t%s\noutcome\t%s\n", l.ID, l.At.Format(time.RFC3339Nano), l.Action, l.Outcome)
	if l.TargetType != "" {
		fmt.Fprintf(w, "target_type\t%s\n", l.TargetType)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Public)) {
		fmt.Fprintf(w, "%s\t%v\n", name, l.Public[name])
	}
	for _, name := range slices.Sorted(maps.Keys(entry.Claims)) {
		fmt.Fprintf(w, "%s\t%s\n", name, claimText(entry.Claims[name]))
	}
	for _, name := range entry.Missing {
		fmt.Fprintf(w, "%s\t(erased)\n", name)
	}
	return w.Flush()
}

// claimText is a claim's value: a text without its quotes, all else as JSON.
func claimText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return printable(text)
	}
	return printable(string(raw))
}
