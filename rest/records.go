package rest

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const (
	recordsPath     = "/v1/workspaces/{workspace}/records/{collection}"
	attachmentsPath = "/v1/workspaces/{workspace}/attachments/{id}"
	maxRecordBytes  = 17 << 20 // a record of 16 MiB and its envelope
)

// RecordPath is the part of a path that names a record.
type RecordPath struct {
	WorkspacePath
	Collection string `path:"collection" doc:"contacts, conversations, messages, …: see the import format."`
	ID         string `path:"id" doc:"Your own id, up to 200 bytes."`
}

type recordQuery struct {
	WorkspacePath
	Collection     string `path:"collection"`
	Cursor         string `query:"cursor"`
	Limit          int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Begins         string `query:"begins" maxLength:"200" doc:"Contacts: the beginning of name, surname, e-mail, phone or id. Fast, however many there are: the closest first, limit of them, no cursor."`
	Search         string `query:"search" maxLength:"200" doc:"Contacts: a part of name, e-mail, phone, company or id. It reads all contacts."`
	Sort           string `query:"sort" maxLength:"20" doc:"id, created_at, of contacts also name and email; a minus sign before it turns the order round."`
	ContactID      string `query:"contact_id"`
	ConversationID string `query:"conversation_id"`
	Status         string `query:"status"`
}

type record struct{ Body json.RawMessage }

type recordBody struct {
	RecordPath
	Stream
}

func (d *door) records() {
	huma.Register(d.api, operation("list-records", http.MethodGet, recordsPath, "List records of a collection", "Admins and agents."), d.listRecords)
	huma.Register(d.api, operation("get-record", http.MethodGet, recordsPath+"/{id}", "Read a record", "Admins and agents."),
		func(ctx context.Context, in *RecordPath) (*record, error) {
			raw, err := d.engine.GetRecord(ctx, callerOf(ctx), in.Workspace, in.Collection, in.ID)
			return &record{raw}, d.fail(err)
		})
	put := operation("put-record", http.MethodPut, recordsPath+"/{id}", "Make or replace a record", "Admins and agents.")
	put.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {}}}
	put.MaxBodyBytes = maxRecordBytes
	huma.Register(d.api, put, func(ctx context.Context, in *recordBody) (*record, error) {
		body, err := in.whole(maxRecordBytes)
		if err != nil {
			return nil, d.fail(err)
		}
		raw, err := d.engine.PutRecord(ctx, callerOf(ctx), in.Workspace, in.Collection, in.ID, body)
		return &record{raw}, d.fail(err)
	})
	d.attachments()
}

func (d *door) listRecords(ctx context.Context, in *recordQuery) (*answer[engine.RecordPage], error) {
	q := engine.RecordQuery{Cursor: in.Cursor, Limit: in.Limit, Search: in.Search, Begins: in.Begins, Sort: in.Sort, Equals: map[string]string{}}
	for field, value := range map[string]string{"contact_id": in.ContactID, "conversation_id": in.ConversationID, "status": in.Status} {
		if value != "" {
			q.Equals[field] = value
		}
	}
	page, err := d.engine.ListRecords(ctx, callerOf(ctx), in.Workspace, in.Collection, q)
	return &answer[engine.RecordPage]{page}, d.fail(err)
}

// Stream is an input whose body is read as it comes.
type Stream struct {
	body        io.Reader
	contentType string
}

// Resolve takes hold of the body; huma calls it before the handler.
func (s *Stream) Resolve(hc huma.Context) []error {
	s.body, s.contentType = hc.BodyReader(), hc.Header("Content-Type")
	return nil
}

// whole is the body when it is at most so many bytes.
func (s *Stream) whole(limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(s.body, limit+1))
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "body_unreadable", "The body broke off: %w.", err)
	}
	if int64(len(raw)) > limit {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "record_too_large",
			"The record is larger than 16 MiB. Upload large files as attachments.")
	}
	return raw, nil
}

type upload struct {
	WorkspacePath
	Stream
	ID         string `path:"id"`
	RecordType string `query:"record_type" required:"true" doc:"contact, message, ticket, document, comment or knowledge_source."`
	RecordID   string `query:"record_id" required:"true"`
	Filename   string `query:"filename"`
}

func (d *door) attachments() {
	put := operation("put-attachment", http.MethodPut, attachmentsPath, "Upload an attachment: its bytes are the body", "Admins and agents.")
	put.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"*/*": {}}}
	put.BodyReadTimeout, put.MaxBodyBytes = -1, -1 // as long and as large as it is
	huma.Register(d.api, put, func(ctx context.Context, in *upload) (*record, error) {
		raw, err := d.engine.Attach(ctx, callerOf(ctx), in.Workspace, engine.Attachment{
			ID: in.ID, RecordType: in.RecordType, RecordID: in.RecordID, Filename: in.Filename, ContentType: in.contentType,
		}, in.body)
		return &record{raw}, d.fail(err)
	})
	get := operation("get-attachment", http.MethodGet, attachmentsPath, "Download an attachment", "Admins and agents. Range requests work.")
	get.Responses = map[string]*huma.Response{"200": {Description: "Its bytes", Content: map[string]*huma.MediaType{"*/*": {}}}}
	huma.Register(d.api, get, d.downloadAttachment)
}

func (d *door) downloadAttachment(ctx context.Context, in *struct {
	WorkspacePath
	ID string `path:"id"`
},
) (*huma.StreamResponse, error) {
	blob, a, err := d.engine.OpenAttachment(ctx, callerOf(ctx), in.Workspace, in.ID)
	if err != nil {
		return nil, d.fail(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		defer blob.Close() //nolint:errcheck // it was only read
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream") // what somebody uploaded is never run in a browser
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "sandbox")
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Filename}))
		http.ServeContent(w, r, "", d.engine.Now(), blob)
	}}, nil
}

type importBody struct {
	WorkspacePath
	Stream
}

type importFile struct {
	WorkspacePath
	Body struct {
		File string `json:"file" doc:"Absolute path on the server's machine."`
	}
}

func (d *door) imports() {
	send := operation("import", http.MethodPost, "/v1/workspaces/{workspace}/import", "Import records",
		"Admins. Everything is checked before anything is written.")
	send.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/x-ndjson": {}, "application/zip": {},
	}}
	send.BodyReadTimeout, send.MaxBodyBytes = -1, -1 // as long and as large as it is
	huma.Register(d.api, send, func(ctx context.Context, in *importBody) (*answer[engine.Imported], error) {
		done, err := d.engine.Import(ctx, callerOf(ctx), in.Workspace, engine.ImportSource{Body: in.body, ContentType: in.contentType})
		return &answer[engine.Imported]{done}, d.fail(err)
	})
	huma.Register(d.api, operation("import-file", http.MethodPost, "/v1/workspaces/{workspace}/import-file", "Import a file of the server's machine",
		"The operator. Files that it names by path are read beside it."),
		func(ctx context.Context, in *importFile) (*answer[engine.Imported], error) {
			done, err := d.engine.Import(ctx, callerOf(ctx), in.Workspace, engine.ImportSource{File: in.Body.File})
			return &answer[engine.Imported]{done}, d.fail(err)
		})
}
