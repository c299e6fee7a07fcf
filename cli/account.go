package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type accountCmd struct {
	Create accountCreateCmd `cmd:"" help:"Create an account."`
	Link   accountLinkCmd   `cmd:"" help:"Make a one-time sign-in link."`
	Reset  accountResetCmd  `cmd:"" name:"reset-link" help:"Make a one-time link to set a new password."`
	NoCode accountNoCodeCmd `cmd:"" name:"second-factor-off" help:"Turn an account's second factor off, for somebody who has lost it."`
	Export accountExportCmd `cmd:"" help:"Export everything about one's own account, over all its workspaces."`
	Delete accountDeleteCmd `cmd:"" help:"Delete one's own account, after a grace period."`
}

type accountCreateCmd struct {
	Folder        `embed:""`
	Email         string `help:"E-mail address." required:""`
	Name          string `help:"Display name." required:""`
	PasswordStdin bool   `help:"Read the password from the first line of standard input; without it the account signs in by link."`
	JSON          bool   `help:"Print one JSON object."`
}

func (c *accountCreateCmd) Run(t *terminal) error {
	password := ""
	if c.PasswordStdin {
		var err error
		if password, err = readPassword(t.Stdin); err != nil {
			return err
		}
	}
	return t.with(c.Folder, func(api *client.Client) error {
		a, err := api.CreateAccount(t.ctx, c.Email, c.Name, password)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(a)
		}
		t.say("Created the account.")
		_, err = fmt.Fprintln(t.Stdout, a.ID)
		return err
	})
}

func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 1<<16)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", privacyd.Errorf(privacyd.ClassInvalid, "password_invalid", "Standard input has no password on its first line.")
	}
	return password, nil
}

type accountLinkCmd struct {
	Folder `embed:""`
	Email  string `help:"E-mail address of the account." required:""`
	JSON   bool   `help:"Print one JSON object."`
}

func (c *accountLinkCmd) Run(t *terminal) error {
	return t.makeLink(c.Folder, c.JSON, func(api *client.Client) (string, error) { return api.CreateSignInLink(t.ctx, c.Email) })
}

// makeLink prints a link that works once, for an hour.
func (t *terminal) makeLink(o Folder, asJSON bool, make func(api *client.Client) (string, error)) error {
	return t.with(o, func(api *client.Client) error {
		link, err := make(api)
		if err != nil {
			return err
		}
		if asJSON {
			return t.printJSON(map[string]string{"url": link})
		}
		t.say("The link works once, for an hour.")
		return t.printLink(link)
	})
}

func (t *terminal) printLink(link string) error {
	if strings.HasPrefix(link, "/") {
		t.say("Put the server's address in front of it, such as http://127.0.0.1:8080.")
	}
	_, err := fmt.Fprintln(t.Stdout, link)
	return err
}

type accountResetCmd struct {
	Folder `embed:""`
	Email  string `help:"E-mail address of the account." required:""`
	JSON   bool   `help:"Print one JSON object."`
}

func (c *accountResetCmd) Run(t *terminal) error {
	return t.makeLink(c.Folder, c.JSON, func(api *client.Client) (string, error) { return api.CreatePasswordLink(t.ctx, c.Email) })
}

type accountNoCodeCmd struct {
	Folder `embed:""`
	Email  string `help:"E-mail address of the account." required:""`
}

func (c *accountNoCodeCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		if err := api.RemoveSecondFactor(t.ctx, c.Email); err != nil {
			return err
		}
		t.say("The second factor is off. The password alone signs in now.")
		return nil
	})
}
