package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// Troubles counts what has not gone as it should.
type Troubles interface {
	Troubles(ctx context.Context, now, since time.Time) (privacyd.Troubles, error)
	WaitingDeletions(ctx context.Context, limit int) ([]*privacyd.Job, error)
}

// Examiner looks at what lies under the engine: keys, databases, disks, clocks.
type Examiner interface {
	Examine(ctx context.Context) []privacyd.Check
}

// ActionExamine is what Diagnose is in the audit log.
const ActionExamine privacyd.Action = "doctor.run"

const (
	lagNoticed    = 5 * time.Minute
	lagSerious    = time.Hour
	failedLately  = 7 * privacyd.Day
	waitingLooked = 50 // deletions in their grace period
)

// Diagnose looks at every part of the installation and says of each whether it
// is as it should be, and what to do where it is not. It writes a file and
// deletes it, and asks again where buckets lie, as Survey does: writing is
// refused or allowed from then on by what their providers say. Else it changes
// nothing. The operator. Audit: doctor.run, place.survey.
func (e *Engine) Diagnose(ctx context.Context, c privacyd.Caller) (privacyd.Diagnosis, error) {
	d := privacyd.Diagnosis{At: e.Now(), Version: e.Version}
	if err := e.operatorOnly(ctx, c, ActionExamine); err != nil {
		return d, err
	}
	if e.Examiner != nil {
		d.Checks = e.Examiner.Examine(ctx)
	}
	for _, look := range []func(ctx context.Context) ([]privacyd.Check, error){
		e.examineRestore, e.examineAudit, e.examineWork, e.examineMaps, e.examineMail, e.examineHeld, e.examineBlobs, e.examineGrace, e.examinePlaces, e.examineLegal,
	} {
		checks, err := look(ctx)
		if err != nil {
			e.Log.ErrorContext(ctx, "a check of the doctor could not be made", "error", err)
			checks = append(checks, failedCheck(err))
		}
		d.Checks = append(d.Checks, checks...)
	}
	err := e.recordAlone(ctx, privacyd.AuditEvent{
		Caller: c, Action: string(ActionExamine), Outcome: privacyd.OutcomeDone, Facts: map[string]int64{
			"problems": int64(d.Count(privacyd.CheckProblem)), "warnings": int64(d.Count(privacyd.CheckWarning)),
		},
	})
	return d, err
}

// failedCheck is a check that could not be made.
func failedCheck(err error) privacyd.Check {
	return privacyd.Problem("check", "A check could not be made: "+privacyd.MessageOf(err), "Mend that and run the command again.")
}

func (e *Engine) examineRestore(ctx context.Context) ([]privacyd.Check, error) {
	const name = "restore"
	if err := e.checkLedger(ctx); privacyd.CodeOf(err) == "ledger_damaged" {
		return []privacyd.Check{privacyd.Problem(name, privacyd.MessageOf(err), "Put the ledger back; nothing is served before.")}, nil
	}
	missing, err := e.missingErasures(ctx)
	if err != nil {
		return []privacyd.Check{privacyd.Problem(name, "The suppression ledger cannot be compared with the database: "+privacyd.MessageOf(err),
			"Put the ledger back from its own copy. Without it a restored database may bring back who was erased.")}, nil
	}
	if len(missing) > 0 {
		return []privacyd.Check{privacyd.Problem(name, fmt.Sprintf("This database was restored from before %d erasures: people who were erased are in it again.", len(missing)),
			"Run: privacyd restore replay. Nothing is served before.")}, nil
	}
	return []privacyd.Check{privacyd.OK(name, "The database knows every erasure that the suppression ledger knows.")}, nil
}

