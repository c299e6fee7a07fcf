package main_test

import "net/url"

// everybody is who asks for what the operator alone may do.
const everybody = "operator admin agent auditor stranger"

func (a asking) with(ready func(*parity, *round)) asking { a.ready = ready; return a }

func (a asking) by(roles string) asking { a.only = roles; return a }

func (a asking) leaving(left func(*parity, round) any) asking { a.left = left; return a }

func looks(a asking) asking { a.looks = true; return a }

func (a asking) seen() asking { a.ends = true; return a }

// change is how something is changed; a form that is empty is a button alone.
func change(rest, cli, form string) asking {
	return asking{rest: rest, cli: cli, page: url.Values{}}.form(form)
}

// members are the operations on who belongs to a workspace, and on its keys.
func memberAskings() map[string]asking {
	return map[string]asking{
		"invite": change(`POST /invitations {"email":"new.{role}.{at}@example.com","role":"agent"}`, "workspace invite --email new.{role}.{at}@example.com --role agent --json",
			"email=new.{role}.{at}@example.com&role=agent"),
		"withdraw-invitation":    change("DELETE /invitations/{invitation}", "", "").with(anInvitation),
		"add-member":             change(`POST /members {"email":"{email}","role":"auditor"}`, "workspace member --email {email} --role auditor --json", "").with(somebody),
		"change-role":            change(`PUT /members/{account} {"role":"auditor"}`, "workspace role --email {email} --role auditor", "role=auditor").with(aMember),
		"change-last-admin":      change(`PUT /members/{account} {"role":"agent"}`, "workspace role --email {email} --role agent", "role=agent").with(lastAdmin),
		"remove-member":          change("DELETE /members/{account}", "workspace remove --email {email}", "").with(aMember),
		"remove-last-admin":      change("DELETE /members/{account}", "workspace remove --email {email}", "").with(lastAdmin),
		"create-token":           change(`POST /tokens {"label":"nightly","scopes":["records.read"]}`, "token create --label nightly --scope records.read --json", "label=nightly&scope=records.read"),
		"create-token-of-nought": change(`POST /tokens {"label":"nightly","scopes":["no.such"]}`, "token create --label nightly --scope no.such --json", "label=nightly&scope=no.such"),
		"list-tokens":            {rest: "GET /tokens", cli: "token list --json"},
		"revoke-token":           change("DELETE /tokens/{token}", "token revoke {token}", "").with(aToken),
	}
}

// ownAskings are the operations of people on themselves.
func ownAskings() map[string]asking {
	const asked = `{"plan_hash":"{plan}","password":"a few random words"}`
	own := func(a asking) asking { a.own, a.stdin = true, ownPassword+"\n"; return a }
	wrong := own(change(`POST /v1/account/deletion {"plan_hash":"{plan}","password":"not my password"}`, "account delete --password-stdin --json", "plan_hash={plan}&password=not+my+password").with(ownPlan))
	wrong.stdin = "not my password\n"
	return map[string]asking{
		"leave":               own(change("POST /v1/account/deletion "+asked, "account delete --password-stdin --json", "plan_hash={plan}&password=a+few+random+words").with(ownPlan)),
		"leave-unproved":      wrong,
		"stay":                own(change("DELETE /v1/account/deletion", "account delete --cancel --json", "").with(leaving)),
		"leave-now":           own(change(`POST /v1/account/deletion/now {"password":"a few random words"}`, "account delete --now --password-stdin", "password=a+few+random+words").with(leaving)).seen().leaving(isGone),
		"export-account":      own(change("POST /v1/me/exports", "", "").with(oneself)),
		"cancel-own-export":   own(change("POST /v1/me/exports/{job}/cancel", "", "").with(anOwnExport)),
		"change-password":     own(change(`PUT /v1/me/password {"old":"a few random words","password":"other random words"}`, "", "old=a+few+random+words&password=other+random+words").with(oneself)),
		"change-password-not": own(change(`PUT /v1/me/password {"old":"not my password","password":"other random words"}`, "", "old=not+my+password&password=other+random+words").with(oneself)),
		"end-session":         own(change("DELETE /v1/me/sessions/{session}", "", "").with(anotherSession)),
		"end-other-sessions":  own(change("DELETE /v1/me/sessions", "", "").with(anotherSession)),
	}
}

