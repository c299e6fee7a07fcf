package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/client"
)

const pollEvery = 200 * time.Millisecond

type exportCmd struct {
	Folder    `embed:""`
	Workspace string          `help:"Workspace, by slug or id." required:""`
	Format    privacyd.Format `help:"json: everything; csv: contacts and conversations." default:"json" enum:"json,csv"`
	person    `embed:""`
	saved     `embed:""`
}

func (c *exportCmd) Run(t *terminal) error {
	download := func(api *client.Client, job *privacyd.Job, part *os.File) error {
		return api.Download(t.ctx, job.WorkspaceID, job.ID, 0, part)
	}
	return c.save(t, c.Folder, c.make, download)
}

// saved is an export that is written to a file.
type saved struct {
	Out  string `help:"File to write; it appears when it is whole." required:"" placeholder:"FILE"`
	JSON bool   `help:"Print one JSON object."`
}

type (
	maker      func(t *terminal, api *client.Client) (*privacyd.Job, error)
	downloader func(api *client.Client, job *privacyd.Job, part *os.File) error
)

// save has an export made and writes it.
func (c *saved) save(t *terminal, in Folder, ask maker, download downloader) error {
	part, err := c.create()
	if err != nil {
		return err
	}
	var job *privacyd.Job
	err = t.with(in, func(api *client.Client) error {
		if job, err = ask(t, api); err != nil {
			return err
		}
		return c.keep(download(api, job, part), part)
	})
	if err != nil {
		_ = part.Close() // it may be closed already
		return errors.Join(err, os.Remove(part.Name()))
	}
	if c.JSON {
		err = t.printJSON(job)
	} else {
		t.say("Wrote %s: %s, %s, %s.", c.Out, count(job.Progress.Done, "record"), count(job.Result.Files, "attachment"), count(job.Result.Bytes, "byte"))
	}
	if err != nil {
		return err
	}
	if job.Result.Missing > 0 {
		t.say("Missing: %s; manifest.json in the archive says which and why.", count(job.Result.Missing, "attachment"))
	}
	if job.Result.AuditPending {
		t.say("The audit log in the archive lacks the newest entries: no signed checkpoint covers them yet. privacyd audit export has them later.")
	}
	if job.Result.Missing > 0 || job.Result.AuditPending {
		return exit(ExitPartly)
	}
	return nil
}

// create opens a file beside the one to write before anything is asked for:
// nobody should wait for an export that cannot be saved.
func (c *saved) create() (*os.File, error) {
	if info, err := os.Stat(c.Out); err == nil && info.IsDir() {
		return nil, unwritable(privacyd.ClassInvalid, errors.New("it is a folder"))
	}
	part, err := os.OpenFile(c.Out+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, unwritable(privacyd.ClassInvalid, err)
	}
	return part, nil
}

// make asks for the export and waits for it; interrupted, it cancels what it
// asked for.
func (c *exportCmd) make(t *terminal, api *client.Client) (*privacyd.Job, error) {
	subject, err := c.subject()
	if err != nil {
		return nil, err
	}
	ask := client.NewJob{Type: privacyd.JobDataExport, Format: c.Format, Subject: subject}
	if subject != nil {
		ask.Type = privacyd.JobSubjectExport
	}
	asked, created, err := api.CreateJob(t.ctx, c.Workspace, ask)
	if err != nil {
		return nil, err
	}
	report, done := t.progress()
	job, err := api.WaitJob(t.ctx, asked.WorkspaceID, asked.ID, pollEvery, report)
	done()
	switch {
	case err == nil:
		return job, ended(job)
	case created && t.ctx.Err() != nil:
		return nil, errors.Join(err, cancelJob(t.ctx, api, asked))
	}
	return nil, err
}

// progress shows how far an export is.
func (t *terminal) progress() (report func(*privacyd.Job), done func()) {
	bar := t.bar("exporting records")
	return func(j *privacyd.Job) {
		bar.ChangeMax64(max(j.Progress.Total, 1))
		_ = bar.Set64(j.Progress.Done) // it is only shown
	}, func() { _ = bar.Finish() } // likewise
}

