// Package cli is the command-line door. Each verb is a struct with its flags
// and a Run method; all but the offline ones call the REST API through package
// client, on a connection that main gives them: to the server that runs on the
// data folder, or to an engine in this very process.
//
// What a command finds goes to standard output, messages and progress to
// standard error. It must never import engine or store. Open cli.go first,
// then export.go.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"reflect"

	"github.com/alecthomas/kong"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

// The exit statuses of every command.
const (
	ExitDone    = 0 // done
	ExitFailed  = 1 // failed; also: no such workspace or record
	ExitUsage   = 2 // wrong use; also: a malformed key or map
	ExitRefused = 3 // refused: permission, hold, blocker, changed plan
	ExitFound   = 4 // a verification or map check found something
	ExitPartly  = 5 // partly done; what and why is printed
)

const statusHelp = `
Exit status:
  0  done
  1  failed; also: no such workspace or record
  2  wrong use; also: a malformed key or map
  3  refused: permission, hold, blocker, changed plan
  4  a verification or map check found something
  5  partly done; what and why is printed`

// printHelp ends every help with the exit statuses.
func printHelp(o kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	_, err := fmt.Fprintln(ctx.Stdout, statusHelp)
	return err
}

// Folder says on what a command works.
type Folder struct {
	Data     string `help:"Data folder; ./privacyd-data if not given." default:"./privacyd-data" env:"PRIVACYD_DATA" type:"path" placeholder:"DIR"`
	Database string `help:"PostgreSQL address of privacyd's own state, in place of the folder's SQLite." env:"PRIVACYD_DATABASE_URL" placeholder:"DSN"`
	Config   string `help:"Configuration file." env:"PRIVACYD_CONFIG" placeholder:"FILE"`
	As       string `help:"Act as this account (e-mail) in place of the operator." placeholder:"EMAIL"`
}

// Connection is a client and what to do when the command is over: Close runs
// the work that the command queued.
type Connection struct {
	Client *client.Client
	Close  func(ctx context.Context) error
}

// Host is what main gives the commands.
type Host interface {
	Connect(ctx context.Context, o Folder) (Connection, error)
	Serve(ctx context.Context, o ServeOptions) error
	Migrate(ctx context.Context, dsn, grant string) error
	CheckMap(ctx context.Context, o CheckOptions) ([]MapReport, error)
	Replay(ctx context.Context, o Folder, ledgerLost bool) (Replayed, error)
	Doctor(ctx context.Context, o Folder) (privacyd.Diagnosis, error)
}

