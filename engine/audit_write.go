package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// AuditKeys keeps the keys under which products wrote entries, for some days.
type AuditKeys interface {
	AuditKeys(ctx context.Context, workspaceID string, hashes [][]byte) (map[string]privacyd.AuditKey, error)
	InsertAuditKeys(ctx context.Context, workspaceID string, keys []privacyd.AuditKey, at time.Time) (free bool, err error)
	DeleteAuditKeys(ctx context.Context, before time.Time) error
}

// NewActions asks to write a product's actions.
type NewActions struct {
	IdempotencyKey string // of the whole batch; may be empty
	Entries        []ProductAction
}

// RecordedAction is one of the entries that a batch became.
type RecordedAction struct {
	ID       string `json:"id"` // UUIDv7
	Existing bool   `json:"existing,omitempty" doc:"It was there already, from an earlier request with the same key."`
}

// RecordActions writes a product's own actions into a workspace's log, all of
// them or none, and gives their entries in the same order. Sent again under the
// same key, it gives what the first time wrote. Admins; tokens with the scope
// audit.write. Codes: batch_size, entries_invalid, entry_key_conflict,
// idempotency_conflict; EntryProblems has those of single entries. Audit: the
// entries themselves, as app.ACTION.
func (e *Engine) RecordActions(ctx context.Context, c privacyd.Caller, workspace string, r NewActions) ([]RecordedAction, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionWriteAudit)
	if err != nil {
		return nil, err
	}
	if len(r.IdempotencyKey) > maxActionID {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "idempotency_key_invalid", "An Idempotency-Key has at most %d bytes.", maxActionID)
	}
	checked, err := e.checkActions(c, g.Workspace.ID, r.Entries)
	if err != nil {
		return nil, err
	}
	w := actionWriter{e: e, workspaceID: g.Workspace.ID, entries: checked}
	if w.erased, err = e.makeKeys(ctx, checked); err != nil {
		return nil, err
	}
	if r.IdempotencyKey != "" {
		if err := w.nameBatch(r); err != nil {
			return nil, err
		}
	}
	const tries = 3 // another request with the same key may be faster
	for range tries {
		if err = e.Tx.InTx(ctx, w.write); !errors.Is(err, errKeyTaken) {
			return w.done, err
		}
	}
	return nil, privacyd.Errorf(privacyd.ClassUnavailable, "database_busy", "Others write under the same keys at this moment. Try again.")
}

// makeKeys sees to it that there is a key for each person of a batch before its
// transaction begins: a new one takes a write to the key store, and nobody else
// could write to the database meanwhile. It tells who is erased, and stays so.
func (e *Engine) makeKeys(ctx context.Context, entries []checkedAction) (map[auditlog.Owner]bool, error) {
	owners := make(chan auditlog.Owner)
	var making sync.WaitGroup
	var failed atomic.Pointer[error]
	var gone sync.Map
	for range keysAtOnce {
		making.Go(func() {
			for o := range owners {
				_, erased, err := e.Keys.SealFor(ctx, e.reference(o), nil, nil)
				if err != nil {
					failed.Store(&err)
				}
				if erased {
					gone.Store(o, true)
				}
			}
		})
	}
	known := map[auditlog.Owner]bool{}
	for _, o := range personsOf(entries) {
		if !known[o] && failed.Load() == nil {
			known[o] = true
			owners <- o
		}
	}
	close(owners)
	making.Wait()
	if err := failed.Load(); err != nil {
		return nil, fmt.Errorf("make the keys of a batch: %w", *err)
	}
	maps.DeleteFunc(known, func(o auditlog.Owner, _ bool) bool { _, erased := gone.Load(o); return !erased })
	return known, nil
}

func personsOf(entries []checkedAction) []auditlog.Owner {
	var owners []auditlog.Owner
	for _, a := range entries {
		for _, c := range a.record.Private {
			if c.Owner.Kind != "" {
				owners = append(owners, c.Owner)
			}
		}
		owners = append(owners, a.single...)
	}
	return owners
}

const keysAtOnce = 8

var errKeyTaken = errors.New("another request has just used this key")

// auditKey is what is kept of a key or of what was sent under it. Products
// choose keys freely, so that both may be personal.
func (e *Engine) auditKey(use, workspaceID, text string) []byte {
	return e.Signer.Sign([]byte("audit " + use + "\x00" + workspaceID + "\x00" + text))
}

// actionWriter writes one batch.
type actionWriter struct {
	e           *Engine
	workspaceID string
	entries     []checkedAction
	erased      map[auditlog.Owner]bool // of the entries' owners
	batch       privacyd.AuditKey       // without a hash: the batch has no key
	done        []RecordedAction
}

