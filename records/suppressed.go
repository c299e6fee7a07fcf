package records

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/privacyd/privacyd"
)

// Suppressed knows who was erased and must not come back.
type Suppressed interface {
	// Mark is how it knows a root.
	Mark(r privacyd.Root) privacyd.RootMark
	// Marks gives those of all that are known to be erased.
	Marks(ctx context.Context) iter.Seq2[privacyd.RootMark, error]
}

// MaxErased bounds how many erased records of one import others may belong to:
// they are kept in memory while it is written.
const MaxErased = 2_000_000

var errTooManyErased = privacyd.Errorf(privacyd.ClassInvalid, "too_many_erased",
	"More than %d records of the import were erased here. Split it, or leave them out. Nothing more was imported.", MaxErased)

// suppression finds out which records of an import were erased. The marks of
// all that the import names and those of all that were erased are sorted
// together, so that memory grows with neither.
type suppression struct {
	ledger     Suppressed
	workspaces []string // whose erasures count: the import's, and that which its archive is of
	marks      *sorter
	gone       map[uint128]struct{} // hashes of records and accounts that were erased, and of what belongs to them
}

// Each noted mark is: mark (32 bytes), what (1), and of a record its hash (16).
const (
	wasErased byte = iota
	isNamed
)

// theErased is an account by the id that the archive knows it by.
const theErased = theVersion - 1

// newSuppression gives nil when nothing was ever erased.
func (s *Store) newSuppression(ctx context.Context, req Request) (*suppression, error) {
	if req.Suppressed == nil {
		return nil, nil
	}
	known := &suppression{ledger: req.Suppressed, workspaces: []string{req.Workspace}, gone: map[uint128]struct{}{}}
	if req.Origin != "" && req.Origin != req.Workspace {
		known.workspaces = append(known.workspaces, req.Origin)
	}
	for _, err := range req.Suppressed.Marks(ctx) {
		if err != nil {
			return nil, fmt.Errorf("ask who was erased: %w", err)
		}
		known.marks = newSorter(s.Spool)
		return known, nil
	}
	return nil, nil
}

func (k *suppression) close() {
	if k != nil {
		k.marks.close()
	}
}

// roots are what the ledger may know a named record as.
func (k *suppression) roots(target byte, id string) (roots []privacyd.Root) {
	if target == theErased {
		return []privacyd.Root{{Dataset: "privacyd", Kind: "account", ID: id}}
	}
	kind := ""
	switch {
	case int(target) >= len(collections):
		return nil
	case collections[target].Name == "contacts":
		kind = "contact"
	case collections[target].Name == "conversations": // those go by date, too
		kind = "conversations"
	default:
		return nil
	}
	for _, w := range k.workspaces {
		roots = append(roots, privacyd.Root{Dataset: "records", Kind: kind, Workspace: w, ID: id})
	}
	return roots
}

// note notes a record that the import has or names, by its hash.
func (k *suppression) note(target byte, id string, hash uint128) error {
	if k == nil {
		return nil
	}
	for _, r := range k.roots(target, id) {
		mark := k.ledger.Mark(r)
		b := append(mark[:], isNamed)
		b = binary.BigEndian.AppendUint64(b, hash.hi)
		if err := k.marks.add(binary.BigEndian.AppendUint64(b, hash.lo)); err != nil {
			return err
		}
	}
	return nil
}

// resolve finds out which of the noted records were erased.
func (k *suppression) resolve(ctx context.Context) error {
	if k == nil {
		return nil
	}
	for mark, err := range k.ledger.Marks(ctx) {
		if err != nil {
			return fmt.Errorf("ask who was erased: %w", err)
		}
		if err := k.marks.add(append(mark[:], wasErased)); err != nil {
			return err
		}
	}
	defer k.marks.close()
	var erased privacyd.RootMark
	known := false
	return k.marks.each(func(b []byte) error {
		mark, rest := b[:len(erased)], b[len(erased)+1:]
		if b[len(erased)] == wasErased {
			erased, known = privacyd.RootMark(mark), true
			return nil
		}
		if !known || !bytes.Equal(mark, erased[:]) {
			return nil
		}
		return k.add(uint128{binary.BigEndian.Uint64(rest), binary.BigEndian.Uint64(rest[8:])})
	})
}

func (k *suppression) add(hash uint128) error {
	if len(k.gone) >= MaxErased {
		return errTooManyErased
	}
	k.gone[hash] = struct{}{}
	return nil
}

func (k *suppression) has(hash uint128) bool {
	if k == nil {
		return false
	}
	_, gone := k.gone[hash]
	return gone
}

// excuses tells whether a link may lead nowhere, since what it names was
// erased: its record is left out, too.
func (c *checker) excuses(target byte, name string) bool {
	if target == theAuthor { // a conversation and its contact
		conversation, _, _ := bytes.Cut([]byte(name), []byte{0})
		return c.erased.has(c.hash(byte(Find("conversations").number), string(conversation)))
	}
	return int(target) < len(collections) && c.erased.has(c.hash(target, name))
}

// leavesOut tells whether a row was erased or belongs to what was.
func (c *checker) leavesOut(of *Collection, r *row) (bool, error) {
	if c.erased == nil || len(c.erased.gone) == 0 {
		return false, nil
	}
	own := c.hash(byte(of.number), r.id())
	gone := c.erased.has(own)
	for _, i := range of.links {
		if v := &r.values[i]; !gone && v.state != absent {
			gone = c.erased.has(c.hash(byte(Find(of.target(r, i)).number), v.s))
		}
	}
	if gone && of.hasDependents() {
		return true, c.erased.add(own)
	}
	return gone, nil
}

// hasDependents tells whether records of other collections may belong to one of
// these.
func (c *Collection) hasDependents() bool {
	for _, other := range collections {
		for _, i := range other.links {
			f := other.Fields[i]
			if f.Link == c.Name {
				return true
			}
			for _, to := range f.Links {
				if to == c.Name {
					return true
				}
			}
		}
	}
	return false
}

// forgetAuthors takes erased accounts out of those that the records name: what
// they wrote has the author that it has after an erasure.
func (w *writer) forgetAuthors() {
	for mail, a := range w.checked.authors {
		if a.ID != "" && w.checked.erased.has(w.checked.hash(theErased, a.ID)) {
			w.forgetAuthor(mail)
		}
	}
	w.result.Accounts = int64(len(w.checked.authors))
}

func (w *writer) forgetAuthor(mail string) {
	delete(w.checked.authors, mail)
	w.erased[mail] = true
	w.leaveOut("accounts")
}

// leaveOut counts a record that was erased.
func (w *writer) leaveOut(collection string) {
	if w.result.Erased == nil {
		w.result.Erased = map[string]int64{}
	}
	w.result.Erased[collection]++
}

// nameNobody writes a row as the erasure of its author would leave it.
func (w *writer) nameNobody(of *Collection, r *row) {
	for i, f := range of.Fields {
		if v := &r.values[i]; v.state == email && w.erased[v.s] {
			v.nameNobody(f)
		}
	}
}

func (v *value) nameNobody(f *Field) {
	if f.Name == "assignee_id" {
		*v = value{}
		return
	}
	v.set(textual, DeletedUser, 0)
}
