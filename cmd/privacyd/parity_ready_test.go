package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// What has to be there before an operation can be asked for. All of it is made
// anew for each asking, so that none is in the way of the next.

const ownPassword = "a few random words"

// name is one that nothing else of a door's workspace has.
func (r *round) name() string { return r.op.Name + "." + r.role + "." + r.values["at"] }

// account makes an account and gives its id.
func (p *parity) account(r *round, email, password string) string {
	p.t.Helper()
	a, err := p.CreateAccount(p.t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: "Somebody", Password: password})
	p.Must(err)
	r.values["account"], r.values["email"] = a.ID, email
	return a.ID
}

func somebody(p *parity, r *round) { p.account(r, r.name()+"@example.com", "") }

func aMember(p *parity, r *round) {
	p.t.Helper()
	somebody(p, r)
	_, err := p.AddMember(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID, r.values["email"], privacyd.RoleAgent)
	p.Must(err)
}

func lastAdmin(p *parity, r *round) {
	p.t.Helper()
	a, err := p.As(p.t.Context(), enginetest.Operator, "admin@"+r.door+".example.com")
	p.Must(err)
	r.values["account"], r.values["email"] = a.AccountID, a.Email
}

func anInvitation(p *parity, r *round) {
	p.t.Helper()
	v, err := p.Invite(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID, engine.NewInvitation{Email: r.name() + "@example.com", Role: privacyd.RoleAgent})
	p.Must(err)
	r.values["invitation"] = v.ID
}

func aToken(p *parity, r *round) {
	p.t.Helper()
	t, _, err := p.CreateToken(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID, r.name(), []privacyd.Action{privacyd.ActionReadRecords})
	p.Must(err)
	r.values["token"] = t.ID
}

// oneself is a new account with a password and the role, signed in: what it
// does to itself is nobody else's trouble.
func oneself(p *parity, r *round) {
	p.t.Helper()
	r.me = r.op.Name + "." + r.role + "@" + r.values["at"] + ".example.com"
	p.account(r, r.me, ownPassword)
	if role := privacyd.Role(r.role); role.Valid() {
		_, err := p.AddMember(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID, r.me, role)
		p.Must(err)
	}
	p.signIn(r.me)
}

// caller is who asks, as the engine sees them.
func (p *parity) caller(r *round) privacyd.Caller {
	p.t.Helper()
	c, err := p.As(p.t.Context(), enginetest.Operator, r.me)
	p.Must(err)
	c.IP = "127.0.0.1"
	return c
}

func ownPlan(p *parity, r *round) {
	p.t.Helper()
	oneself(p, r)
	plan, err := p.PreviewAccountDeletion(p.t.Context(), p.caller(r))
	p.Must(err)
	r.values["plan"] = plan.Hash
}

func leaving(p *parity, r *round) {
	p.t.Helper()
	ownPlan(p, r)
	c := p.caller(r)
	c.Door = privacyd.DoorREST
	_, err := p.DeleteAccount(p.t.Context(), c, privacyd.Confirmation{PlanHash: r.values["plan"], Password: ownPassword})
	p.Must(err)
	p.signIn(r.me) // the sessions ended
}

func anOwnExport(p *parity, r *round) {
	p.t.Helper()
	oneself(p, r)
	job, _, err := p.ExportAccount(p.t.Context(), p.caller(r))
	p.Must(err)
	r.values["job"] = job.ID
}

func anotherSession(p *parity, r *round) {
	p.t.Helper()
	oneself(p, r)
	used := p.secrets[r.me]
	p.signIn(r.me)
	list, err := p.ListSessions(p.t.Context(), p.caller(r))
	p.Must(err)
	other, err := p.Authenticate(p.t.Context(), p.secrets[r.me])
	p.Must(err)
	p.secrets[r.me], r.values["session"] = used, other.SessionID
	if len(list) != 2 {
		p.t.Errorf("%s: %d sessions", r.op.Name, len(list))
	}
}

