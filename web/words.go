package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// roleWords says what a role's permission means to a person.
var roleWords = map[privacyd.Action]string{
	privacyd.ActionExportWorkspace: "Export workspace",
	privacyd.ActionExportSubject:   "Export single contact",
	privacyd.ActionDownload:        "Download an export that one may ask for",
	privacyd.ActionReadRecords:     "Read records",
	privacyd.ActionWriteRecords:    "Add and change records",
	privacyd.ActionImport:          "Import records",
	privacyd.ActionReadJobs:        "See exports and their progress",
	privacyd.ActionCancelJob:       "Cancel an export that one may ask for",
	privacyd.ActionReadAudit:       "Read the audit log",
	privacyd.ActionWriteAudit:      "Write the product's own actions into the audit log",
	privacyd.ActionManageTokens:    "Make API tokens",
	privacyd.ActionManageMembers:   "Invite members, change their roles, remove them",
	privacyd.ActionReadWorkspace:   "Open the workspace",
	privacyd.ActionManageWorkspace: "Change the workspace's settings",
	privacyd.ActionDeleteSubject:   "Delete contact",
	privacyd.ActionDeleteRecords:   "Delete conversations by date",
	privacyd.ActionDeleteWorkspace: "Delete the workspace",
	privacyd.ActionManageRetention: "Change retention policy",
	privacyd.ActionManageHolds:     "Place and release legal holds",
	privacyd.ActionApprove:         "Approve what another admin confirmed",
	privacyd.ActionReadReceipts:    "Read the receipts of deletions",
	privacyd.ActionReadEncryption:  "See how the data is encrypted",
	privacyd.ActionCallLLM:         "Send prompts to a language model through privacyd",
	privacyd.ActionObject:          "Object to a sub-processor",
	privacyd.ActionManageLegal:     "Say whom people write to; accept the data processing agreement",
}

// auditTitle says what an entry is about.
func auditTitle(a privacyd.AuditEntry) string {
	words := auditWords(a.Action)
	if permission := roleWords[privacyd.Action(a.Action)]; a.Outcome != privacyd.OutcomeDone && permission != "" {
		words = permission
	}
	if words == "" {
		return actionLabel(privacyd.Action(a.Action))
	}
	return words
}

// outcomeWords gives an outcome's word and its style.
func outcomeWords(o privacyd.Outcome) (word, style string) {
	switch o {
	case privacyd.OutcomeDone:
		return "Done", "state-good"
	case privacyd.OutcomeDenied:
		return "Refused", "state-bad"
	case privacyd.OutcomeFailed:
		return "Failed", "state-bad"
	case privacyd.OutcomeIntent:
		return "Begun", "state-off"
	default:
		return string(o), "state-off"
	}
}

// actorWords names who acted.
func actorWords(a privacyd.AuditEntry) string {
	switch {
	case a.ActorKind == privacyd.CallerSystem:
		return "privacyd itself"
	case a.ActorKind == privacyd.CallerAnonymous:
		return "Nobody signed in"
	case a.ActorKind == privacyd.CallerOperator && a.Actor != string(privacyd.CallerOperator):
		return "Operator " + a.Actor
	case a.ActorKind == privacyd.CallerOperator:
		return "Operator"
	case a.ActorKind == privacyd.CallerToken:
		return "API token " + a.Actor
	case a.Actor == "" && a.Erased:
		return "Erased person"
	default:
		return a.Actor
	}
}

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

