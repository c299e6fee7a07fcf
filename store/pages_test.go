package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store"
)

func TestMembersByPage(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, w, other := t.Context(), workspace(t, s, "acme"), workspace(t, s, "other")
		for i, role := range []privacyd.Role{privacyd.RoleAgent, privacyd.RoleAdmin, privacyd.RoleAuditor} {
			a := privacyd.Account{ID: fmt.Sprintf("id-%d", i), Email: fmt.Sprintf("%c@example.com", 'c'-i), Name: []string{"bob", "Ada", "Cy"}[i], CreatedAt: at}
			must(t, s.InsertAccount(ctx, a, "hash", auditID))
			must(t, s.InsertMember(ctx, privacyd.Member{WorkspaceID: w.ID, AccountID: a.ID, Role: role, CreatedAt: at.Add(time.Duration(i) * time.Hour)}, auditID))
			must(t, s.InsertMember(ctx, privacyd.Member{WorkspaceID: other.ID, AccountID: a.ID, Role: role, CreatedAt: at}, auditID))
		}
		for order, want := range map[string]string{
			"": "Cy Ada bob", "email": "Cy Ada bob", "-email": "bob Ada Cy", "name": "Ada bob Cy", "-name": "Cy bob Ada",
			"role": "Ada bob Cy", "since": "bob Ada Cy", "-since": "Cy Ada bob", "a.id; DROP TABLE members": "Cy Ada bob",
		} {
			var names []string
			for offset := 0; offset < 4; offset += 2 {
				list, total, err := s.MembersPage(ctx, w.ID, privacyd.PageQuery{Sort: order, Offset: offset, Limit: 2})
				must(t, err)
				if total != 3 {
					t.Errorf("%q: %d members", order, total)
				}
				for _, m := range list {
					names = append(names, m.Name)
				}
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("by %q: %s, want %s", order, got, want)
			}
		}
	})
}

func TestInvitationsByPage(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, w := t.Context(), workspace(t, s, "acme")
		for i := range 3 {
			must(t, s.PutInvitation(ctx, privacyd.Invitation{
				ID: fmt.Sprintf("i-%d", i), WorkspaceID: w.ID, AccountID: "a", Email: fmt.Sprintf("%c@example.com", 'c'-i), Role: privacyd.RoleAgent,
				CreatedAt: at.Add(time.Duration(i) * time.Hour), ExpiresAt: at.Add(time.Duration(-i) * time.Hour),
			}, []byte{byte(i)}, auditID))
		}
		for order, want := range map[string][]string{"": {"i-2", "i-1"}, "email": {"i-2", "i-1"}, "-email": {"i-0", "i-1"}, "sent": {"i-0", "i-1"}, "-until": {"i-0", "i-1"}} {
			list, total, err := s.InvitationsPage(ctx, w.ID, privacyd.PageQuery{Sort: order, Limit: 2})
			must(t, err)
			var ids []string
			for _, v := range list {
				ids = append(ids, v.ID)
			}
			if diff := cmp.Diff(want, ids); diff != "" || total != 3 {
				t.Errorf("by %q, of %d: %s", order, total, diff)
			}
		}
	})
}

