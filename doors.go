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
}

// Operations lists what every door must do alike.
func Operations() []Operation { return slices.Clone(operations) }
