package privacyd

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// MailKind names one of the mails that privacyd sends.
type MailKind string

// The mails, and which fields of Mail each needs beside To.
const (
	MailInvitation          MailKind = "invitation"            // Workspace, Role, Path, Until
	MailPasswordReset       MailKind = "password_reset"        // Path, Until
	MailNewSignIn           MailKind = "new_sign_in"           // Browser (may be empty), At, Path
	MailPasswordChanged     MailKind = "password_changed"      // At, Path
	MailSecondFactorChanged MailKind = "second_factor_changed" // Change, At, Path
	MailExportReady         MailKind = "export_ready"          // Workspace, Change (the job's type), Format, Bytes, Until, Path

	MailAccountDeletionScheduled MailKind = "account_deletion_scheduled" // Until (when it is deleted), Path
	MailAccountDeletionReminder  MailKind = "account_deletion_reminder"  // Until, Days, Path
	MailAccountDeletionCancelled MailKind = "account_deletion_cancelled" // At, Path
	MailAccountDeletionDone      MailKind = "account_deletion_done"      // At; without To.AccountID, whose key is gone by then

	MailWorkspaceDeletionScheduled MailKind = "workspace_deletion_scheduled" // Workspace, Until, Path
	MailWorkspaceDeletionReminder  MailKind = "workspace_deletion_reminder"  // Workspace, Until, Days, Path
	MailWorkspaceDeletionCancelled MailKind = "workspace_deletion_cancelled" // Workspace, At, Path
	MailWorkspaceDeletionDone      MailKind = "workspace_deletion_done"      // Workspace, At

	MailRetentionChanged MailKind = "retention_changed" // Workspace, Before, After, At, Path
)

// The changes that MailSecondFactorChanged tells.
const (
	SecondFactorOn    = "on"
	SecondFactorOff   = "off"
	SecondFactorCodes = "codes" // new recovery codes were made
	SecondFactorUsed  = "used"  // somebody signed in with a recovery code
)

// Addressee is whom a mail goes to.
type Addressee struct {
	AccountID string `json:"account_id,omitempty"` // whose key seals the mail while it waits; empty: the instance's own
	Email     string `json:"email"`
}

// Mail is what one person is told by mail. Only the fields that its kind needs
// are set; Check says which.
type Mail struct {
	Kind MailKind  `json:"kind"`
	To   Addressee `json:"to"`

	WorkspaceID string     `json:"workspace_id,omitempty"` // in whose audit log it is written that it was sent; empty: the instance's
	Workspace   string     `json:"workspace,omitempty"`    // its name
	Role        Role       `json:"role,omitempty"`
	Path        string     `json:"path,omitempty"` // where it leads, on this server
	Browser     string     `json:"browser,omitempty"`
	Change      string     `json:"change,omitempty"` // a code: what was changed or made
	Format      Format     `json:"format,omitempty"`
	Bytes       int64      `json:"bytes,omitempty"`
	Days        int        `json:"days,omitempty"`
	Before      *int       `json:"before,omitempty"` // days that conversations were kept; 0: for ever
	After       *int       `json:"after,omitempty"`
	At          *time.Time `json:"at,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
}

// mailNeeds is the table of fields that the constants above tell.
var mailNeeds = map[MailKind]string{
	MailInvitation:          "workspace role path until",
	MailPasswordReset:       "path until",
	MailNewSignIn:           "at path",
	MailPasswordChanged:     "at path",
	MailSecondFactorChanged: "change at path",
	MailExportReady:         "workspace change format bytes until path",

	MailAccountDeletionScheduled: "until path",
	MailAccountDeletionReminder:  "until days path",
	MailAccountDeletionCancelled: "at path",
	MailAccountDeletionDone:      "at",

	MailWorkspaceDeletionScheduled: "workspace until path",
	MailWorkspaceDeletionReminder:  "workspace until days path",
	MailWorkspaceDeletionCancelled: "workspace at path",
	MailWorkspaceDeletionDone:      "workspace at",

	MailRetentionChanged: "workspace before after at path",
}

// MailKinds lists every mail.
func MailKinds() []MailKind {
	kinds := make([]MailKind, 0, len(mailNeeds))
	for kind := range mailNeeds {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// Check fails when a mail lacks something that its kind needs: a defect of
// whoever made it.
func (m Mail) Check() error {
	needs, known := mailNeeds[m.Kind]
	if !known {
		return fmt.Errorf("there is no mail of the kind %q", m.Kind)
	}
	if m.To.Email == "" {
		return fmt.Errorf("a mail of the kind %s has no address", m.Kind)
	}
	there := m.fields()
	for _, name := range strings.Fields(needs) {
		if !there[name] {
			return fmt.Errorf("a mail of the kind %s lacks %s", m.Kind, name)
		}
	}
	return nil
}

func (m Mail) fields() map[string]bool {
	return map[string]bool{
		"workspace": m.Workspace != "", "role": m.Role != "", "path": m.Path != "", "change": m.Change != "", "format": m.Format != "",
		"bytes": m.Bytes > 0, "days": m.Days > 0, "before": m.Before != nil, "after": m.After != nil, "at": m.At != nil, "until": m.Until != nil,
	}
}

// ToMany tells whether the same mail goes to every member of a workspace.
func (m Mail) ToMany() bool {
	return strings.HasPrefix(string(m.Kind), "workspace_deletion_") || m.Kind == MailRetentionChanged
}

// Letter is a mail in words, ready to be sent.
type Letter struct {
	ID      string // of the mail: a letter that is sent twice has the same
	To      string // e-mail address
	Subject string
	Text    string
	HTML    string
	List    string // names the workspace where the same goes to all of its members; else empty
	At      time.Time
}

// QueuedMail is a mail that waits to be sent, or is kept to be read on a page
// where there is no mail server. Kind stays readable; the rest is sealed.
type QueuedMail struct {
	ID        string // UUIDv7
	Owner     string // the name of the key that seals it
	Kind      MailKind
	Sealed    []byte
	Tries     int
	Kept      bool
	CreatedAt time.Time
}
