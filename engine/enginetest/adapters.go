package enginetest

import (
	"context"
	"io"

	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/vault"
)

// These are the adapters of the command.

type blobs struct{ *blob.Store }

func (b blobs) Create(ctx context.Context, workspace, key string) (engine.BlobWriter, error) {
	w, err := b.Store.Create(ctx, workspace, key)
	if err != nil {
		return nil, err
	}
	return blobWriter{w}, nil
}

func (b blobs) Open(ctx context.Context, workspace, key string) (engine.Blob, error) {
	r, err := b.Store.Open(ctx, workspace, key)
	if err != nil {
		return nil, err
	}
	return r, nil
}

type blobWriter struct{ *blob.Writer }

func (w blobWriter) Commit() (int64, string, error) {
	info, err := w.Writer.Commit()
	return info.Size, info.SHA256, err
}

type source struct {
	*sqlsource.Source
	rows *int // the most that a batch of an erasure has; 0: as many as go in time
}

func (s source) Snapshot(ctx context.Context) (engine.Snapshot, error) {
	snapshot, err := s.Source.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return snapshot, nil
}

type recordStore struct{ *records.Store }

func (r recordStore) Import(ctx context.Context, ws string, s engine.ImportSource) (engine.Imported, error) {
	done, err := r.Store.Import(ctx, records.Request{Workspace: ws, Source: records.NDJSON("test.ndjson", s.Body, nil), Suppressed: s.Suppressed, Check: s.Check})
	return engine.Imported(done), err
}

func (r recordStore) Put(ctx context.Context, ws, collection, id string, record []byte) ([]byte, error) {
	return r.Upsert(ctx, ws, collection, id, record)
}

func (r recordStore) List(ctx context.Context, ws, collection string, q engine.RecordQuery) (engine.RecordPage, error) {
	page, err := r.Store.List(ctx, ws, collection, records.Query{
		Where: q.Equals, Text: q.Search, Begins: q.Begins, Sort: q.Sort, Cursor: q.Cursor, Limit: q.Limit,
	})
	return engine.RecordPage{Items: page.Records, NextCursor: page.Next}, err
}

func (r recordStore) Attach(ctx context.Context, ws string, a engine.Attachment, content io.Reader) ([]byte, error) {
	return r.Store.Attach(ctx, ws, records.Attachment(a), content)
}

func (r recordStore) OpenAttachment(ctx context.Context, ws, id string) (engine.Blob, engine.Attachment, error) {
	content, a, err := r.Store.OpenAttachment(ctx, ws, id)
	if err != nil {
		return nil, engine.Attachment{}, err
	}
	return content, engine.Attachment(a), nil
}

func (r recordStore) Purge(ctx context.Context) error {
	_, err := r.Store.Purge(ctx)
	return err
}

type authors struct{ b *Bench }

func (a authors) Resolve(ctx context.Context, list []records.Author) (map[string]string, error) {
	asked := make([]engine.Author, len(list))
	for n, author := range list {
		asked[n] = engine.Author{Email: author.Email, ID: author.ID, Name: author.Name}
	}
	return a.b.ResolveAuthors(ctx, asked)
}

// Eraser implements engine.Source.
func (s source) Eraser() (engine.Eraser, error) {
	e, err := s.Source.Eraser()
	if err != nil {
		return nil, err
	}
	e.MaxRows = *s.rows
	return e, nil
}

// ledgerKey keeps the suppression ledger's key with the vault's.
type ledgerKey struct{ keys *vault.Vault }

func (k ledgerKey) Wrap(ctx context.Context, key []byte) ([]byte, error) {
	return k.keys.Seal(ctx, vault.Owner{}, []byte("suppression ledger"), key)
}

func (k ledgerKey) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	return k.keys.Open(ctx, vault.Owner{}, []byte("suppression ledger"), wrapped)
}
