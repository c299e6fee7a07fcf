package web

import (
	"cmp"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/privacyd/privacyd/engine"
)

const (
	filesBeside = 25  // of a contact, in its profile
	filesShown  = 100 // of a page of files
	filesInTalk = 500 // of a page of messages
	filesAtOnce = 100
)

type attachment struct {
	ID          string `json:"id"`
	RecordID    string `json:"record_id"`
	Filename    string `json:"filename"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
}

// name is what a file is called.
func (a attachment) name() string {
	if a.Filename == "" {
		return a.ID
	}
	return a.Filename
}

// filesView is a part of the files of a contact or a message.
type filesView struct {
	Of, ID string // the kind of record, and which
	Files  []attachment
	Next   string // the cursor of the next page; empty: there is none

	Contact      contact // whose they are
	Conversation string  // of the message
}

// filesPath is where the files of a contact or a message are listed.
func (p page) filesPath(of, id, cursor string) string {
	q := url.Values{"of": {of}, "id": {id}}
	if cursor != "" {
		q.Set("after", cursor)
	}
	return p.to("contact", "files") + "?" + q.Encode()
}

func (v filesView) title() string {
	if v.Of == "message" {
		return "Files of a message"
	}
	return "Files of " + v.Contact.title()
}

// back is where the page of files leads back to.
func (v filesView) back(p page) (path, label string) {
	if v.Of == "message" {
		return p.conversationPath(v.Conversation, ""), "Conversation with " + v.Contact.title()
	}
	return p.contactPath(v.Contact.ID), v.Contact.title()
}

func (d *door) filesPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	of, id, owner := "contact", q.Get("id"), q.Get("id")
	var said struct {
		Conversation string `json:"conversation_id"`
	}
	if q.Get("of") == "message" {
		of = "message"
		if err := d.record(r, v, "messages", id, &said); err != nil {
			return err
		}
		var talk conversation
		if err := d.record(r, v, "conversations", said.Conversation, &talk); err != nil {
			return err
		}
		owner = talk.ContactID
	}
	var whose contact
	if err := d.record(r, v, "contacts", owner, &whose); err != nil {
		return err
	}
	view, err := d.files(r, v, of, id, q.Get("after"), filesShown)
	if err != nil {
		return err
	}
	view.Contact, view.Conversation = whose, said.Conversation
	return d.show(w, r, http.StatusOK, filesPageOf(d.page(r, v, view.title()), view))
}

// files lists files of a record, some of them.
func (d *door) files(r *http.Request, v visit, of, id, cursor string, limit int) (filesView, error) {
	view := filesView{Of: of, ID: id}
	page, err := d.engine.ListRecords(r.Context(), v.caller, v.workspace.ID, "attachments", engine.RecordQuery{
		Equals: map[string]string{"record_type": of, "record_id": id}, Cursor: cursor, Limit: limit,
	})
	if err != nil {
		return view, err
	}
	view.Next = page.NextCursor
	view.Files, err = decoded[attachment](page.Items)
	return view, err
}

// attach puts the files of messages where they belong, and tells whether there
// are more than that.
func (d *door) attach(r *http.Request, v visit, messages []message) (more bool, err error) {
	if len(messages) == 0 {
		return false, nil
	}
	ids, at := make([]string, len(messages)), map[string]*message{}
	for i := range messages {
		ids[i], at[messages[i].ID] = messages[i].ID, &messages[i]
	}
	q := engine.RecordQuery{Equals: map[string]string{"record_type": "message"}, Among: map[string][]string{"record_id": ids}, Limit: filesAtOnce}
	for range filesInTalk / filesAtOnce {
		page, err := d.engine.ListRecords(r.Context(), v.caller, v.workspace.ID, "attachments", q)
		if err != nil {
			return false, err
		}
		files, err := decoded[attachment](page.Items)
		if err != nil {
			return false, err
		}
		for _, f := range files {
			if m := at[f.RecordID]; m != nil {
				m.Attachments = append(m.Attachments, f)
			}
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return false, nil
		}
	}
	return true, nil
}

// attachment hands a file over as a download: what somebody uploaded is never
// shown in place.
func (d *door) attachment(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	content, about, err := d.engine.OpenAttachment(r.Context(), v.caller, v.workspace.ID, r.URL.Query().Get("id"))
	if err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // it was only read
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": cmp.Or(about.Filename, "attachment")}))
	http.ServeContent(w, r, "", d.engine.Now(), io.ReadSeeker(content))
	return nil
}