// refusedFor tells whether a job that failed with a code has something for
// somebody to mend.
func refusedFor(code string) bool {
	return slices.Contains([]string{
		"map_mismatch", "bucket_unknown", "dataset_key_missing", "plan_blocked", "plan_held", "source_forbidden", "rows_refer", "value_refused", "trigger_refused",
	}, code)
}

// ended turns a job that did not complete into its error.
func ended(job *privacyd.Job) error {
	switch job.State {
	case privacyd.JobCompleted:
		return nil
	case privacyd.JobFailed:
		class := privacyd.ClassUnavailable
		if refusedFor(job.ErrorCode) {
			class = privacyd.ClassRefused
		}
		return &privacyd.Error{Class: class, Code: job.ErrorCode, Message: job.ErrorMessage}
	default:
		return privacyd.Errorf(privacyd.ClassConflict, "job_"+string(job.State), "The job was %s.", job.State)
	}
}

// keep gives what was downloaded its name when it is whole and on disk.
func (c *saved) keep(err error, part *os.File) error {
	if err == nil {
		err = errors.Join(part.Sync(), part.Close())
	}
	if err == nil {
		err = os.Rename(part.Name(), c.Out)
	}
	var disk *fs.PathError
	if errors.As(err, &disk) {
		return unwritable(privacyd.ClassUnavailable, disk)
	}
	return err
}

func unwritable(class privacyd.Class, err error) error {
	return privacyd.Errorf(class, "file_unwritable", "The file cannot be written: %w. Make room, or choose another with --out.", err)
}

func (t *terminal) bar(what string) *progressbar.ProgressBar {
	if !t.interactive() {
		return progressbar.DefaultSilent(1, what)
	}
	return progressbar.NewOptions64(1, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(t.Stderr),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(pollEvery), progressbar.OptionClearOnFinish())
}

// spin shows that something goes on whose end is not known.
func (t *terminal) spin(what string) *progressbar.ProgressBar {
	if !t.interactive() {
		return progressbar.DefaultSilent(-1, what)
	}
	const dots = 14
	return progressbar.NewOptions64(-1, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(t.Stderr),
		progressbar.OptionSpinnerType(dots), progressbar.OptionSetRenderBlankState(true), progressbar.OptionClearOnFinish())
}

type archiveCmd struct {
	Verify archiveVerifyCmd `cmd:"" help:"Check every hash and count of an archive, offline."`
}

type archiveVerifyCmd struct {
	File string `arg:"" help:"Archive." type:"existingfile"`
	JSON bool   `help:"Print one JSON object."`
}

func (c *archiveVerifyCmd) Run(t *terminal) error {
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	bar := t.bar("checking bytes")
	report, err := archive.Verify(t.ctx, f, size, func(done, total int64) {
		bar.ChangeMax64(max(total, 1))
		_ = bar.Set64(done) // it is only shown
	})
	_ = bar.Finish() // it is only shown
	if err != nil {
		return err
	}
	return c.print(t, report)
}

func (c *archiveVerifyCmd) print(t *terminal, r archive.Report) error {
	if c.JSON {
		if err := t.printJSON(r); err != nil {
			return err
		}
	} else {
		for _, p := range r.Problems {
			where := p.Path
			if where == "" {
				where = filepath.Base(c.File)
			}
			fmt.Fprintf(t.Stdout, "%s: %s (%s)\n", where, p.Message, p.Code)
		}
		for _, m := range r.Missing {
			fmt.Fprintf(t.Stdout, "missing: %s of %s %s: %s\n", m.Name, m.Collection, m.ID, m.Reason)
		}
	}
	if !r.OK {
		t.say("%s is NOT whole: %s.", filepath.Base(c.File), count(int64(r.ProblemCount), "problem"))
		return exit(ExitFound)
	}
	t.say("%s is whole: %s, %s, %s, all hashes and counts right.", filepath.Base(c.File),
		count(r.Files, "file"), count(r.Records, "record"), count(r.Bytes, "byte"))
	return nil
}