func (e *Engine) examineAudit(ctx context.Context) ([]privacyd.Check, error) {
	const name = "audit.lag"
	oldest, waiting, err := e.Sequencer.Lag(ctx)
	switch {
	case err != nil:
		return nil, err
	case waiting == 0 || oldest < lagNoticed:
		return []privacyd.Check{privacyd.OK(name, fmt.Sprintf("%d audit entries wait for a signed checkpoint.", waiting))}, nil
	}
	check := privacyd.Warning(name, fmt.Sprintf("%d audit entries are not covered by a signed checkpoint, the oldest since %s.", waiting, oldest.Round(time.Second)),
		"On PostgreSQL end transactions that have been open for long (pg_stat_activity); look for errors of the audit log in the server's log.")
	if oldest >= lagSerious {
		check.State = privacyd.CheckProblem
	}
	return []privacyd.Check{check}, nil
}

func (e *Engine) examineWork(ctx context.Context) ([]privacyd.Check, error) {
	t, err := e.Troubles.Troubles(ctx, e.Now(), e.Now().Add(-failedLately))
	if err != nil {
		return nil, err
	}
	checks := []privacyd.Check{
		privacyd.OK("purge", "No file of an erasure is overdue."),
		privacyd.OK("jobs.failed", "No job failed in the last seven days."),
		privacyd.OK("jobs.blocked", "No job waits for somebody to mend what is in its way."),
		privacyd.OK("work", "No piece of work was given up."),
	}
	if t.OverdueFiles > 0 {
		checks[0] = privacyd.Problem("purge", fmt.Sprintf("%d files of erased rows are not deleted although their 24 hours are over.", t.OverdueFiles),
			"See whether the bucket that they are in can be reached and lets files be deleted; they are tried again by themselves.")
	}
	if t.FailedJobs > 0 {
		checks[1] = privacyd.Warning("jobs.failed", fmt.Sprintf("%d jobs failed in the last seven days.", t.FailedJobs),
			"privacyd job list --workspace W says which and why. An erasure that failed has not erased everything.")
	}
	if t.BlockedJobs > 0 {
		checks[2] = privacyd.Warning("jobs.blocked", fmt.Sprintf("%d jobs wait for a hold to be released or for what is in their way.", t.BlockedJobs),
			"privacyd job list --workspace W says which and why.")
	}
	if t.DeadWork > 0 {
		checks[3] = privacyd.Problem("work", fmt.Sprintf("%d pieces of work were tried as often as they may be, and given up.", t.DeadWork),
			"The server's log says why (\"work failed for good\"). Mend the cause; exports and erasures are asked for again.")
	}
	return checks, nil
}

// examineMaps compares every data map with its live database.
func (e *Engine) examineMaps(ctx context.Context) ([]privacyd.Check, error) {
	var checks []privacyd.Check
	for _, d := range e.Datasets {
		if d.Own {
			continue
		}
		checks = append(checks, examineMap(ctx, d))
	}
	if len(checks) == 0 {
		checks = append(checks, privacyd.OK("maps", "The records are kept here; their data map came with this version."))
	}
	return checks, nil
}

func examineMap(ctx context.Context, d Dataset) privacyd.Check {
	name := "map." + d.Name
	findings, err := checkMap(ctx, d)
	if err != nil {
		return privacyd.Problem(name, "The database of dataset "+d.Name+" cannot be read: "+privacyd.MessageOf(err), "See whether it runs, and whether its address and role are right.")
	}
	fatal, first := 0, ""
	for _, f := range findings {
		if f.Fatal {
			if fatal++; fatal == 1 {
				first = f.Message + " " + f.Remedy
			}
		}
	}
	switch {
	case fatal > 0:
		return privacyd.Problem(name, fmt.Sprintf("The data map of dataset %s does not fit its database any more (findings: %d). Jobs are refused. The first: %s", d.Name, fatal, first),
			"privacyd map check has the whole list.")
	case len(findings) > 0:
		return privacyd.Warning(name, fmt.Sprintf("The data map of dataset %s fits; there are %d hints, such as: %s", d.Name, len(findings), findings[0].Message),
			"privacyd map check has the whole list, with the statements that make missing indexes.")
	}
	return privacyd.OK(name, "The data map of dataset "+d.Name+" fits its database.")
}

