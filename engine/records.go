package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// Records is the embedded dataset.
type Records interface {
	Import(ctx context.Context, workspaceID string, s ImportSource) (Imported, error)
	Put(ctx context.Context, workspaceID, collection, id string, record []byte) ([]byte, error)
	Get(ctx context.Context, workspaceID, collection, id string) ([]byte, error)
	List(ctx context.Context, workspaceID, collection string, q RecordQuery) (RecordPage, error)
	Attach(ctx context.Context, workspaceID string, a Attachment, content io.Reader) ([]byte, error)
	OpenAttachment(ctx context.Context, workspaceID, id string) (Blob, Attachment, error)
	Purge(ctx context.Context) error
}

// Attachment is a file and the record that it belongs to.
type Attachment struct {
	ID          string
	RecordType  string
	RecordID    string
	Filename    string
	ContentType string
}

// ImportSource is what to import: a file that the server reads itself, or what
// a caller sends.
type ImportSource struct {
	File        string    // absolute path; the operator only
	Body        io.Reader // or this
	ContentType string    // of Body: application/x-ndjson or application/zip

	Suppressed Suppressed                      // set by Import: who was erased
	Check      func(ctx context.Context) error // set by Import: runs in each transaction that writes records, and ends it
}

// Suppressed knows who was erased and must not come back with an import.
type Suppressed interface {
	Mark(r privacyd.Root) privacyd.RootMark
	Marks(ctx context.Context) iter.Seq2[privacyd.RootMark, error]
}

// Imported is what an import wrote.
type Imported struct {
	Records     map[string]int64 `json:"records"`
	Attachments int64            `json:"attachments"`
	Bytes       int64            `json:"bytes"`
	Missing     int64            `json:"missing"`
	Skipped     map[string]int64 `json:"skipped,omitempty"`
	Accounts    int64            `json:"accounts"`
	Erased      map[string]int64 `json:"erased,omitempty" doc:"Records that were left out since whom they belong to was erased here, by collection."`
}

// Suppressed is how many records were left out of an import since whom they
// belong to was erased.
func (i Imported) Suppressed() (n int64) {
	for _, some := range i.Erased {
		n += some
	}
	return n
}

// RecordQuery narrows a list of records.
type RecordQuery struct {
	Cursor string
	Limit  int                 // 1 to 200; 0: 50
	Equals map[string]string   // field → value; fields that link a record, and status
	Among  map[string][]string // field → values of which it has one, at most 500; as Equals
	Search string              // contacts: a part of name, e-mail or phone
	Begins string              // contacts: the beginning of name, surname, e-mail, phone or id; the closest first, no cursor
	Sort   string              // id, created_at, of contacts also name and email; "-" before it: the other way round
}

// RecordPage is a part of a list.
type RecordPage struct {
	Items      []json.RawMessage `json:"items"`
	NextCursor string            `json:"next_cursor,omitempty"`
}

func (e *Engine) embedded() error {
	if e.Records == nil {
		return privacyd.Errorf(privacyd.ClassConflict, "no_embedded_dataset",
			"This installation keeps its records in a product's own database. Write them there.")
	}
	return nil
}

// Import writes records into the embedded dataset: everything is checked
// before anything is written. Admins and the operator; a file of the server's
// the operator only. Whom the suppression ledger knows is left out, with what
// belongs to them, and counted. It spans many transactions, so an entry says that
// it begins and another what it came to. Codes: those of docs/import-format.md.
// Audit: records.import.
func (e *Engine) Import(ctx context.Context, c privacyd.Caller, workspace string, s ImportSource) (Imported, error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionImport)
	if err != nil {
		return Imported{}, err
	}
	if err := e.embedded(); err != nil {
		return Imported{}, err
	}
	if s.File != "" {
		if err := e.operatorOnly(ctx, c, privacyd.ActionImport); err != nil {
			return Imported{}, err
		}
	}
	event := privacyd.AuditEvent{WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: string(privacyd.ActionImport), Outcome: privacyd.OutcomeIntent}
	if err := e.recordAlone(ctx, event); err != nil {
		return Imported{}, err
	}
	if s.Check, err = e.notOvertaken(ctx, g.Workspace.ID, s); err != nil {
		return Imported{}, err
	}
	s.Suppressed = e.Suppression
	done, err := e.Records.Import(writing(ctx, c, g), g.Workspace.ID, s)
	event.Outcome, event.Facts = privacyd.OutcomeDone, importFacts(done)
	if err != nil {
		event.Outcome, event.Code = privacyd.OutcomeFailed, privacyd.CodeOf(err)
	}
	return done, errors.Join(err, outcome(ctx, func(ctx context.Context) error { return e.recordAlone(ctx, event) }))
}

func importFacts(done Imported) map[string]int64 {
	facts := map[string]int64{"attachments": done.Attachments, "bytes": done.Bytes, "missing": done.Missing, "accounts": done.Accounts}
	for _, n := range done.Records {
		facts["records"] += n
	}
	if n := done.Suppressed(); n > 0 {
		facts["suppressed"] = n
	}
	return facts
}

func (e *Engine) recordAlone(ctx context.Context, event privacyd.AuditEvent) error {
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		_, err := e.record(ctx, event)
		return err
	})
}

