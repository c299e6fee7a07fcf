package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
)

// People keeps how people get in and who belongs where.
type People interface {
	Passwords
	SessionList
	Links
	Browsers
	SecondFactors
	Members
	Invitations
	MailQueue
}

// Passwords keeps the hashes of passwords.
type Passwords interface {
	Password(ctx context.Context, accountID string) (hash string, err error)
	LockPassword(ctx context.Context, accountID, hash string) (still bool, err error)
	SetPassword(ctx context.Context, accountID, hash, auditID string) error
	AnyAccount(ctx context.Context) (bool, error)
	LockFirst(ctx context.Context) error
	InsertResetRequest(ctx context.Context, id string, sealed []byte, at time.Time) error
	TakeResetRequest(ctx context.Context, id string) (sealed []byte, err error)
	DeleteOldPeople(ctx context.Context, o privacyd.PeopleAges) error
}

// SessionList keeps the sessions of one account.
type SessionList interface {
	SessionsOf(ctx context.Context, accountID string, now time.Time) (list []privacyd.Session, about [][]byte, err error)
	TouchSession(ctx context.Context, id string, at time.Time) error
	DeleteOwnSession(ctx context.Context, accountID, id string) (bool, error)
	DeleteSessionsOf(ctx context.Context, accountID, but string) (int64, error)
}

// Links keeps one-time links, and sign-ins that wait for a code, under the
// hashes of their secrets.
type Links interface {
	InsertLink(ctx context.Context, purpose string, hash []byte, accountID string, expires time.Time, auditID string) error
	Link(ctx context.Context, purpose string, hash []byte, now time.Time) (accountID string, err error)
	TakeLink(ctx context.Context, purpose string, hash []byte, now time.Time) (accountID string, err error)
	DeleteLinks(ctx context.Context, purpose, accountID string) error
}

// Browsers keeps which browsers an account was used in, and how often
// something was tried.
type Browsers interface {
	SawBrowser(ctx context.Context, accountID string, hash []byte, at time.Time) (known, any bool, err error)
	KnownBrowser(ctx context.Context, accountID string, hash []byte) (bool, error)
	ForgetBrowsers(ctx context.Context, accountID string) error
	LockAttempts(ctx context.Context, hash []byte) (privacyd.Attempts, error)
	PutAttempts(ctx context.Context, hash []byte, a privacyd.Attempts) error
}

// SecondFactors keeps second factors, their secrets sealed and their recovery
// codes as keyed hashes.
type SecondFactors interface {
	SecondFactor(ctx context.Context, accountID string) (f privacyd.SecondFactor, sealed []byte, err error)
	BeginSecondFactor(ctx context.Context, accountID string, sealed []byte, at time.Time, auditID string) (bool, error)
	ConfirmSecondFactor(ctx context.Context, accountID string, at time.Time, auditID string) (bool, error)
	UseStep(ctx context.Context, accountID string, step int64) (bool, error)
	DeleteSecondFactor(ctx context.Context, accountID string) (bool, error)
	PutRecoveryCodes(ctx context.Context, accountID string, hashes [][]byte) error
	TakeRecoveryCode(ctx context.Context, accountID string, hash []byte) (bool, error)
}

// Members keeps who belongs to a workspace.
type Members interface {
	Member(ctx context.Context, workspaceID, accountID string) (privacyd.MemberProfile, error)
	MembersPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (privacyd.Page[privacyd.MemberProfile], error)
	MemberNames(ctx context.Context, workspaceID string, accountIDs []string) (map[string]string, error)
	MemberCounts(ctx context.Context, workspaceID string) (all, factors int, err error)
	SetRole(ctx context.Context, workspaceID, accountID string, role privacyd.Role, auditID string) error
	DeleteMember(ctx context.Context, workspaceID, accountID string) error
	OtherAdmins(ctx context.Context, workspaceID, accountID string) (int, error)
}

// Invitations keeps who was invited.
type Invitations interface {
	PutInvitation(ctx context.Context, v privacyd.Invitation, hash []byte, auditID string) error
	Invitation(ctx context.Context, workspaceID, id string) (privacyd.Invitation, error)
	InvitationTo(ctx context.Context, workspaceID, email string) (privacyd.Invitation, error)
	InvitationsPage(ctx context.Context, workspaceID string, q privacyd.PageQuery) (privacyd.Page[privacyd.Invitation], error)
	InvitationByHash(ctx context.Context, hash []byte, now time.Time) (privacyd.Invitation, error)
	DeleteInvitation(ctx context.Context, workspaceID, id string) (bool, error)
	DeleteInvitationsBy(ctx context.Context, workspaceID, invitedBy string) (int64, error)
	InvitedAs(ctx context.Context, email string) (accountID string, err error)
}

// MailQueue keeps mails that wait.
type MailQueue interface {
	InsertMail(ctx context.Context, m privacyd.QueuedMail) error
	Mail(ctx context.Context, id string) (privacyd.QueuedMail, error)
	KeptMails(ctx context.Context, owner, before string, limit int) ([]privacyd.QueuedMail, error)
	SetTries(ctx context.Context, id string, tries int) error
	HoldMail(ctx context.Context, id, workspaceID string, at time.Time) error
	HeldMails(ctx context.Context, workspaceID string, limit int) (ids []string, err error)
	DeleteMail(ctx context.Context, id string) error
	DeleteMailsOf(ctx context.Context, owner string) error
}

// Notices keeps mails to many that are on their way to them, and who is told at
// the end of a workspace's deletion.
type Notices interface {
	InsertNotice(ctx context.Context, n privacyd.Notice) error
	Notice(ctx context.Context, id string) (privacyd.Notice, error)
	NoticeReaders(ctx context.Context, n privacyd.Notice, role privacyd.Role, limit int) ([]privacyd.Addressee, error)
	AdvanceNotice(ctx context.Context, n privacyd.Notice, accountID string) error
	DeleteNotice(ctx context.Context, n privacyd.Notice) error
	PutReadersAside(ctx context.Context, jobID, workspaceID, after string, limit int) (last string, err error)
	DeleteReaders(ctx context.Context, jobID string) error
}

// Secrets seals small values with the key of whom they are about, whom it
// knows by a reference.
type Secrets interface {
	Reference(workspace, kind, id string) string
	SealFor(ctx context.Context, reference string, aad, plaintext []byte) (sealed []byte, erased bool, err error)
	OpenFor(ctx context.Context, reference string, aad, sealed []byte) (plaintext []byte, erased bool, err error)
}

// Letters puts mails into words.
type Letters interface {
	Write(id string, at time.Time, m privacyd.Mail) (privacyd.Letter, error)
}

// Post sends letters. An error of ClassRefused says that this letter will never
// be taken; any other may pass.
type Post interface {
	Send(ctx context.Context, l privacyd.Letter) error
}

// Mailing says how mails leave. The zero value: there is no mail, and what
// needs one is refused.
type Mailing struct {
	Letters Letters
	Post    Post // nil: mails are kept, to be read on a page

	Operator string // e-mail address of whoever runs the server; empty: only the log tells them
}
