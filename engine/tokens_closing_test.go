package engine_test

import (
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestTokensOfAClosingWorkspace: while a workspace is being deleted its tokens
// can be seen and revoked, since they still read, and none is made.
func TestTokensOfAClosingWorkspace(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "acme")
		scopes := []privacyd.Action{privacyd.ActionReadRecords}
		token, _, err := b.CreateToken(t.Context(), enginetest.Operator, w.ID, "sync", scopes)
		b.Must(err)
		b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
		_, _, err = b.CreateToken(t.Context(), enginetest.Operator, w.ID, "another", scopes)
		b.WantCode(err, "workspace_read_only")
		list, err := b.TokensPage(t.Context(), enginetest.Operator, w.ID, privacyd.PageQuery{Limit: 10})
		if b.Must(err); list.Total != 1 {
			t.Errorf("%d tokens are listed, want 1", list.Total)
		}
		_, err = b.RevokeToken(t.Context(), enginetest.Operator, w.ID, token.ID)
		b.Must(err)
	})
}

// TestBoundOperatorSeesNoAccounts: a stream that is kept to one workspace is
// told of no deletion of an account.
func TestBoundOperatorSeesNoAccounts(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "acme")
		_, job := leaving(b, jo)
		bound := privacyd.Caller{Kind: privacyd.CallerOperator, Only: w.ID, Door: privacyd.DoorMCP}
		_, err := b.GetJob(t.Context(), bound, w.ID, job.ID)
		b.WantCode(err, "job_not_found")
		_, err = b.GetJob(t.Context(), enginetest.Operator, w.ID, job.ID)
		b.Must(err)
	})
}
