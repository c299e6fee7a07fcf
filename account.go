package privacyd

import (
	"net/mail"
	"strings"
	"time"
)

// FormerAccount stands where it said which account did something, once that is
// erased.
const FormerAccount = "deleted-account"

// Account is a person who signs in. It spans workspaces.
type Account struct {
	ID        string    `json:"id"` // UUIDv7
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Invited   bool      `json:"invited"` // false: known only as the author of imported records, cannot sign in
	CreatedAt time.Time `json:"created_at"`
}

// Member is an account in a workspace.
type Member struct {
	WorkspaceID string    `json:"workspace_id"`
	AccountID   string    `json:"account_id"`
	Role        Role      `json:"role"`
	CreatedAt   time.Time `json:"created_at"`
	Audit       *Audited  `json:"audit,omitempty"` // in the answer to what made it
}

// MemberProfile is a member as the list of members shows it.
type MemberProfile struct {
	AccountID    string    `json:"account_id"`
	Email        string    `json:"email"`
	Name         string    `json:"name"`
	Role         Role      `json:"role"`
	CreatedAt    time.Time `json:"created_at"`
	SecondFactor bool      `json:"second_factor" doc:"A code is asked for at sign-in."`

	LeavingAt *time.Time `json:"leaving_at,omitempty" doc:"When the account is deleted, while that is in its grace period. Such an admin does not count as one."`
	Audit     *Audited   `json:"audit,omitempty"` // in the answer to what changed it
}

// Invitation asks somebody to become a member. Its link's secret is stored only
// as a hash.
type Invitation struct {
	ID          string    `json:"id"` // UUIDv7
	WorkspaceID string    `json:"workspace_id"`
	AccountID   string    `json:"-"` // the account that there is, or the id of the one that accepting makes
	Email       string    `json:"email"`
	Role        Role      `json:"role"`
	InvitedBy   string    `json:"-"` // as Caller.ID
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// Session is a signed-in browser. Its token is stored only as a hash; address
// and browser are sealed.
type Session struct {
	ID        string    `json:"id"`
	AccountID string    `json:"-"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at" doc:"To within ten minutes."`
	ExpiresAt time.Time `json:"expires_at"`
	IP        string    `json:"ip,omitempty"`
	Browser   string    `json:"browser,omitempty"`
	Current   bool      `json:"current,omitempty" doc:"The one that asks."`
}

// SecondFactor is the state of an account's second factor (TOTP, RFC 6238).
type SecondFactor struct {
	On        bool      `json:"on"`
	Since     time.Time `json:"since,omitzero"`
	CodesLeft int       `json:"recovery_codes_left"`
}

// Attempts is how often something was tried of late.
type Attempts struct {
	N     int       // failures that count still
	At    time.Time // of the last one
	Until time.Time // no try is taken before
}

// Token is an API token of one workspace. Its secret is shown once and stored
// only as a hash.
type Token struct {
	ID          string    `json:"id"`
	WorkspaceID string    `json:"workspace_id"`
	Label       string    `json:"label"`
	Scopes      []Action  `json:"scopes"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by"` // account id, or "operator"

	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"To within some minutes; missing: never."`

	Audit *Audited `json:"audit,omitempty"` // in the answer to what made it
}

// NormalEmail is the form in which e-mail addresses are compared and stored:
// trimmed and in lower case. The error says what is wrong without repeating
// the address.
func NormalEmail(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return "", Errorf(ClassInvalid, "email_invalid", "That is not an e-mail address. Give it as name@example.com.")
	}
	return s, nil
}

// PeopleAges says up to when what is kept of people's coming and going is
// forgotten.
type PeopleAges struct {
	Attempts, Browsers, Invitations, Requests, KeptMails time.Time
}