// workspaceAskings are the operations on a workspace as it is.
func workspaceAskings() map[string]asking {
	const entries = `{"action":"invoice.send","actor":{"kind":"account","id":"u-7"}}`
	const contact = `{"collection":"contacts","record":{"id":"i-{role}-{at}","name":"Ivo"}}`
	imported := change("POST /import "+contact, "import {file} --json", "").with(aFile(contact))
	imported.kind = "application/x-ndjson"
	key := "dataset=records&collection=conversations&key=v-001"
	return map[string]asking{
		"set-settings": looks(change(`PUT /settings {"time_zone":"Europe/Berlin","retention_hour":4,"retention_brake":25,"approval":false}`,
			"workspace settings --time-zone Europe/Berlin --hour 4 --brake 25 --json", "time_zone=Europe/Berlin&retention_hour=4&retention_brake=25")),
		"set-wrong-settings": looks(change(`PUT /settings {"time_zone":"Europe/Berlin","retention_hour":24,"retention_brake":25,"approval":false}`,
			"workspace settings --time-zone Europe/Berlin --hour 24 --brake 25 --json", "time_zone=Europe/Berlin&retention_hour=24&retention_brake=25")),
		"set-approval": looks(change(`PUT /settings {"time_zone":"Europe/Berlin","retention_hour":4,"retention_brake":25,"approval":false}`,
			"workspace settings --no-approval --json", "approval=off")),
		"keep-row":              change(`POST /retention/keep {"dataset":"records","collection":"conversations","key":["v-001"]}`, "retention keep --conversation v-001", key),
		"unkeep-row":            change(`POST /retention/unkeep {"dataset":"records","collection":"conversations","key":["v-001"]}`, "retention unkeep --conversation v-001", key),
		"keep-no-row":           change(`POST /retention/keep {"dataset":"records","collection":"conversations","key":["none"]}`, "retention keep --conversation none", "dataset=records&collection=conversations&key=none"),
		"run-retention":         change("POST /retention/run", "retention run --json", ""),
		"release-hold":          change(`POST /holds/{hold}/release {"reason":"it is over"}`, "", "reason=it+is+over").with(aHold),
		"write-actions":         change(`POST /audit-entries {"entries":[`+entries+`]}`, "audit write {file} --json", "").with(aFile(entries + "\n")),
		"import":                imported,
		"object":                change("POST /sub-processors/{sub_processor}/object", "", "").with(aSubProcessor),
		"accept-agreement-read": change(`POST /agreements/{version}/accept {"sha256":"{sha256}"}`, "", "version={version}&sha256={sha256}").with(anAgreement),
		"export-from-profile": change(`POST /gdpr-jobs {"type":"subject_export","subject":{"kind":"contact","id":"{contact}"}}`, "job create --json --type subject_export --contact {contact}",
			"id={contact}").with(aContact),
	}
}

