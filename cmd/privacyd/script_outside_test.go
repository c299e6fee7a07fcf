package main_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql drivers of the products' databases
	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// request makes one HTTP request: the answer's body is then standard output,
// its headers standard error.
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD URL [Header:value]… [@FILE]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	req, err := newRequest(ts, args[1], args[2], args[3:])
	ts.Check(err)
	res, err := http.DefaultTransport.RoundTrip(req)
	ts.Check(err)
	defer res.Body.Close() //nolint:errcheck // it was only read
	_, err = io.Copy(ts.Stdout(), res.Body)
	ts.Check(errors.Join(err, res.Header.Write(ts.Stderr())))
	if res.StatusCode != want {
		ts.Fatalf("the answer is %s, want %d", res.Status, want)
	}
}

func newRequest(ts *testscript.TestScript, method, url string, rest []string) (*http.Request, error) {
	var body io.Reader
	headers := http.Header{}
	for _, arg := range rest {
		if file, ok := strings.CutPrefix(arg, "@"); ok {
			body = strings.NewReader(ts.ReadFile(file))
			continue
		}
		name, value, _ := strings.Cut(arg, ":")
		headers.Set(name, strings.TrimSpace(value))
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, body)
	if err == nil {
		req.Header = headers
	}
	return req, err
}

// newPostgres gives `postgres VAR`: the address of a new, empty database.
func newPostgres(t *testing.T) scriptCommand {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: postgres VAR")
		}
		ts.Setenv(args[0], sqldbtest.PostgresDSN(t))
	}
}

func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql ADDRESS FILE")
	}
	driver, address := "sqlite3", args[0]
	if strings.HasPrefix(address, "postgres://") {
		driver = "pgx"
	} else {
		address = "file:" + ts.MkAbs(address)
	}
	db, err := sql.Open(driver, address)
	ts.Check(err)
	defer db.Close() //nolint:errcheck // nothing to lose
	text, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	_, err = db.ExecContext(context.Background(), string(text))
	ts.Check(err)
}
