package web

import "github.com/privacyd/privacyd"

// roleGroup is a part of the table "Who can do what".
type roleGroup struct {
	Name    string
	Actions []privacyd.Action
}

// roleGroups are all actions of a workspace, those first that people ask about.
// What no group names is in the last one.
func roleGroups() []roleGroup {
	list := []roleGroup{
		{"Exports", []privacyd.Action{privacyd.ActionExportWorkspace, privacyd.ActionExportSubject, privacyd.ActionDownload}},
		{"Deletions", []privacyd.Action{
			privacyd.ActionDeleteSubject, privacyd.ActionDeleteRecords, privacyd.ActionDeleteWorkspace, privacyd.ActionApprove, privacyd.ActionReadReceipts,
		}},
		{"Retention and holds", []privacyd.Action{privacyd.ActionManageRetention, privacyd.ActionManageHolds}},
		{"Jobs and the audit log", []privacyd.Action{
			privacyd.ActionReadJobs, privacyd.ActionCancelJob, privacyd.ActionReadAudit, privacyd.ActionWriteAudit,
		}},
		{"Records", []privacyd.Action{privacyd.ActionReadRecords, privacyd.ActionWriteRecords, privacyd.ActionImport}},
		{"The workspace", []privacyd.Action{
			privacyd.ActionReadWorkspace, privacyd.ActionManageMembers, privacyd.ActionManageWorkspace, privacyd.ActionManageTokens,
		}},
	}
	named := map[privacyd.Action]bool{}
	for _, g := range list {
		for _, a := range g.Actions {
			named[a] = true
		}
	}
	last := &list[len(list)-1]
	for _, a := range privacyd.WorkspaceActions() {
		if !named[a] {
			last.Actions = append(last.Actions, a)
		}
	}
	return list
}

// rolesFirst is how many groups people ask about first: exports, deletions,
// retention and holds.
const rolesFirst = 3

func privacyRoles() []roleGroup { return roleGroups()[:rolesFirst] }

func otherRoles() []roleGroup { return roleGroups()[rolesFirst:] }
