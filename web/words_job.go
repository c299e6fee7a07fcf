package web

import (
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// stateWords gives a job state's word and its style.
func stateWords(j *privacyd.Job) (word, style string) {
	switch j.State {
	case privacyd.JobPendingApproval:
		if j.WaitingOn == privacyd.WaitApproval {
			return "Waits for approval", "state-warn"
		}
		return "Waits for confirmation", "state-warn"
	case privacyd.JobScheduled:
		return "Scheduled", "state-warn"
	case privacyd.JobBlocked:
		return "Blocked", "state-warn"
	case privacyd.JobQueued:
		return "Waiting", "state-busy"
	case privacyd.JobRunning:
		if j.CancelAsked {
			return "Stopping", "state-busy"
		}
		return "Running", "state-busy"
	case privacyd.JobCompleted:
		return completedWords(j)
	case privacyd.JobFailed:
		return "Failed", "state-bad"
	case privacyd.JobCancelled:
		return "Cancelled", "state-off"
	case privacyd.JobExpired:
		return "Expired", "state-off"
	default:
		return spaced(string(j.State)), "state-off"
	}
}

func completedWords(j *privacyd.Job) (word, style string) {
	switch {
	case !j.Type.Export():
		return "Done", "state-good"
	case j.Result != nil && (j.Result.Missing > 0 || j.Result.AuditPending):
		return "Ready, with gaps", "state-warn"
	default:
		return "Ready", "state-good"
	}
}

// jobTitle names a job.
func jobTitle(j *privacyd.Job) string {
	switch j.Type {
	case privacyd.JobDataExport:
		return "Workspace export"
	case privacyd.JobSubjectExport:
		if j.Subject != nil {
			return sentence(j.Subject.Kind) + " export"
		}
		return "Contact export"
	case privacyd.JobSubjectDeletion:
		if j.Subject != nil {
			return sentence(j.Subject.Kind) + " deletion"
		}
		return "Contact deletion"
	case privacyd.JobBulkDeletion:
		return "Deletion by date"
	default:
		return sentence(string(j.Type))
	}
}

// jobDetail says whom or what a job is about.
func jobDetail(p page, j *privacyd.Job) string {
	switch {
	case j.Type.Export():
		return exportKind(p, j)
	case j.Subject != nil:
		return subjectWords(p, *j.Subject)
	case j.Before != nil:
		return "before " + absolute(*j.Before)
	}
	return ""
}

// jobSection says what kind of job it is.
func jobSection(p page, j *privacyd.Job) string {
	if j.Type.Export() {
		return "Export · " + exportKind(p, j)
	}
	if j.Subject != nil && j.Subject.ID != "" {
		return "Deletion · " + subjectWords(p, *j.Subject)
	}
	return "Deletion"
}

// cancelWords names the button that cancels a job.
func cancelWords(j *privacyd.Job) string {
	if j.Type.Export() {
		return "Cancel export"
	}
	return "Cancel the deletion"
}

// pendingWords says in a sentence where a job stands that has not ended.
func pendingWords(j *privacyd.Job) string {
	switch j.State {
	case privacyd.JobPendingApproval:
		return "waits for a " + orText(string(j.WaitingOn), "decision")
	case privacyd.JobBlocked:
		return "is blocked"
	default:
		return "is on its way"
	}
}

// requesterWords says for whom a job is, as far as the reader may know.
func requesterWords(p page, j *privacyd.Job) string { return personWords(p, j.RequestedBy) }

// exportKind says what an export holds and in which form.
func exportKind(p page, j *privacyd.Job) string {
	form := strings.ToUpper(string(j.Format))
	if j.Subject != nil {
		return subjectWords(p, *j.Subject) + " · " + form
	}
	return form
}

// failureWords says why a job failed.
func failureWords(j *privacyd.Job) string {
	if j.ErrorMessage == "" {
		return "It failed. The server's log says why."
	}
	return j.ErrorMessage
}

// expiredWords says why an archive is there no more: its days were over, or
// somebody was erased whose data it held.
func expiredWords(j *privacyd.Job, now time.Time) string {
	if j.ExpiresAt != nil && j.ExpiresAt.After(now) {
		return "The archive was deleted before its time: somebody whose data was in it has been deleted since."
	}
	return "The archive was deleted at the end of its life."
}

func percentText(p privacyd.Progress) string { return strconv.FormatInt(percent(p), 10) }
