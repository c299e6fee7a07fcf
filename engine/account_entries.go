package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// writeEntries adds the entries of all audit logs that the account is in, as the
// one who acted or the one it was about, and of each what is about the account.
func (x *extraction) writeEntries(ctx context.Context) error {
	w, err := x.ownCollection("audit_entries", "id", "workspace_id", "timestamp", "action", "outcome", "actor_kind", "actor_role",
		"actor", "actor_email", "target_type", "target_id", "target_name", "subject", "ip", "door", "code", "facts", "changes")
	if err != nil {
		return err
	}
	owners, logs, err := x.ownersInLogs(ctx)
	if err != nil {
		return err
	}
	for _, log := range logs {
		for o, err := range x.e.Audit.List(ctx, auditlog.Query{Log: log}) {
			if err != nil {
				return fmt.Errorf("read the audit log: %w", err)
			}
			entry, mine, err := x.ownEntry(o, owners)
			if err != nil {
				return err
			}
			if !mine {
				continue
			}
			if err := errors.Join(record(w, entry), x.meter.add(ctx)); err != nil {
				return err
			}
		}
	}
	return w.Close()
}

// ownEntry is an entry without what it tells of others than the account.
func (x *extraction) ownEntry(o auditlog.Opened, owners []string) (entry privacyd.AuditEntry, mine bool, err error) {
	is := func(want string) func(string) bool { return func(s string) bool { return s == want } }
	acted := anyClaim(o, is(x.job.Subject.ID), "actor_id")
	about := anyClaim(o, is(accountKind+":"+x.job.Subject.ID), auditlog.ClaimSubject)
	if strings.HasPrefix(o.Action, productPrefix) {
		if acted, about, err = x.namedIn(o, owners); err != nil {
			return entry, false, err
		}
	}
	if !acted && !about {
		return entry, false, nil
	}
	if entry, err = readable(o); err != nil {
		return entry, false, err
	}
	if !acted {
		entry.Actor, entry.ActorEmail, entry.IP, entry.Operator = "", "", "", ""
	}
	if !about && entry.Subject != "" {
		entry.TargetID, entry.TargetName, entry.Subject, entry.Changes = "", "", "", nil
	}
	return entry, true, nil
}

// nameIDs keeps the ids by which a dataset knows the account: a product may have
// named it so in the audit log.
func (x *extraction) nameIDs(d Dataset, ids []string) {
	dataset := ""
	if !d.Own {
		dataset = d.Name
	}
	for _, id := range ids {
		x.namedAs = addPerson(x.namedAs, appPerson{dataset, accountKind, id})
	}
}

// ownersInLogs are the owners of what the logs disclose of the account, and the
// logs that do.
func (x *extraction) ownersInLogs(ctx context.Context) (owners, logs []string, err error) {
	named := x.namedAs
	for _, dataset := range x.e.personKinds()[accountKind].datasets {
		named = addPerson(named, appPerson{dataset, accountKind, x.job.Subject.ID})
	}
	a, err := x.e.Accounts.Account(ctx, x.job.Subject.ID)
	if err != nil {
		return nil, nil, err
	}
	if owners, err = x.e.appOwners(ctx, "", addPerson(named, emailPerson(emailOfAll, a.Email))); err != nil {
		return nil, nil, err
	}
	owners = append(owners, x.e.reference(ownerOf("", *x.job.Subject)))
	for _, owner := range owners {
		some, err := x.e.Own.LogsWith(ctx, owner)
		if err != nil {
			return nil, nil, err
		}
		for _, log := range some {
			logs = appendNew(logs, log)
		}
	}
	slices.Sort(logs)
	return owners, logs, nil
}

// namedIn tells as whom a product's entry names the account, whose ids are the
// product's own. What tells of others, too, is not the account's to take.
func (x *extraction) namedIn(o auditlog.Opened, owners []string) (acted, about bool, err error) {
	c, err := auditlog.Check(o.Leaf, o.Disclosures)
	if err != nil {
		return false, false, fmt.Errorf("read whom an audit entry names: %w", err)
	}
	for _, owner := range c.Owners {
		if !slices.Contains(owners, x.e.reference(owner)) {
			continue
		}
		is := func(s string) bool { return s == owner.ID }
		acted = acted || anyClaim(o, is, "actor_id")
		about = about || anyClaim(o, func(s string) bool { _, id, _ := strings.Cut(s, ":"); return is(id) }, auditlog.ClaimSubject)
	}
	return acted, about, nil
}