// PutRecord makes or replaces a record of the embedded dataset and gives it as
// it is stored now. Admins and agents. Codes: those of docs/import-format.md.
// Audit: records.write.
func (e *Engine) PutRecord(ctx context.Context, c privacyd.Caller, workspace, collection, id string, record []byte) (stored []byte, err error) {
	g, err := e.recordsOf(ctx, c, workspace, privacyd.ActionWriteRecords)
	if err != nil {
		return nil, err
	}
	event := e.recordEvent(c, g, collection, id)
	if event.Target.Subject, err = e.ownerOfRecord(ctx, g.Workspace, collection, id, record); err != nil {
		return nil, err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if stored, err = e.Records.Put(writing(ctx, c, g), g.Workspace.ID, collection, id, record); err != nil {
			return err
		}
		_, err := e.record(ctx, event)
		return err
	})
	return stored, err
}

func (e *Engine) recordEvent(c privacyd.Caller, g grant, collection, id string) privacyd.AuditEvent {
	return privacyd.AuditEvent{
		WorkspaceID: g.Workspace.ID, Caller: c, Role: g.Role, Action: string(privacyd.ActionWriteRecords), Outcome: privacyd.OutcomeDone,
		Target: privacyd.Target{Type: collection, ID: id},
	}
}

// attachmentEvent is about a file under the key of the person whose it is.
func (e *Engine) attachmentEvent(ctx context.Context, c privacyd.Caller, g grant, a Attachment) (privacyd.AuditEvent, error) {
	event := e.recordEvent(c, g, "attachments", a.ID)
	of, err := json.Marshal(map[string]string{"record_type": a.RecordType, "record_id": a.RecordID})
	if err != nil {
		return event, err
	}
	event.Target.Subject, err = e.ownerOfRecord(ctx, g.Workspace, "attachments", a.ID, of)
	return event, err
}

func (e *Engine) recordsOf(ctx context.Context, c privacyd.Caller, workspace string, a privacyd.Action) (grant, error) {
	g, err := e.authorise(ctx, c, workspace, a)
	if err != nil {
		return g, err
	}
	return g, e.embedded()
}

// GetRecord reads a record of the embedded dataset as JSON. Admins and agents.
// Code record_not_found.
func (e *Engine) GetRecord(ctx context.Context, c privacyd.Caller, workspace, collection, id string) ([]byte, error) {
	g, err := e.recordsOf(ctx, c, workspace, privacyd.ActionReadRecords)
	if err != nil {
		return nil, err
	}
	return e.Records.Get(ctx, g.Workspace.ID, collection, id)
}

// ListRecords lists records of the embedded dataset. Admins and agents.
func (e *Engine) ListRecords(ctx context.Context, c privacyd.Caller, workspace, collection string, q RecordQuery) (RecordPage, error) {
	g, err := e.recordsOf(ctx, c, workspace, privacyd.ActionReadRecords)
	if err != nil {
		return RecordPage{}, err
	}
	if q.Limit <= 0 || q.Limit > maxPage {
		q.Limit = 50
	}
	return e.Records.List(ctx, g.Workspace.ID, collection, q)
}

// Attach stores a file and its record. Admins and agents. Codes: those of
// docs/import-format.md. Audit: records.write, before the upload as an intent
// and after it.
func (e *Engine) Attach(ctx context.Context, c privacyd.Caller, workspace string, a Attachment, content io.Reader) ([]byte, error) {
	g, err := e.recordsOf(ctx, c, workspace, privacyd.ActionWriteRecords)
	if err != nil {
		return nil, err
	}
	event, err := e.attachmentEvent(ctx, c, g, a)
	if err != nil {
		return nil, err
	}
	event.Outcome = privacyd.OutcomeIntent
	if err := e.recordAlone(ctx, event); err != nil {
		return nil, err
	}
	stored, err := e.Records.Attach(writing(ctx, c, g), g.Workspace.ID, a, content)
	event.Outcome = privacyd.OutcomeDone
	if err != nil {
		event.Outcome, event.Code = privacyd.OutcomeFailed, privacyd.CodeOf(err)
	}
	return stored, errors.Join(err, outcome(ctx, func(ctx context.Context) error { return e.recordAlone(ctx, event) }))
}

// OpenAttachment opens the bytes of an attachment. Admins and agents. Codes
// record_not_found, content_missing, blob_missing. Audit: attachment.download.
func (e *Engine) OpenAttachment(ctx context.Context, c privacyd.Caller, workspace, id string) (Blob, Attachment, error) {
	g, err := e.recordsOf(ctx, c, workspace, privacyd.ActionReadRecords)
	if err != nil {
		return nil, Attachment{}, err
	}
	content, a, err := e.Records.OpenAttachment(ctx, g.Workspace.ID, id)
	if err != nil {
		return nil, a, err
	}
	a.ID = id
	event, err := e.attachmentEvent(ctx, c, g, a)
	event.Action = "attachment.download"
	if err == nil {
		err = e.recordAlone(ctx, event)
	}
	if err != nil {
		return nil, a, errors.Join(err, content.Close())
	}
	return content, a, nil
}

// RunPurge is the handler of WorkPurge: it deletes files that no record names
// any more.
func (e *Engine) RunPurge(ctx context.Context, _ string, _ work.Lease) error {
	return e.Records.Purge(ctx)
}
