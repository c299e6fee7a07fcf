package records

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/privacyd/privacyd"
)

// maxAuthors bounds how many accounts one import may name.
const maxAuthors = 200_000

var errTooManyAuthors = privacyd.Errorf(privacyd.ClassInvalid, "too_many_authors",
	"The import names more than 200000 accounts. Split it. Nothing was imported.")

// checker is the first pass over an import: it checks every record by itself,
// notes its key and its links, and keeps the row in a spool for the second.
type checker struct {
	store    *Store
	source   Source
	problems problems
	archive  bool      // account ids are those of an archive
	rows     []*sorter // of each collection, by id: rows that are neighbours in the file of a database go there together
	keys     *sorter
	authors  map[string]Author // by e-mail: the accounts that rows name
	archived map[string]Author // by the id that the archive knows them by
	normal   map[string]string // e-mails as given → normal
	seen     []uint128         // links noted lately, by hash
	seeds    [2]maphash.Seed
	skipped  map[string]int64
	buffer   []byte
	total    int64
	erased   *suppression // nil: nobody ever was
	progress func(done int64)
}

type uint128 struct{ hi, lo uint64 }

func (s *Store) newChecker(src Source) *checker {
	return &checker{
		store: s, source: src, rows: make([]*sorter, len(collections)), keys: newSorter(s.Spool),
		authors: map[string]Author{}, archived: map[string]Author{}, normal: map[string]string{},
		seen: make([]uint128, 1<<16), seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		skipped: map[string]int64{},
	}
}

func (c *checker) close() {
	c.keys.close()
	c.erased.close()
	for _, r := range c.rows {
		if r != nil {
			r.close()
		}
	}
}

// file begins a file of the import and gives its number.
func (c *checker) file(name string) int {
	c.problems.names = append(c.problems.names, name)
	return len(c.problems.names) - 1
}

func (c *checker) nonEmpty(file int) error {
	if c.total == 0 && c.problems.total == 0 {
		c.problems.add(at48(file, 1), &flaw{"import_empty", "the file holds no record"})
	}
	return nil
}

// line checks one line of NDJSON. last: it had no line break, so that it may
// have been cut off.
func (c *checker) line(at position, text string, last bool) error {
	name, record, err := envelope(text)
	if err != nil {
		if last && err == flawTruncated {
			err = &flaw{flawTruncated.code, "the file ends in the middle of a record. Check that it is whole"}
		}
		c.problems.add(at, err)
		return nil
	}
	of := Find(name)
	if of == nil {
		c.problems.add(at, unknownCollection(name))
		return nil
	}
	return c.record(at, of, record)
}

// record checks one record and keeps it.
func (c *checker) record(at position, of *Collection, text string) error {
	c.total++
	if c.progress != nil && c.total%10_000 == 0 {
		c.progress(c.total)
	}
	if !utf8.ValidString(text) {
		c.problems.add(at, flawUTF8)
		return nil
	}
	sc := &scanner{s: text}
	r, err := of.parse(sc)
	if err == nil {
		err = sc.end()
	}
	if err != nil {
		c.problems.add(at, err)
		return nil
	}
	r.at = at
	return c.keep(of, r)
}

func (c *checker) keep(of *Collection, r *row) error {
	if err := c.people(of, r); err != nil {
		return err
	}
	if of.Name == "attachments" {
		if err := c.content(of, r); err != nil {
			return err
		}
	}
	if err := c.noteKeys(of, r); err != nil {
		return err
	}
	if c.rows[of.number] == nil {
		c.rows[of.number] = newSorter(c.store.Spool)
	}
	c.buffer = r.appendTo(c.buffer[:0])
	return c.rows[of.number].add(c.buffer)
}

// people finds out whom the account fields of a row name.
func (c *checker) people(of *Collection, r *row) error {
	for i, f := range of.Fields {
		v := &r.values[i]
		if f.Kind != Account || v.state != inner {
			continue
		}
		if author, ok := c.archived[v.s]; ok {
			c.authors[author.Email] = author
			v.state, v.s = email, author.Email
			continue
		}
		if !strings.Contains(v.s, "@") {
			continue
		}
		normal, err := c.normalEmail(v.s)
		if err != nil {
			c.problems.add(r.at, &flaw{"email_invalid", "the field " + f.Name + " must be an e-mail such as name@example.com"})
			continue
		}
		v.state, v.s = email, normal
		if _, ok := c.authors[normal]; !ok {
			if len(c.authors) >= maxAuthors {
				return errTooManyAuthors
			}
			c.authors[normal] = Author{Email: normal}
		}
	}
	return nil
}

func (c *checker) normalEmail(s string) (string, error) {
	if normal, ok := c.normal[s]; ok {
		return normal, nil
	}
	normal, err := privacyd.NormalEmail(s)
	if err == nil && len(c.normal) < maxAuthors {
		c.normal[strings.Clone(s)] = normal
	}
	return normal, err
}

// content checks that an attachment's content can be had, and is what size and
// sha256 say where they are given.
func (c *checker) content(of *Collection, r *row) error {
	path, inline := of.value(r, "path"), of.value(r, "content_base64")
	switch {
	case path.state != absent && inline.state != absent:
		c.problems.add(r.at, &flaw{"content_twice", "the record has both content_base64 and path. Give one of them"})
		return nil
	case path.state == absent && inline.state == absent:
		return nil // stored already, or missing: seen when the keys are
	case inline.state != absent:
		c.compare(of, r, strings.NewReader(inline.s))
		return nil
	}
	file, err := c.source.open(path.s)
	if err != nil {
		return c.unreadable(r, err)
	}
	defer file.Close() //nolint:errcheck // only read
	c.compare(of, r, file)
	return nil
}

func (c *checker) unreadable(r *row, err error) error {
	f, known := flawOfPath(err)
	if !known {
		return fmt.Errorf("open an attachment's file: %w", err)
	}
	c.problems.add(r.at, f)
	return nil
}

func (c *checker) compare(of *Collection, r *row, content io.Reader) {
	size, sum := of.value(r, "size"), of.value(r, "sha256")
	if size.state == absent && sum.state == absent {
		return
	}
	n, digest, err := digestOf(content)
	switch {
	case err != nil:
		c.problems.add(r.at, &flaw{"file_unreadable", "the file that path names cannot be read to its end"})
	case size.state != absent && size.n != n, sum.state != absent && !strings.EqualFold(sum.s, digest):
		c.problems.add(r.at, &flaw{"content_mismatch", "the content is not that of which size and sha256 are given"})
	}
}

// all runs the first pass.
func (c *checker) all(ctx context.Context, workspace string) error {
	if err := c.source.read(ctx, c); err != nil {
		return err
	}
	if err := c.problems.err(); err != nil {
		return err
	}
	if err := c.erased.resolve(ctx); err != nil {
		return err
	}
	if err := c.checkKeys(ctx, workspace); err != nil {
		return err
	}
	c.keys.close()
	return c.problems.err()
}
