// The scripts of testdata/script run the built binary as people do, each on
// SQLite and on PostgreSQL unless its first line says otherwise:
//
//	# databases: sqlite
//
// Beside the commands of package testscript they have those of the other
// script_*_test.go files. Open scriptCommands for the list.
package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/privacyd/privacyd/mail/mailtest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

const envBinary = "PRIVACYD_TEST_BINARY_FOLDER"

func TestMain(m *testing.M) {
	os.Exit(runWithBinary(m))
}

// runWithBinary builds the binary once for all tests.
func runWithBinary(m *testing.M) int {
	if slices.Contains(os.Args, "-test.fuzzworker") {
		return m.Run() // it runs no binary
	}
	dir, err := os.MkdirTemp("", "privacyd-scripts-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "privacyd"), ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build privacyd: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(envBinary, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("..", "..", "testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("found no scripts: %v", err)
	}
	for _, script := range scripts {
		for _, database := range databases(t, script) {
			t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar")+"/"+database, func(t *testing.T) {
				t.Parallel()
				runScript(t, script, database)
			})
		}
	}
}

// databases tells where a script runs.
func databases(t *testing.T, script string) []string {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	list, ok := strings.CutPrefix(string(first), "# databases: ")
	if !ok {
		return []string{"sqlite", "postgres"}
	}
	return strings.Fields(list)
}

func runScript(t *testing.T, script, database string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: []string{script}, RequireUniqueNames: true, Cmds: scriptCommands(t),
		Condition: func(name string) (bool, error) { return scriptCondition(name, database) },
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", os.Getenv(envBinary)+":"+os.Getenv("PATH"))
			env.Setenv("PRIVACYD_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("PRIVACYD_AUDIT_WAIT", "1m") // other tests' transactions on the same PostgreSQL hold checkpoints back
			env.Setenv("SAMPLE", filepath.Join(root, "examples", "sample.ndjson"))
			env.Values[serversKey{}] = map[string]*server{}
			env.Values[mailboxKey{}] = new(*mailtest.Server)
			if database == "postgres" {
				role := sqldbtest.Role(t)
				dsn := sqldbtest.PostgresDSN(t)
				env.Setenv("PRIVACYD_DATABASE_URL", dsn)
				env.Setenv("SERVER_ROLE", role)
				env.Setenv("SERVER_DATABASE_URL", sqldbtest.As(t, dsn, role))
			}
			return nil
		},
	})
}

func scriptCondition(name, database string) (bool, error) {
	switch name {
	case "sqlite", "postgres":
		return name == database, nil
	case "root":
		return os.Getuid() == 0, nil
	}
	return false, fmt.Errorf("no such condition: %s", name)
}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func scriptCommands(t *testing.T) map[string]scriptCommand {
	return map[string]scriptCommand{
		"exits":    exits,         // exits STATUS PROGRAM ARGS…: it must end with exactly that status
		"limited":  limited,       // limited BLOCKS STATUS PROGRAM ARGS…: with files of at most so many blocks of 512 bytes
		"serve":    serve,         // serve NAME ARGS…: start a server; its address is $NAME
		"halt":     halt,          // halt NAME: end it politely; what it logged is standard output
		"crash":    crash,         // crash NAME: kill -9
		"await":    await,         // await PATTERN PROGRAM ARGS…: run it until its output matches
		"http":     request,       // http STATUS METHOD URL [Header:value]… [@FILE]
		"field":    field,         // field VAR PATH: a field of the JSON object last printed
		"said":     said,          // said VAR NAME PATTERN: what a server has printed since it began to listen
		"mailbox":  newMailbox(t), // mailbox VAR: the address of a mail server
		"mailed":   mailed,        // mailed VAR PATTERN: what the newest mail that matches has of it
		"unpack":   unpack,        // unpack ARCHIVE FOLDER
		"flip":     flip,          // flip FILE OFFSET: change one byte; negative: from the end
		"glob":     glob,          // glob VAR PATTERN: the one file that matches
		"absent":   absent,        // absent TEXT FOLDER: no file under the folder has the text
		"same":     same,          // same COLLECTION A B [FIELD]…: the same records in two unpacked archives, but for some fields
		"records":  makeRecords,   // records FILE N: an import with N messages
		"files":    makeFiles,     // files FILE N BYTES: an import with N attachments of random bytes
		"text":     makeText,      // text FILE N: an import with a message of N bytes
		"bytes":    makeBytes,     // bytes FILE QUOTED: write a Go string literal
		"postgres": newPostgres(t),
		"hidden":   hidden,                       // [!] hidden TEXT FOLDER…: no file there shows the text, in any form; with ! one does
		"cookie":   cookie, "outcomes": outcomes, // cookie VAR: the session that an answer has begun
		"bao": newKeyService(t), // bao VAR: the address of a key of a key service, and its token
		"sql": runSQL,           // sql ADDRESS FILE: run statements on PostgreSQL or an SQLite file
	}
}