// App is the command line.
type App struct {
	Host    Host
	Version string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

// commands is the tree of verbs.
type commands struct {
	Serve     serveCmd     `cmd:"" help:"Run the server."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
	Account   accountCmd   `cmd:"" help:"Accounts: people who sign in."`
	Workspace workspaceCmd `cmd:"" help:"Workspaces."`
	Token     tokenCmd     `cmd:"" help:"API tokens."`
	Import    importCmd    `cmd:"" help:"Import records into the embedded dataset."`
	Export    exportCmd    `cmd:"" help:"Export a workspace, or everything about one contact."`
	Subject   subjectCmd   `cmd:"" help:"Persons."`
	Erase     eraseCmd     `cmd:"" help:"Erase a contact, or conversations by date."`
	Retention retentionCmd `cmd:"" help:"How long conversations are kept."`
	Hold      holdCmd      `cmd:"" help:"Legal holds: what is under one is not erased."`
	Job       jobCmd       `cmd:"" help:"Jobs."`
	Receipt   receiptCmd   `cmd:"" help:"Signed receipts of erasures."`
	Archive   archiveCmd   `cmd:"" help:"Export archives."`
	Audit     auditCmd     `cmd:"" help:"The audit log."`
	Map       mapCmd       `cmd:"" help:"Data maps."`
	Key       keyCmd       `cmd:"" help:"Keys: how old they are, and changing them."`
	Mcp       mcpCmd       `cmd:"" help:"Serve an agent on standard input and output (Model Context Protocol)."`

	Subprocessor subProcessorCmd `cmd:"" help:"Sub-processors: whom the operator engages to process data."`
	Legal        legalCmd        `cmd:"" help:"Whom people write to about their data, and documents for everybody."`
	Agreement    agreementCmd    `cmd:"" help:"The data processing agreement (Art. 28 GDPR)."`
	Processing   processingCmd   `cmd:"" help:"Records of processing activities (Art. 30 GDPR)."`

	Restore restoreCmd `cmd:"" help:"Databases that were restored from a backup."`
	Doctor  doctorCmd  `cmd:"" help:"Look whether everything is as it should be, and say what to do where it is not."`
	Migrate migrateCmd `cmd:"" help:"Make or update privacyd's tables in PostgreSQL, with the owner's rights."`
}

// terminal is what a verb's Run gets.
type terminal struct {
	App
	ctx context.Context
}

// exit is an error that is a status and nothing more to say.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Run parses and runs one command line and gives its exit status.
func (a App) Run(ctx context.Context, args []string) int {
	status := -1
	var verbs commands
	parser, err := kong.New(&verbs,
		kong.Name("privacyd"),
		kong.Description("Data & privacy of a SaaS product: exports, access requests, deletions, an audit log that can be checked."),
		kong.Help(printHelp), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(a.Stdout, a.Stderr), kong.Exit(func(code int) { status = code }))
	if err != nil {
		return a.report(err)
	}
	switch {
	case len(args) == 0 || (len(args) == 1 && args[0] == "help"):
		args = []string{"--help"}
	case len(args) == 1 && args[0] == "--version":
		args = []string{"version"}
	}
	command, err := parser.Parse(args)
	if status >= 0 {
		return status // --help
	}
	if err == nil {
		err = refuseEmpty(command)
	}
	if err != nil {
		if missing := new(fs.PathError); errors.As(err, &missing) { // in the words of whoever typed it
			err = fmt.Errorf("%s: %w", missing.Path, missing.Err)
		}
		fmt.Fprintf(a.Stderr, "privacyd: %v\nRun privacyd --help, or privacyd COMMAND --help.\n", err)
		return ExitUsage
	}
	return a.report(command.Run(&terminal{App: a, ctx: ctx}))
}

// refuseEmpty refuses --contact "" and --as "": a variable that a script forgot
// to set must not turn one person's export into everybody's, or an account
// into the operator.
func refuseEmpty(command *kong.Context) error {
	for _, p := range command.Path {
		switch {
		case p.Flag != nil && empty(p.Flag.Target):
			return fmt.Errorf("--%s is empty", p.Flag.Name)
		case p.Positional != nil && empty(p.Positional.Target):
			return fmt.Errorf("<%s> is empty", p.Positional.Name)
		}
	}
	return nil
}

func empty(v reflect.Value) bool { return v.Kind() == reflect.String && v.Len() == 0 }

// report tells a person what went wrong and gives the status for it.
func (a App) report(err error) int {
	var e exit
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &e):
		return int(e)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(a.Stderr, "privacyd: interrupted")
		return ExitFailed
	}
	var gone *url.Error
	if errors.As(err, &gone) {
		err = privacyd.Errorf(privacyd.ClassUnavailable, "server_gone",
			"The server stopped while the command ran: %w. What it had begun goes on when it starts again.", gone.Err)
	}
	if code := privacyd.CodeOf(err); code != "internal" {
		fmt.Fprintf(a.Stderr, "privacyd: %v (%s)\n", err, code)
	} else {
		fmt.Fprintf(a.Stderr, "privacyd: %v\n", err)
	}
	return statusOf(privacyd.ClassOf(err))
}

// statusOf is the one table from class to exit status.
func statusOf(class privacyd.Class) int {
	switch class {
	case privacyd.ClassInvalid:
		return ExitUsage
	case privacyd.ClassForbidden, privacyd.ClassRefused, privacyd.ClassUnauthenticated:
		return ExitRefused
	default:
		return ExitFailed
	}
}

// with connects, runs do and closes, whatever do came to.
func (t *terminal) with(o Folder, do func(c *client.Client) error) error {
	connection, err := t.Host.Connect(t.ctx, o)
	if err != nil {
		return err
	}
	err = do(connection.Client)
	if closing := connection.Close(context.WithoutCancel(t.ctx)); err == nil {
		err = closing
	}
	return err
}

// print writes v as one JSON object.
func (t *terminal) printJSON(v any) error {
	out := json.NewEncoder(t.Stdout)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// say writes a message for the person.
func (t *terminal) say(format string, args ...any) {
	fmt.Fprintf(t.Stderr, format+"\n", args...)
}

// none says that a list is empty, which people would take for a failure.
func (t *terminal) none(things string) error {
	t.say("No %s.", things)
	return nil
}

// count says how many in words: "1 record", "2 records".
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// upTo reads pages until it has limit items or there are no more.
func upTo[T any](limit int, page func(cursor string, n int) ([]T, string, error)) ([]T, error) {
	const most = 200
	if limit < 1 {
		return nil, errLimit()
	}
	var all []T
	for cursor := ""; ; {
		items, next, err := page(cursor, min(limit-len(all), most))
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == "" || len(all) >= limit {
			return all, nil
		}
		cursor = next
	}
}

func errLimit() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "limit_invalid", "--limit is at least 1.")
}

// list is the JSON object of a list, empty or not.
func list[T any](items []T) map[string][]T {
	if items == nil {
		items = []T{}
	}
	return map[string][]T{"items": items}
}

// interactive tells whether a person watches standard error.
func (t *terminal) interactive() bool {
	f, ok := t.Stderr.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