// TestJobsInOrder goes through each order by pages of two.
func TestJobsInOrder(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, w := t.Context(), workspace(t, s, "acme")
		for i, typ := range []privacyd.JobType{privacyd.JobDataExport, privacyd.JobSubjectDeletion, privacyd.JobSubjectExport, privacyd.JobDataExport, privacyd.JobDataExport} {
			j := jobIn(t, s, w.ID, fmt.Sprintf("j%d", i), func(j *privacyd.Job) { j.Type = typ })
			if i == 3 {
				continue // runs
			}
			ended, kept := at.Add(time.Duration(10-i/2)*time.Hour), at.Add(time.Duration(20+i/3)*time.Hour)
			j.State, j.EndedAt, j.ExpiresAt = privacyd.JobCompleted, &ended, &kept
			must(t, s.UpdateJob(ctx, j, auditID))
		}
		exports := []privacyd.JobType{privacyd.JobDataExport, privacyd.JobSubjectExport}
		for order, want := range map[privacyd.JobSort]string{
			"": "j4 j3 j2 j1 j0", privacyd.JobsNewest: "j4 j3 j2 j1 j0", privacyd.JobsOldest: "j0 j1 j2 j3 j4",
			privacyd.JobsEnded: "j4 j2 j0 j1 j3", privacyd.JobsEndedLast: "j3 j1 j0 j2 j4",
			privacyd.JobsKept: "j0 j1 j2 j4 j3", privacyd.JobsKeptLast: "j3 j4 j2 j1 j0",
		} {
			if got := allJobs(t, s, w.ID, privacyd.JobFilter{Sort: order, Limit: 2}); got != want {
				t.Errorf("by %q: %s, want %s", order, got, want)
			}
			want = strings.ReplaceAll(strings.ReplaceAll(want, "j1", ""), "  ", " ")
			if got := allJobs(t, s, w.ID, privacyd.JobFilter{Types: exports, Sort: order, Limit: 2}); got != strings.TrimSpace(want) {
				t.Errorf("exports by %q: %s, want %s", order, got, want)
			}
		}
		_, err := s.FindJobs(ctx, w.ID, privacyd.JobFilter{Sort: privacyd.JobsEnded, Before: "j4", Limit: 2})
		wantCode(t, err, "cursor_invalid")
	})
}

func allJobs(t *testing.T, s *store.Store, workspaceID string, f privacyd.JobFilter) string {
	t.Helper()
	var ids []string
	for {
		jobs, err := s.FindJobs(t.Context(), workspaceID, f)
		must(t, err)
		for _, j := range jobs {
			ids = append(ids, j.ID)
			f.Before = f.Sort.Cursor(j)
		}
		if len(jobs) < f.Limit {
			return strings.Join(ids, " ")
		}
	}
}

func TestTokensByPage(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, w, other := t.Context(), workspace(t, s, "acme"), workspace(t, s, "other")
		for i, label := range []string{"beta", "Alpha", "gamma"} {
			must(t, s.InsertToken(ctx, privacyd.Token{
				ID: fmt.Sprintf("t-%d", i), WorkspaceID: w.ID, Label: label, Scopes: []privacyd.Action{privacyd.ActionReadRecords}, CreatedBy: "operator",
				CreatedAt: at.Add(time.Duration(i) * time.Hour),
			}, []byte{byte(i)}, auditID))
		}
		must(t, s.TouchToken(ctx, "t-1", at.Add(time.Minute)))
		for order, want := range map[string]string{"": "gamma Alpha", "label": "Alpha beta", "made": "beta Alpha", "-used": "Alpha gamma"} {
			list, total, err := s.TokensPage(ctx, w.ID, privacyd.PageQuery{Sort: order, Limit: 2})
			must(t, err)
			if got := list[0].Label + " " + list[1].Label; got != want || total != 3 {
				t.Errorf("by %q: %s of %d, want %s", order, got, total, want)
			}
		}
		token, err := s.Token(ctx, []byte{1})
		must(t, err)
		if token.LastUsedAt == nil || !token.LastUsedAt.Equal(at.Add(time.Minute)) {
			t.Errorf("it was last used at %v", token.LastUsedAt)
		}
		take := func(workspaceID string) (taken privacyd.Token, err error) {
			return taken, s.InTx(ctx, func(ctx context.Context) error {
				taken, err = s.TakeToken(ctx, workspaceID, "t-1")
				return err
			})
		}
		_, err = take(other.ID)
		wantCode(t, err, "token_not_found")
		if taken, err := take(w.ID); err != nil || taken.Label != "Alpha" {
			t.Error(taken, err)
		}
		_, err = s.Token(ctx, []byte{1})
		wantCode(t, err, "token_unknown")
	})
}
