// Package mail puts what people are told into words and hands it to a mail
// server.
//
// A Writer makes a letter, as text and as HTML, of the templates beside it; a
// Relay sends one over SMTP. Nothing of a mail is kept here: the queue is
// engine's. It must never put an address or a text into an error, and never
// send over a connection that is not encrypted, but to this very machine. Open
// mail.go first, then relay.go.
package mail

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"strings"
	text "text/template"
	"time"

	"github.com/privacyd/privacyd"
)

//go:embed templates
var templates embed.FS

// Writer makes letters. New makes it.
type Writer struct {
	base    string
	kinds   map[privacyd.MailKind]*text.Template
	asText  *text.Template
	asHTML  *template.Template
	listing string // the domain of lists' names
}

// New reads the templates. base is the address of this server, scheme and host,
// that links begin with.
func New(base string) (*Writer, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "base_url_missing",
			"Mails need base_url in the configuration file: the address that people see, which links begin with.")
	}
	w := &Writer{base: base, kinds: map[privacyd.MailKind]*text.Template{}, listing: u.Hostname()}
	if w.asText, err = text.ParseFS(templates, "templates/layout.txt"); err != nil {
		return nil, fmt.Errorf("read the templates of mails: %w", err)
	}
	if w.asHTML, err = template.ParseFS(templates, "templates/layout.html"); err != nil {
		return nil, fmt.Errorf("read the templates of mails: %w", err)
	}
	return w, w.readKinds()
}

func (w *Writer) readKinds() error {
	words := text.FuncMap{"date": date, "size": size, "days": days, "records": records, "kept": kept, "format": format, "aJob": aJob, "upper": upper}
	for _, kind := range privacyd.MailKinds() {
		name := path.Join("templates", string(kind)+".txt")
		raw, err := fs.ReadFile(templates, name)
		if err != nil {
			return fmt.Errorf("read the templates of mails: %w", err)
		}
		t, err := text.New(name).Funcs(words).Option("missingkey=error").Parse(string(raw))
		if err != nil {
			return fmt.Errorf("read the templates of mails: %w", err)
		}
		w.kinds[kind] = t
	}
	return nil
}

// contents is what the layouts show.
type contents struct {
	Subject, Body, Button, Link, Base, Reason string
	Paragraphs                                []string
}

// Write puts a mail into words. id names the mail for ever.
func (w *Writer) Write(id string, at time.Time, m privacyd.Mail) (privacyd.Letter, error) {
	letter := privacyd.Letter{ID: id, To: m.To.Email, At: at}
	if err := m.Check(); err != nil {
		return letter, fmt.Errorf("write a mail: %w", err)
	}
	c := contents{Base: w.base, Reason: reason(m)}
	for name, into := range map[string]*string{"subject": &c.Subject, "body": &c.Body, "button": &c.Button} {
		var b strings.Builder
		if err := w.kinds[m.Kind].ExecuteTemplate(&b, name, m); err != nil {
			return letter, fmt.Errorf("write a mail of the kind %s: %w", m.Kind, err)
		}
		*into = strings.TrimSpace(b.String())
	}
	if m.Path != "" && c.Button != "" {
		c.Link = w.base + m.Path
	}
	c.Paragraphs = strings.Split(c.Body, "\n\n")
	if m.ToMany() {
		letter.List = "notices." + m.WorkspaceID + "." + w.listing
	}
	letter.Subject = c.Subject
	return letter, w.lay(&letter, c)
}

func (w *Writer) lay(letter *privacyd.Letter, c contents) error {
	var plain, html strings.Builder
	if err := w.asText.Execute(&plain, c); err != nil {
		return fmt.Errorf("write a mail as text: %w", err)
	}
	if err := w.asHTML.Execute(&html, c); err != nil {
		return fmt.Errorf("write a mail as HTML: %w", err)
	}
	letter.Text, letter.HTML = plain.String(), html.String()
	return nil
}

// reason says why somebody gets a mail.
func reason(m privacyd.Mail) string {
	switch {
	case m.Kind == privacyd.MailDeletionEscalated || m.Kind == privacyd.MailDeletionFailed || m.Kind == privacyd.MailObjection:
		return "You get it because you run that server."
	case m.Kind == privacyd.MailInvitation:
		return "You get it because an admin typed your address."
	case m.Workspace != "":
		return "You get it because of your role in that workspace."
	default:
		return "You get it because it is about your account there."
	}
}
