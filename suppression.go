package privacyd

import (
	"strings"
	"time"
)

// Root is a row that led to all that an erasure took: a person, a workspace or
// a row with a clock. The suppression ledger knows it by a keyed hash.
type Root struct {
	Dataset   string // of the data map
	Kind      string // of subject; of a row: its collection
	Workspace string // the key by which the dataset knows the workspace
	ID        string // the dataset's own id
}

// RootMark is a root's keyed hash: whoever has not the ledger's key cannot find
// out by trying whom it stands for.
type RootMark [32]byte

// Erased is what the suppression ledger keeps of an erasure: enough to do it
// again in a database that was restored from before it.
type Erased struct {
	Sequence int64 // given by the ledger, from 1
	JobID    string
	At       time.Time
	Expires  time.Time // when the oldest backup that could bring it back is gone
	Again    EraseAgain
}

// EraseAgain says what to erase after a restore. Its ids may be personal: the
// ledger keeps them sealed, and only until the entry expires.
type EraseAgain struct {
	Type        JobType           `json:"type"`
	WorkspaceID string            `json:"workspace_id,omitempty"` // ours
	DatasetKeys map[string]string `json:"dataset_keys,omitempty"` // of a workspace that the restored database may not know
	Subject     *Subject          `json:"subject,omitempty"`
	Dataset     string            `json:"dataset,omitempty"` // of rows with a clock
	Collection  string            `json:"collection,omitempty"`
	Keys        [][]string        `json:"keys,omitempty"` // of those rows, in the order of the collection's key
	// Holds are all legal holds that stood in its workspace; where it has none,
	// in all of them. What they cover was not erased.
	Holds []StoodHold `json:"holds,omitempty"`
	// AllHolds: an entry without a workspace has those of all, also if they are
	// none. Older ones without it have them only if something was held.
	AllHolds bool `json:"all_holds,omitempty"`
	// OnlyHolds: nothing was erased by this entry; a hold was placed or released
	// after an earlier one of the same job.
	OnlyHolds bool `json:"only_holds,omitempty"`
	// Withdrawn: nothing was erased by this entry; the deletion of a person or a
	// workspace, of which there are earlier ones of the same job, was cancelled
	// before its end, or did not come to Keys. Those count for nothing but their
	// holds, unless the job went on and has a later one that erases.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// Withdrawals tell which entries of a suppression ledger were taken back, and
// which rows of them. The zero value knows of none.
type Withdrawals struct {
	jobs map[string]int64 // the newest entry that takes back persons or workspaces
	rows map[string]int64 // by row
}

// Note notes an entry. Entries come in any order.
func (w *Withdrawals) Note(e Erased) {
	switch {
	case !e.Again.Withdrawn:
	case len(e.Again.Keys) == 0:
		if w.jobs == nil {
			w.jobs = map[string]int64{}
		}
		w.jobs[e.JobID] = max(w.jobs[e.JobID], e.Sequence)
	default:
		if w.rows == nil {
			w.rows = map[string]int64{}
		}
		for _, key := range e.Again.Keys {
			row := e.row(key)
			w.rows[row] = max(w.rows[row], e.Sequence)
		}
	}
}

// row names a row with a clock that a job erased.
func (e *Erased) row(key []string) string {
	return strings.Join(append([]string{e.JobID, e.Again.Dataset, e.Again.Collection}, key...), "\x00")
}

// Of tells whether an entry was taken back, or is one that takes back.
func (w *Withdrawals) Of(e Erased) bool {
	if e.Again.Withdrawn {
		return true
	}
	if len(e.Again.Keys) == 0 {
		return e.Sequence <= w.jobs[e.JobID]
	}
	return len(w.Standing(e)) == 0
}

// Standing are the rows of an entry that were not taken back, by their number
// among its Keys.
func (w *Withdrawals) Standing(e Erased) (rows []int) {
	for i, key := range e.Again.Keys {
		if e.Sequence > w.rows[e.row(key)] {
			rows = append(rows, i)
		}
	}
	return rows
}

// StoodHold is what the suppression ledger keeps of a legal hold, so that a
// restored database which does not know it goes round it, too.
type StoodHold struct {
	ID          string     `json:"id"`
	WorkspaceID string     `json:"workspace_id"`
	Target      HoldTarget `json:"target"`
	Ground      Ground     `json:"ground"`
	PlacedBy    string     `json:"placed_by"` // account id, token id, or "operator"
	PlacedAt    time.Time  `json:"placed_at"`
	ReviewAt    time.Time  `json:"review_at"`
}
