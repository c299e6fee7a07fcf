package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/work"
)

// Whoever is nobody known here, such as one who tries an account that there is
// not, leaves an address in the audit log and can never be erased by name. What
// a month's visitors left is sealed with one key, which is destroyed some time
// after the month.

const (
	visitorKind = "visitors"
	// nobodyID stands for an account that there is not.
	nobodyID     = "00000000-0000-0000-0000-000000000000"
	visitorsLife = 90 * 24 * time.Hour
	// visitorsBack is how many months back it is looked for what was left when
	// privacyd did not run.
	visitorsBack = 120
)

// visitorsOf is whose key seals what the visitors of a month left, in all logs.
func visitorsOf(at time.Time) auditlog.Owner {
	return auditlog.Owner{Kind: visitorKind, ID: at.UTC().Format("2006-01")}
}

// isNobody tells whether a subject is an account that there is not.
func isNobody(s *privacyd.Subject) bool {
	return s != nil && s.Kind == accountKind && s.ID == nobodyID
}

// forgetVisitors erases what the visitors of months left that ended longer ago
// than Visitors. Audit: audit.erase, audit.erased.
func (e *Engine) forgetVisitors(ctx context.Context, lease work.Lease) error {
	life := e.Visitors
	if life <= 0 {
		life = visitorsLife
	}
	over := e.Now().UTC().Add(-life)
	month := time.Date(over.Year(), over.Month(), 1, 0, 0, 0, 0, time.UTC)
	var owners []string
	for range visitorsBack {
		month = month.AddDate(0, -1, 0)
		owners = append(owners, e.reference(visitorsOf(month)))
	}
	if err := e.endVisitors(ctx, owners, lease); err != nil {
		return err
	}
	for range owners {
		found, err := e.Disclosed.Disclosures(ctx, owners, 1)
		if err != nil || len(found) == 0 {
			return err
		}
		if err := e.forgetVisitor(ctx, found[0].Owner, lease); err != nil {
			return err
		}
	}
	return nil
}

// endVisitors ends what was begun before and had to wait, as for somebody who
// read an older state of the database.
func (e *Engine) endVisitors(ctx context.Context, owners []string, lease work.Lease) error {
	begun, err := e.Erasures.Erasures(ctx, owners)
	if err != nil {
		return err
	}
	for _, erasure := range begun {
		if erasure.Done {
			continue
		}
		if err := e.forgetVisitor(ctx, erasure.Owner, lease); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) forgetVisitor(ctx context.Context, owner string, lease work.Lease) error {
	return e.forget(ctx, forgetting{Caller: privacyd.System(visitorKind), Owners: []string{owner}, Guard: lease.Check})
}
