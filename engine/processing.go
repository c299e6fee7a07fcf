package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// Processing makes a workspace's record of processing activities, as its
// controller has to keep it (Art. 30(1) GDPR). Members.
func (e *Engine) Processing(ctx context.Context, c privacyd.Caller, workspace string) (r privacyd.ProcessingRecord, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadWorkspace)
	if err != nil {
		return r, err
	}
	sets, err := datasetsOf(e.Datasets, g.Workspace)
	if err != nil {
		return r, err
	}
	policies, err := e.Retention.Policies(ctx, g.Workspace.ID)
	if err != nil {
		return r, err
	}
	notice, err := e.noticeOf(ctx, g.Workspace.ID)
	if err != nil {
		return r, err
	}
	if r, err = e.processingRecord(ctx, sets, privacyd.InForce(policies, e.Now())); err != nil {
		return r, err
	}
	r.Article, r.Workspace, r.Controller = "Art. 30(1) GDPR", g.Workspace.Name, notice.Party
	own, err := e.ownMeasures(ctx, g.Workspace.ID)
	r.Measures = append(r.Measures, own...)
	if notice.Contact.Empty() {
		r.Missing = append(r.Missing, privacyd.MissingWord{
			What: "The controller's name and contact details.", Who: "admin", How: "Name them on the page Legal, or with privacyd legal contact.",
		})
	}
	return r, err
}

// InstanceProcessing makes the record of all that the instance processes on
// behalf of others, as its operator has to keep it (Art. 30(2) GDPR). The
// operator.
func (e *Engine) InstanceProcessing(ctx context.Context, c privacyd.Caller) (r privacyd.ProcessingRecord, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionReadProcessing); err != nil {
		return r, err
	}
	return e.instanceProcessing(ctx)
}

func (e *Engine) instanceProcessing(ctx context.Context) (r privacyd.ProcessingRecord, err error) {
	if r, err = e.processingRecord(ctx, e.Datasets, privacyd.Policy{}); err != nil {
		return r, err
	}
	r.Article = "Art. 30(2) GDPR"
	for n := range r.Activities {
		r.Activities[n].Limits = nil // each controller's own
	}
	workspaces, err := e.Workspaces.Workspaces(ctx, "")
	if err != nil {
		return r, err
	}
	notices, err := e.Legal.Contacts.LegalNotices(ctx, "")
	if err != nil {
		return r, err
	}
	for _, w := range workspaces {
		sets, err := datasetsOf(e.Datasets, w)
		if err != nil {
			return r, err
		}
		r.Controllers = append(r.Controllers, privacyd.Controller{
			WorkspaceID: w.ID, Workspace: w.Name, Party: notices[w.ID].Party, Activities: purposesOf(sets),
		})
	}
	return r, nil
}

// datasetsOf are those that have something of a workspace.
func datasetsOf(all []Dataset, w privacyd.Workspace) (list []Dataset, err error) {
	for _, d := range all {
		key, err := datasetKey(d, w)
		if err != nil {
			return nil, err
		}
		if key != "" {
			list = append(list, d)
		}
	}
	return list, nil
}

// processingRecord is what both records have in common.
func (e *Engine) processingRecord(ctx context.Context, sets []Dataset, p privacyd.Policy) (privacyd.ProcessingRecord, error) {
	r := privacyd.ProcessingRecord{
		At: e.Now(), Processor: e.Legal.Operator, Activities: e.activities(sets, p), Measures: e.measures(),
		Recipients: []privacyd.Recipient{}, Transfers: []privacyd.Transfer{}, Missing: []privacyd.MissingWord{},
	}
	registers, err := e.Register(ctx)
	if err != nil {
		return r, err
	}
	e.addPlaces(&r)
	for _, s := range registers {
		if now := s.Now; now != nil && !now.Ended {
			r.Recipients = append(r.Recipients, privacyd.Recipient{Name: now.Name, Role: "sub-processor: " + now.Purpose, Country: now.Country})
			addTransfer(&r, now.Name, now.Country, now.Basis)
		}
	}
	if e.Legal.Operator.Contact.Empty() {
		r.Missing = append(r.Missing, privacyd.MissingWord{
			What: "The processor's name and contact details.", Who: "operator", How: "Set legal.name and legal.email in the configuration.",
		})
	}
	if slices.ContainsFunc(r.Activities, func(a privacyd.Activity) bool { return a.Name == "" }) {
		r.Missing = append(r.Missing, privacyd.MissingWord{
			What: "The purpose of some collections.", Who: "operator", How: "Add purpose: to each collection of the data map.",
		})
	}
	return r, nil
}