// aContact is one of whom nothing else knows.
func aContact(p *parity, r *round) {
	p.t.Helper()
	id := "x-" + r.op.Name + "-" + r.role + "-" + r.values["at"]
	_, err := p.PutRecord(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID, "contacts", id, []byte(`{"name":"Nina `+id+`","email":"`+id+`@example.net"}`))
	p.Must(err)
	r.values["contact"] = id
}

func (p *parity) deletionOf(r *round) engine.NewJob {
	return engine.NewJob{Workspace: p.workspaces[r.door].ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: r.values["contact"]}}
}

// look has the asker look at a plan: who may not, cannot.
func (p *parity) look(r *round, ask engine.NewJob) {
	p.t.Helper()
	c := enginetest.Operator
	if privacyd.Role(r.role).May(privacyd.ActionDeleteSubject) {
		c = p.caller(r)
	}
	plan, err := p.PreviewJob(p.t.Context(), c, ask)
	p.Must(err)
	r.values["plan"], r.values["count"] = plan.Hash, strconv.FormatInt(plan.Totals().Deleted, 10)
}

func aContactsPlan(p *parity, r *round) {
	p.t.Helper()
	aContact(p, r)
	p.look(r, p.deletionOf(r))
}

func aHeldContactsPlan(p *parity, r *round) {
	p.t.Helper()
	aContact(p, r)
	_, err := p.PlaceHold(p.t.Context(), enginetest.Operator, engine.NewHold{
		Workspace: p.workspaces[r.door].ID, Reason: "a claim", Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: p.deletionOf(r).Subject},
	})
	p.Must(err)
	p.look(r, p.deletionOf(r))
}

// aProposal is a deletion that somebody else asked for.
func aProposal(p *parity, r *round) {
	p.t.Helper()
	aContactsPlan(p, r)
	job, _, err := p.CreateJob(p.t.Context(), enginetest.Operator, p.deletionOf(r))
	p.Must(err)
	r.values["job"] = job.ID
}

// aStaleProposal has more to delete by now than its plan said.
func aStaleProposal(p *parity, r *round) {
	p.t.Helper()
	aProposal(p, r)
	var lines strings.Builder
	for n := range 20 {
		fmt.Fprintf(&lines, `{"collection":"conversations","record":{"id":"y%d-%s","contact_id":"%s","channel":"email","status":"open"}}`+"\n", n, r.values["contact"], r.values["contact"])
	}
	_, err := p.Import(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID, engine.ImportSource{Body: strings.NewReader(lines.String())})
	p.Must(err)
}

// anApproval is a deletion that another admin confirmed.
func anApproval(p *parity, r *round) {
	p.t.Helper()
	p.fourEyes(r, true)
	aContactsPlan(p, r)
	somebody(p, r)
	other, w := r.values["email"], p.workspaces[r.door].ID
	_, err := p.AddMember(p.t.Context(), enginetest.Operator, w, other, privacyd.RoleAdmin)
	p.Must(err)
	c, err := p.As(p.t.Context(), enginetest.Operator, other)
	p.Must(err)
	p.confirmed(r, c)
}

// confirmed makes a deletion and has it confirmed.
func (p *parity) confirmed(r *round, c privacyd.Caller) {
	p.t.Helper()
	c.Door = privacyd.DoorREST
	ask := p.deletionOf(r)
	plan, err := p.PreviewJob(p.t.Context(), c, ask)
	p.Must(err)
	ask.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash, Name: "Nina " + r.values["contact"]}
	job, _, err := p.CreateJob(p.t.Context(), c, ask)
	p.Must(err)
	r.values["job"], r.values["plan"] = job.ID, plan.Hash
}

// anApprovalOfOnesOwn is a deletion that the admin confirmed.
func anApprovalOfOnesOwn(p *parity, r *round) {
	p.t.Helper()
	p.fourEyes(r, true)
	aContact(p, r)
	c, err := p.As(p.t.Context(), enginetest.Operator, "admin@"+r.door+".example.com")
	p.Must(err)
	p.confirmed(r, c)
}

