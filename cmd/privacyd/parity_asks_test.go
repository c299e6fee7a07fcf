package main_test

import (
	"maps"
	"net/url"
	"strings"
)

// asking is how one operation is asked for at each door. {ws} stands for the
// door's workspace, {job} for the job that is there, {me} for the caller's
// e-mail address.
type asking struct {
	export, deletion bool                     // such a job is there first
	ready            func(*parity, *round)    // makes what else has to be there, and says what stands for other words in braces
	only             string                   // roles that ask; empty: all of a workspace
	own              bool                     // it is about the asker alone, whom ready has made
	ends             bool                     // what it begins is seen through
	looks            bool                     // some doors read before they change: who may not is refused the one or the other
	left             func(*parity, round) any // what has to be alike afterwards

	rest  string // method, path (below the workspace, or from /v1/), body
	kind  string // of the body; empty: JSON
	cli   string // arguments, without --workspace and --as
	stdin string
	mcp   map[string]any
	page  url.Values // of a form, or the query of a page that is only read
}

func (a asking) roles() []string {
	if a.only != "" {
		return strings.Fields(a.only)
	}
	return []string{"admin", "agent", "auditor", "stranger"}
}

const (
	before = "2026-03-05"
	nobody = "no-such-contact"
)

func subjectOf(id string) map[string]any { return map[string]any{"kind": "contact", "id": id} }

func jobAsking(arguments map[string]any, body, flags string) asking {
	return asking{rest: "POST /gdpr-jobs " + body, cli: "job create --json " + flags, mcp: arguments}
}

func planAsking(arguments map[string]any, body, command string) asking {
	return asking{rest: "POST /gdpr-jobs/preview " + body, cli: command + " --dry-run --json", mcp: arguments}
}

func (a asking) form(fields string) asking {
	a.page, _ = url.ParseQuery(fields) //nolint:errcheck // a test's own
	return a
}

// asked are the operations of the table, by name.
func asked() map[string]asking {
	all := readAskings()
	for _, more := range []map[string]asking{memberAskings(), ownAskings(), workspaceAskings(), erasureAskings(), operatorAskings()} {
		maps.Copy(all, more)
	}
	return all
}

