package privacyd

import "time"

// PurgeState is where the deletion of a file stands.
type PurgeState string

// The states of a purge.
const (
	PurgePending PurgeState = "pending" // the rows that name the file are still there
	PurgeArmed   PurgeState = "armed"   // they are gone: the file may go
	PurgeDeleted PurgeState = "deleted"
	PurgeShared  PurgeState = "shared" // left, since rows that stay name it too
)

// Purge is a file that an erasure has to delete. It is written before the rows
// that name the file go, and acted on when they are gone.
type Purge struct {
	JobID    string
	Ref      string // a keyed hash of dataset, bucket and key: the same file is queued once in a job
	Dataset  string
	Bucket   string
	Sealed   []byte // the file's key in its bucket, sealed with a key that outlives the erasure: the instance's
	Due      time.Time
	Deadline time.Time
	Attempts int // that were begun
}

// PurgeCounts is where the files of one job stand.
type PurgeCounts struct {
	Queued   int64 // all of them
	Deleted  int64
	Shared   int64
	LastAt   time.Time // when the last one was done with; zero: none was
	Deadline time.Time // of the last one; zero: there are none
}

// Gone counts the files with which nothing is left to do.
func (c PurgeCounts) Gone() int64 { return c.Deleted + c.Shared }

// ReviewItem is a row of others in which verification saw what may be an
// erased person, for somebody to look at.
type ReviewItem struct {
	JobID  string // of the erasure
	N      int64  // counts within the job, from 1
	Sealed []byte // dataset, collection, key and column
}
