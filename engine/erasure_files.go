package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/work"
)

// WorkFiles is the kind of work that deletes the files of erased rows.
const WorkFiles = "files"

const (
	filesAtOnce  = 100
	fileLease    = 5 * time.Minute // after which another node takes a file that was claimed
	filePause    = 10 * time.Second
	filePauseMax = 15 * time.Minute
	filesInVain  = 5                  // failures in sequence, after which a store is left alone for a while
	keepFileRows = 7 * 24 * time.Hour // how long it is remembered that a file is gone
)

// BlobDeleter deletes files. A bucket without it is only read.
type BlobDeleter interface {
	Delete(ctx context.Context, key string) error
}

// queueFiles writes down which files are about to lose their rows.
func (e *Engine) queueFiles(ctx context.Context, jobID, dataset string, files []datamap.File) error {
	now := e.Now()
	purges := make([]privacyd.Purge, 0, len(files))
	for _, f := range files {
		sealed, err := e.sealFor(ctx, scopeOwner(""), "file", []byte(f.Key))
		if err != nil {
			return err
		}
		ref := e.Signer.Sign([]byte("file\x00" + dataset + "\x00" + f.Bucket + "\x00" + f.Key))
		purges = append(purges, privacyd.Purge{
			JobID: jobID, Ref: hex.EncodeToString(ref), Dataset: dataset, Bucket: f.Bucket, Sealed: sealed,
			Due: now, Deadline: now.Add(privacyd.FilesWithin),
		})
	}
	return e.Purges.QueuePurges(ctx, purges)
}

// armFiles lets the files go: the rows that named them are gone.
func (e *Engine) armFiles(ctx context.Context, jobID string, guarded func(context.Context, func(context.Context) error) error) error {
	return guarded(ctx, func(ctx context.Context) error { return e.armPurges(ctx, jobID) })
}

func (e *Engine) armPurges(ctx context.Context, jobID string) error {
	if err := e.Purges.ArmPurges(ctx, jobID, e.Now()); err != nil {
		return err
	}
	return e.Queue.Enqueue(ctx, work.Item{Kind: WorkFiles, Key: "due", At: e.Now(), MaxAttempts: fileAttempts})
}

// RunFiles is the handler of WorkFiles: it deletes what is due, and comes again
// for what could not be deleted.
func (e *Engine) RunFiles(ctx context.Context, _ string, lease work.Lease) error {
	if err := e.deleteDueFiles(ctx); err != nil {
		return err
	}
	if err := e.Purges.DeletePurges(ctx, e.Now().Add(-keepFileRows)); err != nil {
		return err
	}
	next, err := e.Purges.NextPurge(ctx)
	if err != nil || next == nil {
		return err
	}
	at := e.Now().Add(max(time.Second, next.Sub(e.Now())))
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := lease.Check(ctx); err != nil {
			return err
		}
		return e.Queue.Enqueue(ctx, work.Item{Kind: WorkFiles, Key: "due", At: at, MaxAttempts: fileAttempts})
	})
}

// deleteDueFiles deletes what is due, and has the receipts of the jobs
// concerned looked at. While nothing can be deleted it stops after some: what is
// left comes later.
func (e *Engine) deleteDueFiles(ctx context.Context) error {
	jobs, err := e.deleteFiles(ctx)
	for _, id := range slices.Sorted(maps.Keys(jobs)) {
		told := e.Queue.Enqueue(ctx, work.Item{Kind: WorkReceipt, Key: id, At: e.Now(), MaxAttempts: fileAttempts})
		err = errors.Join(err, told)
	}
	return err
}

// deleteFiles gives the jobs of which it deleted files.
func (e *Engine) deleteFiles(ctx context.Context) (jobs map[string]bool, err error) {
	jobs = map[string]bool{}
	for failed := 0; ; {
		claimed, err := e.Purges.ClaimPurges(ctx, e.Now(), e.Now().Add(fileLease), filesAtOnce)
		if err != nil || len(claimed) == 0 {
			return jobs, err
		}
		for _, p := range claimed {
			gone, err := e.purge(ctx, p)
			if err != nil {
				return jobs, err
			}
			if failed++; gone {
				failed, jobs[p.JobID] = 0, true
			}
			if failed == filesInVain {
				return jobs, nil
			}
		}
	}
}

// purge deletes one file, or says why it could not. Only an error of privacyd's
// own database ends the work.
func (e *Engine) purge(ctx context.Context, p privacyd.Purge) (gone bool, err error) {
	state, err := e.deleteFile(ctx, p)
	if err == nil {
		return true, e.Purges.FinishPurge(ctx, p, state, e.Now())
	}
	if ctx.Err() != nil {
		return false, err
	}
	pause := min(filePauseMax, filePause<<min(p.Attempts, 10))
	e.Log.WarnContext(ctx, "a file of an erasure could not be deleted and will be tried again", "job", p.JobID, "attempt", p.Attempts, "error", err)
	return false, e.Purges.FailPurge(ctx, p, privacyd.CodeOf(err), e.Now().Add(pause))
}

func (e *Engine) deleteFile(ctx context.Context, p privacyd.Purge) (privacyd.PurgeState, error) {
	d, err := e.dataset(p.Dataset)
	if err != nil {
		return "", err
	}
	bucket, ok := d.Files[p.Bucket].(BlobDeleter)
	if !ok {
		return "", privacyd.Errorf(privacyd.ClassUnavailable, "bucket_forbidden",
			"The bucket %s is not one that privacyd may delete from. Declare it under blobs.files with an address that allows it.", p.Bucket)
	}
	key, err := e.openFor(ctx, scopeOwner(""), "file", p.Sealed)
	if err != nil {
		return "", err
	}
	eraser, err := d.Source.Eraser()
	if err != nil {
		return "", err
	}
	named, err := eraser.Named(ctx, d.Graph, p.Bucket, []string{string(key)})
	if err != nil {
		return "", err
	}
	if len(named) > 0 {
		return privacyd.PurgeShared, nil
	}
	return privacyd.PurgeDeleted, bucket.Delete(ctx, string(key))
}

func (e *Engine) dataset(name string) (Dataset, error) {
	for _, d := range e.Datasets {
		if d.Name == name {
			return d, nil
		}
	}
	return Dataset{}, privacyd.Errorf(privacyd.ClassUnavailable, "dataset_unknown",
		"The dataset %s is no longer configured. Put it back: files of it are still to be deleted.", name)
}

// awaitFiles tries the files once; what is left goes by itself, and the receipt
// is issued anew when it did.
func (r *erasureRun) awaitFiles(ctx context.Context) error {
	if err := r.e.deleteDueFiles(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("delete files: %w", err)
	}
	return r.save(ctx, phaseVerify)
}