func (e *Engine) addPlaces(r *privacyd.ProcessingRecord) {
	var undeclared []string
	for _, p := range e.Places {
		name := p.Processor
		if name == "" {
			name = "whoever runs the server"
		}
		r.Recipients = append(r.Recipients, privacyd.Recipient{
			Name: name, Role: strings.ReplaceAll(string(p.Kind), "_", " ") + " " + p.Name, Country: p.Country,
		})
		addTransfer(r, joinNonEmpty(", ", p.Processor, p.Name), p.Country, p.Basis)
		if !p.Declared() {
			undeclared = append(undeclared, p.Name)
		}
	}
	if len(undeclared) > 0 {
		r.Missing = append(r.Missing, privacyd.MissingWord{
			What: "The country in which this server keeps " + strings.Join(undeclared, ", ") + ".", Who: "operator",
			How: "Declare it under places in the configuration, with hosts: [localhost] for the server itself.",
		})
	}
}

func addTransfer(r *privacyd.ProcessingRecord, to, country, basis string) {
	if country == "" || privacyd.InEEA(country) {
		return
	}
	r.Transfers = append(r.Transfers, privacyd.Transfer{To: to, Country: country, Basis: basis})
	if basis == "" {
		r.Missing = append(r.Missing, privacyd.MissingWord{
			What: "What the transfer to " + to + " rests on (Art. 44 GDPR).", Who: "operator", How: "Set transfer_basis of the place in the configuration.",
		})
	}
}

// activities groups the collections of datasets by what they are for.
func (e *Engine) activities(sets []Dataset, p privacyd.Policy) []privacyd.Activity {
	list := []privacyd.Activity{}
	for _, d := range sets {
		first := len(list)
		for _, c := range d.Graph.Map.Collections {
			if len(c.Personal()) == 0 {
				continue
			}
			n := slices.IndexFunc(list[first:], func(a privacyd.Activity) bool { return a.Name == c.Purpose }) + first
			if n < first {
				n = len(list)
				list = append(list, privacyd.Activity{
					Name: c.Purpose, Dataset: d.Name, Bases: []string{}, Subjects: []string{}, Places: e.placesOf(d), Limits: []string{},
				})
			}
			addCollection(&list[n], d.Graph, c, p)
		}
	}
	return list
}

func addCollection(a *privacyd.Activity, g *datamap.Graph, c *datamap.Collection, p privacyd.Policy) {
	a.Collections = append(a.Collections, c.Name)
	if c.LegalBasis != "" {
		a.Bases = addOnce(a.Bases, c.LegalBasis)
	}
	for _, kind := range g.SubjectsOf(c) {
		a.Subjects = addOnce(a.Subjects, kind)
	}
	for _, code := range c.Personal() {
		category := privacyd.DataCategory{Code: code, Name: privacyd.CategoryName(code), Special: datamap.SpecialCategory(code)}
		if !slices.Contains(a.Categories, category) {
			a.Categories = append(a.Categories, category)
		}
	}
	a.Limits = addOnce(a.Limits, limitOf(c, p))
}

// limitOf says until when the rows of a collection are kept.
func limitOf(c *datamap.Collection, p privacyd.Policy) string {
	until := "until the person, or the workspace, is erased"
	switch {
	case c.Disposition.Kind == datamap.Keep && c.Disposition.Until != "":
		return "Rows of " + c.Name + " outlive the erasure of a person by " + c.Disposition.Until + ": " + groundWords(c.Disposition.Ground) + "."
	case c.Disposition.Kind == datamap.Keep:
		return "Rows of " + c.Name + " outlive the erasure of a person: " + groundWords(c.Disposition.Ground) + "."
	case c.Clock != nil && !p.Forever():
		return "Resolved rows of " + c.Name + ": " + strconv.Itoa(p.Days) + " days after the last message (retention policy, version " + strconv.Itoa(p.Version) + "); all others " + until + "."
	default:
		return "Kept " + until + "."
	}
}

func groundWords(ground string) string {
	return strings.ReplaceAll(ground, "_", " ") + " (Art. 17(3) GDPR)"
}

// placesOf are the names of the places where a dataset is, and where all data
// passes.
func (e *Engine) placesOf(d Dataset) []string {
	another := func(use string) bool {
		set, of := strings.CutPrefix(use, "datasets.")
		return of && set != d.Name && !strings.HasPrefix(set, d.Name+".")
	}
	list := []string{}
	for _, p := range e.Places {
		if len(p.Uses) == 0 || slices.ContainsFunc(p.Uses, func(use string) bool { return !another(use) }) {
			list = append(list, p.Name)
		}
	}
	return list
}
