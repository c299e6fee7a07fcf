package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

const selectMembers = `SELECT a.id, a.email, a.name, m.role, m.created_at, coalesce(f.confirmed, 0), j.execute_after FROM members m
	JOIN accounts a ON a.id = m.account_id LEFT JOIN second_factors f ON f.account_id = a.id
	LEFT JOIN leaving_accounts l ON l.account_id = a.id LEFT JOIN jobs j ON j.id = l.job_id
	WHERE m.workspace_id = $1`

func scanMember(row scanner) (m privacyd.MemberProfile, err error) {
	var created, confirmed int64
	var leaving sql.NullInt64
	err = row.Scan(&m.AccountID, &m.Email, &m.Name, &m.Role, &created, &confirmed, &leaving)
	m.CreatedAt, m.SecondFactor, m.LeavingAt = sqldb.Time(created), confirmed != 0, sqldb.NullTime(leaving)
	return m, err
}

// Member finds a member of a workspace. Code member_not_found.
func (s *Store) Member(ctx context.Context, workspaceID, accountID string) (privacyd.MemberProfile, error) {
	m, err := scanMember(s.db.QueryRow(ctx, selectMembers+` AND m.account_id = $2`, workspaceID, accountID))
	return one(m, err, privacyd.Errorf(privacyd.ClassNotFound, "member_not_found", "There is no such member in this workspace."), "read member")
}

// MembersPage reads a page of a workspace's members, by e-mail address if not
// sorted otherwise. Code cursor_invalid.
func (s *Store) MembersPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (privacyd.Page[privacyd.MemberProfile], error) {
	return pageOf(ctx, s, s.memberList(), scanMember, func(m privacyd.MemberProfile) string { return m.AccountID }, workspaceID, q)
}

func (s *Store) memberList() listing {
	return listing{table: "members m", id: "m.account_id", rows: selectMembers, count: "count(*)", first: "email", orders: map[string]string{
		"email": s.bytewise("m.sort_email"), "name": s.bytewise("m.sort_name"), "role": s.bytewise("m.role"), "since": "m.created_at",
	}}
}

// MemberCounts counts a workspace's members, and those with a second factor.
func (s *Store) MemberCounts(ctx context.Context, workspaceID string) (all, factors int, err error) {
	err = s.db.QueryRow(ctx, `SELECT count(*), coalesce(sum(f.confirmed), 0) FROM members m LEFT JOIN second_factors f ON f.account_id = m.account_id
		WHERE m.workspace_id = $1`, workspaceID).Scan(&all, &factors)
	if err != nil {
		return 0, 0, fmt.Errorf("count members: %w", err)
	}
	return all, factors, nil
}

// MemberNames gives the names of those of these accounts that are members.
func (s *Store) MemberNames(ctx context.Context, workspaceID string, accountIDs []string) (map[string]string, error) {
	return s.named(ctx, `SELECT a.id, a.name FROM members m JOIN accounts a ON a.id = m.account_id WHERE m.workspace_id = $1`, "m.account_id", workspaceID, accountIDs)
}

// named reads what some of a workspace's rows are called, by their ids.
func (s *Store) named(ctx context.Context, query, id, workspaceID string, ids []string) (map[string]string, error) {
	names := map[string]string{}
	if len(ids) == 0 {
		return names, nil
	}
	c := conditions{text: query, args: []any{workspaceID}}
	c.in(id, ids)
	list, err := collect(ctx, s, func(row scanner) (pair [2]string, err error) { return pair, row.Scan(&pair[0], &pair[1]) }, c.text, c.args...)
	if err != nil {
		return nil, fmt.Errorf("read what rows are called: %w", err)
	}
	for _, pair := range list {
		names[pair[0]] = pair[1]
	}
	return names, nil
}

// SetRole changes a member's role.
func (s *Store) SetRole(ctx context.Context, workspaceID, accountID string, role privacyd.Role, auditID string) error {
	_, err := s.db.Exec(ctx, `UPDATE members SET role = $1, audit_entry_id = $2 WHERE workspace_id = $3 AND account_id = $4`,
		role, auditID, workspaceID, accountID)
	if err != nil {
		return fmt.Errorf("change role: %w", err)
	}
	return nil
}

