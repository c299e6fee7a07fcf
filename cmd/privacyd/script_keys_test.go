package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/privacyd/privacyd/vault/keyservice/keyservicetest"
)

// newKeyService gives `bao VAR`: a key service of its own.
func newKeyService(t *testing.T) scriptCommand {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: bao VAR")
		}
		ts.Setenv(args[0], keyservicetest.NewTransit(t).Address("privacyd"))
		ts.Setenv("VAULT_TOKEN", keyservicetest.Token)
	}
}

// hidden looks into every file below the folders, and at their names, for a
// text as it is and as it would look in other clothes. With ! it must be there:
// the control.
func hidden(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] hidden TEXT FOLDER…")
	}
	wanted, files, found := clothes(args[0]), 0, ""
	for _, folder := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(folder), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a server is at work
			}
			if err == nil && shows([]byte(d.Name()), wanted) {
				found = path
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if files++; err == nil && shows(text, wanted) {
				found = path
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}))
	}
	switch {
	case !neg && found != "":
		ts.Fatalf("%s is in %s", args[0], found)
	case neg && found == "":
		ts.Fatalf("%s is in none of %d files: the search finds nothing", args[0], files)
	case files == 0 && args[1] != "tmp":
		ts.Fatalf("there are no files below %s", args[1])
	}
}

// clothes are the forms in which a text could lie on a disk.
func clothes(text string) [][]byte {
	wide := utf16.Encode([]rune(text))
	little := make([]byte, 0, 2*len(wide))
	for _, c := range wide {
		little = binary.LittleEndian.AppendUint16(little, c)
	}
	list := [][]byte{[]byte(strings.ToLower(text)), []byte(hex.EncodeToString([]byte(text))), bytes.ToLower(little)}
	for shift := range 3 { // what stands before it shifts the letters of base64
		coded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + text))
		list = append(list, bytes.ToLower([]byte(coded[4:len(coded)-4])))
	}
	return list
}

func shows(text []byte, wanted [][]byte) bool {
	text = bytes.ToLower(text)
	return slices.ContainsFunc(wanted, func(w []byte) bool { return bytes.Contains(text, w) })
}

// cookie sets a variable to the session's cookie of the answer last received.
func cookie(ts *testscript.TestScript, neg bool, args []string) {
	found := sessionCookie.FindStringSubmatch(ts.ReadFile("stderr"))
	if neg || len(args) != 1 || found == nil {
		ts.Fatalf("usage: cookie VAR, after an answer with one")
	}
	ts.Setenv(args[0], found[1])
}

var sessionCookie = regexp.MustCompile(`Set-Cookie: (privacyd_session=[^;]+)`)

// outcomes wants, of the list of audit entries that was printed last, that each
// intent of an action has an outcome after it about the same thing, and as many
// of the root key as there are intents.
func outcomes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: outcomes ACTION, after audit list --json")
	}
	type entry struct {
		Action, Outcome string
		Target          string           `json:"target_type"`
		Facts           map[string]int64 `json:"facts"`
	}
	var list struct{ Items []entry }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &list))
	intents, roots, ended := 0, 0, []string{}
	for _, e := range list.Items { // the newest first
		about := fmt.Sprint(e.Target, e.Facts)
		switch {
		case e.Action != args[0]:
			continue
		case e.Outcome != "intent":
			ended = append(ended, about)
		case !slices.Contains(ended, about):
			ts.Fatalf("the intent %s about %s has no outcome", e.Action, about)
		default:
			intents++
		}
		if e.Target == "root_key" && e.Outcome == "intent" {
			roots++
		} else if e.Target == "root_key" {
			roots--
		}
	}
	if intents == 0 || roots != 0 {
		ts.Fatalf("%d intents, and of the root key %d more than outcomes", intents, roots)
	}
}
