// Package pagila_test runs the walkthrough of README.md, word for word, on a
// real PostgreSQL, and compares what comes out with what SQL says. Open
// walkthrough_test.go first.
package pagila_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd/examples/exampletest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func TestWalkthrough(t *testing.T) {
	bin := build(t)
	t.Run("built-in", func(t *testing.T) { walk(t, bin, "testdata") })
	dir, ok := pagila(t)
	if !ok {
		t.Logf("PAGILA IS NOT HERE: %s has no pagila-data.sql. Only the small built-in copy of its tables was tested. Set %s to a folder "+
			"that has pagila/pagila-data.sql (https://github.com/devrimgunduz/pagila) to test the real one.", dir, exampletest.EnvInputs)
		return
	}
	t.Run("pagila", func(t *testing.T) { walk(t, bin, dir) })
}

// pagila finds the real database's files. Where a person or CI names the
// folder, the files must be there.
func pagila(t *testing.T) (dir string, ok bool) {
	t.Helper()
	inputs, named := os.LookupEnv(exampletest.EnvInputs)
	if !named {
		inputs = filepath.Join("..", "..", "..", "shared", "inputs")
	}
	dir, err := filepath.Abs(filepath.Join(inputs, "pagila"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(dir, "pagila-data.sql"))
	if err != nil && named {
		t.Fatalf("%s is set, but Pagila is not there: %v", exampletest.EnvInputs, err)
	}
	return dir, !errors.Is(err, fs.ErrNotExist)
}

func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "privacyd"), "github.com/privacyd/privacyd/cmd/privacyd").CombinedOutput()
	if err != nil {
		t.Fatalf("build privacyd: %v\n%s", err, out)
	}
	return dir
}

// walk runs the commands in a folder that has only the example's two files.
func walk(t *testing.T, bin, files string) {
	files, err := filepath.Abs(files)
	if err != nil {
		t.Fatal(err)
	}
	dir, dsn := t.TempDir(), sqldbtest.PostgresDSN(t)
	for _, name := range []string{"pagila.map.yaml", "privacyd.yaml"} {
		copyFile(t, name, filepath.Join(dir, name))
	}
	shell := exec.Command("sh", "-e", "-x", "-c", commands(t))
	shell.Dir = dir
	shell.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "PAGILA="+files, "PAGILA_DATABASE_URL="+dsn, "PRIVACYD_DATABASE_URL=")
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("the README's commands: %v\n%s", err, out)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	checkStore(t, conn, openArchive(t, dir, "store-1.zip"))
	checkCSV(t, conn, openArchive(t, dir, "store-1-csv.zip"))
	checkCustomer(t, conn, openArchive(t, dir, "customer-1.zip"))
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// commands are those of the README that need no choice of the reader's.
func commands(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range shellBlock.FindAllSubmatch(readme, -1) {
		script.Write(block[1])
	}
	if !strings.Contains(script.String(), "archive verify") {
		t.Fatal("README.md has no commands; the walkthrough has moved")
	}
	return script.String()
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func psql(t *testing.T, dsn, file string) {
	t.Helper()
	out, err := exec.Command("psql", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--file="+file, dsn).CombinedOutput()
	if err != nil {
		t.Fatalf("load %s: %v\n%s", file, err, out)
	}
}
