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

	MailAccountExportReady  MailKind = "account_export_ready"  // Format, Bytes, Until, Path: to the holder, of everything about them
	MailAccountExportFailed MailKind = "account_export_failed" // Reason, Path

	MailAccountDeletionScheduled MailKind = "account_deletion_scheduled" // Until (when it is deleted), Path
	MailAccountDeletionReminder  MailKind = "account_deletion_reminder"  // Until, Days, Path
	MailAccountDeletionCancelled MailKind = "account_deletion_cancelled" // At, Path, Count (of records that had gone by then, may be 0)
	MailAccountDeletionDone      MailKind = "account_deletion_done"      // At; without To.AccountID, whose key is gone by then
	MailAccountDeletionBlocked   MailKind = "account_deletion_blocked"   // Reason, Path: why nothing is deleted yet, Art. 12(4) GDPR

	MailWorkspaceDeletionScheduled MailKind = "workspace_deletion_scheduled" // Workspace, Until, Path
	MailWorkspaceDeletionReminder  MailKind = "workspace_deletion_reminder"  // Workspace, Until, Days, Path
	MailWorkspaceDeletionCancelled MailKind = "workspace_deletion_cancelled" // Workspace, At, Path, Count (as above)
	MailWorkspaceDeletionDone      MailKind = "workspace_deletion_done"      // Workspace, At

	MailRetentionChanged MailKind = "retention_changed" // Workspace, Before, After, At, Path

	MailApprovalWanted MailKind = "approval_wanted" // Workspace, Change (the job's type), Why, Count, Path
	MailJobFailed      MailKind = "job_failed"      // Workspace, Change (the job's type), Reason, Path
	MailHoldReviewDue  MailKind = "hold_review_due" // Workspace, At (when the review was due), Path

	// To whoever runs the server, without To.AccountID.
	MailDeletionEscalated MailKind = "deletion_escalated" // Account (its id), Reason, At (when it was asked for)
	MailDeletionFailed    MailKind = "deletion_failed"    // Change (the job's type), Job (its id), Reason
	MailObjection         MailKind = "objection"          // Workspace, Processor, At

	MailSubProcessor MailKind = "sub_processor" // Workspace, Processor, Change, At (from when), Path
	MailAgreement    MailKind = "agreement"     // Workspace, At (when it was published), Path
)

// Why an approval is wanted: what the mail MailApprovalWanted says.
const (
	WhyApproval = "approval" // a second person approves what another one confirmed
	WhyProposed = "proposed" // what only a person may confirm was asked for by a program
	WhyChanged  = "changed"  // the plan is no more what was confirmed
	WhyBrake    = "brake"    // a retention run would take more than the workspace allows
	WhyBlocked  = "blocked"  // something is in the way
)

// The changes that MailSecondFactorChanged tells.
const (
	SecondFactorOn    = "on"
	SecondFactorOff   = "off"
	SecondFactorCodes = "codes" // new recovery codes were made
	SecondFactorUsed  = "used"  // somebody signed in with a recovery code
)

// The changes that MailSubProcessor tells.
const (
	SubProcessorNew     = "new"
	SubProcessorChanged = "changed"
	SubProcessorEnded   = "ended"
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
	Why         string     `json:"why,omitempty"`    // a code
	Reason      string     `json:"reason,omitempty"` // an error's message: sentences without personal data
	Count       int64      `json:"count,omitempty"`  // of jobs that wait, or of records that had gone
	Job         string     `json:"job,omitempty"`    // its id; what is no more so when the mail is sent is not told
	Account     string     `json:"account,omitempty"`
	Processor   string     `json:"processor,omitempty"` // a sub-processor's name
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
	MailAccountExportReady:  "format bytes until path",
	MailAccountExportFailed: "reason path",

	MailAccountDeletionScheduled: "until path",
	MailAccountDeletionReminder:  "until days path",
	MailAccountDeletionCancelled: "at path",
	MailAccountDeletionDone:      "at",
	MailAccountDeletionBlocked:   "reason path",

	MailWorkspaceDeletionScheduled: "workspace until path",
	MailWorkspaceDeletionReminder:  "workspace until days path",
	MailWorkspaceDeletionCancelled: "workspace at path",
	MailWorkspaceDeletionDone:      "workspace at",

	MailRetentionChanged: "workspace before after at path",

	MailApprovalWanted: "workspace change why count path",
	MailJobFailed:      "workspace change reason path",
	MailHoldReviewDue:  "workspace at path",

	MailSubProcessor: "workspace processor change at path",
	MailAgreement:    "workspace at path",
	MailObjection:    "workspace processor at",

	MailDeletionEscalated: "account reason at",
	MailDeletionFailed:    "change job reason",
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
		"why": m.Why != "", "reason": m.Reason != "", "count": m.Count > 0, "job": m.Job != "", "account": m.Account != "", "processor": m.Processor != "",
	}
}

// ToMany tells whether the same mail goes to several members of a workspace.
func (m Mail) ToMany() bool {
	switch m.Kind {
	case MailRetentionChanged, MailApprovalWanted, MailJobFailed, MailHoldReviewDue, MailSubProcessor, MailAgreement:
		return true
	default:
		return strings.HasPrefix(string(m.Kind), "workspace_deletion_")
	}
}

// Timely gives a mail about a deletion as it reads at now. It is false when the
// mail says what is no more so: the job is not on its way as it was when the
// mail was queued. Job is nil when there is none any more.
func (m Mail) Timely(job *Job, now time.Time) (Mail, bool) {
	switch m.Kind {
	case MailAccountDeletionReminder, MailWorkspaceDeletionReminder:
		m.Days = DaysLeft(*m.Until, now)
		return m, m.onItsWay(job) && m.Until.After(now)
	case MailAccountDeletionScheduled, MailWorkspaceDeletionScheduled:
		return m, m.onItsWay(job)
	case MailApprovalWanted:
		return m, m.Job == "" || job != nil && (job.State == JobPendingApproval || job.State == JobBlocked)
	default:
		return m, true
	}
}

// LinkEnded tells whether the link that a mail is about leads nowhere any more.
func (m Mail) LinkEnded(now time.Time) bool {
	switch m.Kind {
	case MailInvitation, MailPasswordReset, MailExportReady, MailAccountExportReady:
		return !m.Until.After(now)
	default:
		return false
	}
}

func (m Mail) onItsWay(job *Job) bool {
	return job != nil && job.State == JobScheduled && job.ExecuteAfter != nil && job.ExecuteAfter.Equal(*m.Until)
}

// DaysLeft is how many days it is until end, to the nearest, and 1 at least.
func DaysLeft(end, now time.Time) int {
	return max(1, int((end.Sub(now)+Day/2)/Day))
}

// Notice is a mail to many members of a workspace that is on its way to them.
type Notice struct {
	ID          string // UUIDv7
	WorkspaceID string
	JobID       string // whose readers were put aside, since they are members no more; empty: those who are members
	Sealed      []byte // the mail, and to whom of them
	After       string // the account that was told last; empty: nobody was
	CreatedAt   time.Time
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
	HeldFor   string    // the workspace for which it is held back; empty: it is not
	HeldAt    time.Time // since when, or when it was let go; zero: it never was
}

// Since is from when on it is tried to send the mail.
func (m QueuedMail) Since() time.Time {
	if m.HeldAt.After(m.CreatedAt) {
		return m.HeldAt
	}
	return m.CreatedAt
}
