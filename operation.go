package privacyd

import (
	"slices"
	"strings"
	"time"
)

// DefaultGrace is how long an account or a workspace can still be saved after
// its deletion was confirmed.
const DefaultGrace = 30 * Day

// FilesWithin is how soon after its rows a file is gone at the latest.
const FilesWithin = 24 * time.Hour

// Proof is what a person types to confirm an erasure.
type Proof string

// The proofs.
const (
	ProofName     Proof = "name"     // the name of what is deleted
	ProofCount    Proof = "count"    // how many are deleted
	ProofPassword Proof = "password" // their own
)

// Rules say how jobs of one type behave.
type Rules struct {
	Action   Action        // who may ask for it, confirm and cancel it
	Own      bool          // only the account that it is about may, whatever its role
	System   bool          // nobody asks: the system does, daily
	Erases   bool          // irreversible: a plan is confirmed first
	Subject  bool          // it is about one person
	Grace    time.Duration // between confirmation and execution
	Waivable bool          // the holder may shorten the grace period
	Proofs   []Proof       // what has to be typed, besides the plan's hash
}

var rules = map[JobType]Rules{
	JobDataExport:        {Action: ActionExportWorkspace},
	JobSubjectExport:     {Action: ActionExportSubject, Subject: true},
	JobSubjectDeletion:   {Action: ActionDeleteSubject, Subject: true, Erases: true, Proofs: []Proof{ProofName}},
	JobAccountDeletion:   {Action: ActionDeleteAccount, Own: true, Subject: true, Erases: true, Grace: DefaultGrace, Waivable: true, Proofs: []Proof{ProofPassword}},
	JobWorkspaceDeletion: {Action: ActionDeleteWorkspace, Erases: true, Grace: DefaultGrace, Proofs: []Proof{ProofName, ProofPassword}},
	JobBulkDeletion:      {Action: ActionDeleteRecords, Erases: true, Proofs: []Proof{ProofCount}},
	JobRetentionRun:      {Action: ActionManageRetention, System: true, Erases: true},
}

// Rules gives the rules of a job type; false for one that there is not.
func (t JobType) Rules() (Rules, bool) {
	r, ok := rules[t]
	return r, ok
}

// Erases tells whether jobs of the type cannot be undone.
func (t JobType) Erases() bool { return rules[t].Erases }

// Erased counts what an erasure has deleted or changed by now: records, and
// earlier exports that held them. 0: nothing is gone, also when it has begun.
func (j *Job) Erased() int64 {
	if !j.Type.Erases() {
		return 0
	}
	if j.Result == nil {
		return j.Progress.Done
	}
	n := j.Result.ExportsExpired
	for _, counts := range []map[string]int64{j.Result.Records, j.Result.Changed} {
		for _, rows := range counts {
			n += rows
		}
	}
	return n
}

// Gone says what an erasure that waits or was cancelled has deleted already;
// empty: nothing.
func (j *Job) Gone() string {
	n := j.Erased()
	if n == 0 {
		return ""
	}
	return plural(n, "record", "records") + " had been deleted or changed by then, and cannot be brought back."
}

// Stopped says what a cancelled erasure has left behind.
func (j *Job) Stopped() string {
	switch gone := j.Gone(); {
	case gone != "":
		return "It was cancelled after it had begun: " + gone + " The rest stays."
	case j.StartedAt != nil:
		return "It was cancelled before anything was deleted."
	default:
		return "It was cancelled before it began. Nothing was deleted."
	}
}

// Confirmation is what a person gives to confirm an erasure.
type Confirmation struct {
	PlanHash string `json:"plan_hash"`
	Name     string `json:"name,omitempty"`
	Count    *int64 `json:"count,omitempty"`
	Password string `json:"password,omitempty"`
	Wait     bool   `json:"wait,omitempty"` // while a hold is on a part of it, wait; false: do the rest, keep what is held
}

// Check compares what was typed with what it has to be. The password is not
// compared here. Codes, all of class invalid: confirm_plan_missing,
// confirm_name_wrong, confirm_count_wrong, confirm_password_missing.
func (r Rules) Check(c Confirmation, name string, count int64) error {
	switch {
	case c.PlanHash == "":
		return Errorf(ClassInvalid, "confirm_plan_missing", "Look at the plan first, and confirm it by its hash.")
	case slices.Contains(r.Proofs, ProofName) && !sameName(c.Name, name):
		return Errorf(ClassInvalid, "confirm_name_wrong", "That is not the name. Type it exactly as it is shown.")
	case slices.Contains(r.Proofs, ProofCount) && (c.Count == nil || *c.Count != count):
		return Errorf(ClassInvalid, "confirm_count_wrong", "That is not the count. Type the number that the plan shows.")
	case slices.Contains(r.Proofs, ProofPassword) && c.Password == "":
		return Errorf(ClassInvalid, "confirm_password_missing", "Type your password to confirm.")
	}
	return nil
}

// sameName forgives spaces around the name and nothing else. An empty name
// confirms nothing.
func sameName(typed, name string) bool {
	typed, name = strings.TrimSpace(typed), strings.TrimSpace(name)
	return name != "" && typed == name
}

// reminders say how long before the end of a grace period people are told of it.
var reminders = [...]time.Duration{7 * Day, Day}

// NextReminder is when those concerned by a deletion that executes at end are
// told of it next after now; false when no more is due.
func NextReminder(end, now time.Time) (time.Time, bool) {
	for _, before := range reminders {
		if at := end.Add(-before); at.After(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// Approval is one person's decision on a plan that another one confirmed.
type Approval struct {
	JobID     string    `json:"job_id"`
	PlanHash  string    `json:"plan_hash"`
	DecidedBy string    `json:"decided_by"` // account id
	Approved  bool      `json:"approved"`   // false: refused, which cancels the job
	At        time.Time `json:"at"`
}

// Decide checks that by, an account's id, may decide on the job as it stands
// and on the plan with that hash. Codes: approval_not_asked, approval_own when
// the same person asked for it or confirmed it, plan_changed.
func (j *Job) Decide(by, planHash string) error {
	switch {
	case j.State != JobPendingApproval || j.WaitingOn != WaitApproval:
		return Errorf(ClassConflict, "approval_not_asked", "This job does not wait for an approval.")
	case by == j.RequestedBy || by == j.ConfirmedBy:
		return Errorf(ClassForbidden, "approval_own", "Somebody else has to approve what you asked for or confirmed: four eyes are wanted here.")
	case planHash == "" || planHash != j.PlanHash:
		return Errorf(ClassRefused, "plan_changed", "The plan is not what it was when it was shown. Look at the new one and approve that.")
	}
	return nil
}
