package main_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

func absent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: absent TEXT FOLDER")
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(args[0])) || bytes.Contains([]byte(path), []byte(args[0])) {
			ts.Fatalf("%s is in %s", args[0], path)
		}
		return err
	}))
}

// same compares records to the letter, whatever their order: a database may
// give them in any.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: same COLLECTION A B [FIELD]…")
	}
	name := filepath.Join("data", args[0]+".json")
	a, b := lines(ts, filepath.Join(args[1], name), args[3:]), lines(ts, filepath.Join(args[2], name), args[3:])
	if len(a) == 0 {
		ts.Fatalf("%s has no records to compare", name)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		ts.Fatalf("%s (-%s +%s):\n%.4000s", args[0], args[1], args[2], diff)
	}
}

func lines(ts *testscript.TestScript, file string, without []string) []string {
	var records []json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &records))
	var list []string
	for _, raw := range records {
		if len(without) > 0 {
			var fields map[string]json.RawMessage
			ts.Check(json.Unmarshal(raw, &fields))
			for _, name := range without {
				delete(fields, name)
			}
			var err error
			raw, err = json.Marshal(fields)
			ts.Check(err)
		}
		list = append(list, string(raw))
	}
	slices.Sort(list)
	return list
}
