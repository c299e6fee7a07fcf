package privacyd

import (
	"fmt"
	"slices"
	"strings"
)

// Title is the heading of a receipt as a page.
func (r *Receipt) Title() string {
	switch r.Operation {
	case JobSubjectDeletion:
		return "Receipt: a " + spacedWords(orWord(r.SubjectKind, "person")) + " was erased"
	case JobAccountDeletion:
		return "Receipt: an account was erased"
	case JobWorkspaceDeletion:
		return "Receipt: a workspace was erased"
	case JobBulkDeletion:
		return "Receipt: conversations were erased"
	case JobRetentionRun:
		return "Receipt: a retention run"
	default:
		return "Receipt: an erasure"
	}
}

// Sentences is the receipt in plain English, for a page that a person prints:
// what went, what stayed and why, how it was checked, and what proves it.
func (r *Receipt) Sentences() []string {
	list := []string{r.opening()}
	for _, c := range r.Collections {
		list = append(list, c.sentences()...)
	}
	for _, h := range r.Holds {
		list = append(list, PlanHold{Type: h.Type, Ground: h.Ground, ReviewAt: h.ReviewAt}.sentence())
	}
	list = append(list, r.Files.sentences()...)
	if r.Exports > 0 {
		list = append(list, fmt.Sprintf("%s that held it %s expired.", plural(r.Exports, "earlier export", "earlier exports"), verb(r.Exports, "was", "were")))
	}
	for _, t := range r.Recipients {
		list = append(list, t.sentence())
	}
	for _, id := range r.Abandoned {
		list = append(list, "The account was the only member of the workspace "+id+", which stays with its records and without an admin. "+
			"The operator gives it one (privacyd workspace member) or deletes it (privacyd workspace delete).")
	}
	for _, name := range r.LogsNotCut {
		list = append(list, "The write-ahead log of the database file of dataset "+name+" could not be cut, since somebody was reading an older state of it: "+
			"what was erased may still lie in that file's log. Whoever runs the product ends what reads, and runs PRAGMA wal_checkpoint(TRUNCATE).")
	}
	list = append(list, r.Verification.sentences(r.stays())...)
	if r.Restore != nil {
		list = append(list, "A backup that is restored does not bring it back: the erasure is repeated from the suppression ledger until "+
			TimeWords(r.Restore.Until)+".")
	}
	return append(list, r.closing()...)
}

func (r *Receipt) opening() string {
	text := "It was asked for on " + TimeWords(r.RequestedAt)
	if r.ConfirmedAt != nil {
		text += ", confirmed on " + TimeWords(*r.ConfirmedAt)
	}
	return text + ", begun on " + TimeWords(r.StartedAt) + " and finished on " + TimeWords(r.EndedAt) + "."
}

func (c ReceiptCollection) sentences() []string {
	var list []string
	switch {
	case c.Fate == FateKeep && c.Before > 0:
		kept := PlannedCollection{Collection: c.Collection, Fate: FateKeep, Ground: c.Ground, Until: c.Until, Rows: c.Before}
		list = append(list, kept.sentence())
	case c.Done > 0:
		what := map[Fate]string{FateDelete: "deleted", FateNull: "blanked", FateReplace: "changed to name nobody"}[c.Fate]
		list = append(list, fmt.Sprintf("%s %s %s.", rowsOf(c.Done, c.Collection), verb(c.Done, "was", "were"), orWord(what, string(c.Fate))))
	}
	if c.Held > 0 {
		list = append(list, fmt.Sprintf("%s stayed under a legal hold.", rowsOf(c.Held, c.Collection)))
	}
	return list
}

func (f ReceiptFiles) sentences() []string {
	deadline := ""
	if f.Deadline != nil {
		deadline = TimeWords(*f.Deadline)
	}
	var text string
	switch f.State {
	case FilesPending:
		text = fmt.Sprintf("%s of %s went so far; the rest goes by %s.", shownCount(f.Deleted), plural(f.Queued, "file", "files"), deadline)
	case FilesMet:
		text = fmt.Sprintf("All files (%s) went by the deadline, %s.", shownCount(f.Deleted), deadline)
	case FilesLate:
		text = fmt.Sprintf("All files (%s) went, but not all by the deadline, %s.", shownCount(f.Deleted), deadline)
	case FilesOverdue:
		text = fmt.Sprintf("Only %s of %s went by the deadline, %s. Somebody has to look into it.", shownCount(f.Deleted), plural(f.Queued, "file", "files"), deadline)
	default:
		text = "There were no files."
	}
	list := []string{text}
	if f.Shared > 0 {
		list = append(list, fmt.Sprintf("%s %s left, because rows that stay name %s too.", plural(f.Shared, "file", "files"), verb(f.Shared, "was", "were"), verb(f.Shared, "it", "them")))
	}
	return list
}

func (t ReceiptRecipient) sentence() string {
	if t.ToldAt == nil {
		return t.Name + " had received it and is still to be told of the erasure (Art. 19 GDPR)."
	}
	return t.Name + " had received it and was told of the erasure on " + TimeWords(*t.ToldAt) + " (Art. 19 GDPR)."
}

// stays tells whether the scope still has rows, on a ground or under a hold.
func (r *Receipt) stays() bool {
	return slices.ContainsFunc(r.Collections, func(c ReceiptCollection) bool { return c.After > 0 || c.Held > 0 })
}

func (v ReceiptVerification) sentences(stays bool) []string {
	text := fmt.Sprintf("On %s the same search was made again in %s of %s", TimeWords(v.At),
		plural(v.Collections, "collection", "collections"), plural(v.Workspaces, "workspace", "workspaces"))
	if len(v.Identifiers) > 0 {
		text += ", and for the person's identifiers (" + spacedWords(strings.Join(v.Identifiers, ", ")) + ")"
	}
	switch {
	case v.Result != VerificationClean:
		text += fmt.Sprintf(": something was found in %s.", plural(v.Residue, "row", "rows"))
	case stays:
		text += ": nothing was found but what stays."
	default:
		text += ": nothing was found."
	}
	list := []string{text}
	if v.Review > 0 {
		list = append(list, fmt.Sprintf("%s of others may mention the person in free text; somebody has to look at %s.",
			plural(v.Review, "row", "rows"), verb(v.Review, "it", "them")))
	}
	return list
}

func (r *Receipt) closing() []string {
	list := []string{"The plan that was confirmed has the hash " + r.PlanHash + "."}
	for _, m := range r.Maps {
		list = append(list, "The data map "+m.Dataset+" had the hash "+m.Hash+".")
	}
	text := "The audit log records it in entry " + r.Audit.Entry
	if r.Audit.Proof != "" {
		text += ", and its inclusion proof is part of this receipt"
	}
	return append(list, text+".")
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
