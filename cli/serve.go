package cli

import (
	"fmt"
	"io"

	"github.com/privacyd/privacyd"
)

// ServeOptions say how to run the server.
type ServeOptions struct {
	Folder      `embed:""`
	Listen      string    `help:"Address to listen on; 127.0.0.1:8080 if not given." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	BehindProxy bool      `help:"A proxy in front terminates TLS; without it only loopback addresses are served."`
	Sample      bool      `help:"Begin an empty instance with a sample workspace, and print a sign-in link."`
	Dev         bool      `help:"NOT SAFE: for trying things out. Keeps mails on a page that everybody with its address reads, and takes a shorter grace period from PRIVACYD_GRACE."`
	Out         io.Writer `kong:"-"` // where the address and the sign-in link are printed
}

type serveCmd struct {
	ServeOptions `embed:""`
}

func (c *serveCmd) Run(t *terminal) error {
	if c.As != "" {
		return privacyd.Errorf(privacyd.ClassInvalid, "as_refused", "--as is for commands; a server acts for whoever signs in.")
	}
	c.Out = t.Stdout
	return t.Host.Serve(t.ctx, c.ServeOptions)
}

type versionCmd struct {
	JSON bool `help:"Print one JSON object."`
}

func (c *versionCmd) Run(t *terminal) error {
	if c.JSON {
		return t.printJSON(map[string]string{"version": t.Version})
	}
	_, err := fmt.Fprintln(t.Stdout, "privacyd", t.Version)
	return err
}

type migrateCmd struct {
	Database string `help:"PostgreSQL address with the rights of the tables' owner." env:"PRIVACYD_DATABASE_URL" required:"" placeholder:"OWNER_DSN"`
	Grant    string `help:"Give this role exactly what a server needs, and take away what it need not have." placeholder:"ROLE"`
}

func (c *migrateCmd) Run(t *terminal) error {
	if err := t.Host.Migrate(t.ctx, c.Database, c.Grant); err != nil {
		return err
	}
	t.say("The tables are up to date.")
	if c.Grant != "" {
		t.say("The role %s may do with them what a server needs, and no more.", c.Grant)
	}
	return nil
}
