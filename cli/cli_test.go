package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

func TestReportGivesTheStatusOfEachClass(t *testing.T) {
	for class, want := range map[privacyd.Class]int{
		privacyd.ClassInvalid:         ExitUsage,
		privacyd.ClassUnauthenticated: ExitRefused,
		privacyd.ClassForbidden:       ExitRefused,
		privacyd.ClassRefused:         ExitRefused,
		privacyd.ClassNotFound:        ExitFailed,
		privacyd.ClassConflict:        ExitFailed,
		privacyd.ClassUnavailable:     ExitFailed,
		privacyd.ClassInternal:        ExitFailed,
	} {
		t.Run(string(class), func(t *testing.T) {
			var said bytes.Buffer
			app := App{Stderr: &said}
			if got := app.report(fmt.Errorf("do it: %w", privacyd.Errorf(class, "some_code", "It failed."))); got != want {
				t.Errorf("status %d, want %d", got, want)
			}
			if !strings.Contains(said.String(), "It failed. (some_code)") {
				t.Errorf("said %q", said.String())
			}
		})
	}
}

func TestReportSaysNothingOfAMereStatus(t *testing.T) {
	var said bytes.Buffer
	app := App{Stderr: &said}
	if got := app.report(fmt.Errorf("verify: %w", exit(ExitPartly))); got != ExitPartly || said.Len() > 0 {
		t.Errorf("status %d, said %q", got, said.String())
	}
}

func TestEveryHelpNamesTheExitStatuses(t *testing.T) {
	for _, line := range []string{"", "serve", "account create", "workspace sync", "export", "archive verify", "map check", "job cancel"} {
		var out, said bytes.Buffer
		app := App{Stdout: &out, Stderr: &said}
		if got := app.Run(t.Context(), append(strings.Fields(line), "--help")); got != ExitDone {
			t.Errorf("%s --help: status %d", line, got)
		}
		if !strings.Contains(out.String(), statusHelp) || said.Len() > 0 {
			t.Errorf("%s --help: %s%s", line, out.String(), said.String())
		}
	}
}

func TestWrongUseIsRefusedBeforeAnythingIsDone(t *testing.T) {
	for line, want := range map[string]string{
		"nonsense":                                    "unexpected argument nonsense",
		"export --workspace acme":                     "missing flags: --out=FILE",
		"export --workspace= --out x":                 "--workspace is empty",
		"export --workspace a --contact= --out x":     "--contact is empty",
		"export --workspace a --format xml --out x":   "--format must be one of",
		"workspace list --as=":                        "--as is empty",
		"workspace member --workspace a --email e":    "missing flags: --role",
		"audit list --json --csv":                     "can't be used together",
		"token create --workspace a --label l":        "missing flags: --scope",
		"import --workspace a /nowhere/records.json":  "privacyd: /nowhere/records.json: no such file or directory",
		"archive verify":                              `expected "<file>"`,
		"job list --workspace a --limit many":         "--limit",
		"account create --email e --name n --unknown": "unknown flag --unknown",
	} {
		t.Run(line, func(t *testing.T) {
			var out, said bytes.Buffer
			app := App{Stdout: &out, Stderr: &said} // without a host: nothing can be done
			if got := app.Run(t.Context(), strings.Fields(line)); got != ExitUsage {
				t.Errorf("status %d, want %d", got, ExitUsage)
			}
			if !strings.Contains(said.String(), want) || out.Len() > 0 {
				t.Errorf("said %q and %q, want %q", said.String(), out.String(), want)
			}
		})
	}
}

func TestUpToReadsPages(t *testing.T) {
	numbers := func(cursor string, n int) ([]int, string, error) {
		from, _ := strconv.Atoi(cursor) // empty: the beginning
		var page []int
		for i := from; i < min(from+n, 450); i++ {
			page = append(page, i)
		}
		if from+n >= 450 {
			return page, "", nil
		}
		return page, strconv.Itoa(from + n), nil
	}
	for limit, want := range map[int]int{1: 1, 200: 200, 201: 201, 450: 450, 5000: 450} {
		got, err := upTo(limit, numbers)
		if err != nil || len(got) != want || got[want-1] != want-1 {
			t.Errorf("upTo(%d): %d items, %v; want %d", limit, len(got), err, want)
		}
	}
	if _, err := upTo(0, numbers); privacyd.CodeOf(err) != "limit_invalid" {
		t.Errorf("upTo(0): %v", err)
	}
	broken := errors.New("broken")
	if _, err := upTo(1, func(string, int) ([]int, string, error) { return nil, "", broken }); !errors.Is(err, broken) {
		t.Errorf("a page that fails: %v", err)
	}
}

func TestWords(t *testing.T) {
	got := []string{count(0, "record"), count(1, "record"), count(2, "record")}
	if diff := cmp.Diff([]string{"0 records", "1 record", "2 records"}, got); diff != "" {
		t.Error(diff)
	}
	for want, e := range map[string]privacyd.AuditEntry{
		"a@example.com":    {ActorKind: privacyd.CallerAccount, Actor: "Ada", ActorEmail: "a@example.com"},
		"operator root":    {ActorKind: privacyd.CallerOperator, Actor: "root"},
		"account (erased)": {ActorKind: privacyd.CallerAccount, Erased: true},
	} {
		if got := actor(e); got != want {
			t.Errorf("actor %q, want %q", got, want)
		}
	}
}
