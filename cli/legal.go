package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type legalCmd struct {
	Show     legalShowCmd        `cmd:"" help:"Show whom people write to, the documents, and what was accepted."`
	Contact  legalContactCmd     `cmd:"" help:"Say whom people write to about a workspace's data."`
	Add      documentAddCmd      `cmd:"" help:"Show a document to everybody: a file, or a link."`
	List     documentListCmd     `cmd:"" help:"List the documents."`
	Withdraw documentWithdrawCmd `cmd:"" help:"Show a document no more, and delete its file."`
}

type legalShowCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id; without it what the installation shows."`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *legalShowCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		if c.Workspace == "" {
			return c.installation(t, api)
		}
		l, err := api.WorkspaceLegal(t.ctx, c.Workspace)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(l)
		}
		if err := t.party("Controller", l.Notice.Party); err != nil {
			return err
		}
		if l.Notice.Published {
			t.say("Strangers may read it.")
		}
		t.say("%s", agreedWords(l.Agreement))
		return nil
	})
}

func (c *legalShowCmd) installation(t *terminal, api *client.Client) error {
	l, err := api.Legal(t.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.printJSON(l)
	}
	if err := t.party("Operator", l.Operator); err != nil {
		return err
	}
	if len(l.Agreements) > 0 {
		t.say("Version %d of the data processing agreement is in force since %s.", l.Agreements[0].Version, privacyd.DayWords(l.Agreements[0].PublishedAt))
	} else {
		t.say("No data processing agreement is published.")
	}
	return t.documents(l.Documents)
}

func (t *terminal) party(role string, p privacyd.Party) error {
	if p.Contact.Empty() {
		t.say("%s: nobody is named.", role)
		return nil
	}
	for _, line := range []struct {
		role string
		c    privacyd.Contact
	}{{role, p.Contact}, {"Data protection officer", p.Officer}} {
		if line.c.Empty() {
			continue
		}
		_, err := fmt.Fprintf(t.Stdout, "%s\t%s\t%s\t%s\n", line.role, printable(line.c.Name), printable(line.c.Email), printable(strings.ReplaceAll(line.c.Address, "\n", ", ")))
		if err != nil {
			return err
		}
	}
	return nil
}

func agreedWords(a client.Agreed) string {
	switch {
	case a.Offered == 0:
		return "No data processing agreement is published."
	case a.Accepted == a.Offered:
		return fmt.Sprintf("Version %d of the data processing agreement is accepted.", a.Accepted)
	case a.Accepted > 0:
		return fmt.Sprintf("Version %d of the data processing agreement waits for an admin; version %d is accepted.", a.Offered, a.Accepted)
	default:
		return fmt.Sprintf("Version %d of the data processing agreement waits for an admin.", a.Offered)
	}
}

type legalContactCmd struct {
	Folder     `embed:""`
	Workspace  string `help:"Workspace, by slug or id." required:""`
	Name       string `help:"Name of the organisation, which is the controller."`
	Email      string `help:"Its e-mail address for privacy."`
	Address    string `help:"Its postal address; lines are separated by commas or line ends."`
	DPOName    string `help:"Name of its data protection officer." name:"dpo-name"`
	DPOEmail   string `help:"E-mail address of its data protection officer." name:"dpo-email"`
	DPOAddress string `help:"Postal address of its data protection officer." name:"dpo-address"`
	Publish    bool   `help:"Let strangers read it at /legal/w/SLUG."`
	JSON       bool   `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *legalContactCmd) Help() string {
	return "It replaces what was said before: without --name nobody is named any more, without --publish strangers read nothing."
}

func (c *legalContactCmd) Run(t *terminal) error {
	n := privacyd.LegalNotice{Published: c.Publish, Party: privacyd.Party{
		Contact: privacyd.Contact{Name: c.Name, Email: c.Email, Address: addressLines(c.Address)},
		Officer: privacyd.Contact{Name: c.DPOName, Email: c.DPOEmail, Address: addressLines(c.DPOAddress)},
	}}
	return t.with(c.Folder, func(api *client.Client) error {
		n, err := api.SetLegalNotice(t.ctx, c.Workspace, n)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(n)
		}
		t.say("People write to: %s", contactWords(n.Contact))
		return nil
	})
}

func addressLines(s string) string {
	if strings.Contains(s, "\n") {
		return s
	}
	parts := strings.Split(s, ",")
	for n := range parts {
		parts[n] = strings.TrimSpace(parts[n])
	}
	return strings.Join(parts, "\n")
}

func contactWords(c privacyd.Contact) string {
	if c.Empty() {
		return "nobody"
	}
	return printable(strings.Trim(c.Name+", "+c.Email, ", "))
}

type documentAddCmd struct {
	Folder  `embed:""`
	File    string `arg:"" optional:"" help:"A .pdf, .odt, .docx, .csv, .md or .txt file of at most 16 MiB." placeholder:"FILE"`
	Title   string `help:"Its title." required:""`
	Version string `help:"Its version; 1 where left out."`
	Date    string `help:"Its date; today where left out." placeholder:"DATE"`
	Link    string `help:"Where it is, with https://, in place of a file." placeholder:"URL"`
	JSON    bool   `help:"Print one JSON object."`
}

func (c *documentAddCmd) Run(t *terminal) error {
	if (c.File == "") == (c.Link == "") {
		return privacyd.Errorf(privacyd.ClassInvalid, "document_invalid", "Give a file, or a link with --link, and not both.")
	}
	var content io.Reader
	if c.File != "" {
		f, err := openFile(c.File)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it was only read
		content = f
	}
	return t.with(c.Folder, func(api *client.Client) error {
		d, err := api.AddDocument(t.ctx, privacyd.Document{Title: c.Title, Version: c.Version, Date: c.Date, Link: c.Link}, filepath.Base(c.File), content)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(d)
		}
		t.say("Everybody may read it at /legal.")
		_, err = fmt.Fprintln(t.Stdout, d.ID)
		return err
	})
}

// openFile opens what somebody named. Code file_unreadable.
func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	var why *fs.PathError
	if errors.As(err, &why) {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "file_unreadable", "The file cannot be read: %w. Check its path.", why.Err)
	}
	return f, err
}

type documentListCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

func (c *documentListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		l, err := api.Legal(t.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(l.Documents))
		}
		return t.documents(l.Documents)
	})
}

func (t *terminal) documents(all []privacyd.Document) error {
	if len(all) == 0 {
		return t.none("documents")
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
	for _, d := range all {
		where := d.Link
		if where == "" {
			where = d.FileName()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.ID, d.Date, printable(d.Version), printable(d.Title), printable(where)) //nolint:errcheck // Flush says it
	}
	return w.Flush()
}

type documentWithdrawCmd struct {
	Folder `embed:""`
	ID     string `arg:"" help:"Which one, as the list shows it."`
}

func (c *documentWithdrawCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		if err := api.WithdrawDocument(t.ctx, c.ID); err != nil {
			return err
		}
		t.say("It is shown no more.")
		return nil
	})
}
