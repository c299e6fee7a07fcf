package privacyd

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Contact is whom people write to about their data.
type Contact struct {
	Name    string `json:"name"`
	Email   string `json:"email,omitempty"`
	Address string `json:"address,omitempty"` // postal, of some lines
}

// Empty tells whether nothing is known of the contact.
func (c Contact) Empty() bool { return c == Contact{} }

const (
	maxContactLine    = 200 // bytes
	maxContactAddress = 500
	maxAddressLines   = 8
)

// Normal gives the contact with its address of mail in the form in which it is
// stored. Code legal_contact_invalid.
func (c Contact) Normal() (Contact, error) {
	bad := Errorf(ClassInvalid, "legal_contact_invalid",
		"A contact needs a name of one line, and an e-mail address or a postal address of at most %d lines; none of it longer than %d bytes.", maxAddressLines, maxContactAddress)
	c.Name, c.Address = strings.TrimSpace(c.Name), strings.TrimSpace(strings.ReplaceAll(c.Address, "\r\n", "\n"))
	if c.Email = strings.TrimSpace(c.Email); c.Email != "" {
		normal, err := NormalEmail(c.Email)
		if err != nil {
			return c, bad
		}
		c.Email = normal
	}
	lines := strings.Split(c.Address, "\n")
	long := func(line string) bool { return line != "" && !isTerm(line) }
	if !isTerm(c.Name) || len(c.Name) > maxContactLine || c.Email == "" && c.Address == "" ||
		len(c.Address) > maxContactAddress || len(lines) > maxAddressLines || slices.ContainsFunc(lines, long) {
		return c, bad
	}
	return c, nil
}

// Party is who answers for data, as controller or as processor, and its data
// protection officer (Art. 37 GDPR).
type Party struct {
	Contact Contact `json:"contact"`
	Officer Contact `json:"data_protection_officer,omitzero"`
}

// Normal is Contact.Normal of both. Either may be empty, the officer alone may
// not be there. Code legal_contact_invalid.
func (p Party) Normal() (Party, error) {
	var err error
	if p.Officer.Empty() && p.Contact.Empty() {
		return p, nil
	}
	if p.Contact, err = p.Contact.Normal(); err != nil || p.Officer.Empty() {
		return p, err
	}
	p.Officer, err = p.Officer.Normal()
	return p, err
}

// LegalNotice is whom people write to about a workspace's data. Its
// organisation is the controller.
type LegalNotice struct {
	Party
	Published bool      `json:"published"` // strangers may read it at /legal/w/SLUG, and so learn that the workspace is here
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Document is a document about how data is handled, for everybody to read. A
// new version is a document of its own with the same title.
type Document struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	Version     string    `json:"version"`
	Date        string    `json:"date"`           // YYYY-MM-DD
	Link        string    `json:"link,omitempty"` // where it is, when it is not here
	ContentType string    `json:"content_type,omitempty"`
	Size        int64     `json:"size,omitempty"`   // bytes
	SHA256      string    `json:"sha256,omitempty"` // hex
	BlobKey     string    `json:"-"`
	AddedAt     time.Time `json:"added_at"`
}

// MaxDocument is the largest file of a document, in bytes.
const MaxDocument = 16 << 20

// Valid checks what is said of a document. Code document_invalid.
func (d Document) Valid() error {
	_, err := time.Parse(time.DateOnly, d.Date)
	switch {
	case !isTerm(d.Title) || len(d.Title) > maxContactLine || !isTerm(d.Version) || len(d.Version) > 50:
		return Errorf(ClassInvalid, "document_invalid", "A document needs a title of at most 200 bytes and a version of at most 50, each of one line.")
	case err != nil:
		return Errorf(ClassInvalid, "document_invalid", "A document needs its date, such as 2026-01-31.")
	case d.Link != "" && !isPublicLink(d.Link):
		return Errorf(ClassInvalid, "document_invalid", "A document's link has to begin with https:// and a host, without a password.")
	}
	return nil
}

func isPublicLink(link string) bool {
	u, err := url.Parse(link)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && isTerm(link)
}

// documentKinds are what documents may be, and the ends of their names: nothing
// that a browser runs.
var documentKinds = []struct{ end, kind string }{
	{".pdf", "application/pdf"},
	{".txt", "text/plain; charset=utf-8"},
	{".md", "text/markdown; charset=utf-8"},
	{".csv", "text/csv; charset=utf-8"},
	{".odt", "application/vnd.oasis.opendocument.text"},
	{".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
}

// DocumentKind gives the content type of a file by the end of its name and by
// what it begins with. Code document_kind.
func DocumentKind(name string, head []byte) (string, error) {
	for _, k := range documentKinds {
		if strings.HasSuffix(strings.ToLower(name), k.end) && looksLike(k.end, head) {
			return k.kind, nil
		}
	}
	return "", Errorf(ClassInvalid, "document_kind", "A document is a PDF, ODT, DOCX, CSV, Markdown or plain text (UTF-8) file, with the end of its name that fits.")
}

func looksLike(end string, head []byte) bool {
	switch end {
	case ".pdf":
		return strings.HasPrefix(string(head), "%PDF-")
	case ".odt", ".docx":
		return strings.HasPrefix(string(head), "PK\x03\x04")
	default:
		return isText(head)
	}
}

// isText tells whether bytes are UTF-8 without control characters; the last
// character may have been cut off.
func isText(head []byte) bool {
	for i := 0; i < utf8.UTFMax-1 && len(head) > 0 && !utf8.Valid(head); i++ {
		head = head[:len(head)-1]
	}
	return utf8.Valid(head) && !strings.ContainsFunc(string(head), func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\r\f", r) || r == 0x7f })
}

// FileName is what a document's file is called for people: nothing of it was
// chosen by whoever sent it but letters and digits of the title.
func (d Document) FileName() string {
	name := slugOf(d.Title + " " + d.Version)
	for _, k := range documentKinds {
		if k.kind == d.ContentType {
			return name + k.end
		}
	}
	return name
}

// slugOf gives the letters and digits of a text, in lower case, with hyphens
// between them.
func slugOf(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	if len(words) == 0 {
		return "document"
	}
	return strings.Join(words, "-")
}