func (e *Engine) examineMail(context.Context) ([]privacyd.Check, error) {
	switch e.MailState() {
	case MailIsSent:
		return []privacyd.Check{privacyd.OK("mail", "Mails are sent.")}, nil
	case MailKept:
		return []privacyd.Check{privacyd.Warning("mail", "There is no mail server: mails are kept, and whoever is signed in reads their own on the page Outbox.",
			"Set mail.smtp and mail.from.")}, nil
	default:
		return []privacyd.Check{privacyd.Warning("mail", "No mail is sent: nobody is told that an export is ready or a deletion is near, and invitations and sign-in links are printed by commands.",
			"Set mail.smtp and mail.from, or PRIVACYD_MAIL_SMTP and PRIVACYD_MAIL_FROM.")}, nil
	}
}

// examineBlobs writes a file, reads it back and deletes it.
func (e *Engine) examineBlobs(ctx context.Context) ([]privacyd.Check, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	if e.moved() != nil {
		return []privacyd.Check{privacyd.Warning("blobs", "No file was written, read back and deleted: a bucket lies elsewhere than it is declared.", "Mend that first; the checks of places say which it is.")}, nil
	}
	key := accountsFolder + "/doctor/" + id
	if err := e.probeBlob(ctx, key); err != nil {
		return []privacyd.Check{privacyd.Problem("blobs", "A file cannot be written, read back and deleted where archives and attachments lie: "+privacyd.MessageOf(err),
			"See whether the disk is full, and whether the folder or bucket of blobs.exports can be used.")}, nil
	}
	return []privacyd.Check{privacyd.OK("blobs", "A file can be written, read back and deleted where archives and attachments lie.")}, nil
}

func (e *Engine) probeBlob(ctx context.Context, key string) error {
	want := []byte("privacyd doctor\n")
	w, err := e.Blobs.Create(ctx, accountsFolder, key)
	if err != nil {
		return err
	}
	defer w.Abort() // after Commit it does nothing
	if _, err := w.Write(want); err != nil {
		return err
	}
	if _, _, err := w.Commit(); err != nil {
		return err
	}
	r, err := e.Blobs.Open(ctx, accountsFolder, key)
	if err != nil {
		return err
	}
	have, err := io.ReadAll(r)
	_ = r.Close() // it was only read
	if err == nil && !bytes.Equal(have, want) {
		err = privacyd.Errorf(privacyd.ClassUnavailable, "blob_damaged", "It came back changed.")
	}
	if err != nil {
		return err
	}
	return e.Blobs.Delete(ctx, key)
}

// examineGrace makes the plans of deletions that wait anew: what would be in
// their way should be mended before they are due.
func (e *Engine) examineGrace(ctx context.Context) ([]privacyd.Check, error) {
	const name = "grace"
	jobs, err := e.Troubles.WaitingDeletions(ctx, waitingLooked)
	if err != nil {
		return nil, err
	}
	var ways []string
	for _, job := range jobs {
		why, err := e.inTheWay(ctx, job)
		if err != nil {
			why = privacyd.MessageOf(err)
		}
		if why != "" {
			ways = append(ways, fmt.Sprintf("%s %s: %s", job.Type, job.ID, why))
		}
	}
	if len(ways) > 0 {
		return []privacyd.Check{privacyd.Warning(name, fmt.Sprintf("%d of %d deletions in their grace period would not run as they are now. %s", len(ways), len(jobs), strings.Join(ways, " ")),
			"Mend what each says before its grace period is over.")}, nil
	}
	return []privacyd.Check{privacyd.OK(name, fmt.Sprintf("%d deletions are in their grace period, and nothing is in their way.", len(jobs)))}, nil
}

func (e *Engine) inTheWay(ctx context.Context, job *privacyd.Job) (string, error) {
	job, err := e.withSubject(ctx, job, nil)
	if err != nil {
		return "", err
	}
	var w privacyd.Workspace
	if job.WorkspaceID != "" {
		if w, err = e.Workspaces.Workspace(ctx, job.WorkspaceID); err != nil {
			return "", err
		}
	}
	plan, err := e.planJob(ctx, job, w)
	if err != nil {
		return "", err
	}
	if err := plan.Runnable(); err != nil {
		return privacyd.MessageOf(err), nil
	}
	return "", nil
}
