package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/privacyd/privacyd/bench/dialogues"
)

// sourceSet is what was put in: collection, id, and the record as JSON with
// its fields in the order of their names and none that is null.
type sourceSet struct {
	records map[string]map[string]string
	missing map[string]map[string]bool // of one comparison: not seen yet
}

func newSourceSet() *sourceSet {
	s := &sourceSet{records: map[string]map[string]string{}}
	for _, c := range []string{"contacts", "conversations", "messages", "attachments"} {
		s.records[c] = map[string]string{}
	}
	return s
}

func (s *sourceSet) add(collection string, r dialogues.Record) {
	s.records[collection][r["id"].(string)] = canonical(r)
}

func (s *sourceSet) size() int {
	n := 0
	for _, c := range s.records {
		n += len(c)
	}
	return n
}

func canonical(r map[string]any) string {
	raw, err := json.Marshal(r)
	if err != nil {
		return "not JSON: " + err.Error() // which no record of the source is
	}
	return string(raw)
}

// differences are what was found, the first of them in words.
type differences struct {
	total int
	shown []string
}

const differencesShown = 20

func (d *differences) add(format string, args ...any) {
	if d.total++; len(d.shown) < differencesShown {
		d.shown = append(d.shown, fmt.Sprintf(format, args...))
	}
}

// ours are collections that hold more than the import does.
var ours = map[string]bool{"workspaces": true, "accounts": true, "authors": true, "members": true}

// compare adds what differs between an archive and the source.
func compare(file string, source *sourceSet, found *differences) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("open %s: %w", file, err)
	}
	defer z.Close() //nolint:errcheck // it was only read
	c := comparison{source: source, found: found, files: map[string]*zip.File{}, accounts: map[string]string{}}
	source.missing = map[string]map[string]bool{}
	for collection, records := range source.records {
		source.missing[collection] = map[string]bool{}
		for id := range records {
			source.missing[collection][id] = true
		}
	}
	for _, f := range z.File {
		c.files[f.Name] = f
	}
	return c.run(z.File)
}

// comparison is one archive on its way through.
type comparison struct {
	source   *sourceSet
	found    *differences
	files    map[string]*zip.File
	accounts map[string]string // id → e-mail
}

func (c *comparison) run(files []*zip.File) error {
	if err := c.each("authors", c.account); err != nil {
		return err
	}
	for _, f := range files {
		collection, ok := strings.CutPrefix(f.Name, "data/")
		collection, json := strings.CutSuffix(collection, ".json")
		if !ok || !json || ours[collection] {
			continue
		}
		if err := c.each(collection, func(r dialogues.Record) error { return c.record(collection, r) }); err != nil {
			return err
		}
	}
	for collection, ids := range c.source.missing {
		for id := range ids {
			c.found.add("%s %s is not in the archive", collection, id)
		}
	}
	return nil
}

// each reads an array of records, one a line.
func (c *comparison) each(collection string, do func(dialogues.Record) error) error {
	f, ok := c.files["data/"+collection+".json"]
	if !ok {
		c.found.add("the archive has no collection %s", collection)
		return nil
	}
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", f.Name, err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte(","))
		if len(line) == 0 || line[0] != '{' {
			continue // the brackets of the array
		}
		var r dialogues.Record
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&r); err != nil {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (c *comparison) account(r dialogues.Record) error {
	id, _ := r["id"].(string)
	email, _ := r["email"].(string)
	c.accounts[id] = email
	return nil
}

// record compares one exported record, after its own ids of accounts have
// become the e-mails of the source again.
func (c *comparison) record(collection string, r dialogues.Record) error {
	id, _ := r["id"].(string)
	want, ok := c.source.records[collection][id]
	if !ok {
		c.found.add("%s %s is not in the source", collection, id)
		return nil
	}
	if !c.source.missing[collection][id] {
		c.found.add("%s %s is in the archive twice", collection, id)
	}
	delete(c.source.missing[collection], id)
	for name, value := range r {
		if value == nil {
			delete(r, name)
		}
	}
	c.name(r, "assignee_id")
	c.name(r, "author_id")
	if collection == "attachments" {
		if err := c.file(id, r); err != nil {
			return err
		}
	}
	if got := canonical(r); got != want {
		c.found.add("%s %s is\n  %s, not\n  %s", collection, id, got, want)
	}
	return nil
}

func (c *comparison) name(r dialogues.Record, field string) {
	id, _ := r[field].(string)
	if email, ok := c.accounts[id]; ok {
		r[field] = email
	}
}

// file replaces what a record says of its file by what the file is.
func (c *comparison) file(id string, r dialogues.Record) error {
	path, _ := r["path"].(string)
	delete(r, "path")
	f, ok := c.files[path]
	if !ok {
		c.found.add("attachments %s names the file %q, which is not in the archive", id, path)
		return nil
	}
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if said, is := r["sha256"], hex.EncodeToString(sum.Sum(nil)); said != is {
		c.found.add("attachments %s: its file has another content than the record says", id)
		r["sha256"] = is
	}
	return nil
}
