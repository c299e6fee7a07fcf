package records

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/privacyd/privacyd"
)

// Source is what an import reads: NDJSON or Archived.
type Source interface {
	// read gives every record to c. An error is one of the medium; what is
	// wrong with a record is c's business.
	read(ctx context.Context, c *checker) error
	// open opens the content that an attachment's path names.
	open(path string) (io.ReadCloser, error)
}

// Files opens the files that attachments name by path. An error that is
// fs.ErrNotExist, or says that the path leads outside, is the import's fault.
type Files interface {
	Open(path string) (io.ReadCloser, error)
}

// Folder opens files below a folder, and never one outside of it, whatever
// ".." or symbolic links say.
type Folder struct{ root *os.Root }

// OpenFolder opens the folder dir. Close it after the import.
func OpenFolder(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of the import: %w", err)
	}
	return &Folder{root}, nil
}

// Open opens a regular file.
func (f *Folder) Open(path string) (io.ReadCloser, error) {
	local := filepath.FromSlash(path)
	if !filepath.IsLocal(local) {
		return nil, errOutside
	}
	info, err := f.root.Stat(local) // before Open, which would wait for a pipe's writer
	if err != nil {
		return nil, explainPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errNotFile
	}
	file, err := f.root.Open(local)
	if err != nil {
		return nil, explainPath(err)
	}
	return file, nil
}

// Close closes the folder.
func (f *Folder) Close() error { return f.root.Close() }

var (
	errOutside = errors.New("the path leads outside the folder of the import file")
	errNotFile = errors.New("the path names something that is no file")
)

// explainPath keeps the path itself out of errors.
func explainPath(err error) error {
	var p *fs.PathError
	if !errors.As(err, &p) {
		return err
	}
	if strings.Contains(p.Err.Error(), "path escapes") { // os.Root has no error of its own for it
		return errOutside
	}
	return p.Err
}

// ndjson is a text file with one record a line.
type ndjson struct {
	name  string
	r     io.Reader
	files Files
}

// NDJSON is a source with one record a line: {"collection": …, "record": {…}}.
// name is the file's, for messages; files opens what attachments name by path,
// and may be nil where no path is allowed. It is read once.
func NDJSON(name string, r io.Reader, files Files) Source { return &ndjson{name, r, files} }

func (n *ndjson) open(path string) (io.ReadCloser, error) {
	if n.files == nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "path_not_allowed",
			"This import cannot name files by path. Put their contents into content_base64.")
	}
	return n.files.Open(path)
}

func (n *ndjson) read(ctx context.Context, c *checker) error {
	file := c.file(n.name)
	lines := newLines(n.r)
	for {
		text, err := lines.next()
		at := at48(file, lines.number)
		switch {
		case errors.Is(err, io.EOF):
			return c.nonEmpty(file)
		case errors.Is(err, errTooLong):
			c.problems.add(at, &flaw{"record_too_large", "the record is larger than 16 MiB. Put large files beside the import and name them by path"})
			return nil
		case err != nil:
			return fmt.Errorf("read the import: %w", err)
		case text == "":
			continue
		}
		if err := c.line(at, text, lines.last); err != nil {
			return err
		}
		if c.problems.many() {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

var errTooLong = errors.New("the line is too long")

// lines reads lines of at most MaxRecord bytes.
type lines struct {
	r      *bufio.Reader
	number uint64
	last   bool // the line had no line break
	long   []byte
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 256<<10)} }

// next is the next line without its line break and white space around it.
func (l *lines) next() (string, error) {
	l.long = l.long[:0]
	l.number++
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.long)+len(part) > MaxRecord+2 {
			return "", errTooLong
		}
		l.long = append(l.long, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.last = errors.Is(err, io.EOF)
		if err != nil && (!l.last || len(l.long) == 0) {
			return "", err
		}
		line := l.long
		if l.number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		return string(bytes.Trim(line, " \t\r\n")), nil
	}
}

