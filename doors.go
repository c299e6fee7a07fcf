package privacyd

import "slices"

// Operation is something that people ask for, and how each door offers it. An
// empty field: that door does not offer it.
type Operation struct {
	Name   string // such as "export-workspace"
	Action Action // what the caller must be allowed above all; empty: anybody, about themselves
	REST   string // operation id in the OpenAPI description
	CLI    string // command
	MCP    string // tool
	Page   string // method and route
	Entry  string // action of the audit entry that it leaves; empty: it only reads
}

// operations is the one table of what every door must do alike: the same
// result, the same refusal, the same audit entry. A test drives it.
var operations = []Operation{
	{"export-workspace", ActionExportWorkspace, "create-gdpr-job", "job create", "create_gdpr_job", "POST /w/{workspace}/data-privacy", "data_export.create"},
	{"export-subject", ActionExportSubject, "create-gdpr-job", "job create", "create_gdpr_job", "POST /w/{workspace}/data-privacy", "subject_export.create"},
	{"list-jobs", ActionReadJobs, "list-gdpr-jobs", "job list", "list_gdpr_jobs", "GET /w/{workspace}/jobs", ""},
	{"read-job", ActionReadJobs, "get-gdpr-job", "job show", "get_gdpr_job", "GET /w/{workspace}/jobs/{job}", ""},
	{"read-unknown-job", ActionReadJobs, "get-gdpr-job", "job show", "get_gdpr_job", "GET /w/{workspace}/jobs/{job}", ""},
	{"cancel-export", ActionExportWorkspace, "cancel-gdpr-job", "job cancel", "cancel_gdpr_job", "POST /w/{workspace}/jobs/{job}/cancel", "data_export.cancel"},
	{"preview-subject-deletion", ActionDeleteSubject, "preview-gdpr-job", "erase", "preview_gdpr_job", "GET /w/{workspace}/delete-contact", "subject_deletion.preview"},
	{"preview-bulk-deletion", ActionDeleteRecords, "preview-gdpr-job", "erase", "preview_gdpr_job", "GET /w/{workspace}/bulk", "bulk_deletion.preview"},
	{"preview-workspace-deletion", ActionDeleteWorkspace, "preview-gdpr-job", "workspace delete", "preview_gdpr_job", "GET /w/{workspace}/delete-workspace", "workspace_deletion.preview"},
	{"propose-subject-deletion", ActionDeleteSubject, "create-gdpr-job", "job create", "create_gdpr_job", "", "subject_deletion.create"},
	{"propose-deletion-of-nobody", ActionDeleteSubject, "create-gdpr-job", "job create", "create_gdpr_job", "", ""},
	{"propose-bulk-deletion", ActionDeleteRecords, "create-gdpr-job", "job create", "create_gdpr_job", "", "bulk_deletion.create"},
	{"propose-workspace-deletion", ActionDeleteWorkspace, "create-gdpr-job", "job create", "create_gdpr_job", "", "workspace_deletion.create"},
	{"cancel-deletion", ActionDeleteSubject, "cancel-gdpr-job", "job cancel", "cancel_gdpr_job", "POST /w/{workspace}/jobs/{job}/cancel", "subject_deletion.cancel"},
	{"confirm-deletion", ActionDeleteSubject, "confirm-gdpr-job", "job confirm", "", "POST /w/{workspace}/jobs/{job}/confirm", ""},
	{"find-subject", ActionReadRecords, "find-subjects", "subject find", "find_subject", "", ""},
	{"read-retention", ActionReadWorkspace, "get-retention", "retention show", "get_retention_policy", "GET /w/{workspace}/retention", ""},
	{"set-retention", ActionManageRetention, "set-retention", "retention set", "", "POST /w/{workspace}/retention", "retention.set"},
	{"preview-retention", ActionManageRetention, "preview-retention", "retention preview", "", "", ""},
	{"place-hold", ActionManageHolds, "place-hold", "hold place", "", "POST /w/{workspace}/holds", "hold.place"},
	{"release-holds", ActionManageHolds, "release-holds", "hold release", "", "", "hold.release"},
	{"list-holds", ActionManageHolds, "list-holds", "hold list", "", "GET /w/{workspace}/holds", ""},
	{"search-audit-log", ActionReadAudit, "list-audit-entries", "audit list", "search_audit_trail", "GET /w/{workspace}/audit", ""},
	{"verify-audit-log", ActionReadAudit, "verify-audit-log", "", "verify_audit_trail", "POST /w/{workspace}/audit/verify", "audit.verify"},
	{"list-members", ActionManageMembers, "list-members", "workspace members", "", "GET /w/{workspace}/members", ""},
	{"list-receipts", ActionReadReceipts, "list-receipts", "receipt list", "", "GET /w/{workspace}/receipts", ""},
	{"read-encryption", ActionReadEncryption, "get-encryption", "key show", "", "GET /w/{workspace}/encryption", ""},
	{"read-settings", ActionReadWorkspace, "get-settings", "workspace settings", "", "", ""},
	{"read-legal", ActionReadWorkspace, "get-workspace-legal", "legal show", "", "GET /w/{workspace}/legal", ""},
	{"set-legal", ActionManageLegal, "set-workspace-legal", "legal contact", "", "POST /w/{workspace}/legal", "legal.set"},
	{"accept-agreement", ActionManageLegal, "accept-agreement", "", "", "POST /w/{workspace}/legal/accept", ""},
	{"read-processing", ActionReadWorkspace, "get-processing-activities", "processing show", "", "GET /w/{workspace}/legal/processing", ""},
	{"delete-own-account", "", "create-gdpr-job", "", "create_gdpr_job", "", "account_deletion.create"},

	{"invite", ActionManageMembers, "invite", "workspace invite", "", "POST /w/{workspace}/members", "member.invite"},
	{"withdraw-invitation", ActionManageMembers, "withdraw-invitation", "", "", "POST /w/{workspace}/members/invitations/{invitation}/withdraw", "member.withdraw"},
	{"add-member", ActionManageMembers, "add-member", "workspace member", "", "", "member.add"},
	{"change-role", ActionManageMembers, "change-role", "workspace role", "", "POST /w/{workspace}/members/{account}/role", "member.role"},
	{"change-last-admin", ActionManageMembers, "change-role", "workspace role", "", "POST /w/{workspace}/members/{account}/role", ""},
	{"remove-member", ActionManageMembers, "remove-member", "workspace remove", "", "POST /w/{workspace}/members/{account}/remove", "member.remove"},
	{"remove-last-admin", ActionManageMembers, "remove-member", "workspace remove", "", "POST /w/{workspace}/members/{account}/remove", ""},
	{"create-token", ActionManageTokens, "create-token", "token create", "", "POST /w/{workspace}/tokens", "tokens.manage"},
	{"create-token-of-nought", ActionManageTokens, "create-token", "token create", "", "POST /w/{workspace}/tokens", ""},
	{"list-tokens", ActionManageTokens, "list-tokens", "token list", "", "GET /w/{workspace}/tokens", ""},
	{"revoke-token", ActionManageTokens, "revoke-token", "token revoke", "", "POST /w/{workspace}/tokens/{token}/revoke", "token.revoke"},

	{"leave", "", "delete-account", "account delete", "", "POST /account/delete", "account_deletion.create"},
	{"leave-unproved", "", "delete-account", "account delete", "", "POST /account/delete", ""},
	{"stay", "", "cancel-account-deletion", "account delete", "", "POST /account/leaving/cancel", "account_deletion.cancel"},
	{"leave-now", "", "delete-account-now", "account delete", "", "POST /account/leaving/now", ""},
	{"export-account", "", "export-account", "", "", "POST /account/exports", "subject_export.create"},
	{"cancel-own-export", "", "cancel-account-export", "", "", "POST /account/exports/{job}/cancel", "subject_export.cancel"},
	{"change-password", "", "change-password", "", "", "POST /account/password", "account.password"},
	{"change-password-not", "", "change-password", "", "", "POST /account/password", ""},
	{"end-session", "", "end-session", "", "", "POST /account/sessions/{session}/end", "session.end"},
	{"end-other-sessions", "", "end-other-sessions", "", "", "POST /account/sessions/others", "session.end"},

	{"set-settings", ActionManageWorkspace, "set-settings", "workspace settings", "", "POST /w/{workspace}/retention/settings", "workspace.settings"},
	{"set-wrong-settings", ActionManageWorkspace, "set-settings", "workspace settings", "", "POST /w/{workspace}/retention/settings", ""},
	{"set-approval", ActionManageWorkspace, "set-settings", "workspace settings", "", "POST /w/{workspace}/approval", ""},
	{"keep-row", ActionManageRetention, "keep-row", "retention keep", "", "POST /w/{workspace}/retention/keep", "retention.keep"},
	{"unkeep-row", ActionManageRetention, "unkeep-row", "retention unkeep", "", "POST /w/{workspace}/retention/unkeep", "retention.unkeep"},
	{"keep-no-row", ActionManageRetention, "keep-row", "retention keep", "", "POST /w/{workspace}/retention/keep", ""},
	{"run-retention", ActionManageRetention, "run-retention", "retention run", "", "POST /w/{workspace}/retention/run", ""},
	{"release-hold", ActionManageHolds, "release-hold", "", "", "POST /w/{workspace}/holds/{hold}/release", "hold.release"},
	{"write-actions", ActionWriteAudit, "create-audit-entries", "audit write", "", "", "app.invoice.send"},
	{"import", ActionImport, "import", "import", "", "", "records.import"},
	{"object", ActionObject, "object", "", "", "POST /w/{workspace}/residency/objections/{sub_processor}", "subprocessor.objection"},
	{"accept-agreement-read", ActionManageLegal, "accept-agreement", "", "", "POST /w/{workspace}/legal/accept", "agreement.accept"},
	{"export-from-profile", ActionExportSubject, "create-gdpr-job", "job create", "", "POST /w/{workspace}/contact/export", "subject_export.create"},

	{"create-account", ActionCreateAccount, "create-account", "account create", "", "", "account.create"},
	{"create-workspace", ActionCreateWorkspace, "create-workspace", "workspace create", "", "", ""},
	{"set-dataset-keys", ActionCreateWorkspace, "set-dataset-keys", "workspace key", "", "", ""},
	{"create-sign-in-link", ActionCreateAccount, "create-sign-in-link", "account link", "", "", "session.link"},
	{"create-password-link", ActionCreateAccount, "create-password-link", "account reset-link", "", "", "account.reset"},
	{"remove-second-factor", ActionCreateAccount, "remove-second-factor", "account second-factor-off", "", "", ""},
	{"publish-agreement", ActionManageDocuments, "publish-agreement", "agreement publish", "", "", "agreement.publish"},
	{"add-document", ActionManageDocuments, "add-document", "legal add", "", "", "legal.document.add"},
	{"withdraw-document", ActionManageDocuments, "withdraw-document", "legal withdraw", "", "", "legal.document.withdraw"},
	{"set-sub-processor", ActionManageSubProcessors, "set-sub-processor", "subprocessor set", "", "", "subprocessor.set"},
	{"end-sub-processor", ActionManageSubProcessors, "set-sub-processor", "subprocessor end", "", "", "subprocessor.set"},

	{"confirm-proposal", ActionDeleteSubject, "confirm-gdpr-job", "job confirm", "", "POST /w/{workspace}/jobs/{job}/confirm", "subject_deletion.confirm"},
	{"confirm-stale-proposal", ActionDeleteSubject, "confirm-gdpr-job", "job confirm", "", "POST /w/{workspace}/jobs/{job}/confirm", ""},
	{"delete-subject", ActionDeleteSubject, "create-gdpr-job", "erase", "", "POST /w/{workspace}/delete-contact", "subject_deletion.confirm"},
	{"delete-held-subject", ActionDeleteSubject, "create-gdpr-job", "erase", "", "POST /w/{workspace}/delete-contact", ""},
	{"review", ActionDeleteSubject, "delete-review-item", "job review", "", "POST /w/{workspace}/jobs/{job}/review/{n}", ""},
	{"verify-again", ActionDeleteSubject, "verify-gdpr-job", "job verify", "", "POST /w/{workspace}/jobs/{job}/verify", ""},
	{"delete-records", ActionDeleteRecords, "create-gdpr-job", "erase", "", "POST /w/{workspace}/bulk", "bulk_deletion.confirm"},
	{"approve", ActionApprove, "approve-gdpr-job", "job approve", "", "POST /w/{workspace}/jobs/{job}/approve", "subject_deletion.approve"},
	{"approve-ones-own", ActionApprove, "approve-gdpr-job", "job approve", "", "POST /w/{workspace}/jobs/{job}/approve", ""},
	{"refuse", ActionApprove, "refuse-gdpr-job", "job refuse", "", "POST /w/{workspace}/jobs/{job}/refuse", "subject_deletion.refuse"},
	{"delete-workspace", ActionDeleteWorkspace, "create-gdpr-job", "workspace delete", "", "POST /w/{workspace}/delete-workspace", "workspace_deletion.confirm"},
	{"keep-workspace", ActionDeleteWorkspace, "cancel-gdpr-job", "job cancel", "", "POST /w/{workspace}/jobs/{job}/cancel", "workspace_deletion.cancel"},
}

// Operations lists what every door must do alike.
func Operations() []Operation { return slices.Clone(operations) }