// DeleteMember takes an account out of a workspace.
func (s *Store) DeleteMember(ctx context.Context, workspaceID, accountID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM members WHERE workspace_id = $1 AND account_id = $2`, workspaceID, accountID); err != nil {
		return fmt.Errorf("delete member: %w", err)
	}
	return nil
}

// OtherAdmins counts a workspace's admins but one, and but those who are leaving:
// in the grace period of their accounts they can do nothing.
func (s *Store) OtherAdmins(ctx context.Context, workspaceID, accountID string) (int, error) {
	var n int
	err := s.db.QueryRow(ctx, `SELECT count(*) FROM members WHERE workspace_id = $1 AND account_id <> $2 AND role = $3
		AND account_id NOT IN (SELECT account_id FROM leaving_accounts)`,
		workspaceID, accountID, privacyd.RoleAdmin).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count admins: %w", err)
	}
	return n, nil
}

const invitationColumns = "id, workspace_id, account_id, email, role, invited_by, created_at, expires_at"

func scanInvitation(row scanner) (privacyd.Invitation, error) {
	var v privacyd.Invitation
	var created, expires int64
	err := row.Scan(&v.ID, &v.WorkspaceID, &v.AccountID, &v.Email, &v.Role, &v.InvitedBy, &created, &expires)
	v.CreatedAt, v.ExpiresAt = sqldb.Time(created), sqldb.Time(expires)
	return v, err
}

// PutInvitation keeps an invitation under the hash of its link's secret, in
// place of an older one of the same address to the same workspace.
func (s *Store) PutInvitation(ctx context.Context, v privacyd.Invitation, hash []byte, auditID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM invitations WHERE workspace_id = $1 AND email = $2`, v.WorkspaceID, v.Email); err != nil {
		return fmt.Errorf("replace invitation: %w", err)
	}
	_, err := s.db.Exec(ctx, `INSERT INTO invitations (`+invitationColumns+`, hash, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, v.ID, v.WorkspaceID, v.AccountID, v.Email, v.Role, v.InvitedBy,
		sqldb.Micros(v.CreatedAt), sqldb.Micros(v.ExpiresAt), hash, auditID)
	if err != nil {
		return fmt.Errorf("insert invitation: %w", err)
	}
	return nil
}

// InvitationsPage reads a page of a workspace's invitations, the newest first if
// not sorted otherwise, also those that are too old. Code cursor_invalid.
func (s *Store) InvitationsPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (privacyd.Page[privacyd.Invitation], error) {
	return pageOf(ctx, s, s.invitationList(), scanInvitation, func(v privacyd.Invitation) string { return v.ID }, workspaceID, q)
}

func (s *Store) invitationList() listing {
	const rows = `SELECT ` + invitationColumns + ` FROM invitations WHERE workspace_id = $1`
	return listing{table: "invitations", id: "id", rows: rows, count: "count(*)", first: "-sent", orders: map[string]string{
		"email": s.bytewise("email"), "role": s.bytewise("role"), "sent": "created_at", "until": "expires_at",
	}}
}

var errNoInvitation = privacyd.Errorf(privacyd.ClassNotFound, "invitation_not_found", "There is no such invitation any more.")

// Invitation finds an invitation of a workspace. Code invitation_not_found.
func (s *Store) Invitation(ctx context.Context, workspaceID, id string) (privacyd.Invitation, error) {
	v, err := scanInvitation(s.db.QueryRow(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE workspace_id = $1 AND id = $2`, workspaceID, id))
	return one(v, err, errNoInvitation, "read invitation")
}

// InvitationTo finds the invitation of an address to a workspace. Code
// invitation_not_found.
func (s *Store) InvitationTo(ctx context.Context, workspaceID, email string) (privacyd.Invitation, error) {
	v, err := scanInvitation(s.db.QueryRow(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE workspace_id = $1 AND email = $2`, workspaceID, email))
	return one(v, err, errNoInvitation, "read invitation")
}

// InvitationByHash finds an invitation by the hash of its link's secret. Code
// invitation_used.
func (s *Store) InvitationByHash(ctx context.Context, hash []byte, now time.Time) (privacyd.Invitation, error) {
	v, err := scanInvitation(s.db.QueryRow(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE hash = $1 AND expires_at > $2`,
		hash, sqldb.Micros(now)))
	return one(v, err, privacyd.Errorf(privacyd.ClassUnauthenticated, "invitation_used",
		"This invitation was accepted or withdrawn already, or is too old. Ask an admin of the workspace for a new one."), "read invitation")
}

// DeleteInvitation deletes an invitation of a workspace, and tells whether
// there was one.
func (s *Store) DeleteInvitation(ctx context.Context, workspaceID, id string) (bool, error) {
	n, err := s.db.Exec(ctx, `DELETE FROM invitations WHERE workspace_id = $1 AND id = $2`, workspaceID, id)
	if err != nil {
		return false, fmt.Errorf("delete invitation: %w", err)
	}
	return n > 0, nil
}

// DeleteInvitationsBy deletes what somebody has invited to a workspace.
func (s *Store) DeleteInvitationsBy(ctx context.Context, workspaceID, invitedBy string) (int64, error) {
	n, err := s.db.Exec(ctx, `DELETE FROM invitations WHERE workspace_id = $1 AND invited_by = $2`, workspaceID, invitedBy)
	if err != nil {
		return 0, fmt.Errorf("delete invitations: %w", err)
	}
	return n, nil
}

// InvitedAs gives the account id that invitations of an address speak of,
// empty when there is none.
func (s *Store) InvitedAs(ctx context.Context, email string) (accountID string, err error) {
	err = s.db.QueryRow(ctx, `SELECT account_id FROM invitations WHERE email = $1 ORDER BY id LIMIT 1`, email).Scan(&accountID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read invitations: %w", err)
	}
	return accountID, nil
}
