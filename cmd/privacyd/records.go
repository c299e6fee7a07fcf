package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/blob"
)

// embedded is a records.Store as engine sees it.
type embedded struct {
	*records.Store
	files *blob.Store
}

// Import reads a file of this machine, or what a caller sends.
func (r embedded) Import(ctx context.Context, workspaceID string, s engine.ImportSource) (engine.Imported, error) {
	switch {
	case s.File != "":
		return r.importFile(ctx, workspaceID, s)
	case strings.HasPrefix(s.ContentType, "application/zip"):
		return r.importUpload(ctx, workspaceID, s)
	case strings.HasPrefix(s.ContentType, "application/x-ndjson"):
		return r.run(ctx, workspaceID, s, records.NDJSON("body", s.Body, nil), "")
	}
	return engine.Imported{}, privacyd.Errorf(privacyd.ClassInvalid, "content_type_unknown",
		"Send an import as application/x-ndjson or application/zip.")
}

func (r embedded) importFile(ctx context.Context, workspaceID string, s engine.ImportSource) (engine.Imported, error) {
	f, err := os.Open(s.File)
	if err != nil {
		return engine.Imported{}, privacyd.Errorf(privacyd.ClassInvalid, "import_unreadable", "The import file cannot be read: %w.", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	if strings.EqualFold(filepath.Ext(s.File), ".zip") {
		info, err := f.Stat()
		if err != nil {
			return engine.Imported{}, fmt.Errorf("read the import: %w", err)
		}
		return r.importArchive(ctx, workspaceID, s, filepath.Base(s.File), f, info.Size())
	}
	beside, err := records.OpenFolder(filepath.Dir(s.File))
	if err != nil {
		return engine.Imported{}, err
	}
	defer beside.Close() //nolint:errcheck // it was only read
	return r.run(ctx, workspaceID, s, records.NDJSON(filepath.Base(s.File), f, beside), "")
}

const (
	importsFolder = "/imports/"
	uploadLife    = 24 * time.Hour // longer than any import takes
)

// deleteUploads deletes archives that were sent to be imported by a process
// that died. Their names are UUIDv7, which say when that was.
func deleteUploads(ctx context.Context, e *engine.Engine, files *blob.Store) error {
	workspaces, err := e.ListWorkspaces(ctx, privacyd.System("recovery"))
	if err != nil {
		return err
	}
	for _, w := range workspaces {
		for key, err := range files.List(ctx, w.ID+importsFolder) {
			if err != nil {
				return err
			}
			id, err := uuid.Parse(path.Base(key))
			if err != nil {
				continue
			}
			if sec, nsec := id.Time().UnixTime(); e.Now().Sub(time.Unix(sec, nsec)) < uploadLife {
				continue
			}
			if err := files.Delete(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// importUpload keeps an archive that is sent, encrypted, until it is imported:
// its directory is at its end.
func (r embedded) importUpload(ctx context.Context, workspaceID string, s engine.ImportSource) (engine.Imported, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return engine.Imported{}, fmt.Errorf("make id: %w", err)
	}
	key := workspaceID + importsFolder + id.String()
	w, err := r.files.Create(ctx, workspaceID, key)
	if err != nil {
		return engine.Imported{}, err
	}
	if _, err := io.Copy(w, s.Body); err != nil {
		w.Abort()
		return engine.Imported{}, fmt.Errorf("read the import: %w", err)
	}
	if _, err := w.Commit(); err != nil {
		return engine.Imported{}, err
	}
	defer r.files.Delete(context.WithoutCancel(ctx), key) //nolint:errcheck // the daily purge deletes it
	in, err := r.files.Open(ctx, workspaceID, key)
	if err != nil {
		return engine.Imported{}, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	return r.importArchive(ctx, workspaceID, s, "body", in, in.Size())
}

func (r embedded) importArchive(ctx context.Context, workspaceID string, s engine.ImportSource, name string, in io.ReaderAt, size int64) (engine.Imported, error) {
	report, err := archive.Verify(ctx, in, size, nil)
	if err != nil {
		return engine.Imported{}, err
	}
	if !report.OK {
		return engine.Imported{}, privacyd.Errorf(privacyd.ClassInvalid, "archive_damaged",
			"The archive is not whole: %s Run privacyd archive verify for the whole list; nothing was imported.", report.Problems[0].Message)
	}
	a, err := archive.Open(in, size)
	if err != nil {
		return engine.Imported{}, err
	}
	if a.Manifest().ExportFormat != string(privacyd.FormatJSON) {
		return engine.Imported{}, privacyd.Errorf(privacyd.ClassInvalid, "archive_not_json",
			"This archive is for spreadsheets and has not everything in it. Import one that was exported with --format json.")
	}
	from := records.Archived(name, a, "workspaces", "accounts", "members", "authors",
		"legal_contacts", "agreement_acceptances", "agreement_signatures")
	return r.run(ctx, workspaceID, s, from, a.Manifest().Workspace.ID)
}

func (r embedded) run(ctx context.Context, workspaceID string, s engine.ImportSource, from records.Source, origin string) (engine.Imported, error) {
	done, err := r.Store.Import(ctx, records.Request{Workspace: workspaceID, Source: from, Suppressed: s.Suppressed, Check: s.Check, Origin: origin})
	return engine.Imported(done), err
}

func (r embedded) Put(ctx context.Context, workspaceID, collection, id string, record []byte) ([]byte, error) {
	return r.Upsert(ctx, workspaceID, collection, id, record)
}

func (r embedded) List(ctx context.Context, workspaceID, collection string, q engine.RecordQuery) (engine.RecordPage, error) {
	page, err := r.Store.List(ctx, workspaceID, collection, records.Query{
		Where: q.Equals, Among: q.Among, Text: q.Search, Begins: q.Begins, Sort: q.Sort, Cursor: q.Cursor, Limit: q.Limit,
	})
	return engine.RecordPage{Items: page.Records, NextCursor: page.Next}, err
}

func (r embedded) Attach(ctx context.Context, workspaceID string, a engine.Attachment, content io.Reader) ([]byte, error) {
	return r.Store.Attach(ctx, workspaceID, records.Attachment(a), content)
}

func (r embedded) OpenAttachment(ctx context.Context, workspaceID, id string) (engine.Blob, engine.Attachment, error) {
	content, a, err := r.Store.OpenAttachment(ctx, workspaceID, id)
	if err != nil {
		return nil, engine.Attachment{}, err
	}
	return content, engine.Attachment(a), nil
}

func (r embedded) Purge(ctx context.Context) error {
	_, err := r.Store.Purge(ctx)
	return err
}

// authors lets imports find and make accounts.
type authors struct{ i *instance }

func (a authors) Resolve(ctx context.Context, list []records.Author) (map[string]string, error) {
	asked := make([]engine.Author, len(list))
	for n, author := range list {
		asked[n] = engine.Author{Email: author.Email, ID: author.ID, Name: author.Name}
	}
	return a.i.engine.ResolveAuthors(ctx, asked)
}