func (p *parity) fourEyes(r *round, on bool) {
	p.t.Helper()
	s, err := p.Settings(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID)
	p.Must(err)
	s.Approval = on
	_, err = p.ChangeSettings(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID, s)
	p.Must(err)
}

// aReview is an erasure after which somebody has to look at what others wrote.
func aReview(p *parity, r *round) {
	p.t.Helper()
	p.fourEyes(r, false)
	aContact(p, r)
	w := p.workspaces[r.door].ID
	_, err := p.PutRecord(p.t.Context(), enginetest.Operator, w, "contacts", "z-"+r.values["contact"], []byte(`{"name":"Her sister","email":"`+r.values["contact"]+`@example.net"}`))
	p.Must(err)
	_, job := p.Erase(p.deletionOf(r))
	if job.Result == nil || job.Result.Review == 0 {
		p.t.Fatalf("nothing is to be looked at: %+v", job)
	}
	r.values["job"], r.values["n"] = job.ID, "1"
}

func aHold(p *parity, r *round) {
	p.t.Helper()
	aContact(p, r)
	h, err := p.PlaceHold(p.t.Context(), enginetest.Operator, engine.NewHold{
		Workspace: p.workspaces[r.door].ID, Reason: "a claim", Target: privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: p.deletionOf(r).Subject},
	})
	p.Must(err)
	r.values["hold"] = h.ID
}

func bulkPlan(p *parity, r *round) {
	p.t.Helper()
	day, err := privacyd.Moment(before)
	p.Must(err)
	p.look(r, engine.NewJob{Workspace: p.workspaces[r.door].ID, Type: privacyd.JobBulkDeletion, Before: &day})
}

func wholePlan(p *parity, r *round) {
	p.t.Helper()
	if r.role == "admin" { // after whom it takes no changes
		p.fourEyes(r, false)
	}
	p.look(r, engine.NewJob{Workspace: p.workspaces[r.door].ID, Type: privacyd.JobWorkspaceDeletion})
}

// theWorkspaces is the deletion of the workspace, where it was asked for.
func theWorkspaces(p *parity, r *round) {
	p.t.Helper()
	list, err := p.FindJobs(p.t.Context(), enginetest.Operator, p.workspaces[r.door].ID, privacyd.JobFilter{Types: []privacyd.JobType{privacyd.JobWorkspaceDeletion}, Limit: 1})
	p.Must(err)
	r.values["job"] = list[0].ID
}

func anAgreement(p *parity, r *round) {
	p.t.Helper()
	a, err := p.PublishAgreement(p.t.Context(), enginetest.Operator, "# Agreement\n\n"+r.name()+" "+r.door)
	p.Must(err)
	r.values["version"], r.values["sha256"] = strconv.Itoa(a.Version), a.SHA256
}

func aSubProcessor(p *parity, r *round) {
	p.t.Helper()
	s, err := p.SetSubProcessor(p.t.Context(), enginetest.Operator, engine.NewSubProcessor{SubProcessor: privacyd.SubProcessor{
		Name: r.name() + r.door, Purpose: "mail", Country: "DE", Categories: []string{"user.contact"},
	}})
	p.Must(err)
	r.values["sub_processor"] = s.ID
}

func aDocument(p *parity, r *round) {
	p.t.Helper()
	d, err := p.AddDocument(p.t.Context(), enginetest.Operator, privacyd.Document{Title: r.name() + r.door, Link: "https://example.com/soc2"}, "", nil)
	p.Must(err)
	r.values["document"] = d.ID
}

// aFile is one that a command reads.
func aFile(content string) func(*parity, *round) {
	return func(p *parity, r *round) {
		p.t.Helper()
		file := filepath.Join(p.t.TempDir(), "in.ndjson")
		p.Must(os.WriteFile(file, []byte(r.fill(content)), 0o600))
		r.values["file"] = file
	}
}