func readAskings() map[string]asking {
	contact, gone := map[string]any{"type": "subject_deletion", "subject": subjectOf("c-006")}, map[string]any{"type": "subject_deletion", "subject": subjectOf(nobody)}
	bulk, whole := map[string]any{"type": "bulk_deletion", "before": before}, map[string]any{"type": "workspace_deletion"}
	job, unknown := map[string]any{"job_id": "{job}"}, map[string]any{"job_id": "no-such-job"}
	const contactBody = `{"type":"subject_deletion","subject":{"kind":"contact","id":"c-006"}}`
	return map[string]asking{
		"export-workspace": jobAsking(map[string]any{"type": "data_export"}, `{"type":"data_export"}`, "--type data_export").form("type=data_export&format=json"),
		"export-subject": jobAsking(map[string]any{"type": "subject_export", "subject": subjectOf("c-001")},
			`{"type":"subject_export","subject":{"kind":"contact","id":"c-001"}}`, "--type subject_export --contact c-001").form("type=subject_export&kind=contact&id=c-001"),
		"list-jobs":                  {rest: "GET /gdpr-jobs", cli: "job list --json", mcp: map[string]any{}},
		"read-job":                   {export: true, rest: "GET /gdpr-jobs/{job}", cli: "job show --json {job}", mcp: job},
		"read-unknown-job":           {rest: "GET /gdpr-jobs/no-such-job", cli: "job show --json no-such-job", mcp: unknown},
		"cancel-export":              {export: true, rest: "POST /gdpr-jobs/{job}/cancel", cli: "job cancel --json {job}", mcp: job, page: url.Values{}},
		"preview-subject-deletion":   planAsking(contact, contactBody, "erase --contact c-006").form("kind=contact&id=c-006"),
		"preview-bulk-deletion":      planAsking(bulk, `{"type":"bulk_deletion","before":"`+before+`"}`, "erase --before "+before).form("before=" + before),
		"preview-workspace-deletion": planAsking(whole, `{"type":"workspace_deletion"}`, "workspace delete --slug {ws}"),
		"propose-subject-deletion":   jobAsking(contact, contactBody, "--type subject_deletion --contact c-006"),
		"propose-deletion-of-nobody": jobAsking(gone, strings.ReplaceAll(contactBody, "c-006", nobody), "--type subject_deletion --contact "+nobody),
		"propose-bulk-deletion":      jobAsking(bulk, `{"type":"bulk_deletion","before":"`+before+`"}`, "--type bulk_deletion --before "+before),
		"propose-workspace-deletion": jobAsking(whole, `{"type":"workspace_deletion"}`, "--type workspace_deletion"),
		"cancel-deletion":            {deletion: true, rest: "POST /gdpr-jobs/{job}/cancel", cli: "job cancel --json {job}", mcp: job, page: url.Values{}},
		"confirm-deletion": {
			deletion: true, rest: `POST /gdpr-jobs/{job}/confirm {"plan_hash":"` + strings.Repeat("0", 64) + `","name":"x"}`,
			cli:  "job confirm {job} --json --confirm " + strings.Repeat("0", 64),
			page: url.Values{"plan_hash": {strings.Repeat("0", 64)}, "name": {"x"}},
		},
		"find-subject":       {rest: "GET /subjects?query=contact007", cli: "subject find contact007 --json", mcp: map[string]any{"query": "contact007"}},
		"read-retention":     {rest: "GET /retention", cli: "retention show --json", mcp: map[string]any{}},
		"set-retention":      {rest: `PUT /retention {"days":90}`, cli: "retention set --days 90 --json", page: url.Values{"choice": {"90"}}},
		"preview-retention":  {rest: "GET /retention/preview?days=30", cli: "retention preview --days 30 --json"},
		"place-hold":         {rest: `POST /holds {"target":{"type":"subject","subject":{"kind":"contact","id":"c-002"}},"reason":"a claim"}`, cli: "hold place --contact c-002 --reason claim --json", page: url.Values{"type": {"subject"}, "kind": {"contact"}, "id": {"c-002"}, "reason": {"a claim"}}},
		"release-holds":      {rest: `POST /holds/release {"target":{"type":"subject","subject":{"kind":"contact","id":"c-002"}}}`, cli: "hold release --contact c-002 --json"},
		"list-holds":         {rest: "GET /holds", cli: "hold list --json"},
		"search-audit-log":   {rest: "GET /audit-entries?action=data_export.create", cli: "audit list --action data_export.create --json", mcp: map[string]any{"action": "data_export.create"}},
		"verify-audit-log":   {rest: "POST /audit-log/verify", mcp: map[string]any{}, page: url.Values{}},
		"list-members":       {rest: "GET /members", cli: "workspace members --json"},
		"list-receipts":      {rest: "GET /receipts", cli: "receipt list --json"},
		"read-encryption":    {rest: "GET /encryption", cli: "key show --json"},
		"read-settings":      {rest: "GET /settings", cli: "workspace settings --json"},
		"read-legal":         {rest: "GET /legal", cli: "legal show --json"},
		"set-legal":          {rest: `PUT /legal {"contact":{"name":"Acme","email":"privacy@example.com"}}`, cli: "legal contact --name Acme --email privacy@example.com --json", page: url.Values{"name": {"Acme"}, "email": {"privacy@example.com"}}},
		"accept-agreement":   {rest: `POST /agreements/1/accept {"sha256":"x"}`, page: url.Values{"version": {"1"}, "sha256": {"x"}}},
		"read-processing":    {rest: "GET /processing-activities", cli: "processing show --json"},
		"delete-own-account": {rest: `POST /gdpr-jobs {"type":"account_deletion","requested_by":"{me}"}`, mcp: map[string]any{"type": "account_deletion", "requested_by": "{me}"}},
	}
}
