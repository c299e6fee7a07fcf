package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type tokenListCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *tokenListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		tokens, err := whole(func(cursor string) ([]privacyd.Token, string, error) {
			return api.Tokens(t.ctx, c.Workspace, cursor, mostListed)
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(tokens))
		}
		if len(tokens) == 0 {
			return t.none("API tokens")
		}
		for _, token := range tokens {
			used := "never used"
			if token.LastUsedAt != nil {
				used = "used " + token.LastUsedAt.Format(time.RFC3339)
			}
			if _, err := fmt.Fprintf(t.Stdout, "%s\t%s\t%s\t%s\n", token.ID, token.Label, used, scopeWords(token.Scopes)); err != nil {
				return err
			}
		}
		return nil
	})
}

func scopeWords(scopes []privacyd.Action) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

type tokenRevokeCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	ID        string `arg:"" help:"The token's id, as token list prints it."`
}

func (c *tokenRevokeCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		audited, err := api.RevokeToken(t.ctx, c.Workspace, c.ID)
		if err == nil {
			t.say("The token is revoked.")
			t.sayPending(audited)
		}
		return err
	})
}
