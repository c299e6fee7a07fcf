package privacyd

// Role is what a member may do in one workspace.
type Role string

// The roles of a workspace.
const (
	RoleAdmin   Role = "admin"
	RoleAgent   Role = "agent"
	RoleAuditor Role = "auditor"
)

// Valid tells whether r is one of the three roles.
func (r Role) Valid() bool { return r == RoleAdmin || r == RoleAgent || r == RoleAuditor }

// Action is one thing that a caller may or may not do. The same strings are
// used for permission, as scopes of API tokens, and in the audit log.
type Action string

// Actions on a workspace. Scopes of API tokens are these strings.
const (
	ActionExportWorkspace Action = "workspace.export"
	ActionExportSubject   Action = "subject.export"
	ActionReadRecords     Action = "records.read"
	ActionWriteRecords    Action = "records.write"
	ActionImport          Action = "records.import"
	ActionReadJobs        Action = "jobs.read"
	ActionCancelJob       Action = "jobs.cancel"
	ActionDownload        Action = "export.download"
	ActionReadAudit       Action = "audit.read"
	ActionWriteAudit      Action = "audit.write" // the product's own actions
	ActionManageTokens    Action = "tokens.manage"
	ActionManageMembers   Action = "members.manage"
	ActionReadWorkspace   Action = "workspace.read"
	ActionManageWorkspace Action = "workspace.manage" // its settings
	ActionDeleteSubject   Action = "subject.delete"
	ActionDeleteRecords   Action = "records.delete" // in bulk
	ActionDeleteWorkspace Action = "workspace.delete"
	ActionManageRetention Action = "retention.manage"
	ActionManageHolds     Action = "holds.manage"
	ActionApprove         Action = "jobs.approve" // the second pair of eyes
	ActionReadReceipts    Action = "receipts.read"
	ActionReadEncryption  Action = "encryption.read"
	ActionCallLLM         Action = "llm.call" // through the egress proxy
	ActionObject          Action = "subprocessor.objection"
	ActionManageLegal     Action = "legal.manage" // whom people write to; accepting the agreement
)

// Actions of the operator alone, on the whole instance.
const (
	ActionCreateAccount   Action = "account.create"
	ActionCreateWorkspace Action = "workspace.create"
	ActionSyncWorkspaces  Action = "workspace.sync"
	ActionCheckMap        Action = "map.check"
	ActionManageKeys      Action = "keys.manage"
	ActionForgetNamed     Action = "audit.forget" // whom only a product's entries in the audit log name

	ActionManageSubProcessors Action = "subprocessor.manage"
	ActionManageDocuments     Action = "legal.documents" // documents, and versions of the agreement
	ActionReadProcessing      Action = "processing.read" // the record of processing activities of the whole instance
)

// Actions of the account that they are about, whatever its roles.
const (
	ActionDeleteAccount Action = "account.delete"
	ActionExportAccount Action = "account.export"
)

// Actions that need no role: they are what signing in is.
const (
	ActionSignIn  Action = "session.create"
	ActionSignOut Action = "session.delete"
)

// permissions is the table "who can do what" that the page shows.
var permissions = []struct {
	Action Action
	Roles  []Role
}{
	{ActionExportWorkspace, []Role{RoleAdmin}},
	{ActionExportSubject, []Role{RoleAdmin, RoleAgent}},
	{ActionDownload, []Role{RoleAdmin, RoleAgent}},
	{ActionReadRecords, []Role{RoleAdmin, RoleAgent}},
	{ActionWriteRecords, []Role{RoleAdmin, RoleAgent}},
	{ActionImport, []Role{RoleAdmin}},
	{ActionReadJobs, []Role{RoleAdmin, RoleAgent}},
	{ActionCancelJob, []Role{RoleAdmin, RoleAgent}},
	{ActionReadAudit, []Role{RoleAdmin, RoleAuditor}},
	{ActionWriteAudit, []Role{RoleAdmin}},
	{ActionManageTokens, []Role{RoleAdmin}},
	{ActionManageMembers, []Role{RoleAdmin}},
	{ActionReadWorkspace, []Role{RoleAdmin, RoleAgent, RoleAuditor}},
	{ActionManageWorkspace, []Role{RoleAdmin}},
	{ActionDeleteSubject, []Role{RoleAdmin}},
	{ActionDeleteRecords, []Role{RoleAdmin}},
	{ActionDeleteWorkspace, []Role{RoleAdmin}},
	{ActionManageRetention, []Role{RoleAdmin}},
	{ActionManageHolds, []Role{RoleAdmin}},
	{ActionApprove, []Role{RoleAdmin}},
	{ActionReadReceipts, []Role{RoleAdmin, RoleAuditor}},
	{ActionReadEncryption, []Role{RoleAdmin, RoleAuditor}},
	{ActionCallLLM, []Role{RoleAdmin}},
	{ActionObject, []Role{RoleAdmin}},
	{ActionManageLegal, []Role{RoleAdmin}},
}

// May tells whether a member with role r may do a.
func (r Role) May(a Action) bool {
	for _, p := range permissions {
		if p.Action != a {
			continue
		}
		for _, have := range p.Roles {
			if have == r {
				return true
			}
		}
	}
	return false
}

// RolesFor lists the roles that may do a, most powerful first.
func RolesFor(a Action) []Role {
	var roles []Role
	for _, r := range []Role{RoleAdmin, RoleAgent, RoleAuditor} {
		if r.May(a) {
			roles = append(roles, r)
		}
	}
	return roles
}

// WorkspaceActions lists the actions that a role or a token's scope can allow.
func WorkspaceActions() []Action {
	actions := make([]Action, len(permissions))
	for i, p := range permissions {
		actions[i] = p.Action
	}
	return actions
}
