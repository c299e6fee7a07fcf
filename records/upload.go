package records

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/source/blob"
)

// Attachment is what an upload says about a file.
type Attachment struct {
	ID          string
	RecordType  string
	RecordID    string
	Filename    string
	ContentType string
}

// Attach stores a file and its record, which replaces the one with that id,
// and gives the record as it is stored now. It must not be called within a
// transaction: the content is stored first. Codes: those of Upsert,
// upload_expired, attachment_changed.
func (s *Store) Attach(ctx context.Context, ws string, a Attachment, content io.Reader) ([]byte, error) {
	c := Find("attachments")
	r, err := c.decode(a.ID, a.json())
	if err != nil {
		return nil, err
	}
	rows := []*row{r}
	if err := s.lockTargets(ctx, ws, c, rows); err != nil { // before a byte is stored; attach does it again
		return nil, err
	}
	old, err := s.storedContents(ctx, ws, rows, "")
	if err != nil {
		return nil, err
	}
	key := blob.NewKey(ws)
	if err := s.intend(ctx, ws, []string{key}, s.Now().Add(uploadTime)); err != nil {
		return nil, err
	}
	kept, _, err := s.put(ctx, ws, c, r, key, content, old[a.ID])
	if err != nil {
		return nil, err
	}
	var unused []string
	if kept != key {
		unused = append(unused, key)
	}
	check := func(context.Context) error { return nil }
	if err := s.attach(ctx, ws, c, rows, []string{kept}, old, []string{key}, unused, check); err != nil {
		return nil, err
	}
	return s.get(ctx, ws, c, a.ID)
}

func (a Attachment) json() []byte {
	b := []byte("{")
	for _, f := range [][2]string{
		{"id", a.ID}, {"record_type", a.RecordType}, {"record_id", a.RecordID}, {"filename", a.Filename}, {"content_type", a.ContentType},
	} {
		if f[1] != "" {
			b = appendText(append(appendText(b, f[0]), ':'), f[1])
			b = append(b, ',')
		}
	}
	return append(b[:max(len(b)-1, 1)], '}')
}

// OpenAttachment opens an attachment's content. Codes: record_not_found,
// content_missing when the content never came, and the blob store's.
func (s *Store) OpenAttachment(ctx context.Context, ws, id string) (*blob.Reader, Attachment, error) {
	a := Attachment{ID: id}
	var filename, contentType, key sql.NullString
	err := s.DB.QueryRow(ctx, "SELECT record_type, record_id, filename, content_type, blob FROM attachments WHERE workspace_id = $1 AND id = $2", ws, id).
		Scan(&a.RecordType, &a.RecordID, &filename, &contentType, &key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, a, errNoRecord
	case err != nil:
		return nil, a, fmt.Errorf("read an attachment: %w", err)
	case !key.Valid:
		return nil, a, privacyd.Errorf(privacyd.ClassNotFound, "content_missing", "The attachment's content is missing: it was imported without.")
	}
	a.Filename, a.ContentType = filename.String, contentType.String
	content, err := s.Blobs.Open(ctx, ws, key.String)
	return content, a, err
}