// Archive is an export archive as package archive reads it.
type Archive interface {
	// Records reads a collection of the archive, one JSON object at a time;
	// code collection_not_found when it has none.
	Records(name string) iter.Seq2[json.RawMessage, error]
	Open(path string) (io.ReadCloser, error)
}

type archived struct {
	name string
	a    Archive
	skip []string
}

// Archived is a source that reads an export archive. skip names collections
// that are read from the archive only to be counted: they are not imported.
func Archived(name string, a Archive, skip ...string) Source { return &archived{name, a, skip} }

func (a *archived) open(path string) (io.ReadCloser, error) { return a.a.Open(path) }

func (a *archived) read(ctx context.Context, c *checker) error {
	c.archive = true
	if err := a.accounts(c); err != nil {
		return err
	}
	for _, name := range a.skip {
		if err := a.each(ctx, name, func(uint64, json.RawMessage) error {
			c.skipped[name]++
			return nil
		}); err != nil {
			return err
		}
	}
	for _, of := range collections {
		file := c.file(a.name + "/data/" + of.Name + ".json")
		err := a.each(ctx, of.Name, func(n uint64, record json.RawMessage) error {
			return c.record(at48(file, n), of, string(record))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each reads a collection that the archive may lack.
func (a *archived) each(ctx context.Context, name string, fn func(n uint64, record json.RawMessage) error) error {
	var n uint64
	for record, err := range a.a.Records(name) {
		if privacyd.CodeOf(err) == "collection_not_found" {
			return nil
		}
		if err != nil {
			return err
		}
		n++
		if err := fn(n, record); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// accounts reads whom the archive's account ids name: members, and others whose
// name stands under a record.
func (a *archived) accounts(c *checker) error {
	for _, collection := range []string{"authors", "accounts"} {
		if err := a.named(c, collection); err != nil {
			return err
		}
	}
	return nil
}

func (a *archived) named(c *checker, collection string) error {
	return a.each(context.Background(), collection, func(_ uint64, record json.RawMessage) error {
		var account struct{ ID, Email, Name string }
		if err := json.Unmarshal(record, &account); err != nil {
			return fmt.Errorf("read the archive's accounts: %w", err)
		}
		mail, err := privacyd.NormalEmail(account.Email)
		if err != nil {
			return nil //nolint:nilerr // an erased account has no e-mail: what it wrote has no author
		}
		if len(c.archived) >= maxAuthors {
			return errTooManyAuthors
		}
		c.archived[account.ID] = Author{Email: mail, ID: account.ID, Name: account.Name}
		return c.erased.note(theErased, account.ID, c.hash(theErased, account.ID))
	})
}

// envelope finds the parts of a line of NDJSON.
func envelope(text string) (name, record string, err *flaw) {
	if !utf8.ValidString(text) {
		return "", "", flawUTF8
	}
	sc := &scanner{s: text}
	if sc.peek() == '[' {
		return "", "", &flaw{"json_invalid", "the line begins an array. Write one record a line, without brackets or commas between them"}
	}
	err = sc.object(func(key string) *flaw {
		var err *flaw
		switch {
		case key == "collection" && name == "":
			if sc.peek() != '"' {
				return &flaw{"collection_unknown", "the collection must be a text in quotes"}
			}
			name, err = sc.text()
		case key == "record" && record == "":
			sc.space()
			start := sc.pos
			if err = sc.value(0); err == nil {
				record = sc.s[start:sc.pos]
			}
		case key == "collection" || key == "record":
			err = &flaw{"field_twice", "the member " + key + " is given twice"}
		default:
			err = &flaw{"field_unknown", `a line holds "collection" and "record" and nothing else`}
		}
		return err
	})
	if err == nil {
		err = sc.end()
	}
	if err == nil && (name == "" || record == "" || record[0] != '{') {
		err = &flaw{"field_missing", `a line must be {"collection": "…", "record": {…}}`}
	}
	return name, record, err
}
