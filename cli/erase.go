package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type eraseCmd struct {
	Folder    `embed:""`
	person    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	Before    day    `help:"All conversations whose last message is older: 2026-03-01, or 2026-03-01T12:00:00Z." placeholder:"DATE" xor:"what"`
	confirmation
}

// confirmation is the flags by which an erasure is looked at and confirmed.
type confirmation struct {
	DryRun  bool   `help:"Show what would be erased, and change nothing." xor:"how"`
	Confirm string `help:"Erase, as the plan with this hash says. --dry-run shows it." placeholder:"HASH" xor:"how"`
	ending
}

// ending is the flags that say how an erasure ends.
type ending struct {
	Wait    bool   `help:"While a legal hold is on a part of it, wait with all of it; without this the rest goes and what is held stays."`
	Receipt string `help:"File to write the signed receipt to." placeholder:"FILE"`
	JSON    bool   `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *eraseCmd) Help() string {
	return "First --dry-run, then --confirm with the hash that it shows. If there is more or something else to erase by then, nothing is erased, the new plan is " +
		"shown and the exit status is 3. Rows go at once, files within 24 hours. Exit status 5: rows stay under a legal hold, or a second admin has to approve it; " +
		"4: verification still found something."
}

func (c *eraseCmd) Run(t *terminal) error {
	subject, err := c.subject()
	if err != nil {
		return err
	}
	ask := client.NewJob{Type: privacyd.JobSubjectDeletion, Subject: subject}
	command := "privacyd erase --workspace " + c.Workspace
	switch before := time.Time(c.Before); {
	case subject != nil && c.Contact != "":
		command += " --contact " + quoted(c.Contact)
	case subject != nil:
		command += " --subject " + quoted(c.Subject)
	case !before.IsZero():
		ask.Type, ask.Before = privacyd.JobBulkDeletion, before.Format(time.RFC3339Nano)
		command += " --before " + ask.Before
	default:
		return privacyd.Errorf(privacyd.ClassInvalid, "subject_invalid", "Say what to erase: --contact ID, or --before DATE.")
	}
	return c.run(t, c.Folder, c.Workspace, ask, command)
}

// quoted is an argument as a shell takes it.
func quoted(s string) string {
	plain := func(r rune) bool {
		return strings.ContainsRune("-_.:@/+", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// run shows the plan, or confirms it and sees the erasure through.
func (c *confirmation) run(t *terminal, f Folder, workspace string, ask client.NewJob, command string) error {
	if c.DryRun == (c.Confirm != "") {
		return privacyd.Errorf(privacyd.ClassInvalid, "confirm_plan_missing", "Look at the plan first with --dry-run, then confirm it with --confirm HASH.")
	}
	if c.DryRun {
		return t.with(f, func(api *client.Client) error {
			plan, err := api.Preview(t.ctx, workspace, ask)
			if err != nil {
				return err
			}
			return t.offerPlan(plan, c.JSON, command)
		})
	}
	ask.Confirm = &privacyd.Confirmation{PlanHash: c.Confirm, Wait: c.Wait}
	return c.see(t, f, func(api *client.Client) (*privacyd.Job, error) {
		job, _, err := api.CreateJob(t.ctx, workspace, ask)
		return job, err
	})
}

// see starts an erasure and sees it through. What is to be written is opened
// first: nobody should erase and then have no receipt.
func (c *ending) see(t *terminal, f Folder, start func(api *client.Client) (*privacyd.Job, error)) error {
	if c.Receipt != "" {
		file, err := os.OpenFile(c.Receipt, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return privacyd.Errorf(privacyd.ClassInvalid, "file_unwritable", "The receipt cannot be written: %w. Choose another file with --receipt.", err)
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("write the receipt: %w", err)
		}
	}
	err := t.with(f, func(api *client.Client) error {
		job, err := start(api)
		if err != nil {
			return t.refused(err, c.JSON)
		}
		if job == nil {
			return c.nothing(t)
		}
		return c.through(t, api, job)
	})
	if c.Receipt != "" {
		if info, e := os.Stat(c.Receipt); e == nil && info.Size() == 0 {
			err = errors.Join(err, os.Remove(c.Receipt))
		}
	}
	return err
}

// nothing tells of a retention run that has nothing to do.
func (c *ending) nothing(t *terminal) error {
	if c.JSON {
		return t.printJSON(struct{}{})
	}
	t.say("Nothing is due.")
	return nil
}

// through waits for a job that erases and tells what it came to.
func (c *ending) through(t *terminal, api *client.Client, job *privacyd.Job) error {
	if !client.Settled(job) {
		var err error
		if job, err = t.await(api, job, "erasing records"); err != nil {
			return err
		}
	}
	if c.JSON {
		if err := t.printJSON(job); err != nil {
			return err
		}
	}
	switch job.State {
	case privacyd.JobCompleted, privacyd.JobFailed:
		return c.over(t, api, job)
	case privacyd.JobScheduled:
		return c.scheduled(t, job)
	case privacyd.JobCancelled:
		return ended(job)
	default:
		return c.waits(t, job)
	}
}

// await waits until nothing more happens to a job by itself. Interrupted, it
// stops what can be stopped.
func (t *terminal) await(api *client.Client, asked *privacyd.Job, what string) (*privacyd.Job, error) {
	bar := t.bar(what)
	job, err := api.WaitJob(t.ctx, asked.WorkspaceID, asked.ID, pollEvery, func(j *privacyd.Job) {
		bar.ChangeMax64(max(j.Progress.Total, 1))
		_ = bar.Set64(j.Progress.Done) // it is only shown
	})
	_ = bar.Finish() // it is only shown
	if err == nil || t.ctx.Err() == nil {
		return job, err
	}
	if privacyd.JobRunning.Cancellable(asked.Type) {
		return nil, errors.Join(err, cancelJob(t.ctx, api, asked))
	}
	t.say("The erasure goes on: privacyd job show --workspace %s %s", asked.WorkspaceID, asked.ID)
	return nil, err
}

// over tells what an erasure that has ended did, and writes its receipt.
func (c *ending) over(t *terminal, api *client.Client, job *privacyd.Job) error {
	if job.Result == nil {
		return ended(job)
	}
	receipt, err := c.receipt(t, api, job)
	if err != nil {
		return err
	}
	if !c.JSON {
		for _, line := range erased(job, receipt) {
			if _, err := fmt.Fprintln(t.Stdout, line); err != nil {
				return err
			}
		}
		t.sayReceipt(job, c.Receipt)
	}
	if job.Result.AuditPending {
		t.say("No signed checkpoint covers the audit entry of it yet; a later issue of the receipt has the proof.")
	}
	switch {
	case job.Result.Residue > 0:
		t.say("NOT done: %s (%s)", job.ErrorMessage, job.ErrorCode)
		return exit(ExitFound)
	case job.State == privacyd.JobFailed:
		return ended(job)
	case job.Result.Held > 0:
		t.say("Not all of it: %s under a legal hold. When that is released, erase again.", stay(job.Result.Held))
		return exit(ExitPartly)
	}
	return nil
}

func stay(n int64) string {
	if n == 1 {
		return "1 row stays"
	}
	return fmt.Sprintf("%d rows stay", n)
}

// receipt reads the job's receipt, and writes it where that was asked for.
func (c *ending) receipt(t *terminal, api *client.Client, job *privacyd.Job) (r privacyd.Receipt, err error) {
	file, err := api.Receipt(t.ctx, job.WorkspaceID, job.ID)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(file, &r); err != nil {
		return r, fmt.Errorf("read the receipt: %w", err)
	}
	if c.Receipt != "" {
		err = explainDisk(os.WriteFile(c.Receipt, file, 0o600))
	}
	return r, err
}

func (t *terminal) sayReceipt(job *privacyd.Job, file string) {
	if file != "" {
		t.say("Wrote the receipt %s.", file)
		return
	}
	t.say("The signed receipt: privacyd receipt show --workspace %s %s", job.WorkspaceID, job.ID)
}

// erased is what an erasure did, in lines.
func erased(job *privacyd.Job, receipt privacyd.Receipt) []string {
	r := job.Result
	lines := []string{"Deleted: " + rows(r.Records) + "."}
	if len(r.Changed) > 0 {
		lines = append(lines, "Changed to name nobody: "+rows(r.Changed)+".")
	}
	if len(r.Kept) > 0 {
		lines = append(lines, "Kept on a ground that the data map names: "+rows(r.Kept)+".")
	}
	if r.Held > 0 {
		lines = append(lines, "Held: "+stay(r.Held)+" under a legal hold.")
	}
	if f := receipt.Files; f.Queued > 0 {
		line := fmt.Sprintf("Files: %d of %d gone", f.Deleted+f.Shared, f.Queued)
		if f.Deadline != nil && f.Deleted+f.Shared < f.Queued {
			line += ", the others go by " + privacyd.TimeWords(*f.Deadline)
		}
		lines = append(lines, line+".")
	}
	if r.ExportsExpired > 0 {
		lines = append(lines, fmt.Sprintf("Earlier exports that held it and were expired: %d.", r.ExportsExpired))
	}
	if r.Review > 0 {
		lines = append(lines, fmt.Sprintf("To look at: %s of others may mention the person (privacyd job review %s).", count(r.Review, "row"), job.ID))
	}
	return lines
}

// rows counts rows by collection: "contacts 1, messages 12".
func rows(by map[string]int64) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if by[name] > 0 {
			list = append(list, fmt.Sprintf("%s %d", name, by[name]))
		}
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// scheduled tells of a grace period.
func (c *ending) scheduled(t *terminal, job *privacyd.Job) error {
	if c.JSON {
		return nil
	}
	t.say("It will be erased on %s. Until then it can be taken back: privacyd job cancel --workspace %s %s",
		privacyd.TimeWords(*job.ExecuteAfter), job.WorkspaceID, job.ID)
	_, err := fmt.Fprintln(t.Stdout, job.ID)
	return err
}

// waits tells what a job waits for: a second admin, or a hold as it was asked
// to, or something that nobody expected.
func (c *ending) waits(t *terminal, job *privacyd.Job) error {
	where := fmt.Sprintf("--workspace %s %s", job.WorkspaceID, job.ID)
	switch {
	case job.WaitingOn == privacyd.WaitApproval:
		t.say("Nothing is erased yet: a second admin has to approve it: privacyd job approve %s --as E-MAIL", where)
		return exit(ExitPartly)
	case job.WaitingOn == privacyd.WaitHold && c.Wait:
		t.say("%s It goes on when the hold is released.", erasedYet(job, job.ErrorMessage))
		return exit(ExitPartly)
	case job.WaitingOn == privacyd.WaitConfirmation:
		t.say("%s privacyd job preview %s shows it.", erasedYet(job, "the plan has to be confirmed."), where)
	}
	if job.ErrorCode == "" {
		return exit(ExitRefused)
	}
	return &privacyd.Error{Class: privacyd.ClassRefused, Code: job.ErrorCode, Message: job.ErrorMessage}
}

// erasedYet says what a job that waits has erased before, and why it waits.
func erasedYet(job *privacyd.Job, why string) string {
	if gone := job.Gone(); gone != "" {
		return "It had begun: " + gone + " Now it waits: " + why
	}
	return "Nothing is erased yet: " + why
}

func cancelJob(ctx context.Context, api *client.Client, job *privacyd.Job) error {
	_, err := api.CancelJob(context.WithoutCancel(ctx), job.WorkspaceID, job.ID)
	return err
}
