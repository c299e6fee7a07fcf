package web

import (
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

// subjectWords names a person by the name in the records, with the id; by the id
// alone where there is no such record any more, or none of ours.
func subjectWords(p page, s privacyd.Subject) string {
	if name := p.contactName(s.Kind, s.ID); name != "" && name != s.ID {
		return name + " (" + s.ID + ")"
	}
	return s.ID
}

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
