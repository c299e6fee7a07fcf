package privacyd

import "slices"

// CallerKind says how a caller proved who it is.
type CallerKind string

// The kinds of callers.
const (
	CallerAnonymous CallerKind = ""         // nobody has signed in
	CallerAccount   CallerKind = "account"  // a signed-in person
	CallerToken     CallerKind = "token"    // an API token of one workspace
	CallerOperator  CallerKind = "operator" // whoever runs the server's own commands on its machine
	CallerSystem    CallerKind = "system"   // a rule: expiry, retention, recovery
)

// Door is the way a caller came in.
type Door string

// The doors.
const (
	DoorREST Door = "rest"
	DoorWeb  Door = "web"
	DoorCLI  Door = "cli"
	DoorMCP  Door = "mcp"
	DoorNone Door = ""
)

// Caller is who asks. Doors build it; engine alone decides what it may do.
type Caller struct {
	Kind      CallerKind
	AccountID string // of an account
	Email     string // of an account
	Name      string // display name; for the operator its operating-system user; for the system its rule
	SessionID string
	Token     *Token // of a token
	IP        string // the client's address; empty where there is none
	Door      Door
	Operator  string // the operating-system user, where an operator acts as an account
	Browser   Browser
	Only      string // id of the workspace to which the caller keeps; empty: wherever it may
}

// Browser is what a browser shows of itself.
type Browser struct {
	Secret string // of the cookie by which it is known again; empty: it has none
	Name   string // such as "Firefox on Linux"; empty: unknown
}

// Scoped tells whether an API token allows action a in workspace ws. Callers
// without a token are not limited by scopes.
func (c Caller) Scoped(ws string, a Action) bool {
	if c.Kind != CallerToken {
		return true
	}
	return c.Token != nil && c.Token.WorkspaceID == ws && slices.Contains(c.Token.Scopes, a)
}

// ID is the stable identity of the caller: an account id, a token id, or the
// kind itself.
func (c Caller) ID() string {
	switch c.Kind {
	case CallerAccount:
		return c.AccountID
	case CallerToken:
		if c.Token != nil {
			return c.Token.ID
		}
	}
	return string(c.Kind)
}

// System is the caller that acts when nobody asked: rule names why.
func System(rule string) Caller { return Caller{Kind: CallerSystem, Name: rule} }