// subjectWords names a person by the name in the records, with the id; by the id
// alone where there is no such record any more, or none of ours.
func subjectWords(p page, s privacyd.Subject) string {
	if name := p.contactName(s.Kind, s.ID); name != "" && name != s.ID {
		return name + " (" + s.ID + ")"
	}
	return s.ID
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

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// requesterWords says for whom a job is, as far as the reader may know.
func requesterWords(p page, j *privacyd.Job) string { return personWords(p, j.RequestedBy) }

// personWords names who did something, as far as the reader may know.
func personWords(p page, id string) string {
	switch {
	case id == p.Caller.AccountID:
		return "you"
	case id == string(privacyd.CallerOperator):
		return "the operator"
	case id == string(privacyd.CallerSystem):
		return "privacyd itself"
	case p.People[id] != "":
		return p.People[id]
	case p.People != nil:
		return "somebody who has left, or their API token"
	default:
		return "another member or an API token"
	}
}

// spaced makes words of a code.
func spaced(code string) string { return strings.ReplaceAll(code, "_", " ") }

// sentence makes words of a code and begins them with a capital letter.
func sentence(code string) string {
	words := spaced(code)
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// count writes a whole number with commas.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for at := len(digits) - 3; at > first; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// counted writes a number with its noun.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// size writes a number of bytes for people, in powers of 1000.
func size(bytes int64) string {
	if bytes < 1000 {
		return counted(bytes, "byte", "bytes")
	}
	value, units := float64(bytes)/1000, []string{"kB", "MB", "GB", "TB"}
	unit := 0
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f %s", value, units[unit])
	}
	return fmt.Sprintf("%.0f %s", value, units[unit])
}

// relative says how far a time is from now.
func relative(t, now time.Time) string {
	away := now.Sub(t)
	if away < 0 {
		return "in " + span(-away)
	}
	if away < 10*time.Second {
		return "just now"
	}
	return span(away) + " ago"
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, step := range []struct {
		unit      time.Duration
		one, many string
	}{{365 * day, "year", "years"}, {30 * day, "month", "months"}, {day, "day", "days"}, {time.Hour, "hour", "hours"}, {time.Minute, "minute", "minutes"}} {
		if step.unit == 30*day && d < 32*day {
			continue // "30 days" is what laws and settings say
		}
		if n := int64(d.Round(step.unit) / step.unit); n > 0 && d > step.unit*9/10 {
			return counted(n, step.one, step.many)
		}
	}
	return counted(int64(d/time.Second), "second", "seconds")
}

// absolute writes a time in UTC for people.
func absolute(t time.Time) string { return privacyd.TimeWords(t) }

// machine writes a time for programs.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// joined writes "a, b and c".
func joined(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
	}
}

// sortedKeys gives a map's keys in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// allRoles lists the roles, most powerful first.
func allRoles() []privacyd.Role {
	return []privacyd.Role{privacyd.RoleAdmin, privacyd.RoleAgent, privacyd.RoleAuditor}
}

// actionLabel says what a permission allows; one without words shows its code.
func actionLabel(a privacyd.Action) string {
	if words := roleWords[a]; words != "" {
		return words
	}
	return string(a)
}

// exportKind says what an export holds and in which form.
func exportKind(p page, j *privacyd.Job) string {
	form := strings.ToUpper(string(j.Format))
	if j.Subject != nil {
		return subjectWords(p, *j.Subject) + " · " + form
	}
	return form
}

// idLabel names the field for a person's id.
func idLabel(f contactForm) string {
	if len(f.Kinds) == 1 {
		return sentence(f.Kinds[0]) + " id"
	}
	return "Id"
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

// roleMeans says in a few words what a role is for.
func roleMeans(r privacyd.Role) string {
	switch r {
	case privacyd.RoleAdmin:
		return "may do everything"
	case privacyd.RoleAgent:
		return "looks after contacts"
	default:
		return "reads the audit log"
	}
}

// recoveryWords says how many recovery codes are left.
func recoveryWords(left int) string {
	switch left {
	case 0:
		return "No recovery code is left: make new ones."
	case 1:
		return "One recovery code is left: make new ones soon."
	default:
		return count(int64(left)) + " recovery codes are left."
	}
}

// wordFor picks the word for one or for many.
func wordFor(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// plainCount is a number as it is typed.
func plainCount(n int64) string { return strconv.FormatInt(n, 10) }
