package privacyd

import (
	"net/mail"
	"strings"
	"time"
)

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
}

// Session is a signed-in browser. Its token is stored only as a hash.
type Session struct {
	ID        string
	AccountID string
	CreatedAt time.Time
	ExpiresAt time.Time
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
