package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd"
)

// Documents keeps documents about how data is handled.
type Documents interface {
	InsertDocument(ctx context.Context, d privacyd.Document, auditID string) error
	DeleteDocument(ctx context.Context, id string) (known bool, err error)
	Documents(ctx context.Context) ([]privacyd.Document, error)
}

const (
	documentsFolder = accountsFolder + "/documents/" // of no workspace, as archives of accounts are
	documentHead    = 4 << 10                        // bytes that show what a file is
	documentSpare   = 24 * time.Hour                 // after which a file that no document names is nobody's
)

// AddDocument shows a document to everybody: a file of which filename gives the
// kind, or a link. Version and Date may be left out. The operator. Codes:
// document_invalid, document_kind, document_too_large, document_exists,
// place_moved while files are not to be written. Audit:
// legal.document.add.
func (e *Engine) AddDocument(ctx context.Context, c privacyd.Caller, d privacyd.Document, filename string, content io.Reader) (privacyd.Document, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageDocuments); err != nil {
		return d, err
	}
	d.AddedAt = e.Now()
	if d.Version == "" {
		d.Version = "1"
	}
	if d.Date == "" {
		d.Date = d.AddedAt.Format(time.DateOnly)
	}
	if err := d.Valid(); err != nil {
		return d, err
	}
	var err error
	if d.ID, err = newID(); err != nil {
		return d, err
	}
	if d.Link == "" {
		if refusal := e.moved(); refusal != nil {
			return d, e.deny(ctx, c, grant{}, privacyd.ActionManageDocuments, refusal)
		}
		if err := e.keepDocument(ctx, &d, filename, content); err != nil {
			return d, err
		}
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		auditID, err := e.record(ctx, documentEvent(c, "legal.document.add", d))
		if err != nil {
			return err
		}
		return e.Legal.Documents.InsertDocument(ctx, d, auditID)
	})
	if err != nil && d.BlobKey != "" {
		err = errors.Join(err, outcome(ctx, func(ctx context.Context) error { return e.Blobs.Delete(ctx, d.BlobKey) }))
	}
	return d, err
}

func documentEvent(c privacyd.Caller, action string, d privacyd.Document) privacyd.AuditEvent {
	return privacyd.AuditEvent{
		Caller: c, Action: action, Outcome: privacyd.OutcomeDone,
		Target:  privacyd.Target{Type: "document", ID: d.ID, Name: d.Title},
		Changes: map[string]privacyd.Change{"version": {After: d.Version}, "sha256": {After: d.SHA256}, "link": {After: d.Link}},
	}
}

// keepDocument stores a document's file, encrypted as all files are.
func (e *Engine) keepDocument(ctx context.Context, d *privacyd.Document, filename string, content io.Reader) (err error) {
	body := &sentBody{Reader: content}
	head := make([]byte, documentHead)
	n, _ := io.ReadFull(body, head) // a file may be shorter
	if body.broke != nil {
		return privacyd.Errorf(privacyd.ClassInvalid, "body_unreadable", "The body broke off: %w.", body.broke)
	}
	if n == 0 {
		return privacyd.Errorf(privacyd.ClassInvalid, "document_invalid", "A document needs a file that is not empty, or a link.")
	}
	if d.ContentType, err = privacyd.DocumentKind(filename, head[:n]); err != nil {
		return err
	}
	key := documentsFolder + d.ID
	w, err := e.Blobs.Create(ctx, accountsFolder, key)
	if err != nil {
		return err
	}
	all := io.LimitReader(io.MultiReader(bytes.NewReader(head[:n]), body), privacyd.MaxDocument+1)
	size, err := io.Copy(w, all)
	switch {
	case body.broke != nil:
		w.Abort()
		return privacyd.Errorf(privacyd.ClassInvalid, "body_unreadable", "The document broke off: %w.", body.broke)
	case err != nil:
		w.Abort()
		return fmt.Errorf("store a document: %w", err)
	case size > privacyd.MaxDocument:
		w.Abort()
		return privacyd.Errorf(privacyd.ClassInvalid, "document_too_large", "A document has at most 16 MiB. Put a larger one elsewhere and give its link.")
	}
	d.Size, d.SHA256, err = w.Commit()
	d.BlobKey = key
	return err
}

// sentBody remembers what broke off who sends it, for what goes wrong while it
// is stored is not the sender's doing.
type sentBody struct {
	io.Reader
	broke error
}

func (b *sentBody) Read(p []byte) (n int, err error) {
	n, err = b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.broke = err
	}
	return n, err
}

// WithdrawDocument shows a document no more and deletes its file. The operator.
// Code document_not_found. Audit: legal.document.withdraw.
func (e *Engine) WithdrawDocument(ctx context.Context, c privacyd.Caller, id string) error {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageDocuments); err != nil {
		return err
	}
	d, err := e.document(ctx, id)
	if err != nil {
		return err
	}
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if _, err := e.record(ctx, documentEvent(c, "legal.document.withdraw", d)); err != nil {
			return err
		}
		known, err := e.Legal.Documents.DeleteDocument(ctx, id)
		if err == nil && !known {
			err = errNoDocument()
		}
		return err
	})
	if err != nil || d.BlobKey == "" {
		return err
	}
	return outcome(ctx, func(ctx context.Context) error { return e.Blobs.Delete(ctx, d.BlobKey) })
}

// OpenDocument opens a document's file. It is public: anybody may. Code
// document_not_found, also for one that is a link.
func (e *Engine) OpenDocument(ctx context.Context, id string) (Blob, privacyd.Document, error) {
	d, err := e.document(ctx, id)
	if err == nil && d.BlobKey == "" {
		err = errNoDocument()
	}
	if err != nil {
		return nil, d, err
	}
	b, err := e.Blobs.Open(ctx, accountsFolder, d.BlobKey)
	return b, d, err
}

func (e *Engine) document(ctx context.Context, id string) (privacyd.Document, error) {
	all, err := e.Legal.Documents.Documents(ctx)
	if err != nil {
		return privacyd.Document{}, err
	}
	n := slices.IndexFunc(all, func(d privacyd.Document) bool { return d.ID == id })
	if n < 0 {
		return privacyd.Document{}, errNoDocument()
	}
	return all[n], nil
}

func errNoDocument() error {
	return privacyd.Errorf(privacyd.ClassNotFound, "document_not_found", "There is no such document. The legal page lists those that there are.")
}

// sweepDocuments deletes files that no document names: what a process left that
// died before it could say what it had stored, or after it had withdrawn it.
func (e *Engine) sweepDocuments(ctx context.Context) error {
	var spare []string
	for key, err := range e.Blobs.List(ctx, documentsFolder) {
		if err != nil {
			return fmt.Errorf("list documents: %w", err)
		}
		if id, err := uuid.Parse(path.Base(key)); err == nil && id.Version() == 7 {
			if sec, nsec := id.Time().UnixTime(); e.Now().Sub(time.Unix(sec, nsec)) > documentSpare {
				spare = append(spare, key)
			}
		}
	}
	if len(spare) == 0 {
		return nil
	}
	all, err := e.Legal.Documents.Documents(ctx)
	if err != nil {
		return err
	}
	for _, key := range spare {
		if slices.ContainsFunc(all, func(d privacyd.Document) bool { return d.BlobKey == key }) {
			continue
		}
		if err := e.Blobs.Delete(ctx, key); err != nil {
			return fmt.Errorf("delete a document that nobody knows: %w", err)
		}
	}
	return nil
}
