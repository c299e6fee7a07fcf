package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// What a plan's time is reckoned with.
const (
	rowsASecond     = 20_000    // that go or are changed
	readASecond     = 2_000_000 // of a table without an index
	readingsOfLinks = 3         // of such a table for each link: to count rows, to find them, and to see that none is left
)

// PreviewJob gives the plan of an erasure: what it would do now, to how many
// rows, and what is in the way. It changes nothing and can be confirmed for 24
// hours. Who may ask for the job may see it. Audit: TYPE.preview.
func (e *Engine) PreviewJob(ctx context.Context, c privacyd.Caller, r NewJob) (*privacyd.Plan, error) {
	rules, ok := r.Type.Rules()
	if !ok || !rules.Erases || rules.Own || rules.System {
		return nil, errNoPlan()
	}
	g, err := e.authorise(ctx, c, r.Workspace, rules.Action)
	if err != nil {
		return nil, err
	}
	if err := e.checkJob(ctx, g, &r); err != nil {
		return nil, err
	}
	job, err := e.draftJob(ctx, g, r, c.ID())
	if err != nil {
		return nil, err
	}
	plan, err := e.planJob(ctx, job, g.Workspace)
	if err != nil {
		return nil, err
	}
	event := e.jobEvent(c, g.Role, job, "preview")
	event.Target.ID = ""
	if err := e.recordAlone(ctx, event); err != nil {
		return nil, err
	}
	return plan, e.keepPlan(ctx, plan, g.Workspace.ID, c.ID())
}

func errNoPlan() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "job_type_unknown",
		"There is a plan for jobs of the types subject_deletion, bulk_deletion and workspace_deletion.")
}

// planJob computes the plan of a job as it would run now.
func (e *Engine) planJob(ctx context.Context, job *privacyd.Job, w privacyd.Workspace) (*privacyd.Plan, error) {
	if job.Type == privacyd.JobBulkDeletion || job.Type == privacyd.JobRetentionRun {
		return e.planRows(ctx, job, w)
	}
	begun, err := e.runState(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	x, err := e.compile(ctx, job, w, begun.Merged)
	if err != nil {
		return nil, err
	}
	plan, err := x.describe(ctx)
	if err != nil {
		return nil, err
	}
	return plan, x.noteNamesakes(ctx, plan)
}

func (x *erasure) describe(ctx context.Context) (*privacyd.Plan, error) {
	plan := x.emptyPlan()
	for _, p := range x.parts {
		if err := x.describePart(ctx, plan, p); err != nil {
			return nil, err
		}
	}
	if err := x.describeQuotes(ctx, plan); err != nil {
		return nil, err
	}
	if x.job.Type == privacyd.JobAccountDeletion {
		blockers, err := x.e.accountBlockers(ctx, x.job.Subject.ID)
		if err != nil {
			return nil, err
		}
		plan.Blockers = append(plan.Blockers, blockers...)
		alone, err := x.e.abandoned(ctx, x.job)
		if err != nil {
			return nil, err
		}
		plan.Notes, plan.Abandoned = append(plan.Notes, abandonedNotes(alone)...), named(alone)
		plan.Notes = append(plan.Notes, x.untoldNotes()...)
		stays, err := x.accountStays(ctx)
		if err != nil {
			return nil, err
		}
		if stays {
			plan.Notes = append(plan.Notes, accountHeldNote)
		}
	}
	if x.job.Type == privacyd.JobWorkspaceDeletion && len(x.holds) > 0 && !x.wholly {
		plan.Notes = append(plan.Notes, "As long as a legal hold stands, the workspace stays with what is held, its members and its keys, and takes no changes. "+
			"The rest is deleted when the hold is released.")
	}
	basis, err := x.basis()
	if err != nil {
		return nil, err
	}
	plan.Hash = basis.Hash()
	return plan, x.finish(ctx, plan)
}

func (x *erasure) emptyPlan() *privacyd.Plan {
	now := x.e.Now()
	return &privacyd.Plan{
		Type: x.job.Type, WorkspaceID: x.workspace.ID, Subject: x.job.Subject, Before: x.job.Before,
		MadeAt: now, ExpiresAt: now.Add(privacyd.PlanLife), Collections: []privacyd.PlannedCollection{},
		Grace: int64(x.e.graceOf(x.job.Type) / time.Second),
	}
}

func (x *erasure) describePart(ctx context.Context, plan *privacyd.Plan, p *erasurePart) error {
	plan.Maps = append(plan.Maps, privacyd.PlanMap{Dataset: p.dataset.Name, Hash: p.dataset.Graph.Map.Hash})
	unheld := p.plan
	if p.scope.Holding() {
		var err error
		if unheld, err = p.unheld(); err != nil {
			return err
		}
	}
	counted, err := x.count(ctx, p, p.plan)
	if err != nil {
		return err
	}
	if p.scope.Holding() {
		all, err := x.count(ctx, p, unheld)
		if err != nil {
			return err
		}
		counted = withHeld(counted, all)
	}
	plan.Collections = append(plan.Collections, counted...)
	return p.describeObstacles(ctx, plan, p.plan, 1)
}

// describeObstacles says what is in the way of an erasure, or slows it down. How
// many rows go is in the plan; rounds is how often the steps run.
func (p *erasurePart) describeObstacles(ctx context.Context, plan *privacyd.Plan, e datamap.Erasure, rounds int64) error {
	for _, b := range e.Blockers {
		blocker := privacyd.Blocker{Code: b.Code, Dataset: p.dataset.Name, Collection: b.Collection, Message: b.Message, Remedy: b.Remedy}
		same := func(other privacyd.Blocker) bool {
			return other.Code == blocker.Code && other.Dataset == blocker.Dataset && other.Collection == blocker.Collection && other.Message == blocker.Message
		}
		if !slices.ContainsFunc(plan.Blockers, same) {
			plan.Blockers = append(plan.Blockers, blocker)
		}
	}
	for _, reading := range e.Unindexed(p.catalog) {
		times := rounds * readingsOfLinks
		if reading.ForEach != "" {
			times = deletedOf(plan, p.dataset.Name, reading.ForEach)
		}
		if reading.Rows == 0 {
			var err error
			if reading.Rows, err = p.dataset.Source.TableRows(ctx, reading.Table); err != nil {
				return err
			}
		}
		addReading(plan, privacyd.MissingIndex{
			Dataset: p.dataset.Name, Collection: reading.Collection, Statement: reading.Statement, RowsRead: times * reading.Rows,
		})
	}
	return nil
}

func deletedOf(plan *privacyd.Plan, dataset, collection string) (n int64) {
	for _, c := range plan.Collections {
		if c.Dataset == dataset && c.Collection == collection && c.Fate == privacyd.FateDelete {
			n += c.Rows
		}
	}
	return n
}

// addReading adds up what is read for want of the same index.
func addReading(plan *privacyd.Plan, m privacyd.MissingIndex) {
	for i := range plan.Unindexed {
		if known := &plan.Unindexed[i]; known.Dataset == m.Dataset && known.Statement == m.Statement {
			known.RowsRead += m.RowsRead
			return
		}
	}
	plan.Unindexed = append(plan.Unindexed, m)
}

// count counts the rows of each step. Those that only prepare another one are
// not told.
func (x *erasure) count(ctx context.Context, p *erasurePart, plan datamap.Erasure) ([]privacyd.PlannedCollection, error) {
	var list []privacyd.PlannedCollection
	for _, step := range plan.Steps {
		if step.Breaks {
			continue
		}
		counted, err := p.eraser.Count(ctx, step)
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", step.Collection.Name, err)
		}
		list = addPlanned(list, p.planned(step, counted))
	}
	return list, nil
}