func (w *actionWriter) nameBatch(r NewActions) error {
	raw, err := json.Marshal(r.Entries)
	if err != nil {
		return fmt.Errorf("read a batch of entries: %w", err)
	}
	w.batch.Hash = w.e.auditKey("batch", w.workspaceID, r.IdempotencyKey)
	w.batch.Content = w.e.auditKey("content", w.workspaceID, string(raw))
	return nil
}

// write runs in a transaction, and may run again after one that was rolled
// back.
func (w *actionWriter) write(ctx context.Context) error {
	known, err := w.e.AuditKeys.AuditKeys(ctx, w.workspaceID, w.hashes())
	if err != nil {
		return err
	}
	if before, ok := known[string(w.batch.Hash)]; ok && w.batch.Hash != nil {
		return w.repeat(before)
	}
	if err := w.conflicts(known); err != nil {
		return err
	}
	w.done = make([]RecordedAction, len(w.entries))
	var keys []privacyd.AuditKey
	var persons []privacyd.AuditKnown
	for i, a := range w.entries {
		if before, ok := known[string(a.hash)]; ok && a.hash != nil {
			w.done[i] = RecordedAction{ID: entryIDs(before.Entries)[0], Existing: true}
			continue
		}
		persons = append(persons, a.known(w.e, w.erased)...)
		id, err := w.e.Audit.Append(ctx, a.record)
		if err != nil {
			return fmt.Errorf("append audit entry: %w", err)
		}
		w.done[i] = RecordedAction{ID: id}
		if a.hash != nil {
			keys = append(keys, privacyd.AuditKey{Hash: a.hash, Content: a.content, Entries: packIDs(w.done[i])})
		}
	}
	if err := w.e.Disclosed.InsertKnown(ctx, w.workspaceID, persons); err != nil {
		return err
	}
	return w.remember(ctx, keys)
}

func (w *actionWriter) hashes() [][]byte {
	var hashes [][]byte
	if w.batch.Hash != nil {
		hashes = append(hashes, w.batch.Hash)
	}
	for _, a := range w.entries {
		if a.hash != nil {
			hashes = append(hashes, a.hash)
		}
	}
	return hashes
}

// repeat gives what the same batch became before.
func (w *actionWriter) repeat(before privacyd.AuditKey) error {
	if !bytes.Equal(before.Content, w.batch.Content) {
		return privacyd.Errorf(privacyd.ClassConflict, "idempotency_conflict",
			"This Idempotency-Key was used for a batch with another content. Nothing was written; give each batch a key of its own.")
	}
	w.done = nil
	for _, id := range entryIDs(before.Entries) {
		w.done = append(w.done, RecordedAction{ID: id, Existing: true})
	}
	return nil
}

func (w *actionWriter) conflicts(known map[string]privacyd.AuditKey) error {
	var problems EntryProblems
	for i, a := range w.entries {
		if before, ok := known[string(a.hash)]; ok && a.hash != nil && !bytes.Equal(before.Content, a.content) {
			problems = append(problems, EntryProblem{
				Index: i, Code: "entry_key_conflict", Detail: "Its key was used for an entry with another content. Give each entry a key of its own.",
			})
		}
	}
	if len(problems) > 0 {
		return errEntries(privacyd.ClassConflict, "entry_key_conflict", len(w.entries), problems)
	}
	return nil
}

// remember keeps the keys, in one order for all so that two requests never wait
// for each other.
func (w *actionWriter) remember(ctx context.Context, keys []privacyd.AuditKey) error {
	if w.batch.Hash != nil {
		w.batch.Entries = packIDs(w.done...)
		keys = append(keys, w.batch)
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, func(a, b privacyd.AuditKey) int { return bytes.Compare(a.Hash, b.Hash) })
	free, err := w.e.AuditKeys.InsertAuditKeys(ctx, w.workspaceID, keys, w.e.Now())
	if err == nil && !free {
		err = errKeyTaken
	}
	return err
}

func packIDs(list ...RecordedAction) []byte {
	packed := make([]byte, 0, len(list)*len(uuid.UUID{}))
	for _, a := range list {
		id := uuid.MustParse(a.ID) // made by the log just now
		packed = append(packed, id[:]...)
	}
	return packed
}

func entryIDs(packed []byte) []string {
	var ids []string
	for id := range slices.Chunk(packed, len(uuid.UUID{})) {
		ids = append(ids, uuid.UUID(id).String())
	}
	return ids
}