// erasureAskings are the operations by which data goes.
func erasureAskings() map[string]asking {
	const subject = `"type":"subject_deletion","subject":{"kind":"contact","id":"{contact}"}`
	confirm := change(`POST /gdpr-jobs/{job}/confirm {"plan_hash":"{plan}","name":"Nina {contact}"}`, "job confirm {job} --json --confirm {plan}", "plan_hash={plan}&name=Nina+{contact}")
	erase := change(`POST /gdpr-jobs {`+subject+`,"confirm":{"plan_hash":"{plan}","name":"Nina {contact}"}}`, "erase --contact {contact} --confirm {plan} --json",
		"kind=contact&id={contact}&plan_hash={plan}&name=Nina+{contact}")
	approve := change(`POST /gdpr-jobs/{job}/approve {"plan_hash":"{plan}"}`, "job approve {job} --confirm {plan} --json", "plan_hash={plan}")
	return map[string]asking{
		"confirm-proposal":       confirm.with(aProposal).seen(),
		"confirm-stale-proposal": confirm.with(aStaleProposal).seen(),
		"delete-subject":         erase.with(aContactsPlan).seen(),
		"delete-held-subject":    erase.with(aHeldContactsPlan).seen(),
		"approve":                approve.with(anApproval).seen(),
		"approve-ones-own":       approve.with(anApprovalOfOnesOwn),
		"refuse":                 looks(change(`POST /gdpr-jobs/{job}/refuse {"plan_hash":"{plan}"}`, "job refuse {job} --json", "plan_hash={plan}").with(anApproval)),
		"review":                 change("DELETE /gdpr-jobs/{job}/review/{n}", "job review {job} --done {n}", "").with(aReview),
		"verify-again":           change("POST /gdpr-jobs/{job}/verify", "job verify {job} --json", "").with(aProposal),
		"delete-records": change(`POST /gdpr-jobs {"type":"bulk_deletion","before":"`+before+`","confirm":{"plan_hash":"{plan}","count":{count}}}`,
			"erase --before "+before+" --confirm {plan} --json", "before="+before+"&plan_hash={plan}&count={count}").with(bulkPlan).seen(),
		"delete-workspace": change(`POST /gdpr-jobs {"type":"workspace_deletion","confirm":{"plan_hash":"{plan}","name":"Workspace {door}","password":"x"}}`,
			"workspace delete --slug {ws} --confirm {plan} --json", "plan_hash={plan}&name=Workspace+{door}&password=x").with(wholePlan),
		"keep-workspace": change("POST /gdpr-jobs/{job}/cancel", "job cancel --json {job}", "").with(theWorkspaces),
	}
}

// operatorAskings are the operations of whoever runs the server.
func operatorAskings() map[string]asking {
	const announced = `"name":"Post {at} {role}","purpose":"mail","country":"DE","categories":["user.contact"]`
	all := map[string]asking{
		"create-account":       change(`POST /v1/accounts {"email":"a.{role}.{at}@example.com","name":"Ada"}`, "account create --email a.{role}.{at}@example.com --name Ada --json", ""),
		"create-workspace":     change(`POST /v1/workspaces {"slug":"s-{role}-{at}","name":"Shop"}`, "workspace create --slug s-{role}-{at} --name Shop --json", ""),
		"set-dataset-keys":     change(`PUT /dataset-keys {"no-such":"42"}`, "workspace key --dataset-key no-such=42", ""),
		"create-sign-in-link":  change(`POST /v1/sign-in-links {"email":"{email}"}`, "account link --email {email} --json", "").with(somebody),
		"create-password-link": change(`POST /v1/password-links {"email":"{email}"}`, "account reset-link --email {email} --json", "").with(somebody),
		"remove-second-factor": change(`POST /v1/second-factors/remove {"email":"{email}"}`, "account second-factor-off --email {email}", "").with(somebody),
		"publish-agreement":    change(`POST /v1/legal/agreements {"text":"# Agreement\n\nof {role} {at}\n"}`, "agreement publish {file} --json", "").with(aFile("# Agreement\n\nof {role} {at}\n")),
		"add-document":         change("POST /v1/legal/documents?title=Report-{role}-{at}&link=https://example.com/soc2", "legal add --title Report-{role}-{at} --link https://example.com/soc2 --json", ""),
		"withdraw-document":    change("DELETE /v1/legal/documents/{document}", "legal withdraw {document}", "").with(aDocument),
		"set-sub-processor":    change("POST /v1/sub-processors {"+announced+"}", "subprocessor set --name Post-{at}-{role} --purpose mail --country DE --category user.contact --json", ""),
		"end-sub-processor":    change(`POST /v1/sub-processors {"id":"{sub_processor}",`+announced+`,"ended":true}`, "subprocessor end {sub_processor} --json", "").with(aSubProcessor),
	}
	for name, a := range all {
		all[name] = a.by(everybody)
	}
	return all
}

// isGone tells whether the asker's account is deleted.
func isGone(p *parity, r round) any {
	p.Run()
	_, _, err := p.Accounts.AccountByEmail(p.t.Context(), r.me)
	return err != nil
}
