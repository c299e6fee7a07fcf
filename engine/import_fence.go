package engine

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/privacyd/privacyd"
)

// notOvertaken gives what an import asks in each of its transactions: whether
// somebody was erased since it began and asked the suppression ledger about all
// of its records. It has to come to an end then, since what it has still to
// write may be theirs. The workspace is locked, so that an erasure that marks
// somebody afterwards finds what this transaction writes.
func (e *Engine) notOvertaken(ctx context.Context, workspaceID string, s ImportSource) (func(ctx context.Context) error, error) {
	known, err := e.Suppression.Newest(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the suppression ledger: %w", err)
	}
	return func(ctx context.Context) error {
		if err := e.Workspaces.LockWorkspace(ctx, workspaceID); err != nil {
			return err
		}
		newest, err := e.Suppression.Newest(ctx)
		if err != nil || newest == known {
			return err
		}
		for erased, err := range e.Suppression.Since(ctx, known) {
			if err != nil {
				return err
			}
			if concernsImport(erased.Again, workspaceID, s.archive()) {
				return privacyd.Errorf(privacyd.ClassUnavailable, "import_overtaken",
					"Somebody was erased meanwhile whose records it may hold.")
			}
		}
		known = newest
		return nil
	}, nil
}

// concernsImport tells whether what was erased may be in an import: an archive
// may be that of another workspace.
func concernsImport(again privacyd.EraseAgain, workspaceID string, archive bool) bool {
	return !again.OnlyHolds && !again.Withdrawn && (archive || again.WorkspaceID == workspaceID || again.WorkspaceID == "")
}

func (s ImportSource) archive() bool {
	return strings.HasPrefix(s.ContentType, "application/zip") || strings.EqualFold(path.Ext(s.File), ".zip")
}