func (p *erasurePart) planned(step *datamap.Step, n datamap.Tally) privacyd.PlannedCollection {
	c := plannedStep(p.dataset.Name, step, n)
	c.Quotes = p.quotes
	return c
}

func plannedStep(dataset string, step *datamap.Step, n datamap.Tally) privacyd.PlannedCollection {
	c := privacyd.PlannedCollection{
		Dataset: dataset, Collection: step.Collection.Name, Fate: privacyd.Fate(step.Action), Mentions: step.Link != nil,
		Ground: privacyd.Ground(step.Ground), Until: step.Until, Rows: n.Rows, Files: n.Files, Bytes: n.Bytes,
	}
	for _, set := range step.Set {
		c.Fields = append(c.Fields, set.Column)
	}
	return c
}

// addPlanned adds steps of a collection with the same fate up.
func addPlanned(list []privacyd.PlannedCollection, c privacyd.PlannedCollection) []privacyd.PlannedCollection {
	for i := range list {
		known := &list[i]
		if sameFate(*known, c) {
			known.Rows += c.Rows
			known.Files += c.Files
			known.Bytes += c.Bytes
			for _, f := range c.Fields {
				known.Fields = appendNew(known.Fields, f)
			}
			return list
		}
	}
	return append(list, c)
}

func sameFate(a, b privacyd.PlannedCollection) bool {
	return a.Dataset == b.Dataset && a.Collection == b.Collection && a.Fate == b.Fate && a.Mentions == b.Mentions && a.Quotes == b.Quotes && a.Ground == b.Ground
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// withHeld says of each collection how many more rows there would be without
// holds.
func withHeld(counted, all []privacyd.PlannedCollection) []privacyd.PlannedCollection {
	for _, a := range all {
		found := false
		for i := range counted {
			if sameFate(counted[i], a) {
				counted[i].Held, found = max(0, a.Rows-counted[i].Rows), true
			}
		}
		if !found && a.Rows > 0 {
			a.Held, a.Rows, a.Files, a.Bytes = a.Rows, 0, 0, 0
			counted = append(counted, a)
		}
	}
	return counted
}

func (x *erasure) basis() (privacyd.PlanBasis, error) {
	b := privacyd.PlanBasis{Type: x.job.Type, WorkspaceID: x.workspace.ID, Before: x.job.Before}
	salt := x.e.Signer.Sign([]byte("the salt of plan hashes"))
	for _, p := range x.parts {
		d := p.dataset.basis(p.dataset.Name, p.plan)
		for _, id := range p.about() {
			d.Roots = append(d.Roots, privacyd.RootIdentity(salt, p.dataset.Name, p.scope.SubjectKind, []string{id}))
		}
		b.Datasets = append(b.Datasets, d)
	}
	quotes, err := x.quotesBasis()
	b.Datasets = append(b.Datasets, quotes...)
	return b, err
}

// basis is what a plan's hash says of what is done in a dataset. The maps of
// our own tables come with the program, which adds to them as it is updated:
// of records what is done counts, of its own state only whom it is about. So an
// update takes nobody's confirmation back while a deletion is in its grace
// period.
func (d Dataset) basis(name string, what datamap.Erasure) privacyd.DatasetBasis {
	switch {
	case d.state():
		return privacyd.DatasetBasis{Dataset: name}
	case d.Own:
		return privacyd.DatasetBasis{Dataset: name, Steps: what.Canonical()}
	default:
		return privacyd.DatasetBasis{Dataset: name, MapHash: d.Graph.Map.Hash, Steps: what.Canonical()}
	}
}

// state tells whether a dataset is privacyd's own state: accounts, members and
// what else is no record.
func (d Dataset) state() bool { return d.Own && d.Graph.Map.Workspace.Collection != "" }

// about is whom or what the part is about, by its ids in the dataset: the same
// before, while and after its rows go.
func (p *erasurePart) about() []string {
	switch {
	case p.scope.SubjectKind == "":
		return []string{p.scope.Workspace}
	case p.scope.Merged != nil:
		return p.scope.Merged
	default:
		return []string{p.scope.SubjectID}
	}
}

// finish adds what is known once all is counted.
func (x *erasure) finish(_ context.Context, plan *privacyd.Plan) error {
	totals := plan.Totals()
	plan.Holds = x.planHolds(totals.Held > 0)
	waits := x.job.Type == privacyd.JobAccountDeletion // for workspaces that are held, if need be with all of it
	plan.WhollyHeld = x.wholly || totals.Held > 0 && totals.Deleted == 0 && totals.Blanked == 0 && !waits
	plan.Seconds = (totals.Deleted + totals.Blanked) / rowsASecond
	for _, m := range plan.Unindexed {
		plan.Seconds += m.RowsRead / readASecond
	}
	return nil
}

// concerns tells whether a hold may be on what goes: that of another person is
// not.
func (x *erasure) concerns(h *privacyd.Hold) bool {
	s := x.job.Subject
	return s == nil || h.Target.Subject == nil || *h.Target.Subject == *s
}

// keepPlan keeps a plan for whoever was shown it.
func (e *Engine) keepPlan(ctx context.Context, plan *privacyd.Plan, scope, shownTo string) error {
	text, err := json.Marshal(plan)
	if err != nil {
		return fmt.Errorf("encode a plan: %w", err)
	}
	sealed, err := e.sealFor(ctx, scopeOwner(plan.WorkspaceID), "plan", text)
	if err != nil {
		return err
	}
	return e.Plans.PutPlan(ctx, privacyd.StoredPlan{
		Scope: scope, Hash: plan.Hash, ShownTo: shownTo, Sealed: sealed, MadeAt: plan.MadeAt, ExpiresAt: plan.ExpiresAt,
	})
}

// shownPlan finds a plan that the caller was shown. Code plan_not_found.
func (e *Engine) shownPlan(ctx context.Context, scope, workspaceID, hash, shownTo string) (*privacyd.Plan, error) {
	stored, err := e.Plans.Plan(ctx, scope, hash, shownTo, e.Now())
	if err != nil {
		return nil, err
	}
	text, err := e.openFor(ctx, scopeOwner(workspaceID), "plan", stored.Sealed)
	if err != nil {
		return nil, err
	}
	plan := &privacyd.Plan{}
	if err := json.Unmarshal(text, plan); err != nil {
		return nil, fmt.Errorf("decode a plan: %w", err)
	}
	return plan, nil
}
