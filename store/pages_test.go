package store_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

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
		must(t, s.AdoptAccount(ctx, "id-1", "Ada", "hash", auditID)) // as it is
		for order, want := range map[string]string{
			"": "Cy Ada bob", "email": "Cy Ada bob", "-email": "bob Ada Cy", "name": "Ada bob Cy", "-name": "Cy bob Ada",
			"role": "Ada bob Cy", "-role": "Cy bob Ada", "since": "bob Ada Cy", "-since": "Cy Ada bob", "a.id; DROP TABLE members": "Cy Ada bob",
		} {
			got := everyPage(t, order, func(q privacyd.PageQuery) (privacyd.Page[privacyd.MemberProfile], error) {
				return s.MembersPage(ctx, w.ID, q)
			},
				func(m privacyd.MemberProfile) string { return m.Name })
			if got != want+" of 3" {
				t.Errorf("by %q: %s, want %s", order, got, want)
			}
		}
		if names, err := s.MemberNames(ctx, w.ID, []string{"id-1", "nobody"}); err != nil || len(names) != 1 || names["id-1"] != "Ada" {
			t.Error(names, err)
		}
		if all, factors, err := s.MemberCounts(ctx, w.ID); err != nil || all != 3 || factors != 0 {
			t.Error(all, factors, err)
		}
		for _, gone := range []string{"id-9", "x' OR 1=1"} {
			_, err := s.MembersPage(ctx, w.ID, privacyd.PageQuery{After: gone, Limit: 2})
			wantCode(t, err, "cursor_invalid")
		}
	})
}

// everyPage goes through a list by pages of two.
func everyPage[T any](t *testing.T, order string, read func(privacyd.PageQuery) (privacyd.Page[T], error), name func(T) string) string {
	t.Helper()
	var names []string
	q := privacyd.PageQuery{Sort: order, Limit: 2}
	for {
		p, err := read(q)
		must(t, err)
		for _, item := range p.Items {
			names = append(names, name(item))
		}
		if q.After = p.Next; p.Next == "" {
			return strings.Join(names, " ") + " of " + strconv.Itoa(p.Total)
		}
		if len(p.Items) != q.Limit || len(names) > 100 {
			t.Fatalf("by %q the pages do not end: %v", order, names)
		}
	}
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
		up, down := "i-0 i-1 i-2 of 3", "i-2 i-1 i-0 of 3"
		for order, want := range map[string]string{"": down, "email": down, "-email": up, "sent": up, "-sent": down, "until": down, "-until": up, "role": up, "-role": down} {
			got := everyPage(t, order, func(q privacyd.PageQuery) (privacyd.Page[privacyd.Invitation], error) {
				return s.InvitationsPage(ctx, w.ID, q)
			},
				func(v privacyd.Invitation) string { return v.ID })
			if got != want {
				t.Errorf("by %q: %s, want %s", order, got, want)
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
		for order, want := range map[string]string{
			"": "gamma Alpha beta", "label": "Alpha beta gamma", "-label": "gamma beta Alpha", "made": "beta Alpha gamma", "-used": "Alpha gamma beta", "used": "beta gamma Alpha",
		} {
			got := everyPage(t, order, func(q privacyd.PageQuery) (privacyd.Page[privacyd.Token], error) { return s.TokensPage(ctx, w.ID, q) },
				func(t privacyd.Token) string { return t.Label })
			if got != want+" of 3" {
				t.Errorf("by %q: %s, want %s", order, got, want)
			}
		}
		_, err := s.TokensPage(ctx, other.ID, privacyd.PageQuery{After: "t-1", Limit: 2})
		wantCode(t, err, "cursor_invalid") // it is another workspace's
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
