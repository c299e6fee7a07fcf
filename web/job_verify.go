package web

import (
	"net/http"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// verifiable tells whether the reader can have it looked again for what an
// erasure has left.
func (d *door) verifiable(r *http.Request, v visit, j *privacyd.Job) (bool, error) {
	if j.State != privacyd.JobFailed || !j.Type.Erases() || !v.role.May(jobAction(j.Type)) {
		return false, nil
	}
	return d.engine.Verifiable(r.Context(), v.caller, v.workspace.ID, j.ID)
}

func (d *door) verifyJob(w http.ResponseWriter, r *http.Request) error {
	v, job, err := d.job(r)
	if err != nil {
		return err
	}
	at := workspacePath(v.workspace.Slug, "jobs", job.ID)
	if _, err = d.engine.VerifyAgain(r.Context(), v.caller, v.workspace.ID, job.ID); err == nil {
		return redirect(w, r, at)
	}
	if privacyd.CodeOf(err) == "job_not_verifiable" && rechecking(job) {
		return redirect(w, r, at+"?faster")
	}
	return err
}

// rechecking tells whether an erasure that has ended once is only verified again.
func rechecking(j *privacyd.Job) bool { return j.Type.Erases() && j.Result != nil && moving(j) }

// verifyWords says what to do about what an erasure has left, and until when.
func verifyWords(j *privacyd.Job) string {
	text := "When that is gone, have it verified again"
	if j.EndedAt != nil {
		text += ": until " + absolute(j.EndedAt.Add(engine.VerifiableFor)) + " it is known by what to look"
	}
	return text + ". Verifying deletes nothing itself; when it finds nothing any more, the job is done and has a new issue of its receipt."
}

// againWords says why a job was begun again.
func againWords(j *privacyd.Job) string {
	if j.Type.Erases() {
		return "the server stopped, something was not available, or it was verified again."
	}
	return "the server stopped, or something was not available."
}

// receiptButton has the receipt stand back where something else is to be done.
func receiptButton(v jobView) string {
	if v.Again {
		return "btn-plain"
	}
	return "btn-primary"
}
