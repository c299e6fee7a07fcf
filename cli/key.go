package cli

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type keyCmd struct {
	List   keyListCmd   `cmd:"" help:"List the keys: where the root key is kept, and how old each is."`
	Show   keyShowCmd   `cmd:"" help:"Show how a workspace's data is encrypted."`
	Rotate keyRotateCmd `cmd:"" help:"Change keys while everything goes on."`
}

type keyListCmd struct {
	Folder `embed:""`
	JSON   bool `help:"Print one JSON object."`
}

func (c *keyListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		l, err := api.Keys(t.ctx)
		if err != nil {
			return err
		}
		return t.keys(l, c.JSON)
	})
}

func (t *terminal) keys(l client.KeyList, asJSON bool) error {
	if asJSON {
		return t.printJSON(l)
	}
	w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "root\t%d\t%s\t%s\t%s\n", l.Root.Generation, since(l.Root.MadeAt), l.Root.Kept, changing(l.Root.Changing)) //nolint:errcheck // Flush says it
	for i, k := range append([]privacyd.WorkspaceKey{l.Instance}, l.Workspaces...) {
		name := printable(k.Slug)
		if i == 0 {
			name = "instance"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", name, k.Version, since(k.MadeAt), "key store", changing(k.Changing)) //nolint:errcheck // Flush says it
	}
	return w.Flush()
}

func since(at time.Time) string {
	if at.IsZero() {
		return "not noted"
	}
	return at.UTC().Format(time.DateOnly)
}

func changing(now bool) string {
	if now {
		return "changing"
	}
	return ""
}

type keyShowCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *keyShowCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		n, err := api.Encryption(t.ctx, c.Workspace)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(n)
		}
		t.say("Root key: %s, since %s. Workspace key: version %d, since %s.", n.Root.Kept, since(n.Root.MadeAt), n.Workspace.Version, since(n.Workspace.MadeAt))
		w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
		for _, k := range n.Ciphers {
			how := "not by privacyd"
			if k.Algorithm != "" {
				how = k.Algorithm + ", " + strconv.Itoa(k.KeyBits) + " bits"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", k.What, how, k.Key) //nolint:errcheck // Flush says it
		}
		for _, k := range n.Connections {
			fmt.Fprintf(w, "%s\t%s\t%s\n", k.What, protocol(k), k.Where) //nolint:errcheck // Flush says it
		}
		return w.Flush()
	})
}

func protocol(c privacyd.Connection) string {
	switch {
	case c.Protocol != "":
		return strings.TrimSpace(c.Protocol + " " + c.Cipher)
	case c.Where == "machine":
		return "stays inside the machine"
	default:
		return "not encrypted by privacyd"
	}
}

type keyRotateCmd struct {
	Folder    `embed:""`
	Root      bool   `help:"The root key."`
	Workspace string `help:"A workspace's key, by slug or id." placeholder:"SLUG"`
	All       bool   `help:"The root key, the instance's own and those of all workspaces."`
	Abandon   bool   `help:"Give up the change of the root key that is on its way, since its new key is lost, and make another."`
	To        string `help:"Where the new root key is to be kept: a file, or a key service's address. Put it into keys.root afterwards." placeholder:"PATH|URL"`
	JSON      bool   `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *keyRotateCmd) Help() string {
	return "Nothing has to stop. A new root key is in use at once; both open everything until the new one is what is configured, and then the former opens nothing more. " +
		"A new workspace key is for what is written from now on; what was written before stays readable. A command that was killed is given again. " +
		"If the new root key is lost before a change ends, put the former one back and say --root --abandon."
}

func (c *keyRotateCmd) Run(t *terminal) error {
	to := c.To
	if to != "" && !strings.Contains(to, "://") {
		abs, err := filepath.Abs(to)
		if err != nil {
			return fmt.Errorf("find the new root key's place: %w", err)
		}
		to = abs
	}
	err := t.with(c.Folder, func(api *client.Client) error {
		l, err := api.RotateKeys(t.ctx, client.KeyChange{Root: c.Root, To: to, Workspace: c.Workspace, All: c.All, Abandon: c.Abandon})
		if err != nil {
			return err
		}
		return t.keys(l, c.JSON)
	})
	if err == nil {
		t.afterRotation(c)
	}
	return err
}

// afterRotation says what is left to the operator.
func (t *terminal) afterRotation(c *keyRotateCmd) {
	switch {
	case c.To != "":
		t.say("Now put %s into keys.root (PRIVACYD_KEYS_ROOT) for every server, and start them again. Until then the former root key opens everything, too.", printable(c.To))
	case c.Root || c.All:
		t.say("There is a new root key. If it is a file: copy it now to where you keep the copy of the former one. " +
			"Keep that as long as backups of the key store from before.")
	}
	if c.All || c.Workspace != "" {
		t.say("Workspaces' keys follow in the background; privacyd key list shows how far it is.")
	}
}
