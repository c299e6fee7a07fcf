package records

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"strings"
)

// The keys of an import and the links between its records are sorted together
// by a hash of what they name, so that a key comes right before the links to
// it. Each is: hash (16 bytes), what (1), position (8), target, collection and
// field (1 each), and for a link the name itself.
const (
	isKey byte = iota
	isLink
)

const keyHead = 16 + 1 + 8 + 3

// What can be named besides the records of a collection, by number.
const (
	theAuthor  byte = 0xff - iota // a conversation and its contact
	theAccount                    // an account that this workspace's records name already
	theContent                    // an attachment whose content is stored already
	theVersion                    // a flow and one of its versions
)

// pair joins two ids to one name; ids never hold U+0000.
func pair(a, b string) string { return a + "\x00" + b }

func (c *checker) hash(target byte, name string) uint128 {
	var h [2]uint64
	for i := range h {
		var m maphash.Hash
		m.SetSeed(c.seeds[i])
		_ = m.WriteByte(target)
		_, _ = m.WriteString(name)
		h[i] = m.Sum64()
	}
	return uint128{h[0], h[1]}
}

// noteKeys notes what a row is and what it links to.
func (c *checker) noteKeys(of *Collection, r *row) error {
	own := byte(of.number)
	if err := c.note(isKey, own, r.id(), r.at, own, 0); err != nil {
		return err
	}
	for i, f := range of.Fields {
		v := &r.values[i]
		var target byte
		switch {
		case v.state == absent:
			continue
		case f.Link != "" || f.Links != nil:
			target = byte(Find(of.target(r, i)).number)
		case f.Kind == Account && v.state == inner:
			target = theAccount
		default:
			continue
		}
		if err := c.note(isLink, target, v.s, r.at, own, byte(i)); err != nil {
			return err
		}
	}
	return c.noteMore(of, r)
}

// noteMore notes that the author of an inbound message must be the contact of
// its conversation, that a flow has each version once, and that an attachment
// must have a content.
func (c *checker) noteMore(of *Collection, r *row) error {
	own := byte(of.number)
	switch of.Name {
	case "conversations":
		return c.note(isKey, theAuthor, pair(r.id(), of.value(r, "contact_id").s), r.at, own, 0)
	case "messages":
		if author := of.value(r, "author_id"); author.state == textual && author.s != DeletedUser {
			name := pair(of.value(r, "conversation_id").s, author.s)
			return c.note(isLink, theAuthor, name, r.at, own, byte(of.index["author_id"]))
		}
	case "flow_versions":
		return c.note(isKey, theVersion, pair(of.value(r, "flow_id").s, of.value(r, "version").s), r.at, own, 0)
	case "attachments":
		if !c.archive && of.value(r, "path").state == absent && of.value(r, "content_base64").state == absent {
			return c.note(isLink, theContent, r.id(), r.at, own, 0)
		}
	}
	return nil
}

func (c *checker) note(what, target byte, name string, at position, collection, field byte) error {
	h := c.hash(target, name)
	if what == isLink {
		// A neighbour has mostly noted the same link: once is enough.
		slot := &c.seen[h.lo%uint64(len(c.seen))]
		if *slot == h {
			return nil
		}
		*slot = h
	}
	if err := c.erased.note(target, name, h); err != nil {
		return err
	}
	b := binary.BigEndian.AppendUint64(c.buffer[:0], h.hi)
	b = binary.BigEndian.AppendUint64(b, h.lo)
	b = append(b, what)
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = append(b, target, collection, field)
	if what == isLink {
		b = append(b, name...)
	}
	c.buffer = b
	return c.keys.add(b)
}

// noted is a link whose target is not in the import.
type noted struct {
	at    position
	field *Field
	name  string
}

// checkKeys finds keys that are there twice, and links to what is neither in
// the import nor stored.
func (c *checker) checkKeys(ctx context.Context, workspace string) error {
	open := map[byte][]noted{}
	var hash [16]byte
	var first position // of the key with that hash
	var found bool
	err := c.keys.each(func(b []byte) error {
		if [16]byte(b) != hash {
			hash, found = [16]byte(b), false
		}
		at, target := position(binary.BigEndian.Uint64(b[17:])), b[25]
		switch {
		case b[16] == isKey && found:
			c.problems.add(at, c.twice(target, first))
		case b[16] == isKey:
			found, first = true, at
		case !found:
			open[target] = append(open[target], noted{at, collections[b[26]].Fields[b[27]], string(b[keyHead:])})
			if len(open[target]) == maxIDs {
				return c.lookUp(ctx, workspace, target, open)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for target := range open {
		if err := c.lookUp(ctx, workspace, target, open); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) twice(target byte, first position) *flaw {
	where := "line " + strconv.FormatUint(first.line(), 10)
	if c.archive {
		where = "record " + strconv.FormatUint(first.line(), 10)
	}
	what := "id"
	if target == theVersion {
		what = "flow_id and version"
	}
	return &flaw{"record_twice", "the record has the same " + what + " as that of " + where + ". Keep one of them"}
}

// lookUp looks in the database for what links name and the import lacks, and
// empties the list of that target.
func (c *checker) lookUp(ctx context.Context, workspace string, target byte, open map[byte][]noted) error {
	links := open[target]
	open[target] = links[:0]
	ids := make([]string, len(links))
	for i, l := range links {
		ids[i], _, _ = strings.Cut(l.name, "\x00")
	}
	known, err := c.store.known(ctx, workspace, target, ids)
	if err != nil {
		return err
	}
	for _, l := range links {
		if !known[l.name] && !c.excuses(target, l.name) {
			c.problems.add(l.at, flawOfLink(target, l.field))
		}
	}
	return nil
}

func flawOfLink(target byte, f *Field) *flaw {
	switch target {
	case theAuthor:
		return &flaw{"author_not_contact", "the author_id of an inbound message must be the contact_id of its conversation. Leave it out, or correct it"}
	case theAccount:
		return &flaw{"account_unknown", "the field " + f.Name + " names no account. Give the account's e-mail"}
	case theContent:
		return &flaw{"content_missing", "the attachment has no content. Give content_base64 or path"}
	}
	return &flaw{"reference_missing", "the field " + f.Name + " names a record of " + collections[target].Name +
		" that is neither in this import nor stored. Add it, or correct the id"}
}

// known tells which of the ids (at most maxIDs) are stored; of theAuthor, which
// pairs of a conversation and its contact.
func (s *Store) known(ctx context.Context, workspace string, target byte, ids []string) (map[string]bool, error) {
	what := find{value: "id"}
	switch target {
	case theAuthor:
		what = find{table: "conversations", value: "contact_id"}
	case theAccount:
		what = find{table: "record_authors", key: "account_id", value: "account_id"}
	case theContent:
		what = find{table: "attachments", value: "blob"}
	default:
		what.table = collections[target].Name
	}
	known := map[string]bool{}
	err := s.pairs(ctx, what, workspace, ids, func(id, value string) {
		if target == theAuthor {
			id = pair(id, value)
		}
		known[id] = true
	})
	return known, err
}
