package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
)

// phase is how far a run is: what was done before it is not done again.
type phase string

const (
	phaseErase  phase = "erase"  // rows go
	phaseFiles  phase = "files"  // their files go
	phaseVerify phase = "verify" // look for what is left
	phaseForget phase = "forget" // the audit log forgets the person
	phaseFinish phase = "finish" // mark, entry, receipt
)

// erasureState is what a run keeps, sealed, so that another process can go on.
type erasureState struct {
	Phase       phase                        `json:"phase"`
	Started     time.Time                    `json:"started"`
	Merged      map[string][]string          `json:"merged,omitempty"` // dataset → ids of the person's rows
	Identifiers []Identifier                 `json:"identifiers,omitempty"`
	Before      []privacyd.PlannedCollection `json:"before"`
	Maps        []privacyd.PlanMap           `json:"maps"`
	Holds       []privacyd.PlanHold          `json:"holds,omitempty"`
	After       []privacyd.PlannedCollection `json:"after,omitempty"`
	Done        []privacyd.PlannedCollection `json:"done,omitempty"`       // what really went, over all runs
	Found       []privacyd.PlannedCollection `json:"found,omitempty"`      // of products' rows, when they were counted last
	FoundDone   []privacyd.PlannedCollection `json:"found_done,omitempty"` // Done, then
	Held        []privacyd.PlannedCollection `json:"held,omitempty"`       // what stayed under a hold in the end
	Rounds      int                          `json:"rounds,omitempty"`     // after rows that were added meanwhile
	Ledger      int64                        `json:"ledger,omitempty"`     // the suppression ledger's newest mark when it began
	HeldSeen    bool                         `json:"held_seen,omitempty"`  // Held is known
	Spared      bool                         `json:"spared,omitempty"`     // a hold stood in a workspace that goes when it was verified
	Cleared     bool                         `json:"cleared,omitempty"`    // what privacyd's own tables knew of a workspace
	SweepBy     *time.Time                   `json:"sweep_by,omitempty"`   // when a workspace's last files must be gone
	SweptAt     *time.Time                   `json:"swept_at,omitempty"`
	Issue       int                          `json:"issue,omitempty"`      // of the receipt, the newest
	FilesTold   privacyd.FilesState          `json:"files_told,omitempty"` // in it
	Unproven    bool                         `json:"unproven,omitempty"`   // it has no proof that its entry is in the log
	Verified    time.Time                    `json:"verified,omitzero"`
	Searched    int64                        `json:"searched,omitempty"` // collections
	Where       map[string]int64             `json:"where,omitempty"`    // collection.column → rows that still name the person
	Residue     int64                        `json:"residue,omitempty"`
	Subject     string                       `json:"subject,omitempty"` // the id, of a person
	Keys        map[string]string            `json:"keys"`              // of a workspace that goes, by dataset
	Recheck     bool                         `json:"recheck,omitempty"` // it is only verified again
	Review      int64                        `json:"review,omitempty"`
	Listed      int64                        `json:"listed,omitempty"` // of these on the review list
	Exports     int64                        `json:"exports,omitempty"`
	Expired     []string                     `json:"expired,omitempty"`    // those exports' jobs
	Exported    []string                     `json:"exported,omitempty"`   // workspaces of which an export of everything would hold what goes
	Kept        []privacyd.PlannedCollection `json:"kept,omitempty"`       // rows that stay on a ground, counted again
	Workspaces  int64                        `json:"workspaces,omitempty"` // that were searched
	Sequence    int64                        `json:"sequence,omitempty"`   // of the mark in the suppression ledger
	Until       time.Time                    `json:"until,omitzero"`
	Entry       string                       `json:"entry,omitempty"` // that says it is done
	Ended       time.Time                    `json:"ended,omitzero"`
	Again       *privacyd.EraseAgain         `json:"again,omitempty"`     // rows to erase after a restore
	Replays     bool                         `json:"replays,omitempty"`   // what was erased before a restore
	ReplayOf    string                       `json:"replay_of,omitempty"` // by this job
	Logs        []string                     `json:"logs,omitempty"`      // datasets whose log could not be cut
	Wait        bool                         `json:"wait,omitempty"`      // as long as a hold is on a part of it
	Farewell    farewell                     `json:"farewell,omitzero"`   // whom to tell that it is done
	Abandoned   []string                     `json:"abandoned,omitempty"` // workspaces that nobody is left in
}

func (r *erasureRun) load(ctx context.Context) error {
	var err error
	r.state, err = r.e.runState(ctx, r.job.ID)
	r.counted = r.state.Done
	return err
}

// runState is what a job's runs kept; nothing where it did not begin.
func (e *Engine) runState(ctx context.Context, jobID string) (s erasureState, err error) {
	sealed, err := e.Runs.ErasureRun(ctx, jobID)
	if err != nil || sealed == nil {
		return s, err
	}
	return s, e.openJSON(ctx, scopeOwner(""), "erasure run", sealed, &s)
}

// save keeps the state; the phase is what comes next.
func (r *erasureRun) save(ctx context.Context, next phase) error {
	r.state.Phase = next
	return r.guarded(ctx, func(ctx context.Context) error {
		if err := r.keepState(ctx); err != nil {
			return err
		}
		return r.e.Jobs.UpdateJobProgress(ctx, r.job.ID, r.progress())
	})
}
