package web

import (
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

// auditGroup is a group of actions that people look for together.
type auditGroup struct {
	Name    string
	Actions []auditAction
}

// auditAction is what happened: its code and the words for it.
type auditAction struct{ Code, Words string }

// auditGroups is all that privacyd writes into a workspace's log, as the filter
// offers it. What is not here is shown by its code.
func auditGroups() []auditGroup {
	return []auditGroup{
		{"Exports", slices.Concat(auditSteps("data_export", "a workspace export"), auditSteps("subject_export", "a contact export"), []auditAction{
			{"export.download", "Downloaded an export"},
			{"attachment.download", "Downloaded an attachment"},
		})},
		{"Deletions", slices.Concat(auditSteps("subject_deletion", "the deletion of a contact"), auditSteps("bulk_deletion", "a deletion by date"),
			auditSteps("workspace_deletion", "the deletion of the workspace"), auditSteps("account_deletion", "the deletion of an account"), []auditAction{
				{"workspace.reopen", "Opened the workspace again"},
				{"workspace.clear", "Cleared the workspace"},
				{"receipts.read", "Read a receipt"},
				{"restore.replay", "Repeated erasures after a restore"},
			})},
		{"Retention and holds", slices.Concat([]auditAction{
			{"retention.set", "Changed the retention policy"},
			{"retention.keep", "Kept a conversation from retention"},
			{"retention.unkeep", "Gave a conversation back to retention"},
			{"hold.place", "Placed a legal hold"},
			{"hold.release", "Released a legal hold"},
		}, auditSteps("retention_run", "a retention run"))},
		{"People and sign-in", peopleActions()},
		{"Workspace and records", []auditAction{
			{"workspace.create", "Created the workspace"},
			{"workspace.settings", "Changed the workspace's settings"},
			{"subprocessor.objection", "Objected to a sub-processor"},
			{"legal.set", "Changed whom people write to about their data"},
			{"agreement.accept", "Accepted the data processing agreement"},
			{"llm.call", "Called a language model"},
			{"key.rotate", "Changed a key"},
			{"key.retire", "Ended the former root key"},
			{"key.abandon", "Gave up a change of the root key"},
			{"workspace.key", "Named the workspace in a dataset"},
			{"records.import", "Imported records"},
			{"records.write", "Added or changed records"},
			{"records.delete", "Deleted records"},
			{"tokens.manage", "Made an API token"},
			{"token.revoke", "Revoked an API token"},
			{"mail.send", "Sent a mail"},
			{"mail.fail", "Gave up a mail"},
		}},
		{"Audit log", []auditAction{
			{"audit.export", "Exported the audit log"},
			{"audit.verify", "Verified the audit log"},
			{"audit.checkpoint", "Noted a checkpoint of another log"},
			{"audit.epoch", "Began a new epoch: a restored database had lost entries"},
			{"audit.erase", "Made an erased person's name unreadable in the log"},
			{"audit.erased", "Noted which entries name an erased person no more"},
		}},
	}
}

func peopleActions() []auditAction {
	return []auditAction{
		{"session.create", "Signed in"},
		{"session.delete", "Signed out"},
		{"session.end", "Ended sessions"},
		{"session.first", "Made the link for the first person"},
		{"session.link", "Made a sign-in link"},
		{"session.password", "Gave the right password; a code is still asked for"},
		{"account.create", "Created an account"},
		{"account.password", "Changed the password"},
		{"account.reset", "Made a link to set a new password"},
		{"account.second_factor.begin", "Began to set up a second factor"},
		{"account.second_factor.codes", "Made new recovery codes"},
		{"account.second_factor.off", "Turned the second factor off"},
		{"account.second_factor.on", "Turned the second factor on"},
		{"account.second_factor.used", "Signed in with a recovery code"},
		{"attempts.lock", "Too many attempts: locked for a while"},
		{"member.add", "Added a member"},
		{"member.invite", "Invited somebody"},
		{"member.remove", "Removed a member"},
		{"member.role", "Changed a member's role"},
		{"member.withdraw", "Withdrew an invitation"},
	}
}

// auditSteps are the steps of a type of job.
func auditSteps(job, what string) []auditAction {
	verbs := [][2]string{
		{"create", "Asked for"},
		{"start", "Began"},
		{"complete", "Finished"},
		{"cancel", "Cancelled"},
		{"cancelled", "Stopped"},
		{"fail", "Gave up"},
	}
	if privacyd.JobType(job).Erases() {
		verbs = append(verbs, [][2]string{
			{"preview", "Looked at the plan of"},
			{"confirm", "Confirmed"},
			{"approve", "Approved"},
			{"refuse", "Refused"},
			{"schedule", "Scheduled"},
			{"queue", "Queued"},
			{"block", "Held up"},
			{"waive", "Ended the grace period of"},
			{"verified", "Verified"},
			{"erased", "Deleted the records in"},
			{"receipt", "Issued the receipt of"},
			{"reviewed", "Reviewed what is left after"},
		}...)
	} else {
		verbs = append(verbs, [2]string{"expire", "Deleted the archive of"})
	}
	list := make([]auditAction, len(verbs))
	for i, v := range verbs {
		list[i] = auditAction{Code: job + "." + v[0], Words: v[1] + " " + what}
	}
	return list
}

// auditWords says what happened; empty for a code without words.
func auditWords(code string) string {
	for _, g := range auditGroups() {
		for _, a := range g.Actions {
			if a.Code == code {
				return a.Words
			}
		}
	}
	if code == "jobs.cancel" {
		return "Cancel an export"
	}
	if own, ok := strings.CutPrefix(code, "app."); ok {
		return "Your product: " + own
	}
	return ""
}

// targetWords says in a line what an entry is about.
func targetWords(a privacyd.AuditEntry) string {
	kind, id := sentence(a.TargetType), a.TargetName
	if a.TargetType == "job" && id == "" { // what kind of job it is, the action says
		of, whom, _ := strings.Cut(a.Subject, ":")
		return strings.TrimSpace(sentence(of) + " " + whom)
	}
	if id == "" && a.TargetType != "hold" { // ids of ours say nothing to people
		id = a.TargetID
	}
	if subject := a.Subject; subject != "" && a.TargetName == "" && !strings.HasSuffix(subject, ":"+id) {
		return strings.TrimSpace(kind + " · " + strings.Replace(subject, ":", " ", 1))
	}
	return strings.TrimSpace(kind + " " + id)
}

// findingPlace says which entries a finding is about.
func findingPlace(from, to int64) string {
	switch {
	case from < 0:
		return "The log as a whole"
	case to > from:
		return count(from) + " to " + count(to)
	default:
		return count(from)
	}
}

// filterHelp names what explains a field of the filter.
func filterHelp(p problem, field string) string {
	if p.Field == field {
		return "problem filter-note"
	}
	return "filter-note"
}

func invalidIf(p problem, field string) string {
	if p.Field == field {
		return "true"
	}
	return "false"
}
