package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// Members lists a workspace's members by e-mail address.
func (s *Store) Members(ctx context.Context, workspaceID string) ([]privacyd.MemberProfile, error) {
	list, err := collect(ctx, s, scanMember, selectMembers+` ORDER BY a.email`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return list, nil
}

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

// MembersPage lists a part of a workspace's members, and how many there are.
// Whatever it is sorted by, the members of the one workspace are gone through,
// who are few: names and addresses are in the accounts, whom all workspaces share.
func (s *Store) MembersPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (list []privacyd.MemberProfile, total int, err error) {
	if total, err = s.countOf(ctx, "members", workspaceID); err != nil {
		return nil, 0, err
	}
	columns := map[string]string{"email": "a.email", "name": "lower(a.name)", "role": "m.role", "since": "m.created_at"}
	list, err = collect(ctx, s, scanMember, selectMembers+orderedBy(q.Sort, columns, "a.email", "a.id")+` LIMIT $2 OFFSET $3`, workspaceID, q.Limit, q.Offset)
	if err != nil {
		return nil, 0, fmt.Errorf("list a page of members: %w", err)
	}
	return list, total, nil
}

// countOf counts the rows that a workspace has in a table.
func (s *Store) countOf(ctx context.Context, table, workspaceID string) (n int, err error) {
	if err = s.db.QueryRow(ctx, `SELECT count(*) FROM `+table+` WHERE workspace_id = $1`, workspaceID).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", table, err)
	}
	return n, nil
}

// orderedBy makes the ORDER BY for the name of a column, which is one of those
// that are known and not text of somebody's; rows alike stand by their id.
func orderedBy(sort string, columns map[string]string, otherwise, id string) string {
	name, down := strings.CutPrefix(sort, "-")
	column, known := columns[name]
	switch {
	case !known:
		return " ORDER BY " + otherwise
	case down:
		return " ORDER BY " + column + " DESC, " + id + " DESC"
	default:
		return " ORDER BY " + column + ", " + id
	}
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

// Invitations lists a workspace's invitations, the newest first, also those
// that are too old.
func (s *Store) Invitations(ctx context.Context, workspaceID string) ([]privacyd.Invitation, error) {
	list, err := collect(ctx, s, scanInvitation,
		`SELECT `+invitationColumns+` FROM invitations WHERE workspace_id = $1 ORDER BY created_at DESC, id DESC`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return list, nil
}

// InvitationsPage lists a part of a workspace's invitations, the newest first if
// not sorted otherwise, and how many there are.
func (s *Store) InvitationsPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (list []privacyd.Invitation, total int, err error) {
	if total, err = s.countOf(ctx, "invitations", workspaceID); err != nil {
		return nil, 0, err
	}
	columns := map[string]string{"email": "email", "role": "role", "sent": "created_at", "until": "expires_at"}
	list, err = collect(ctx, s, scanInvitation, `SELECT `+invitationColumns+` FROM invitations WHERE workspace_id = $1`+
		orderedBy(q.Sort, columns, "created_at DESC, id DESC", "id")+` LIMIT $2 OFFSET $3`, workspaceID, q.Limit, q.Offset)
	if err != nil {
		return nil, 0, fmt.Errorf("list a page of invitations: %w", err)
	}
	return list, total, nil
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
